/* SPDX-License-Identifier: MIT */
/*
 * A mail is made known to the server, for its picture. Each wish goes through
 * the outbox: written down before it is sent, away when it is answered. One
 * that was answered too late for its mail is tried again until it is known;
 * that mail went without a picture, and the server is told so.
 */
import * as store from './store.js';
import { askNoting, Trouble } from './api.js';

/* Shorter than what the page waits, so that the words arrive there. */
const TIMEOUT = 2200;
const KEEP = 7 * 86400000;
const MADE_MAX = 2000;
const PAUSE_MAX = 3600000;

const keyOf = (address) => address.trim().toLowerCase();

/* The entry of the never-track list that a mail falls under, or null. */
export function never(recipients, list) {
  const entries = list.map((one) => keyOf(one).replace(/^@|^\*@/, ''));
  for (const { address } of recipients) {
    const whole = keyOf(address);
    const domain = whole.slice(whole.lastIndexOf('@') + 1);
    const found = entries.find((one) => one && (one.includes('@') ? one === whole
      : domain === one || domain.endsWith(`.${one}`)));
    if (found) return { address, entry: found };
  }
  return null;
}

/* As RFC 5322 wants it. */
export function written({ address, name }) {
  const clean = name.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  return clean ? `"${clean.replace(/["\\]/g, '\\$&')}" <${address}>` : address;
}

async function fingerprint(text) {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(hash)].slice(0, 12)
    .map((octet) => octet.toString(16).padStart(2, '0')).join('');
}

const crowd = (recipients) => recipients.map((one) => keyOf(one.address)).sort()
  .join(' ');

async function remember(mail, track, client, body) {
  await store.update('made', (made) => store.bounded({ ...made, [mail.id]: {
    id: track.id, url: track.pixel_url, people: crowd(mail.recipients), client,
    body, at: Date.now() } }, MADE_MAX));
}

const forget = (id) => store.update('outbox', ({ [id]: gone, ...rest }) => rest);

/* How this mail's switch stood: in its own window, or in another (a pop-out's
 * mail is sent by the window it came from), or as is the rule. */
async function isWanted(mail, isRule) {
  return mail.on ?? (await store.get('switches'))[mail.id]?.on ?? isRule;
}

/* replaced: what the same mail was before undo, to other people */
async function enter(mail, replaced) {
  const body = { recipients: mail.recipients.map(written),
    subject: mail.subject.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, 998) };
  if (replaced) body.replaces = replaced.client;
  const id = `gmail/${mail.id}/${await fingerprint(JSON.stringify(body))}`;
  await store.update('outbox', (outbox) => ({ ...outbox, [id]: { body, mail,
    at: Date.now(), tries: 0, next: Date.now() + 60000 } }));
  return { id, body };
}

/* {url} or {reason, problem}; never throws. */
export async function create(mail) {
  const { url, key, on, never: list } = await store.get('settings');
  if (!url || !key) return { reason: 'Mailtrack is not set up yet', unset: true };
  if (!await isWanted(mail, on)) return { reason: 'its switch was off', off: true };
  const spared = never(mail.recipients, list);
  if (spared) {
    return { reason: `${spared.address} is on your never-track list`, off: true };
  }
  /* a mail that Gmail sends again, or after undo, keeps its picture */
  const known = (await store.get('made'))[mail.id];
  if (known?.people === crowd(mail.recipients)) return { url: known.url };
  const { id, body } = await enter(mail, known);
  try {
    const track = await askNoting('tracks', { method: 'POST', timeout: TIMEOUT,
      json: { ...body, client_id: id } });
    await remember(mail, track, id, body);
    await forget(id);
    return { url: track.pixel_url };
  } catch (error) {
    if (!(error instanceof Trouble) || !error.passes) await forget(id);
    return { reason: error.message, problem: error.kind ?? 'unknown' };
  }
}

/* -- the outbox ---------------------------------------------------------------- */

const NOTE = 'Sent without its picture: nothing will be heard of it.';

async function again(id, { body, mail, sent }) {
  /* silent, as nothing will ever be heard of it; and in place of what the
   * server may have made without our knowing */
  const more = sent ? { notes: NOTE, muted: true, client_id: `${id}/late`,
    replaces: id } : { client_id: id };
  try {
    const track = await askNoting('tracks', { method: 'POST',
      json: { ...body, ...more } });
    if (!sent) await remember(mail, track, id, body);
    await forget(id);
  } catch (error) {
    if (!(error instanceof Trouble) || !error.passes) {
      await forget(id);
      return;
    }
    await store.update('outbox', (outbox) => (outbox[id] ? { ...outbox,
      [id]: { ...outbox[id], tries: outbox[id].tries + 1, next: Date.now() +
        Math.min(PAUSE_MAX, 30000 * 2 ** outbox[id].tries) } } : undefined));
  }
}

/* Those that are due, or all (the connection is back). */
export async function retry(all = false) {
  const now = Date.now();
  for (const [id, entry] of Object.entries(await store.get('outbox'))) {
    if (entry.at < now - KEEP) await forget(id);
    else if (all || entry.next <= now) await again(id, entry);
  }
}

/* Gmail has a mail: what is known of it goes with its names there. */
export async function sent({ id, threadId, threads = [], url, off }) {
  const made = (await store.get('made'))[id];
  if (off && !made) return;
  if (url && made) {
    await store.update('threads', (all) => {
      const names = new Set([threadId, ...threads].filter(Boolean)
        .map((one) => one.replace(/^#/, '')));
      for (const name of names) {
        const ids = new Set([made.id, ...all[name]?.ids ?? []]);
        all[name] = { ids: [...ids].slice(0, 20), at: Date.now() };
      }
      return store.bounded(all, 2 * MADE_MAX);
    });
    return;
  }
  if (made) await store.update('made', ({ [id]: gone, ...rest }) => rest);
  await store.update('outbox', (outbox) => {
    /* the answer came when the page had given up */
    if (made) {
      outbox[made.client] ??= { body: made.body, mail: { id }, at: Date.now(),
        tries: 0, next: 0 };
    }
    for (const entry of Object.values(outbox)) {
      if (entry.mail.id === id) entry.sent = true;
    }
    return outbox;
  });
}
