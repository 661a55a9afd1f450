/* SPDX-License-Identifier: MIT */
/*
 * "New tracked mail": recipient and subject in, a picture to paste out; for
 * phones and mail programs without an extension. The same form is in the first
 * page a new user sees.
 */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { api } from './api.js';
import { copyButton } from './copy.js';
import { openDialog } from './dialog.js';
import { href } from './router.js';
import { snippet, subjectWords } from './words.js';

/* {busy, problem, made}: the state of one form. */
export function newForm() {
  return { busy: false, problem: null, made: null, key: crypto.randomUUID?.() ??
    `${Date.now()}-${Math.random().toString(36).slice(2)}` };
}

function fault(form, ...fields) {
  const errors = form.problem?.errors ?? [];
  return errors.find((error) => fields.includes(error.field))?.detail;
}

async function submit(event, form, draw, onMade) {
  event.preventDefault();
  const data = new FormData(event.target);
  form.busy = true;
  form.problem = null;
  draw();
  try {
    const answer = await api('tracks', { method: 'POST', json: {
      recipient: data.get('recipient'), subject: data.get('subject') },
      headers: { 'Idempotency-Key': form.key } });
    form.made = answer.data;
    onMade?.(answer.data);
  } catch (problem) {
    form.problem = problem;
    /* other content under the same key would be refused */
    form.key += 'a';
  }
  form.busy = false;
  draw();
}

export function newMailForm(form, draw, onMade) {
  const who = fault(form, 'recipient', 'recipients');
  const what = fault(form, 'subject');
  return html`<form class="stack" @submit=${(event) =>
    submit(event, form, draw, onMade)}>
    <label>To
      <input name="recipient" required autocomplete="off" autofocus
        inputmode="email" placeholder="Ann Doe <ann@example.org>"
        maxlength="4000" aria-invalid=${who ? 'true' : nothing}
        aria-describedby="new-who">
      <small id="new-who">${who ?? 'One address, or several with commas.'}</small>
    </label>
    <label>Subject
      <input name="subject" autocomplete="off" maxlength="998"
        placeholder="The offer" aria-invalid=${what ? 'true' : nothing}>
      ${what ? html`<small>${what}</small>` : nothing}
    </label>
    ${form.problem && !who && !what
      ? html`<p class="problem" role="alert">${form.problem.detail}</p>` : nothing}
    <button type="submit" aria-busy=${form.busy ? 'true' : nothing}
      ?disabled=${form.busy}>Make the picture</button></form>`;
}

export function pictureView(track) {
  return html`<div class="picture">
    <p>Copy the invisible picture and paste it at the end of your mail. In a
      program that shows HTML source, paste the HTML instead.</p>
    <div class="buttons">
      ${copyButton('Copy picture', track.pixel_url,
        { markup: snippet(track), primary: true })}
      ${copyButton('Copy HTML', snippet(track))}
    </div>
    <pre class="snippet" tabindex="0" aria-label="HTML of the picture"
      ><code>${snippet(track)}</code></pre>
  </div>`;
}

export function openNewMail(onMade) {
  const form = newForm();
  return openDialog('New tracked mail', (dialog) => form.made
    ? html`<p class="lead">“${subjectWords(form.made.subject)}” to
        ${form.made.recipient}</p>
      ${pictureView(form.made)}
      <footer><a role="button" class="quiet" href=${href('mail',
        { id: form.made.id })} @click=${dialog.close}>Show this mail</a>
        <button type="button" @click=${dialog.close}>Done</button></footer>`
    : html`<p>For phones and every mail program: name the mail, get a picture,
        paste it in.</p>
      ${newMailForm(form, dialog.draw, (made) => {
        onMade?.(made);
      })}`);
}
