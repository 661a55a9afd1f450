/* SPDX-License-Identifier: MIT */
/*
 * One's own view of one's own mail. First the browser is told not to fetch our
 * pictures for Gmail's pages at all; if one comes through, the server is told
 * that it was us. Told a moment later, when the hit has been stored.
 */
import { ext } from '../common/browser.js';
import { askNoting, Trouble } from './api.js';
import * as store from './store.js';

const RULE = 1;
const STORED_AFTER = 1500;
const KEEP = 3600000;

/* Also as https://ci3.googleusercontent.com/...#https://SERVER/p/ID.gif: the
 * filter sees the fragment, but only as a plain part of the address. */
export async function block() {
  const { pixelBase } = await store.get('settings');
  await ext.declarativeNetRequest.updateDynamicRules({
    removeRuleIds: [RULE],
    addRules: !pixelBase ? [] : [{ id: RULE, priority: 1,
      action: { type: 'block' },
      condition: { urlFilter: pixelBase.replace(/^[a-z]+:\/\//i, ''),
        isUrlFilterCaseSensitive: false, resourceTypes: ['image'],
        initiatorDomains: ['mail.google.com'] } }],
  });
}

export async function seen(id) {
  await store.update('selves', (list) => [...list, { id, at: Date.now() }]
    .slice(-200));
  setTimeout(report, STORED_AFTER);
}

export async function report() {
  const now = Date.now();
  const due = (await store.get('selves')).filter((one) =>
    one.at <= now - STORED_AFTER);
  for (const one of due) {
    let isDone = one.at < now - KEEP;
    try {
      await askNoting(`tracks/${one.id}/self`, { method: 'POST',
        json: { seconds_ago: Math.round((now - one.at) / 1000) } });
      isDone = true;
    } catch (error) {
      isDone ||= !(error instanceof Trouble) || !error.passes;
    }
    if (isDone) {
      await store.update('selves', (list) => list.filter((other) =>
        other.id !== one.id || other.at !== one.at));
    }
  }
}
