/* SPDX-License-Identifier: MIT */
/* Set-up: the server's address and key, tried before they are kept; wishes. */
import { ask } from '../background/api.js';
import * as store from '../background/store.js';
import { ext } from '../common/browser.js';
import { isOpenToAll, pattern, PROXY, readPaste, serverUrl } from '../common/server.js';
import { plural } from '../common/words.js';

const $ = (id) => document.getElementById(id);

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

async function keep(url, key, stats) {
  await store.update('settings', (settings) => ({ ...settings, url, key,
    pixelBase: stats.pixel_base }));
  await ext.runtime.sendMessage({ type: 'changed' });
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
  const asked = ext.permissions.request({ origins: [pattern(url), PROXY] })
    .catch(() => false);
  say($('outcome'), 'Asking the server…', '');
  const isAllowed = await asked;
  const { stats, words } = await tried({ url, key });
  if (!stats) {
    say($('outcome'), words, 'bad');
    return;
  }
  await keep(url, key, stats);
  $('paste').value = '';
  say($('outcome'), `Connected: ${plural(stats.total_tracks, 'tracked mail')}, ${
    plural(stats.real_opens, 'open')}.${isAllowed ? '' : ' Without the permission ' +
    'your own views are reported to the server afterwards instead of being kept out.'}`,
  'good');
}

async function forget() {
  await store.update('settings', (settings) => ({ ...settings, url: '', key: '',
    pixelBase: '' }));
  await ext.runtime.sendMessage({ type: 'changed' });
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
