/* SPDX-License-Identifier: MIT */
/* The browser's own modal dialogs: focus stays in, Escape closes. */
import { html, render } from '../vendor/lit-html/lit-html.js';
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
