/* SPDX-License-Identifier: MIT */
/* Delivery: the live monitor, a card for each route; asked again every few
   seconds, answered by nothing when nothing is new. The address holds state. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { api } from '../parts/api.js';
import { deliveries } from '../parts/deliveries.js';
import { icon } from '../parts/icons.js';
import {
  changeMonitor, deleteMonitor, monitorDialog,
} from '../parts/monitor-form.js';
import { poll } from '../parts/poll.js';
import { deliveryTabs, proberNotice, startView } from '../parts/prober.js';
import { update } from '../parts/render.js';
import { href } from '../parts/router.js';
import {
  MONITOR_STATES, latencyWords, monitorBadge, uptimeWords,
} from '../parts/route-words.js';
import { session } from '../parts/session.js';
import { sparkView } from '../parts/spark.js';
import { emptyView, failingView, loadingView } from '../parts/states.js';
import { plural, when } from '../parts/time.js';
import { probeNow } from '../parts/trip.js';

const EVERY = 4000;
const ORDER = ['missing', 'bounced', 'send-failed', 'spam', 'late', 'blind', 'slow',
  'new', 'ok', 'paused'];

const SUMS = { ok: 'fine', blind: 'cannot be seen', 'send-failed': 'cannot be sent to' };

/* "1 missing · 3 fine" in the order of how bad that is. */
function sumWords(monitors) {
  const counts = new Map();
  for (const one of monitors) counts.set(one.state, (counts.get(one.state) ?? 0) + 1);
  return ORDER.filter((state) => counts.has(state)).map((state) =>
    `${counts.get(state)} ${SUMS[state] ?? MONITOR_STATES[state][0].toLowerCase()}`)
    .join(' · ');
}

const byUrgency = (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) ||
  a.name.localeCompare(b.name);

export function quietWords(monitor) {
  if (monitor.in_maintenance) return 'In maintenance: nobody is told';
  return monitor.muted_until && new Date(monitor.muted_until) > Date.now()
    ? 'Muted: nobody is told' : '';
}

export function open(query, context) {
  let data = null;
  let problem = null;
  let stop = null;

  async function load() {
    try {
      data = await deliveries();
      problem = null;
    } catch (error) {
      problem = error;
      context.ready();
      throw error;
    }
    context.ready();
  }

  const reload = () => load().catch(() => {});

  async function add() {
    if (await monitorDialog()) reload();
  }

  async function probe(monitor) {
    await probeNow(monitor);
    reload();
  }

  async function edit(monitor) {
    try {
      const full = (await api(`monitors/${monitor.id}`)).data;
      if (await monitorDialog(full)) reload();
    } catch { reload(); }
  }

  async function pause(monitor) {
    await changeMonitor(monitor, { enabled: !monitor.enabled }, monitor.enabled
      ? `“${monitor.name}” is paused.` : `“${monitor.name}” probes again.`);
    reload();
  }

  async function remove(monitor) {
    if (await deleteMonitor(monitor)) reload();
  }

  /* -- a card ----------------------------------------------------------------- */

  function menu(monitor) {
    if (!session().isAdmin || monitor.declared) return nothing;
    const choose = (run) => (event) => {
      event.target.closest('details').open = false;
      run(monitor);
    };
    return html`<details class="menu"><summary class="plain" role="button"
        aria-label="More for ${monitor.name}">${icon('more')}</summary>
      <div class="sheet right">
        <button type="button" class="quiet" @click=${choose(edit)}
          >${icon('edit')}Change</button>
        <button type="button" class="quiet" @click=${choose(pause)}
          >${icon(monitor.enabled ? 'pause' : 'play')}${monitor.enabled ? 'Pause'
            : 'Go on'}</button>
        <button type="button" class="quiet danger" @click=${choose(remove)}
          >${icon('trash')}Delete</button></div></details>`;
  }

  function card(monitor) {
    const quiet = quietWords(monitor);
    const usual = monitor.usual_us ? `usually ${latencyWords(monitor.usual_us)}` : '';
    return html`<li class="card route ${MONITOR_STATES[monitor.state]?.[1] ?? ''}">
      <div class="route-head"><h2><a data-row href=${href('monitor',
          { id: monitor.id })}>${monitor.name}</a></h2>
        ${monitorBadge(monitor.state)}</div>
      <p class="faint route-to">${monitor.recipient}</p>
      ${monitor.detail && monitor.state !== 'ok' ? html`<p class="route-detail"
        >${monitor.detail}</p>` : nothing}
      ${quiet ? html`<p class="route-quiet">${icon('mute')}${quiet}</p>` : nothing}
      <div class="route-figures">
        <div><strong>${latencyWords(monitor.last_latency_us)}</strong>
          <small class="faint">${usual || 'last arrival'}</small></div>
        ${sparkView(monitor.hours)}
      </div>
      <dl class="route-facts">
        <div><dt>24 h</dt><dd>${uptimeWords(monitor.uptime_24h)}</dd></div>
        <div><dt>7 days</dt><dd>${uptimeWords(monitor.uptime_7d)}</dd></div>
        <div><dt>Last probe</dt><dd>${when(monitor.last_probe_at)}</dd></div>
      </dl>
      <div class="route-foot">
        ${session().mayWrite && monitor.enabled ? html`<button type="button"
          class="quiet small" @click=${() => probe(monitor)}>${icon('send')}Probe
          now</button>` : html`<span class="faint aside">${monitor.enabled ? ''
            : 'No probes are sent.'}</span>`}
        ${monitor.declared ? html`<span class="faint aside" title="It is changed in
          mailprobe.yaml">by mailprobe.yaml</span>` : menu(monitor)}
      </div></li>`;
  }

  /* -- the page --------------------------------------------------------------- */

  function firstUse() {
    return data.prober.status === 'up'
      ? emptyView('No route is watched yet', 'A monitor sends a mail every few ' +
        'minutes, watches it arrive, and tells you when it does not.',
      session().isAdmin ? html`<button type="button" @click=${add}>New
        monitor</button>` : nothing)
      : html`<section class="first"><div class="first-words">
          <h2>Does your mail arrive?</h2>
          <p>mailprobe sends a mail every few minutes along the routes you care about,
            watches it arrive in the mailbox, and tells you when it is late, lost,
            bounced or in spam. With that, Mailtrack can say of a mail without an open
            whether it may not have arrived at all.</p></div>
        <div class="card"><h2>Start mailprobe</h2>${startView()}
          <p class="listening" role="status"><i></i> Waiting for it…</p></div>
        </section>`;
  }

  function content() {
    if (!data && problem) return failingView(problem, reload);
    if (!data) return loadingView(4, 'Loading the monitors');
    if (!data.monitors.length) return firstUse();
    return html`${proberNotice(data.prober)}
      <p class="faint sum" role="status">${plural(data.monitors.length, 'route')}:
        ${sumWords(data.monitors)}</p>
      <ul class="routes" aria-label="Routes">${repeat(
        [...data.monitors].sort(byUrgency), (one) => one.id, card)}</ul>`;
  }

  const page = {
    title: 'Delivery',
    view: () => html`<div class="head"><h1>Delivery</h1>
        ${deliveryTabs('delivery', data?.open_alerts)}
        ${data?.monitors.length && session().isAdmin ? html`<button type="button"
          class="quiet head-last" @click=${add}>${icon('plus')}New monitor</button>`
          : nothing}</div>
      ${data && problem ? html`<p class="stale" role="status">${icon('alert')}
        ${problem.detail}</p>` : nothing}
      ${content()}`,
    reload: () => {},
    left: () => stop?.(),
  };
  load().catch(() => {});
  stop = poll(load, EVERY);
  update();
  return page;
}
