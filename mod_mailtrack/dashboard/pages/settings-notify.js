/* SPDX-License-Identifier: MIT */
/* Settings: which event is told by which channel, and the hours of quiet. Every
   change is sent as it is made, whole. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { live } from '../vendor/lit-html/directives/live.js';
import { api } from '../parts/api.js';
import { update } from '../parts/render.js';
import { zone } from '../parts/time.js';
import { sayProblem } from '../parts/toast.js';

const EVENTS = [
  ['first_open', 'First open', 'A mail is opened for the first time.'],
  ['hot', 'Opened again and again', 'Three opens within 24 hours.'],
  ['revived', 'Opened again later', 'An open 14 days or more after the first.'],
  ['follow_up', 'No open seen', 'A mail waits for its first open too long.'],
];
const CHANNELS = [['email', 'E-mail'], ['discord', 'Discord'],
  ['webhook', 'Webhook'], ['ntfy', 'ntfy']];

const wishes = { data: null, problem: null };

export async function loadNotify() {
  try {
    wishes.data = (await api('notifications')).data;
    wishes.problem = null;
  } catch (problem) {
    wishes.problem = problem;
  }
  update();
}

/* One after the other, so that the last word is the last one said. */
let sending = Promise.resolve();
function change(data) {
  wishes.data = data;
  update();
  sending = sending.then(() => api('notifications', { method: 'PUT', json: data }))
    .catch((problem) => {
      sayProblem(problem);
      return loadNotify();
    });
}

function turn(event, channel, on) {
  const { events } = wishes.data;
  change({ ...wishes.data,
    events: { ...events, [event]: { ...events[event], [channel]: on } } });
}

function row([event, words, meaning]) {
  return html`<tr><th scope="row">${words}<small class="faint">${meaning}</small></th>
    ${CHANNELS.map(([channel, name]) => html`<td><input type="checkbox"
      aria-label="${words}: ${name}" .checked=${live(
        wishes.data.events[event][channel])} @change=${(e) =>
        turn(event, channel, e.target.checked)}></td>`)}</tr>`;
}

function quietView({ quiet }) {
  const field = (name, words) => html`<label>${words} <input type="time" required
    .value=${live(quiet[name])} @change=${(e) => {
      if (e.target.value) {
        change({ ...wishes.data, quiet: { ...quiet, [name]: e.target.value } });
      }
    }}></label>`;
  return html`<div class="quiet-hours"><label><input type="checkbox" role="switch"
      .checked=${live(Boolean(quiet))} @change=${(e) => change({ ...wishes.data,
        quiet: e.target.checked ? { from: '22:00', to: '07:00', tz: zone } : null })}
      >Quiet hours</label>
    ${quiet ? html`${field('from', 'from')}${field('to', 'to')}<span class="faint"
      >in ${quiet.tz}</span>` : nothing}</div>`;
}

export function notifyView() {
  return html`<section class="card" aria-labelledby="set-notify">
    <h2 id="set-notify">Notifications</h2>
    ${wishes.problem ? html`<p class="problem">${wishes.problem.detail}</p>`
      : !wishes.data ? html`<p class="faint" role="status">Loading…</p>`
        : html`<table class="wishes"><thead><tr><td></td>${CHANNELS.map(([, name]) =>
          html`<th scope="col">${name}</th>`)}</tr></thead>
          <tbody>${EVENTS.map(row)}</tbody></table>
        ${quietView(wishes.data)}
        <p class="faint">Sent by mailprobe, where the server runs it, over the
          channels it has. Muted mails and recipients tell nothing.</p>`}</section>`;
}
