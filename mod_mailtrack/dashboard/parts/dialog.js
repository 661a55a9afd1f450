/* SPDX-License-Identifier: MIT */
/* The browser's own modal dialogs: focus stays in, Escape closes. */
import { html, nothing, render } from '../vendor/lit-html/lit-html.js';
import { icon } from './icons.js';

/* view(dialog) draws the content; dialog has draw() and close(). Resolves
   when it is closed. */
export function openDialog(title, view, { wide = false } = {}) {
  return new Promise((resolve) => {
    const element = document.createElement('dialog');
    if (wide) element.classList.add('wide');
    element.setAttribute('aria-labelledby', 'dialog-title');
    const dialog = {
      element,
      close: () => element.close(),
      draw() {
        if (element.isConnected) render(frame(), element);
      },
    };
    const frame = () => html`<article>
      <header><h2 id="dialog-title">${title}</h2>
        <button type="button" class="plain small" aria-label="Close"
          @click=${dialog.close}>${icon('close')}</button></header>
      ${view(dialog)}</article>`;
    element.addEventListener('close', () => {
      element.remove();
      resolve();
    });
    element.addEventListener('click', (event) => {
      if (event.target === element) element.close();
    });
    document.body.append(element);
    dialog.draw();
    element.showModal();
    element.querySelector('[autofocus]')?.focus();
  });
}

/* Yes or no to something that cannot be undone. */
export async function confirmDialog(title, words, yes) {
  let agreed = false;
  await openDialog(title, (dialog) => html`<p>${words}</p>
    <footer><button type="button" class="quiet" @click=${dialog.close}
      >Cancel</button><button type="button" class="bad" autofocus
      @click=${() => { agreed = true; dialog.close(); }}>${yes}</button>
    </footer>`);
  return agreed;
}

/* A form in a dialog: send(data) does it; its refusal is told in the form.
   state is {busy, problem}; kind 'bad' is for what cannot be undone; wanted
   false: the button waits. */
export function formIn(dialog, state, fields, button, send,
  { kind = '', wanted = true } = {}) {
  const submit = async (event) => {
    event.preventDefault();
    const data = new FormData(event.target);
    state.busy = true;
    state.problem = '';
    dialog.draw();
    try {
      await send(data);
    } catch (problem) {
      state.problem = problem.detail ?? String(problem);
    }
    state.busy = false;
    dialog.draw();
  };
  return html`<form class="stack" @submit=${submit}>${fields}
    <div role="alert">${state.problem ? html`<p class="problem"
      >${state.problem}</p>` : nothing}</div>
    <button type="submit" class=${kind} ?disabled=${state.busy || !wanted}
      aria-busy=${state.busy ? 'true' : nothing}>${button}</button></form>`;
}
