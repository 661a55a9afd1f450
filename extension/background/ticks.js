/* SPDX-License-Identifier: MIT */
/* What is known of the mails in view, by one request for up to a hundred. */
import { tickOf } from '../common/words.js';
import { askNoting } from './api.js';
import * as store from './store.js';

const IDS_MAX = 100;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/* keys: "t:THREAD", "m:MESSAGE", "p:TRACK" -> the ids of tracks */
async function idsOf(keys) {
  const [threads, made] = [await store.get('threads'), await store.get('made')];
  return new Map(keys.map((key) => {
    const name = key.slice(2);
    if (key[0] === 't') return [key, threads[name]?.ids ?? []];
    if (key[0] === 'm') return [key, made[name] ? [made[name].id] : []];
    return [key, UUID.test(name) ? [name] : []];
  }));
}

/* {key: tick}; of a thread with several mails, the best news. */
export async function ticks(keys) {
  const ids = await idsOf(keys.filter((key) => typeof key === 'string'));
  const all = [...new Set([...ids.values()].flat())].slice(0, IDS_MAX);
  if (!all.length) return {};
  const tracks = new Map((await askNoting(`tracks?ids=${all.join(',')}`))
    .map((track) => [track.id, track]));
  const rank = ['opened', 'possible', 'unopened'];
  return Object.fromEntries([...ids].map(([key, list]) => {
    const [best] = list.map((id) => tracks.get(id)).filter(Boolean)
      .sort((a, b) => rank.indexOf(a.state) - rank.indexOf(b.state));
    return [key, best && tickOf(best)];
  }).filter(([, tick]) => tick));
}
