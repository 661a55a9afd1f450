/* SPDX-License-Identifier: MIT */
/* Alerts: what is wrong now, what was, and when nobody is to be told. The address
   holds state and cursor. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { api } from '../parts/api.js';
import { deliveries } from '../parts/deliveries.js';
import { icon } from '../parts/icons.js';
import { poll } from '../parts/poll.js';
import { deliveryTabs, proberNotice } from '../parts/prober.js';
import { update } from '../parts/render.js';
import { href } from '../parts/router.js';
import { ALERT_KINDS, monitorBadge } from '../parts/route-words.js';
import { session } from '../parts/session.js';
import { emptyView, failingView, loadingView } from '../parts/states.js';
import { plural, spanWords, when } from '../parts/time.js';
import { sayProblem } from '../parts/toast.js';
import { loadWindows, windowsView } from '../parts/windows.js';

const PAGE = 20;
const EVERY = 5000;

function readQuery(query) {
  return { state: query.get('state') === 'past' ? 'past' : 'open',
    cursor: query.get('cursor') ?? '' };
}

export function open(query, context) {
  let at = readQuery(query);
  let alerts = null;
  let next = null;
  let live = null;
  let problem = null;
  let loads = 0;
  let stop = null;

  async function load() {
    const mine = ++loads;
    try {
      const [list, now] = await Promise.all([api('alerts', { params: { state: at.state,
        cursor: at.cursor, limit: PAGE } }), deliveries()]);
      if (mine !== loads) return;
      [alerts, next, live, problem] = [list.data, list.next, now, null];
    } catch (error) {
      if (mine !== loads) return;
      problem = error;
      context.ready();
      throw error;
    }
    context.ready();
  }
  const reload = () => load().catch(() => {});

  async function change(alert, fields) {
    try {
      const { data } = await api(`alerts/${alert.id}`, { method: 'PATCH', json: fields });
      Object.assign(alert, data);
    } catch (error) {
      sayProblem(error);
    }
    update();
  }

  function told(alert) {
    const parts = [alert.told ? `told ${alert.told === 1 ? 'once'
      : `${alert.told} times`}` : 'nobody was told'];
    if (alert.closed_at) {
      parts.push(`lasted ${spanWords(new Date(alert.closed_at) -
        new Date(alert.opened_at))}`);
    } else if (alert.acknowledged_at) {
      parts.push(html`acknowledged ${alert.acknowledged_by ? `by ${
        alert.acknowledged_by} ` : ''}${when(alert.acknowledged_at)}`);
    } else if (alert.repeat_at && !alert.muted) {
      const wait = new Date(alert.repeat_at) - Date.now();
      parts.push(wait > 0 ? `again in ${spanWords(wait)}` : 'again now');
    }
    return parts.map((part, n) => html`${n ? ' · ' : ''}${part}`);
  }

  function member(one) {
    return html`<li>${one.recovered_at ? html`<span class="badge state good"
        >${icon('check')}Recovered</span>` : monitorBadge(one.state)}
      <div><a href=${href('monitor', { id: one.id })}>${one.name}</a>
        <span class="faint">${one.detail}${one.last_hop ? `; last seen at ${
          one.last_hop}` : ''}</span>
        <span class="faint aside">failing since ${when(one.failing_since)}, ${one.last_ok_at
          ? html`last good ${when(one.last_ok_at)}` : 'never good before'}${one.recovered_at ? html`, recovered
          ${when(one.recovered_at)}` : nothing}</span></div></li>`;
  }

  function buttons(alert) {
    if (!session().mayWrite || alert.closed_at) return nothing;
    return html`<div class="buttons">
      ${alert.acknowledged_at ? nothing : html`<button type="button" class="quiet small"
        title="No more repeats" @click=${() => change(alert, { acknowledged: true })}
        >${icon('check')}Acknowledge</button>`}
      <button type="button" class="quiet small" aria-pressed=${String(alert.muted)}
        title=${alert.muted ? 'Only its end is told' : 'Tell nothing but its end'}
        @click=${() => change(alert, { muted: !alert.muted })}>${icon(alert.muted
          ? 'mute' : 'bell')}${alert.muted ? 'Muted' : 'Mute'}</button></div>`;
  }

  function card(alert) {
    const [words, image] = ALERT_KINDS[alert.kind];
    return html`<li class="card alert ${alert.closed_at ? 'over' : alert.acknowledged_at
      ? 'seen' : 'live'}">
      <span class="entry-icon" title=${words}>${icon(image)}<span class="hidden"
        >${words}</span></span>
      <div class="alert-words"><h2>${alert.title}</h2>
        ${alert.detail ? html`<p>${alert.detail}</p>` : nothing}
        <p class="faint aside">Since ${when(alert.opened_at)} · ${told(alert)}</p>
        ${alert.monitors.length ? html`<ul class="members">${alert.monitors.map(member)}
          </ul>` : nothing}</div>
      ${buttons(alert)}</li>`;
  }

  function pager() {
    const trail = history.state?.trail ?? [];
    if (!next && !at.cursor) return nothing;
    const link = (cursor) => href('alerts', { state: at.state === 'past' ? 'past' : '',
      cursor });
    return html`<nav class="pager" aria-label="Pages of the list">
      ${at.cursor ? html`<a href=${link(trail.at(-1) ?? '')} .trail=${
        trail.slice(0, -1)}>${icon('back')} Newer</a>` : html`<span></span>`}
      ${next ? html`<a href=${link(next)} .trail=${[...trail, at.cursor]}>Older
        ${icon('forth')}</a>` : html`<span class="faint">That is all.</span>`}</nav>`;
  }

  function content() {
    if (!alerts && problem) return failingView(problem, reload);
    if (!alerts) return loadingView(4, 'Loading alerts');
    if (!alerts.length) {
      return at.state === 'past' ? emptyView('Nothing was wrong',
        'Alerts that are over are listed here.')
        : emptyView('All is well', live.monitors.length
          ? `${plural(live.monitors.length, 'route')} watched, nothing to tell.`
          : 'No route is watched yet, so there is nothing to tell.');
    }
    return html`<ul class="alerts" aria-label="Alerts">${repeat(alerts,
      (one) => one.id, card)}</ul>${pager()}`;
  }

  const page = {
    title: 'Alerts',
    view: () => html`<div class="head"><h1>Alerts</h1>
        ${deliveryTabs('alerts', live?.open_alerts)}</div>
      <div class="filters"><nav class="tabs" aria-label="State">${[['', 'Open'],
        ['past', 'Past']].map(([state, words]) => html`<a href=${href('alerts', { state })}
          aria-current=${(at.state === 'past') === (state === 'past') ? 'true' : nothing}
          >${words}</a>`)}</nav></div>
      ${live?.monitors.length ? proberNotice(live.prober) : nothing}
      ${content()}${windowsView()}`,
    moved(now) {
      at = readQuery(now);
      alerts = null;
      reload();
    },
    reload: () => {},
    left: () => stop?.(),
  };
  reload();
  loadWindows();
  stop = poll(load, EVERY);
  return page;
}
