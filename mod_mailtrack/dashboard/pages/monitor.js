/* SPDX-License-Identifier: MIT */
/* One monitor: latency over time, its history, and one probe taken apart. The
   address holds id, hours, outcome, cursor and probe. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { live } from '../vendor/lit-html/directives/live.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { anatomyView } from '../parts/anatomy.js';
import { api, apiUrl } from '../parts/api.js';
import { icon } from '../parts/icons.js';
import { latencyChart } from '../parts/latency-chart.js';
import {
  changeMonitor, deleteMonitor, monitorDialog, toldWords,
} from '../parts/monitor-form.js';
import { poll } from '../parts/poll.js';
import { update } from '../parts/render.js';
import { go, href } from '../parts/router.js';
import {
  OUTCOMES, OUTCOME_NAMES, latencyWords, monitorBadge, secondsWords, uptimeWords,
} from '../parts/route-words.js';
import { session } from '../parts/session.js';
import { failingView, loadingView } from '../parts/states.js';
import { clockTime, fullTime, momentWords, number, when } from '../parts/time.js';
import { probeNow } from '../parts/trip.js';
import { quietWords } from './delivery.js';

const SPANS = [['6', '6 h'], ['24', '24 h'], ['168', '7 days'], ['720', '30 days'],
  ['8784', 'A year']];
const PAGE = 50;
const EVERY = 8000;
const FAILED = ['late', 'missing', 'spam', 'bounced', 'send-failed'];

function readQuery(query) {
  const hours = query.get('hours') ?? '';
  const outcome = query.get('outcome') ?? '';
  return { id: query.get('id') ?? '', cursor: query.get('cursor') ?? '',
    hours: SPANS.some(([one]) => one === hours) ? hours : '24',
    outcome: outcome in OUTCOMES ? outcome : '',
    probe: /^\d+$/.test(query.get('probe') ?? '') ? query.get('probe') : '' };
}

function tile(words, value, more = nothing) {
  return html`<div class="tile card"><dt>${words}</dt>
    <dd><strong>${value}</strong>${more}</dd></div>`;
}

export function open(query, context) {
  let at = readQuery(query);
  let monitor = null;
  let latency = null;
  let probes = null;
  let next = null;
  let shown = null;         /* the probe taken apart */
  let problem = null;
  let loads = 0;
  let stop = null;
  const path = () => `monitors/${encodeURIComponent(at.id)}`;

  async function load() {
    const mine = ++loads;
    try {
      const [one, times, list, probe] = await Promise.all([
        api(path()), api(`${path()}/latency`, { params: { hours: at.hours } }),
        api(`${path()}/probes`, { params: { outcome: at.outcome, cursor: at.cursor,
          limit: PAGE } }),
        at.probe ? api(`${path()}/probes/${at.probe}`).catch((error) => {
          if (error.status === 404) return { data: { gone: true } };
          throw error;
        }) : { data: null }]);
      if (mine !== loads) return;
      [monitor, latency, probes, next, shown] = [one.data, times.data, list.data,
        list.next, probe.data];
      problem = null;
      page.title = monitor.name;
    } catch (error) {
      if (mine !== loads) return;
      problem = error;
      if (error.status === 404) page.title = 'No such monitor';
      context.ready();
      throw error;
    }
    context.ready();
  }
  const reload = () => load().catch(() => {});
  const link = (fields) => href('monitor', { ...at,
    hours: at.hours === '24' ? '' : at.hours, ...fields });

  /* -- what one does --------------------------------------------------------- */

  async function change(fields, words) {
    await changeMonitor(monitor, fields, words);
    reload();
  }

  async function edit() {
    if (await monitorDialog(monitor)) reload();
  }

  async function remove() {
    if (await deleteMonitor(monitor)) go(href('delivery'));
  }

  function actions() {
    const muted = Boolean(quietWords(monitor)) && !monitor.in_maintenance;
    const mine = session().isAdmin && !monitor.declared;
    return html`<div class="actions">
      ${session().mayWrite && monitor.enabled ? html`<button type="button"
        @click=${() => probeNow(monitor).then(reload)}>${icon('send')}Probe
        now</button>` : nothing}
      ${session().isAdmin ? html`<button type="button" class="quiet"
        aria-pressed=${String(muted)} title=${muted ? 'Nobody is told of it'
          : 'Tell nobody for a day'} @click=${() => change({ muted_until: muted ? null
          : new Date(Date.now() + 864e5).toISOString() })}>${icon(muted ? 'mute'
          : 'bell')}${muted ? 'Muted' : 'Mute'}</button>` : nothing}
      ${mine ? html`<button type="button" class="quiet" @click=${() => change(
          { enabled: !monitor.enabled })}>${icon(monitor.enabled ? 'pause' : 'play')}${
          monitor.enabled ? 'Pause' : 'Go on'}</button>
        <button type="button" class="quiet" @click=${edit}>${icon('edit')}Change</button>
        <button type="button" class="quiet danger" @click=${remove}
          >${icon('trash')}Delete</button>` : nothing}</div>`;
  }

  /* -- figures ---------------------------------------------------------------- */

  function heading() {
    const quiet = quietWords(monitor);
    return html`<div class="head mail-head"><div><h1>${monitor.name}</h1>
        <p class="faint">${monitor.recipient}, sent by ${monitor.send_account}${
          monitor.watch_account === monitor.send_account ? ''
            : `, watched by ${monitor.watch_account}`}</p></div>${actions()}</div>
      <section class="card state-card ${monitor.state}"><div class="verdict-head">
          ${monitorBadge(monitor.state)}
          <span class="hits">${(monitor.state !== 'ok' && monitor.detail) ||
            OUTCOMES[monitor.state]?.[3] || (monitor.enabled
              ? 'The first probe is to come.' : 'No probes are sent.')}</span>
        </div>
        <dl class="facts">
          <div><dt>Since</dt><dd>${when(monitor.state_since)}</dd></div>
          <div><dt>Last arrival</dt><dd>${when(monitor.last_ok_at)}</dd></div>
          <div><dt>Next probe</dt><dd>${monitor.next_probe_at
            ? clockTime(monitor.next_probe_at) : '–'}</dd></div>
          <div><dt>A probe every</dt><dd>${secondsWords(monitor.interval_seconds)}</dd></div>
          <div><dt>Missing after</dt><dd>${secondsWords(
            monitor.missing_after_seconds)}</dd></div>
          ${monitor.authentication ? html`<div><dt>Authentication</dt>
            <dd>${monitor.authentication === 'pass' ? 'passes' : 'fails'}</dd></div>`
            : nothing}
        </dl>
        <p class="faint aside">${quiet || toldWords(monitor)}${monitor.declared
          ? ' It is declared in mailprobe.yaml and changed there.' : ''}</p></section>`;
  }

  function figures() {
    const { outcomes } = latency;
    const failed = FAILED.reduce((sum, name) => sum + outcomes[name], 0);
    return html`<dl class="tiles">
      ${tile('Last arrival took', latencyWords(monitor.last_latency_us), monitor.usual_us
        ? html`<small class="faint">usually ${latencyWords(monitor.usual_us)}</small>`
        : nothing)}
      ${tile('Working', uptimeWords(latency.uptime),
        html`<small class="faint">of the time one could see</small>`)}
      ${tile('Arrived', number(outcomes.ok + outcomes.slow),
        html`<small class="faint">${number(outcomes.slow)} of them slow</small>`)}
      ${tile('Failed', number(failed), html`<small class="faint">${FAILED
        .filter((name) => outcomes[name]).map((name) => `${outcomes[name]} ${
          OUTCOMES[name][0].toLowerCase()}`).join(' · ') || 'none'}</small>`)}</dl>`;
  }

  function chart() {
    return html`<section class="card"><div class="card-head"><h2>Latency</h2>
        <nav class="tabs" aria-label="Period">${SPANS.map(([hours, words]) => html`<a
          href=${link({ hours: hours === '24' ? '' : hours })}
          aria-current=${at.hours === hours ? 'true' : nothing}>${words}</a>`)}</nav></div>
      ${latency.bands.length ? latencyChart(latency)
        : html`<p class="faint">No probes in this time.</p>`}</section>`;
  }

  /* -- history ---------------------------------------------------------------- */

  function taken() {
    if (!shown) return nothing;
    return html`<section class="card" id="probe" aria-label="One probe">
      <div class="card-head"><h2>${shown.gone ? 'This probe is gone' : html`Probe of
          <time datetime=${shown.due_at} title=${fullTime(shown.due_at)}>${
            momentWords(shown.due_at)}</time>`}</h2>
        <a class="quiet small" role="button" href=${link({ probe: '' })}
          aria-label="Close the probe">${icon('close')}</a></div>
      ${shown.gone ? html`<p class="faint">Probes are kept for some days; its share of
        the figures stays.</p>` : anatomyView(shown)}</section>`;
  }

  function filters() {
    return html`<div class="filters"><label class="select"><span class="hidden"
        >Outcome</span><select @change=${(event) => go(link({ cursor: '', probe: '',
          outcome: event.target.value }))}>
        <option value="" ?selected=${!at.outcome}>All outcomes</option>
        ${OUTCOME_NAMES.map((name) => html`<option value=${name}
          ?selected=${live(at.outcome === name)}>${OUTCOMES[name][0]}</option>`)}
        </select></label>
      <a class="icon-link" download href=${apiUrl('export/probes.csv',
        { monitor: at.id })} title="All its probes as CSV">${icon('download')}<span
        >CSV</span></a></div>`;
  }

  function row(probe) {
    const on = String(probe.id) === at.probe;
    return html`<tr aria-current=${on ? 'true' : nothing}>
      <th scope="row" class="col-due"><a data-row href=${link({ probe: probe.id })}
        >${when(probe.due_at)}</a></th>
      <td class="col-outcome" data-label="Outcome">${monitorBadge(probe.outcome)}</td>
      <td class="col-latency" data-label="Latency">${latencyWords(probe.latency_us)}</td>
      <td class="col-detail" data-label="What happened">${(probe.outcome !==
        'ok' && probe.detail) || probe.folder || ''}</td></tr>`;
  }

  function pager() {
    const trail = history.state?.trail ?? [];
    if (!next && !at.cursor) return nothing;
    const to = (cursor) => link({ cursor, probe: '' });
    return html`<nav class="pager" aria-label="Pages of the history">
      ${at.cursor ? html`<a href=${to(trail.at(-1) ?? '')} .trail=${trail.slice(0, -1)}
        >${icon('back')} Newer</a>` : html`<span></span>`}
      ${next ? html`<a href=${to(next)} .trail=${[...trail, at.cursor]}>Older
        ${icon('forth')}</a>` : html`<span class="faint">That is all.</span>`}</nav>`;
  }

  function historyView() {
    return html`<h2 class="over-list">History</h2>${filters()}
      ${probes.length ? html`<div class="table-card"><table class="people-table
          probes-table"><thead><tr><th scope="col">Probe</th><th scope="col">Outcome</th>
          <th scope="col">Latency</th><th scope="col">What happened</th></tr></thead>
          <tbody>${repeat(probes, (one) => one.id, row)}</tbody></table></div>${pager()}`
        : html`<p class="faint">${at.outcome ? 'No probe ended like this.'
          : 'No probe is known yet.'}</p>`}`;
  }

  const page = {
    title: 'Monitor',
    view() {
      const back = html`<a class="back" href=${href('delivery')}>${icon('back')}
        Delivery</a>`;
      if (problem && (!monitor || problem.status === 404)) {
        return html`${back}${failingView(problem, problem.status === 404 ? null
          : reload, { top: true })}`;
      }
      if (!monitor) return html`${back}${loadingView(6, 'Loading the monitor')}`;
      return html`${back}${heading()}${figures()}<div class="stacked">${chart()}${
        taken()}</div>${historyView()}`;
    },
    moved(now, { back }) {
      const before = at;
      if ((now.get('id') ?? '') !== at.id) return false;
      at = readQuery(now);
      const y = history.state?.y ?? 0;
      load().then(() => requestAnimationFrame(() => {
        if (back) scrollTo(0, y);
        else if (at.probe && at.probe !== before.probe) {
          document.getElementById('probe')?.scrollIntoView({ block: 'nearest' });
        }
      }), () => {});
      return true;
    },
    reload: () => {},
    left: () => stop?.(),
  };
  reload();
  stop = poll(load, EVERY);
  update();
  return page;
}
