/* SPDX-License-Identifier: MIT */
/*
 * What is new, asked every 2 s while the page is seen and every 20 s while it
 * is not. Without news the answer is an empty 304. Failures back off; the page
 * goes on with what it has and says that it is not up to date.
 */
import { api } from './api.js';
import { update } from './render.js';

const SEEN = 2000;
const HIDDEN = 20000;
const WORST = 30000;

let listener = null;
let timer = 0;
let cursor = '';
let etag = '';
let failures = 0;
let asking = false;
const told = new Set();

export const isStale = () => failures > 2;

function pause() {
  if (failures) return Math.min(WORST, SEEN * 2 ** failures);
  return document.hidden ? HIDDEN : SEEN;
}

/* The server overlaps answers by 10 s, so that none is lost: each is told once. */
function fresh(news) {
  const opens = news.opens.filter((open) => !told.has(open.id));
  for (const open of opens) told.add(open.id);
  if (told.size > 5000) told.clear();
  return { ...news, opens };
}

async function ask() {
  if (asking || !listener) return;
  asking = true;
  clearTimeout(timer);
  const stale = isStale();
  try {
    const first = !cursor;
    const answer = await api('changes', {
      params: { after: cursor },
      headers: etag ? { 'If-None-Match': etag } : {},
    });
    failures = 0;
    if (answer.data) {
      cursor = answer.data.cursor;
      etag = answer.etag ?? '';
      if (!first) listener?.(fresh(answer.data));
    }
  } catch {
    failures++;
  }
  asking = false;
  if (stale !== isStale()) update();
  if (listener) timer = setTimeout(ask, pause());
}

export function startLive(onNews) {
  listener = onNews;
  cursor = '';
  etag = '';
  ask();
}

export function stopLive() {
  listener = null;
  clearTimeout(timer);
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden && listener) ask();
});
addEventListener('online', () => { if (listener) ask(); });
