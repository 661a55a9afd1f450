/* SPDX-License-Identifier: MIT */
/* A mail in a list, and what one does to mails from more than one page. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { api } from './api.js';
import { icon } from './icons.js';
import { href } from './router.js';
import { when } from './time.js';
import { routeNote } from './route-words.js';
import { sayProblem, undoable } from './toast.js';
import {
  STATES, STATE_HELP, delayWords, hitWords, lastPlace, peopleWords,
  personWords, subjectWords,
} from './words.js';

/* Deleted, as far as this browser is concerned: the server is asked in 8 s. */
const leaving = new Set();
export const isLeaving = (id) => leaving.has(id);

export function deleteMail(track, redraw) {
  leaving.add(track.id);
  undoable(`“${subjectWords(track.subject)}” is deleted.`, (now) => {
    api(`tracks/${track.id}`, { method: 'DELETE', keepalive: now })
      .catch((problem) => {
        if (problem.status === 404) return;
        leaving.delete(track.id);
        sayProblem(problem);
        redraw();
      });
  }, () => {
    leaving.delete(track.id);
    redraw();
  });
}

/* Shown at once, taken back when the server refuses. */
export async function changeMail(track, fields, redraw) {
  const before = {};
  for (const name of Object.keys(fields)) before[name] = track[name];
  Object.assign(track, fields);
  redraw();
  try {
    const { data } = await api(`tracks/${track.id}`,
      { method: 'PATCH', json: fields });
    const { opens, opens_next: next, ...rest } = data;
    Object.assign(track, rest);
    redraw();
    return true;
  } catch (problem) {
    Object.assign(track, before);
    sayProblem(problem);
    redraw();
    return false;
  }
}

export function stateBadge(state) {
  return html`<span class="badge ${state}" title=${STATE_HELP[state]}
    >${STATES[state]}</span>`;
}

export function pinButton(track, redraw) {
  return html`<button type="button" class="plain pin" aria-pressed=${
    String(track.pinned)} aria-label="Pin “${subjectWords(track.subject)}”"
    title=${track.pinned ? 'Take the pin off' : 'Pin on top'} @click=${() =>
      changeMail(track, { pinned: !track.pinned }, redraw)}
    >${icon('pin')}</button>`;
}

/* One mail, or the mails of one group: tracks has at least one. */
function pills(tracks) {
  return html`<span class="pills">${tracks.map((track) => html`<a
    class="pill ${track.state}" href=${href('mail', { id: track.id })}
    title="${personWords(track.recipients[0] ?? { address: track.recipient })}: ${
      STATES[track.state]}">${peopleWords(track.recipients)}<span
      class="hidden">: ${STATES[track.state]}</span></a>`)}</span>`;
}

function groupState(tracks) {
  if (tracks.some((track) => track.state === 'opened')) return 'opened';
  return tracks.some((track) => track.state === 'possible') ? 'possible'
    : 'unopened';
}

function sum(tracks, field) {
  return tracks.reduce((total, track) => total + track[field], 0);
}

function together(tracks) {
  if (tracks.length === 1) return tracks[0];
  const delays = tracks.map((track) => track.first_open_delay)
    .filter((delay) => delay !== null);
  return { ...tracks[0], state: groupState(tracks),
    open_count: sum(tracks, 'open_count'),
    real_open_count: sum(tracks, 'real_open_count'),
    possible_count: sum(tracks, 'possible_count'),
    automated_count: sum(tracks, 'automated_count'),
    self_count: sum(tracks, 'self_count'),
    first_open_delay: delays.length ? Math.min(...delays) : null };
}

/* Where mail did not arrive, an open that is missing says little. */
function noteOf(tracks) {
  const words = tracks.map(routeNote).find(Boolean);
  return words ? html`<span class="route-note">${icon('alert')}<span>${words}</span></span>`
    : nothing;
}

export function trackRow(tracks, redraw, { flash = false } = {}) {
  const [first] = tracks;
  const all = together(tracks);
  const opened = tracks.filter((track) => track.state === 'opened').length;
  return html`<li class="row ${all.state} ${flash ? 'flash' : ''}"
      data-id=${first.id}>
    ${stateBadge(all.state)}
    <div class="row-words">
      <a class="row-link" data-row href=${href('mail', { id: first.id })}>
        <span class="subject">${subjectWords(first.subject)}</span></a>
      ${tracks.length > 1 ? pills(tracks)
        : html`<span class="who">${peopleWords(first.recipients)}</span>`}
      ${first.notes ? html`<span class="note">${first.notes}</span>` : nothing}
      ${noteOf(tracks)}
    </div>
    <div class="row-facts">
      <span class="hits">${tracks.length > 1
        ? `${opened} of ${tracks.length} opened · ` : nothing}${hitWords(all)}</span>
      <span class="delay">${[delayWords(all), tracks.length === 1 &&
        lastPlace(all)].filter(Boolean).join(' · ')}</span>
    </div>
    <span class="row-time">${when(first.created_at)}</span>
    ${pinButton(first, redraw)}
  </li>`;
}
