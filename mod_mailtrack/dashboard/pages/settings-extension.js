/* SPDX-License-Identifier: MIT */
/*
 * Settings: the browser extension in three steps. It comes from this server,
 * so that both are of one making; its key is made here, for this browser, and
 * all it must know is one line to paste.
 */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { api, base } from '../parts/api.js';
import { copyButton } from '../parts/copy.js';
import { icon } from '../parts/icons.js';
import { update } from '../parts/render.js';
import { deviceWords } from '../parts/words.js';
import { loadKeys } from './settings-keys.js';

const NAME_MAX = 64;
const isFirefox = /\bFirefox\//.test(navigator.userAgent);
const state = { busy: false, problem: null, made: null };

/* What the extension's settings take: where the server is, and the key. */
const setupLine = (key) => `mailtrack:${base.href}#${key}`;

async function makeKey() {
  state.busy = true;
  state.problem = null;
  update();
  try {
    const name = `Extension in ${deviceWords(navigator.userAgent)}`;
    state.made = (await api('keys', { method: 'POST', json: {
      name: name.slice(0, NAME_MAX), scope: 'track' } })).data;
  } catch (problem) {
    state.problem = problem;
  }
  state.busy = false;
  update();
  loadKeys();
}

function download(browser, words) {
  return html`<a role="button" class="quiet" download
    href=${`extension/mailtrack-${browser}.zip`}>${icon('download')} ${words}</a>`;
}

function getStep() {
  const first = isFirefox ? 'firefox' : 'chromium';
  const names = { chromium: 'For Chrome, Edge, Brave', firefox: 'For Firefox' };
  const second = isFirefox ? 'chromium' : 'firefox';
  return html`<li class="now"><b>Get it</b>
    <p>${download(first, names[first])} ${download(second, names[second])}</p>
    <p class="faint"><b>Chrome, Edge, Brave:</b> unpack it, open
      <code>chrome://extensions</code>, switch <i>Developer mode</i> on, <i>Load
      unpacked</i>. <b>Firefox:</b> open <code>about:debugging</code>, <i>This
      Firefox</i>, <i>Load Temporary Add-on</i>. Release Firefox keeps only add-ons
      that Mozilla has signed: unsigned, it is gone when Firefox is closed. Have it
      signed with your account there (<code>web-ext sign</code>), or use Developer
      Edition.</p></li>`;
}

function keyStep() {
  return html`<li class=${state.made ? 'done' : 'now'}><b>Make its key</b>
    <dl class="facts"><div><dt>Server</dt><dd><code>${base.href}</code></dd></div>
      ${state.made ? html`<div><dt>Key “${state.made.name}”</dt>
        <dd><code>${state.made.key}</code></dd></div>` : nothing}</dl>
    ${state.made ? html`<p>${copyButton('Copy address', base.href)}
        ${copyButton('Copy key', state.made.key)}</p>
      <p class="faint">It is shown this once. It may make and read tracked mails,
        nothing else.</p>`
      : html`<button type="button" ?disabled=${state.busy} aria-busy=${state.busy
        ? 'true' : nothing} @click=${makeKey}>${icon('key')}Make a key for this
        browser</button>`}
    ${state.problem ? html`<p class="problem" role="alert"
      >${state.problem.detail}</p>` : nothing}</li>`;
}

function pasteStep() {
  return html`<li class=${state.made ? 'now' : ''}><b>Paste one line</b>
    ${state.made ? html`<pre tabindex="0" aria-label="The set-up line"
        ><code>${setupLine(state.made.key)}</code></pre>
      <p>${copyButton('Copy set-up line', setupLine(state.made.key),
        { primary: true })}</p>` : nothing}
    <p class="faint">into the extension's settings, which opened when it was
      installed; then <i>Connect and test</i>.</p></li>`;
}

/* Settings are opened anew: a key is shown once. */
export function startExtension() {
  state.made = null;
  state.problem = null;
}

export function extensionView() {
  return html`<section class="card" aria-labelledby="set-extension">
    <h2 id="set-extension">Browser extension</h2>
    <p>It puts the picture into the mails you write in Gmail, shows there what
      became of them, and keeps your own views out of the count.</p>
    <ol class="steps spaced">${getStep()}${keyStep()}${pasteStep()}</ol></section>`;
}
