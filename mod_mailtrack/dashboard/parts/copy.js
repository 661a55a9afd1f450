/* SPDX-License-Identifier: MIT */
/* A button that copies. As text, or as HTML that a mail program pastes as what
   it is: the picture itself. */
import { html } from '../vendor/lit-html/lit-html.js';
import { icon } from './icons.js';
import { say } from './toast.js';

/* Without https there is no clipboard API: a selection still copies. */
function copyBySelection(text, markup) {
  const handler = (event) => {
    event.preventDefault();
    event.clipboardData.setData('text/plain', text);
    if (markup) event.clipboardData.setData('text/html', markup);
  };
  document.addEventListener('copy', handler, { once: true });
  const done = document.execCommand('copy');
  document.removeEventListener('copy', handler);
  return done;
}

async function toClipboard(text, markup) {
  if (!navigator.clipboard?.write) return copyBySelection(text, markup);
  try {
    const item = { 'text/plain': new Blob([text], { type: 'text/plain' }) };
    if (markup) item['text/html'] = new Blob([markup], { type: 'text/html' });
    await navigator.clipboard.write([new ClipboardItem(item)]);
    return true;
  } catch {
    return copyBySelection(text, markup);
  }
}

export function copyButton(words, text, { markup, primary = false } = {}) {
  const copy = async (event) => {
    const button = event.currentTarget;
    if (!await toClipboard(text, markup)) {
      say('This browser does not let a page copy. Select the text instead.',
        { kind: 'bad' });
      return;
    }
    button.classList.add('copied');
    setTimeout(() => button.classList.remove('copied'), 1600);
    say('Copied.', { seconds: 2 });
  };
  return html`<button type="button" class=${primary ? '' : 'quiet'}
    @click=${copy}><span class="swap">${icon('copy')}${icon('check')}</span>
    ${words}</button>`;
}
