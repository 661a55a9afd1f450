/* SPDX-License-Identifier: MIT */
/* Maintenance: times at which nobody is told, listed and made. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { api } from './api.js';
import { confirmDialog, formIn, openDialog } from './dialog.js';
import { icon } from './icons.js';
import { update } from './render.js';
import { session } from './session.js';
import { fullTime, zone } from './time.js';
import { say, sayProblem } from './toast.js';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const windows = { data: null, monitors: [], problem: null };

export async function loadWindows() {
  try {
    const [list, monitors] = await Promise.all([api('windows'), api('monitors')]);
    Object.assign(windows, { data: list.data, monitors: monitors.data, problem: null });
  } catch (problem) {
    windows.problem = problem;
  }
  update();
}

function spanWords(one) {
  if (one.starts_at) return `${fullTime(one.starts_at)} to ${fullTime(one.ends_at)}`;
  const days = one.weekdays.length === 7 ? 'Every day'
    : one.weekdays.map((day) => DAYS[day - 1]).join(', ');
  return `${days}, ${one.from} to ${one.to} in ${one.tz}`;
}

function whomWords(one) {
  return one.monitor ? windows.monitors.find((m) => m.id === one.monitor)?.name ??
    'a monitor' : 'All monitors';
}

async function remove(one) {
  if (!await confirmDialog('End this maintenance?', 'Alerts are told again, also of ' +
    'what fails already.', 'End it')) return;
  try {
    await api(`windows/${one.id}`, { method: 'DELETE' });
  } catch (problem) {
    sayProblem(problem);
  }
  loadWindows();
}

/* datetime-local's value in the reader's zone. */
function localField(date) {
  const two = (n) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${
    two(date.getHours())}:${two(date.getMinutes())}`;
}

function fields(state, dialog) {
  const now = new Date();
  const later = new Date(now.getTime() + 2 * 36e5);
  return html`<label>What for
      <input name="note" maxlength="255" autocomplete="off" placeholder="Patch night">
    </label>
    <label>Which<select name="monitor"><option value="">All monitors</option>
      ${windows.monitors.map((one) => html`<option value=${one.id}>${one.name}</option>`)}
      </select></label>
    <fieldset class="choices"><legend class="hidden">When</legend>
      ${[['once', 'Once'], ['weekly', 'Every week']].map(([kind, words]) => html`<label>
        <input type="radio" name="kind" value=${kind} ?checked=${state.kind === kind}
          @change=${() => { state.kind = kind; dialog.draw(); }}>${words}</label>`)}
    </fieldset>
    ${state.kind === 'once' ? html`<div class="pair">
        <label>From<input type="datetime-local" name="starts" required
          value=${localField(now)}></label>
        <label>To<input type="datetime-local" name="ends" required
          value=${localField(later)}></label></div>`
      : html`<fieldset><legend>On</legend><span class="boxes">${DAYS.map((day, n) =>
          html`<label><input type="checkbox" name="weekdays" value=${n + 1}
            ?checked=${n < 5}>${day}</label>`)}</span></fieldset>
        <div class="pair"><label>From<input type="time" name="from" required
          value="22:00"></label><label>To<input type="time" name="to" required
          value="23:00"></label></div>
        <p class="faint aside">In ${zone}.</p>`}`;
}

function bodyOf(data) {
  const monitor = data.get('monitor') || null;
  const note = data.get('note').trim();
  if (data.get('kind') === 'once') {
    return { monitor, note, starts_at: new Date(data.get('starts')).toISOString(),
      ends_at: new Date(data.get('ends')).toISOString() };
  }
  return { monitor, note, weekdays: data.getAll('weekdays').map(Number),
    from: data.get('from'), to: data.get('to'), tz: zone };
}

function add() {
  const state = { kind: 'once', busy: false, problem: '' };
  return openDialog('Maintenance', (dialog) => html`<p>Probes go on, and history with
      them; nobody is told of what fails. If it still fails when the time is over, you
      are told then.</p>
    ${formIn(dialog, state, fields(state, dialog), 'Nobody is told then', async (data) => {
      await api('windows', { method: 'POST', json: bodyOf(data) });
      say('Noted.');
      dialog.close();
      loadWindows();
    })}`);
}

export function windowsView() {
  if (windows.problem) return html`<p class="problem">${windows.problem.detail}</p>`;
  if (!windows.data) return nothing;
  return html`<section class="card windows" aria-labelledby="maintenance"><div
      class="card-head"><h2 id="maintenance">Maintenance</h2>
      ${session().isAdmin ? html`<button type="button" class="quiet small"
        @click=${add}>${icon('plus')}New</button>` : nothing}</div>
    ${windows.data.length ? html`<ul class="entries">${windows.data.map((one) =>
      html`<li><span class="entry-icon">${icon('mute')}</span>
        <div><b>${one.note || 'Maintenance'}</b><span class="faint">${whomWords(one)}:
          ${spanWords(one)}</span></div>
        ${session().isAdmin ? html`<button type="button" class="plain" title="End it"
          aria-label="End ${one.note || 'this maintenance'}" @click=${() => remove(one)}
          >${icon('trash')}</button>` : nothing}</li>`)}</ul>`
      : html`<p class="faint">None is planned. During maintenance probes go on, and
        nobody is told.</p>`}</section>`;
}
