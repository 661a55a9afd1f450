/* SPDX-License-Identifier: MIT */
/* A text changed where it stands: Enter (or Ctrl+Enter in many lines) keeps
   it, Escape leaves it as it was. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { icon } from './icons.js';
import { update } from './render.js';

/* {editing, busy}: the state of one text. */
export const newEdit = () => ({ editing: false, busy: false });

function begin(edit, event) {
  edit.editing = true;
  const home = event.currentTarget.closest('.edit').parentElement;
  update();
  queueMicrotask(() => {    /* after the drawing that update() has queued */
    const field = home.querySelector('.editing :is(input, textarea)');
    field?.focus();
    field?.select();
  });
}

async function keep(edit, field, save) {
  edit.busy = true;
  update();
  if (await save(field.value)) edit.editing = false;
  edit.busy = false;
  update();
}

function keys(edit, many, save) {
  return (event) => {
    if (event.key === 'Escape') {
      edit.editing = false;
      update();
    } else if (event.key === 'Enter' && !event.isComposing &&
        (!many || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      keep(edit, event.target, save);
    }
  };
}

/* shown: the template when nobody edits; save(value) tells whether it is kept. */
export function editable(edit, { label, value, shown, save, many = false,
  maxlength }) {
  if (!edit.editing) {
    return html`<div class="edit">${shown}<button type="button" class="plain small"
      aria-label="Edit ${label}" title="Edit ${label}"
      @click=${(event) => begin(edit, event)}>${icon('edit')}</button></div>`;
  }
  const send = (event) => {
    event.preventDefault();
    keep(edit, event.target.querySelector('input, textarea'), save);
  };
  return html`<form class="edit editing" @submit=${send}>
    ${many ? html`<textarea rows="4" aria-label=${label} maxlength=${maxlength}
        .value=${value} @keydown=${keys(edit, many, save)}></textarea>`
      : html`<input aria-label=${label} maxlength=${maxlength} .value=${value}
        @keydown=${keys(edit, many, save)}>`}
    <div class="buttons"><button type="submit" ?disabled=${edit.busy}
      aria-busy=${edit.busy ? 'true' : nothing}>Save</button>
      <button type="button" class="quiet" @click=${() => {
        edit.editing = false;
        update();
      }}>Cancel</button></div></form>`;
}
