/* SPDX-License-Identifier: MIT */
/* A monitor made or changed, in a dialog that says how soon one would be told;
   and what else one does to monitors from more than one page. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { api } from './api.js';
import { confirmDialog, openDialog } from './dialog.js';
import { startView } from './prober.js';
import { secondsWords } from './route-words.js';
import { say, sayProblem } from './toast.js';

const GATHER = 30;
/* Fields that are seen without opening more of them. */
const SHOWN = ['name', 'recipient', 'send_account', 'watch_account', 'interval_seconds',
  'missing_after_seconds'];
const ALERTS = [['missing', 'missing'], ['bounced', 'bounced'],
  ['send-failed', 'not taken'], ['spam', 'spam'], ['late', 'late'], ['slow', 'slow'],
  ['blind', 'mailbox not seen'], ['auth', 'authentication'],
  ['certificate', 'certificate']];
const FRESH = { name: '', recipient: '', send_account: '', watch_account: '',
  interval_seconds: 300, retry_seconds: 60, late_after_seconds: null,
  missing_after_seconds: 900, failures_needed: 2, successes_needed: 1,
  alert_on: ['missing', 'bounced', 'send-failed', 'spam', 'late', 'blind', 'auth',
    'certificate'],
  keep_mail: false, channels_off: [] };

/* As the server reckons: the wait for the next probe, the further ones that must
   fail too, the time until one counts as missing, and the gathering of alerts. */
export function toldWithin(monitor) {
  return monitor.interval_seconds + (monitor.failures_needed - 1) *
    monitor.retry_seconds + monitor.missing_after_seconds + GATHER;
}

export function toldWords(monitor) {
  const seconds = toldWithin(monitor);
  return seconds < 120 ? `You will be told within ${Math.ceil(seconds)} s.`
    : `You will be told within ${Math.ceil(seconds / 60)} minutes.`;
}

const whole = (data, name) => {
  const number = Number.parseInt(data.get(name), 10);
  return Number.isFinite(number) ? number : null;
};

function valuesOf(form, channels) {
  const data = new FormData(form);
  const told = data.getAll('channels');
  return {
    name: data.get('name').trim() || data.get('recipient').trim(),
    recipient: data.get('recipient').trim(),
    send_account: data.get('send_account'), watch_account: data.get('watch_account'),
    interval_seconds: whole(data, 'interval_seconds'),
    retry_seconds: whole(data, 'retry_seconds'),
    late_after_seconds: whole(data, 'late_after_seconds'),
    missing_after_seconds: whole(data, 'missing_after_seconds'),
    failures_needed: whole(data, 'failures_needed'),
    successes_needed: whole(data, 'successes_needed'),
    alert_on: data.getAll('alert_on'), keep_mail: data.has('keep_mail'),
    channels_off: channels.map((one) => one.name)
      .filter((name) => !told.includes(name)),
  };
}

function fieldView(state, name, words, input, help = nothing) {
  const fault = state.problem?.errors.find((error) => error.field === name);
  return html`<label class=${fault ? 'wrong' : ''}>${words}${input}
    ${fault ? html`<small class="wrong">${fault.detail}</small>`
      : help === nothing ? nothing : html`<small>${help}</small>`}</label>`;
}

function seconds(state, name, words, min, help) {
  const value = state.values[name];
  return fieldView(state, name, words, html`<span class="with-unit"><input
    type="number" inputmode="numeric" name=${name} min=${min} max="86400"
    ?required=${name !== 'late_after_seconds'} .value=${value ?? ''}
    placeholder=${name === 'late_after_seconds' ? 'never' : nothing}><i>s</i></span>`,
  value ? help ?? secondsWords(value) : help ?? nothing);
}

function accountsSelect(state, name, words, able, help) {
  return fieldView(state, name, words, html`<select name=${name} required>
    ${state.accounts.filter(able).map((one) => html`<option value=${one.name}
      ?selected=${one.name === state.values[name]}>${one.name}</option>`)}</select>`,
  help);
}

function boxes(name, all, chosen) {
  return html`<span class="boxes">${all.map(([value, words]) => html`<label><input
    type="checkbox" name=${name} value=${value} ?checked=${chosen.includes(value)}
    >${words}</label>`)}</span>`;
}

function form(state, dialog, send) {
  const { values, channels } = state;
  const changed = (event) => {
    state.values = { ...state.values, ...valuesOf(event.currentTarget, channels) };
    dialog.draw();
  };
  return html`<form class="stack monitor-form" @submit=${send} @change=${changed}>
    ${fieldView(state, 'recipient', 'Probes go to', html`<input name="recipient"
      type="text" inputmode="email" required maxlength="320" autofocus
      autocomplete="off" placeholder="probe@example.org" .value=${values.recipient}>`,
    'An address whose mailbox the watching account reads.')}
    ${fieldView(state, 'name', 'Name', html`<input name="name" maxlength="128"
      autocomplete="off" placeholder=${values.recipient || 'To example.org'}
      .value=${values.name}>`)}
    <div class="pair">
      ${accountsSelect(state, 'send_account', 'Sent by', (one) => one.smtp)}
      ${accountsSelect(state, 'watch_account', 'Watched by', (one) => one.imap)}
    </div>
    <div class="pair">
      ${seconds(state, 'interval_seconds', 'A probe every', 10)}
      ${seconds(state, 'missing_after_seconds', 'Missing after', 30)}
    </div>
    <p class="told" role="status">${toldWords(values)}</p>
    <details ?open=${state.more} @toggle=${(event) => { state.more =
      event.target.open; }}><summary>More settings</summary><div class="stack">
      <div class="pair">
        ${seconds(state, 'retry_seconds', 'While it fails, every', 10)}
        ${seconds(state, 'late_after_seconds', 'Late after', 1)}
      </div>
      <div class="pair">
        ${fieldView(state, 'failures_needed', 'Failures before an alert',
          html`<input type="number" name="failures_needed" min="1" max="100" required
            .value=${values.failures_needed}>`)}
        ${fieldView(state, 'successes_needed', 'Arrivals before it is over',
          html`<input type="number" name="successes_needed" min="1" max="100" required
            .value=${values.successes_needed}>`)}
      </div>
      <fieldset><legend>Alert on</legend>
        ${boxes('alert_on', ALERTS, values.alert_on)}</fieldset>
      ${channels.length ? html`<fieldset><legend>Tell</legend>
        ${boxes('channels', channels.map((one) => [one.name, one.name]),
          channels.map((one) => one.name)
            .filter((name) => !values.channels_off.includes(name)))}</fieldset>`
        : nothing}
      <label class="box"><input type="checkbox" name="keep_mail"
        ?checked=${values.keep_mail}>Leave probes in the mailbox</label>
    </div></details>
    <div role="alert">${state.problem ? html`<p class="problem"
      >${state.problem.detail}</p>` : nothing}</div>
    <button type="submit" ?disabled=${state.busy} aria-busy=${state.busy ? 'true'
      : nothing}>${state.id ? 'Save' : 'Watch this route'}</button></form>`;
}

function noAccounts() {
  return html`<p>A monitor sends with one mail account and watches with another, or
    the same. mailprobe has not told of any account yet.</p>${startView()}`;
}

/* monitor: the one to be changed; none: a new one. Resolves to it, or null. */
export async function monitorDialog(monitor) {
  const state = { id: monitor?.id, busy: false, problem: null, more: false,
    accounts: [], channels: [], values: { ...FRESH, ...monitor }, made: null };
  try {
    const [accounts, channels] = await Promise.all([api('accounts'), api('channels')]);
    state.accounts = accounts.data;
    state.channels = channels.data;
  } catch (problem) {
    sayProblem(problem);
    return null;
  }
  const able = (name) => state.accounts.find((one) => one[name])?.name ?? '';
  state.values.send_account ||= able('smtp');
  state.values.watch_account ||= able('imap');
  if (monitor && monitor.name === monitor.recipient) state.values.name = '';
  const send = (dialog) => async (event) => {
    event.preventDefault();
    state.values = { ...state.values, ...valuesOf(event.target, state.channels) };
    const json = valuesOf(event.target, state.channels);
    state.busy = true;
    state.problem = null;
    dialog.draw();
    try {
      state.made = (await api(state.id ? `monitors/${state.id}` : 'monitors',
        { method: state.id ? 'PATCH' : 'POST', json })).data;
      dialog.close();
    } catch (problem) {
      state.problem = problem;
      state.more ||= problem.errors.some(({ field }) => !SHOWN.includes(field));
    }
    state.busy = false;
    dialog.draw();
  };
  const usable = state.accounts.some((one) => one.smtp) &&
    state.accounts.some((one) => one.imap);
  await openDialog(monitor ? 'Change the monitor' : 'New monitor', (dialog) => (usable
    ? form(state, dialog, send(dialog)) : noAccounts()));
  return state.made;
}

export async function changeMonitor(monitor, fields, words) {
  try {
    const { data } = await api(`monitors/${monitor.id}`,
      { method: 'PATCH', json: fields });
    Object.assign(monitor, data);
    if (words) say(words);
    return true;
  } catch (problem) {
    sayProblem(problem);
    return false;
  }
}

/* Asks first: history goes with it. */
export async function deleteMonitor(monitor) {
  if (!await confirmDialog('Delete this monitor?', `“${monitor.name}” goes with all ` +
    'its history. To stop its probes and keep what is known, pause it instead.',
  'Delete')) return false;
  try {
    await api(`monitors/${monitor.id}`, { method: 'DELETE' });
    say(`“${monitor.name}” is deleted.`);
    return true;
  } catch (problem) {
    sayProblem(problem);
    return false;
  }
}
