/* SPDX-License-Identifier: MIT */
/*
 * New opens: asked for at every alarm, each told once ever. What was told is
 * written down before it is told: a crash between loses a notice, none comes
 * twice. Many at once are one notice.
 */
import { ext } from '../common/browser.js';
import { openWords, peopleOf, plural } from '../common/words.js';
import { askNoting } from './api.js';
import * as store from './store.js';

const SINGLY = 3;
const SEEN_MAX = 2000;
const LAST_MAX = 10;

function freshOpens(news, answer) {
  const seen = new Set(news.seen);
  const tracks = new Map(answer.tracks.map((track) => [track.id, track]));
  return answer.opens.filter((open) => open.is_real_open && !seen.has(open.id))
    .map((open) => {
      const track = tracks.get(open.track_id);
      return { id: open.id, track: open.track_id, at: open.opened_at,
        subject: open.subject ?? '', muted: Boolean(track?.muted),
        place: [open.city, open.country].filter(Boolean).join(', '),
        people: track?.recipients ?? peopleOf(open.recipient ?? '') };
    });
}

async function tell(opens) {
  const notice = (id, title, message) => ext.notifications.create(id, {
    type: 'basic', iconUrl: ext.runtime.getURL('icons/128.png'), title, message });
  if (opens.length > SINGLY) {
    await notice(`mailtrack||${opens[0].id}`, plural(opens.length, 'new open'),
      [...new Set(opens.map(openWords))].slice(0, 4).join('\n'));
    return;
  }
  for (const open of opens) {
    await notice(`mailtrack|${open.track}|${open.id}`, openWords(open),
      open.place || 'Mailtrack');
  }
}

export async function badge() {
  const [{ unread }, problem, { key }] = [await store.get('news'),
    await store.get('problem'), await store.get('settings')];
  const isBad = problem || !key;
  await ext.action.setBadgeText({ text: isBad ? '!' : unread
    ? String(Math.min(unread, 999)) : '' });
  await ext.action.setBadgeBackgroundColor({ color: isBad ? '#9a5b00' : '#0f6b5c' });
  await ext.action.setTitle({ title: problem ? `Mailtrack: ${problem.words}`
    : 'Mailtrack' });
}

export async function poll() {
  const { cursor } = await store.get('news');
  const answer = await askNoting(`changes${cursor
    ? `?after=${encodeURIComponent(cursor)}` : ''}`);
  let fresh = [];
  await store.update('news', (news) => {
    fresh = freshOpens(news, answer);
    const last = fresh.map(({ muted, ...open }) => open).reverse();
    return { ...news, cursor: answer.cursor,
      seen: [...news.seen, ...fresh.map((open) => open.id)].slice(-SEEN_MAX),
      last: [...last, ...news.last].slice(0, LAST_MAX),
      unread: news.unread + fresh.length };
  });
  const { notify } = await store.get('settings');
  const loud = fresh.filter((open) => !open.muted);
  if (notify && loud.length) await tell(loud);
}

/* A notice was clicked: the dashboard has that mail's page. */
export async function follow(notice) {
  const [, track] = /^mailtrack\|([^|]*)\|/.exec(notice) ?? [];
  if (track === undefined) return;
  const { url } = await store.get('settings');
  await ext.tabs.create({ url: track
    ? new URL(`mail?id=${encodeURIComponent(track)}`, url).href : url });
  await ext.notifications.clear(notice);
}
