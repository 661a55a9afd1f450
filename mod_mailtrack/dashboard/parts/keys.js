/* SPDX-License-Identifier: MIT */
/* One-letter keys, for hands that do not want the mouse; silent wherever
   somebody writes. A list is walked by moving the focus along its links. */
import { html } from '../vendor/lit-html/lit-html.js';
import { openDialog } from './dialog.js';

const HELP = [
  ['/', 'Search'], ['j', 'Next in the list'], ['k', 'Previous in the list'],
  ['Enter', 'Open'], ['p', 'Pin, or take the pin off'],
  ['n', 'New tracked mail'], ['?', 'This help'], ['Esc', 'Close'],
];

let pageKeys = () => ({});

function isWriting(element) {
  return element?.closest?.('input, textarea, select, [contenteditable], dialog');
}

/* Moves the focus to the next or previous element marked as a row. */
export function walk(step) {
  const rows = [...document.querySelectorAll('[data-row]')];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row === document.activeElement ||
    row.closest('.row')?.contains(document.activeElement));
  const to = at < 0 ? (step > 0 ? 0 : rows.length - 1)
    : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[to].focus({ preventScroll: true });
  rows[to].closest('.row, tr')?.scrollIntoView({ block: 'nearest' });
}

export function showKeys() {
  return openDialog('Keyboard', () => html`<dl class="keys">
    ${HELP.map(([key, words]) => html`<div><dt><kbd>${key}</kbd></dt>
      <dd>${words}</dd></div>`)}</dl>`);
}

const always = {
  '/': () => document.querySelector('input[type=search]')?.focus(),
  j: () => walk(1),
  k: () => walk(-1),
  '?': showKeys,
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === 'Escape' && event.target.type === 'search') {
    event.target.blur();
    return;
  }
  if (isWriting(event.target) || document.querySelector('dialog[open]')) return;
  const run = pageKeys()[event.key] ?? always[event.key];
  if (!run) return;
  event.preventDefault();
  run(event);
}

/* keysOf() gives the page's own keys at the moment. */
export function startKeys(keysOf) {
  pageKeys = keysOf;
  addEventListener('keydown', pressed);
}
