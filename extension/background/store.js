/* SPDX-License-Identifier: MIT */
/*
 * What is kept: storage.local, closed to content scripts where the browser can
 * do that (Chromium). The worker dies whenever it is idle, so nothing else
 * remembers. Changes of one value are made one after the other.
 */
import { ext } from '../common/browser.js';

const DEFAULTS = {
  settings: { url: '', key: '', pixelBase: '', on: true, notify: true, never: [],
    seconds: 60 },
  problem: null,                  /* {kind, words, at} */
  outbox: {},                     /* client id -> {body, mail, at, tries, next} */
  made: {},                       /* Gmail's message id -> {id, url, people, client, body, at} */
  switches: {},                   /* Gmail's message id -> {on, at} */
  threads: {},                    /* Gmail's thread id -> {ids, at} */
  selves: [],                     /* own views to be reported: {id, at} */
  news: { cursor: '', seen: [], last: [], unread: 0 },
  report: null,                   /* of an unknown shape */
};

ext.storage.local.setAccessLevel?.({ accessLevel: 'TRUSTED_CONTEXTS' });

export async function get(name) {
  const found = (await ext.storage.local.get(name))[name];
  const plain = DEFAULTS[name];
  if (found === undefined) return structuredClone(plain);
  return name === 'settings' || name === 'news' ? { ...plain, ...found } : found;
}

/*
 * change(value) returns the new one, or undefined to leave it. The lock is
 * everybody's of this origin: worker, popup and options page.
 */
export function update(name, change) {
  return navigator.locks.request(`mailtrack-${name}`, async () => {
    const value = await change(await get(name));
    if (value !== undefined) await ext.storage.local.set({ [name]: value });
    return value;
  });
}

/* What belongs to a server, for another one. */
export const reset = () => ext.storage.local.remove(['outbox', 'made', 'threads',
  'selves', 'news']);

/* The newest `most` entries of an object whose values have `at`. */
export function bounded(entries, most) {
  const list = Object.entries(entries);
  if (list.length <= most) return entries;
  return Object.fromEntries(list.sort((a, b) => b[1].at - a[1].at).slice(0, most));
}
