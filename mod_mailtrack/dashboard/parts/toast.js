/* SPDX-License-Identifier: MIT */
/*
 * Short words at the edge of the page, and what can still be undone. A thing
 * to be undone is done when its time is over, or at once when the page is left.
 */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { icon } from './icons.js';
import { update } from './render.js';

const UNDO_SECONDS = 8;
let toasts = [];
let lastId = 0;

function remove(toast) {
  clearTimeout(toast.timer);
  toasts = toasts.filter((other) => other !== toast);
  update();
}

function add(toast, seconds) {
  toast.id = ++lastId;
  toast.timer = setTimeout(() => {
    remove(toast);
    toast.run?.(false);
  }, seconds * 1000);
  toasts = [...toasts.slice(-3), toast];
  update();
  return toast;
}

/* Words alone, or with a link to where they lead. */
export function say(text, { kind = 'info', link, seconds = 6 } = {}) {
  return add({ text, kind, link }, seconds);
}

export function sayProblem(problem) {
  return say(problem.detail ?? String(problem), { kind: 'bad', seconds: 10 });
}

/* run(leaving) is called after 8 s unless undo() was asked for before. */
export function undoable(text, run, undo) {
  return add({ text, kind: 'undo', run, undo }, UNDO_SECONDS);
}

function undone(toast) {
  remove(toast);
  toast.undo();
}

addEventListener('pagehide', () => {
  for (const toast of toasts.filter((one) => one.run)) {
    remove(toast);
    toast.run(true);
  }
});

export function toastView() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${repeat(toasts, (toast) => toast.id, (toast) => html`
      <div class="toast ${toast.kind}">
        <span>${toast.text}</span>
        ${toast.link ? html`<a href=${toast.link} @click=${() => remove(toast)}
          >Show</a>` : nothing}
        ${toast.undo ? html`<button type="button" class="link"
          @click=${() => undone(toast)}>Undo</button>` : nothing}
        ${toast.run ? nothing : html`<button type="button" class="plain small"
          aria-label="Dismiss" @click=${() => remove(toast)}
          >${icon('close')}</button>`}
        ${toast.undo ? html`<i class="countdown"></i>` : nothing}
      </div>`)}
  </div>`;
}
