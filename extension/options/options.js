/* SPDX-License-Identifier: MIT */
/* Set-up: the server's address and key, tried before they are kept; wishes. */
import { ask } from '../background/api.js';
import * as store from '../background/store.js';
import { ext } from '../common/browser.js';
import { isOpenToAll, pattern, PROXY, readPaste, serverUrl } from '../common/server.js';
import { plural } from '../common/words.js';

const $ = (id) => document.getElementById(id);
/* origins beyond the server's own */
let wanted = [];

function say(where, words, kind) {
  where.textContent = words;
  where.className = kind;
}

function showPlain() {
  const url = serverUrl($('url').value);
  $('plain').hidden = !url || !isOpenToAll(url);
}

function pasted() {
  const found = readPaste($('paste').value);
  if (found) {
    $('url').value = found.url;
    $('key').value = found.key;
    say($('outcome'), '', '');
  } else if ($('paste').value.trim()) {
    say($('outcome'), 'This is not a set-up line of Mailtrack’s dashboard.', 'bad');
  }
  showPlain();
}

/* What a URL and a key are worth: {stats} or {words}. */
async function tried(settings) {
  try {
    return { stats: await ask('stats', { settings }) };
  } catch (error) {
    return { words: `It does not work: ${error.message}.` };
  }
}

/* @return was it another server until now? */
async function keep(url, key, pixelBase) {
  let anew = false;
  await store.update('settings', (settings) => {
    anew = settings.url !== url;
    return { ...settings, url, key, pixelBase };
  });
  await ext.runtime.sendMessage({ type: 'connected', anew });
}

/* What is still to be allowed, in words; a server may have its pictures under
 * another name than one has typed. */
async function lacking(stats) {
  const origins = [pattern(stats.pixel_base), PROXY];
  wanted = origins;
  if (await ext.permissions.contains({ origins })) return '';
  return ` Not allowed yet: ${new URL(stats.pixel_base).host} and ` +
    'googleusercontent.com. Until then (connect once more) your own views are ' +
    'reported to the server afterwards instead of being kept out.';
}

async function connect(event) {
  event.preventDefault();
  const url = serverUrl($('url').value);
  const key = $('key').value.trim();
  if (!url) {
    say($('outcome'), 'This is no address: https://, then the server’s name.', 'bad');
    return;
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    say($('outcome'), 'This is no API key: it begins with mt_ and has no blanks.', 'bad');
    return;
  }
  /* asked first: browsers allow it only as the click's own doing */
  const asked = ext.permissions.request({
    origins: [...new Set([pattern(url), PROXY, ...wanted])] }).catch(() => false);
  say($('outcome'), 'Asking the server…', '');
  await asked;
  const { stats, words } = await tried({ url, key });
  if (!stats) {
    say($('outcome'), words, 'bad');
    return;
  }
  await keep(url, key, stats.pixel_base);
  $('paste').value = '';
  say($('outcome'), `Connected: ${plural(stats.total_tracks, 'tracked mail')}, ${
    plural(stats.real_opens, 'open')}.${await lacking(stats)}`, 'good');
}

async function forget() {
  const { url, pixelBase } = await store.get('settings');
  /* what the manifest itself asks for stays */
  await ext.permissions.remove({ origins: [PROXY, ...[url, pixelBase].filter(Boolean)
    .map(pattern)] }).catch(() => {});
  await keep('', '', '');
  $('url').value = $('key').value = '';
  say($('outcome'), 'Mailtrack has forgotten the server and the key.', 'good');
}

async function save(event) {
  event.preventDefault();
  await store.update('settings', (settings) => ({ ...settings,
    on: $('on').checked, notify: $('notify').checked,
    seconds: Number($('seconds').value),
    never: $('never').value.split(/[\s,;]+/).filter(Boolean) }));
  await ext.runtime.sendMessage({ type: 'changed' });
  say($('saved'), 'Saved.', 'good');
}

const settings = await store.get('settings');
$('url').value = settings.url;
$('key').value = settings.key;
$('on').checked = settings.on;
$('notify').checked = settings.notify;
$('seconds').value = String(settings.seconds);
$('never').value = settings.never.join('\n');
showPlain();
$('paste').addEventListener('input', pasted);
$('url').addEventListener('input', showPlain);
$('connect').addEventListener('submit', connect);
$('forget').addEventListener('click', forget);
$('wishes').addEventListener('submit', save);
