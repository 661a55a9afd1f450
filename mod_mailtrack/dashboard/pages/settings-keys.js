/* SPDX-License-Identifier: MIT */
/* Settings: API keys. A secret is shown once, when it is made. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { api, base } from '../parts/api.js';
import { copyButton } from '../parts/copy.js';
import { confirmDialog, openDialog } from '../parts/dialog.js';
import { icon } from '../parts/icons.js';
import { update } from '../parts/render.js';
import { when } from '../parts/time.js';
import { say, sayProblem } from '../parts/toast.js';

const SCOPES = { track: 'creates and reads', admin: 'does all you may' };
const keys = { data: null, problem: null };

export async function loadKeys() {
  try {
    keys.data = (await api('keys')).data;
    keys.problem = null;
  } catch (problem) {
    keys.problem = problem;
  }
  update();
}

async function revoke(key) {
  if (!await confirmDialog('Revoke this key?', `Whatever uses “${key.name}” is ` +
    'refused from then on.', 'Revoke')) return;
  try {
    await api(`keys/${encodeURIComponent(key.prefix)}`, { method: 'DELETE' });
    say('The key is revoked.');
  } catch (problem) {
    sayProblem(problem);
  }
  loadKeys();
}

function secretView(key, dialog) {
  return html`<p>This is the key “${key.name}”. Copy it now: it is not shown
      again.</p>
    <pre tabindex="0" aria-label="The key"><code>${key.key}</code></pre>
    <p class="faint">It goes into the header <code>X-API-Key</code> of requests
      to <code>${base.href}api/</code></p>
    <footer>${copyButton('Copy key', key.key)}
      <button type="button" @click=${dialog.close}>Done</button></footer>`;
}

async function make() {
  const state = { busy: false, problem: null, made: null };
  const submit = async (event, dialog) => {
    event.preventDefault();
    const data = new FormData(event.target);
    state.busy = true;
    state.problem = null;
    dialog.draw();
    try {
      state.made = (await api('keys', { method: 'POST', json: {
        name: data.get('name').trim(), scope: data.get('scope') } })).data;
    } catch (problem) {
      state.problem = problem;
    }
    state.busy = false;
    dialog.draw();
  };
  await openDialog('New API key', (dialog) => (state.made
    ? secretView(state.made, dialog)
    : html`<form class="stack" @submit=${(event) => submit(event, dialog)}>
      <label>Name <input name="name" required maxlength="64" autofocus
        autocomplete="off" placeholder="Browser extension"></label>
      <fieldset class="choices"><legend>It may</legend>
        <label><input type="radio" name="scope" value="track" checked>create and
          read</label>
        <label><input type="radio" name="scope" value="admin">do all that I
          may</label></fieldset>
      ${state.problem ? html`<p class="problem" role="alert"
        >${state.problem.detail}</p>` : nothing}
      <button type="submit" ?disabled=${state.busy} aria-busy=${state.busy
        ? 'true' : nothing}>Make the key</button></form>`));
  loadKeys();
}

function keyRow(key) {
  return html`<li class=${key.revoked_at ? 'gone' : ''}>
    <span class="entry-icon">${icon('key')}</span>
    <div><b>${key.name}</b><span class="faint"><code>mt_${key.prefix}_…</code>
      ${SCOPES[key.scope] ?? key.scope} · made ${when(key.created_at)}
      ${key.user ? html`by ${key.user}` : nothing} · ${key.last_used_at
        ? html`last used ${when(key.last_used_at)}` : 'never used'}</span></div>
    ${key.revoked_at ? html`<span class="badge unopened">Revoked</span>`
      : html`<button type="button" class="quiet small danger"
        @click=${() => revoke(key)}>Revoke</button>`}</li>`;
}

export function keysView() {
  return html`<section class="card" aria-labelledby="set-keys">
    <h2 id="set-keys">API keys</h2>
    ${keys.problem ? html`<p class="problem">${keys.problem.detail}</p>`
      : !keys.data ? html`<p class="faint" role="status">Loading…</p>`
        : keys.data.length ? html`<ul class="entries">${keys.data.map(keyRow)}</ul>`
          : html`<p class="faint">None yet. Programs and the browser extension use
            one instead of your password.</p>`}
    <button type="button" class="quiet" @click=${make}>${icon('plus')}New
      key</button></section>`;
}
