/* SPDX-License-Identifier: MIT */
/*
 * The fake Gmail's own page: compose windows, an inline reply, autosaved
 * drafts, sending by click and key, scheduling, undo, the Sent list, an opened
 * mail with its pictures behind the proxy. Its words are German, Arabic and
 * Japanese: nothing may depend on them.
 */
import { archiveOf, draftOf, scheduleOf, sendOf } from '/gmail.mjs';

const policy = trustedTypes.createPolicy('gmail', { createHTML: (text) => text });
let count = Math.floor(Math.random() * 1e9);

function make(name, attributes = {}, ...children) {
  const one = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  one.append(...children);
  return one;
}

/* As Gmail does it: XMLHttpRequest with headers, JSON in a string. */
function sync(text) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/sync/u/0/i/s?hl=de&c=${++count}`, true);
    request.setRequestHeader('Content-Type', 'application/json');
    request.onloadend = () => resolve(request.status);
    request.send(text);
  });
}

class Compose {
  /* popup: the window that shows it; the request is ours all the same */
  constructor({ id, isReply = false, quoted, isHtml = 1, threadId, hasBar = true,
    popup = globalThis } = {}) {
    this.id = id ?? `msg-a:r${++count}`;
    Object.assign(this, { quoted, isHtml, threadId, isReply });
    this.draft = make('input', { type: 'hidden', name: 'draft', value: 'undefined' });
    this.subject = make('input', { name: 'subjectbox', 'aria-label': 'Betreff' });
    this.to = make('div', { name: 'to' });
    this.editor = make('div', { g_editable: 'true', contenteditable: 'true',
      'aria-label': '本文', role: 'textbox' });
    const send = make('div', { role: 'button', 'aria-label': 'إرسال', class: 'T-I' }, 'إرسال');
    const more = make('div', { role: 'button', 'aria-haspopup': 'true', class: 'T-I Uo' }, '▾');
    const bar = make('table', { class: hasBar ? 'IZ' : 'other' }, make('tbody', {}, make('tr', {},
      make('td', { class: hasBar ? 'gU Up' : 'other' }, make('div', {}, send, more)))));
    this.root = make('div', isReply ? { class: 'ip' } : { role: 'dialog', 'aria-label': 'Neue Nachricht' },
      make('form', {}, this.draft, ...(isReply ? [] : [this.subject])), this.to, this.editor, bar);
    send.addEventListener('click', () => this.send());
    this.editor.addEventListener('input', () => this.save());
    this.root.addEventListener('keydown', (event) => {
      if (event.ctrlKey && event.key === 'Enter') this.send();
    });
    popup.document.querySelector('#composes').append(this.root);
    composes.push(this);
  }

  fields() {
    return { id: this.id, threadId: this.threadId, isHtml: this.isHtml,
      subject: this.isReply ? 'Re: Antwort' : this.subject.value, quoted: this.quoted,
      to: [...this.to.querySelectorAll('[data-hovercard-id]')].map((one) =>
        [one.dataset.hovercardId, one.textContent]),
      html: this.isHtml ? this.html ?? `<div dir="ltr">${this.editor.innerHTML}</div>`
        : this.editor.textContent };
  }

  addressTo(list) {
    for (const [address, name] of list) {
      this.to.append(make('div', { role: 'option', 'data-hovercard-id': address }, name));
    }
  }

  save() {
    this.saving = sync(draftOf(this.fields()));
    this.saving.then(() => this.draft.setAttribute('value', `#${this.id}`));
    return this.saving;
  }

  /* The window is gone before the request is made. */
  async send(shape = sendOf) {
    const text = shape(this.fields());
    this.root.remove();
    await new Promise((resolve) => { setTimeout(resolve, 60); });
    this.sending = sync(text);
    return this.sending;
  }

  schedule() { return this.send(scheduleOf); }
  sendAndArchive() { return this.send(archiveOf); }

  /* Undo gives back what the server has kept, pictures and all, as a draft. */
  async undo() {
    const kept = await (await fetch(`/kept/${encodeURIComponent(this.id)}`)).json();
    const again = new Compose({ id: this.id, quoted: this.quoted, threadId: this.threadId });
    again.subject.value = kept.subject;
    again.addressTo(kept.message[2].map(([, address, name]) => [address, name]));
    again.html = kept.parts[0][1];
    await again.save();
    return again;
  }
}

const composes = [];

/* -- views ------------------------------------------------------------------------ */

const view = () => document.querySelector('#view');

function showSent(threads) {
  location.hash = 'sent';
  view().replaceChildren(make('table', {}, make('tbody', {}, ...threads.map(([id, legacy, subject]) =>
    make('tr', { class: 'zA' }, make('td', {}, make('span', { 'data-thread-id': `#${id}`,
      'data-legacy-thread-id': legacy }, subject)))))));
}

const proxied = (html) => html.replace(/(<img\b[^>]*?src=")([^"]+)/g, (all, before, url) =>
  `${before}https://ci3.googleusercontent.com/meips/${btoa(url).replace(/[+/=]/g, (one) =>
    ({ '+': '-', '/': '_', '=': '' })[one])}#${url}`);

/* bodies: [{id, html}] as a thread on display. */
function showMails(bodies) {
  view().replaceChildren(...bodies.map(({ id, html }) => {
    const body = make('div', { class: 'a3s' });
    body.innerHTML = policy.createHTML(proxied(html));
    return make('div', { 'data-message-id': `#${id}`, class: 'adn' }, make('h3', {}, 'Von: mir'), body);
  }));
}

globalThis.gmail = { Compose, composes, showMails, showSent, sync };
