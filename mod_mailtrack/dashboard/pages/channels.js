/* SPDX-License-Identifier: MIT */
/* Channels: how messages get out, how each is doing, and a test; and the mail
   accounts, without their passwords. All of it stands in mailprobe.yaml. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { api } from '../parts/api.js';
import { deliveries } from '../parts/deliveries.js';
import { icon } from '../parts/icons.js';
import { poll } from '../parts/poll.js';
import { deliveryTabs, proberNotice } from '../parts/prober.js';
import { update } from '../parts/render.js';
import { CHANNEL_KINDS, EVENTS } from '../parts/route-words.js';
import { session } from '../parts/session.js';
import { failingView, loadingView } from '../parts/states.js';
import { clockTime, plural, when } from '../parts/time.js';
import { say, sayProblem } from '../parts/toast.js';

const EVERY = 5000;
const TEST_EVERY = 700;
const TEST_LASTS = 45000;
const STATES = { ok: ['Delivers', 'good', 'check'], new: ['Not used yet', 'none', 'clock'],
  failing: ['Fails', 'bad', 'alert'] };
const LOG_STATES = { sent: 'delivered', pending: 'waits', failed: 'given up',
  expired: 'too old' };
const EXAMPLE = `channels:
  me:
    type: email
    account: alerts        # not a route that is watched
    to: [you@example.org]
  phone:
    type: ntfy
    url: https://ntfy.example.org/mailtrack
    token: \${NTFY_TOKEN}
    events: [alerts]`;

export function open(query, context) {
  let data = null;          /* {channels, accounts, prober} */
  let problem = null;
  let stop = null;
  let gone = false;
  const logs = new Map();   /* name -> log, of those that are open */
  const testing = new Set();

  async function load() {
    try {
      const [channels, accounts, live] = await Promise.all([api('channels'),
        api('accounts'), deliveries()]);
      data = { channels: channels.data, accounts: accounts.data,
        prober: live.prober, open: live.open_alerts };
      problem = null;
      await Promise.all([...logs.keys()].map(readLog));
    } catch (error) {
      problem = error;
      context.ready();
      throw error;
    }
    context.ready();
  }
  const reload = () => load().catch(() => {});

  async function readLog(name) {
    const answer = await api(`channels/${encodeURIComponent(name)}`);
    if (logs.has(name)) logs.set(name, answer.data.log);
    return answer.data;
  }

  /* The message goes into the outbox; its line in the log says how it went. */
  async function test(channel) {
    testing.add(channel.name);
    update();
    try {
      const { data: asked } = await api(`channels/${encodeURIComponent(channel.name)
        }/test`, { method: 'POST', json: {} });
      const end = Date.now() + TEST_LASTS;
      let line = null;
      let held = null;      /* a channel that fails waits for its next try */
      while (!gone && Date.now() < end) {
        await new Promise((resolve) => { setTimeout(resolve, TEST_EVERY); });
        const now = await readLog(channel.name);
        line = now.log.find((one) => one.event === 'test' &&
          one.created_at >= asked.asked_at) ?? null;
        held = now.state === 'failing' && now.retry_at &&
          new Date(now.retry_at) > Date.now() ? now : null;
        if (line && (line.state !== 'pending' || line.detail || held)) break;
      }
      tell(channel, line, asked.prober, held);
    } catch (error) {
      sayProblem(error);
    }
    testing.delete(channel.name);
    reload();
  }

  function tell(channel, line, prober, held) {
    if (gone) return;
    if (line?.state === 'sent') say(`The test went out by “${channel.name}”.`);
    else if (line?.detail) {
      sayProblem({ detail: `“${channel.name}” did not take the test: ${line.detail}` });
    } else if (held) {
      sayProblem({ detail: `“${channel.name}” fails (${held.last_error ?? 'no answer'}); ` +
        `the test goes out when it is tried again, at ${clockTime(held.retry_at)}.` });
    } else {
      sayProblem({ detail: prober.status === 'up'
        ? `“${channel.name}” has not delivered the test yet.`
        : 'The test waits: mailprobe is not running.' });
    }
  }

  function opened(name) {
    return (event) => {
      if (!event.target.open) {
        logs.delete(name);
        return;
      }
      logs.set(name, logs.get(name) ?? null);
      readLog(name).then(update, sayProblem);
    };
  }

  /* -- view ------------------------------------------------------------------- */

  function logView(log) {
    if (!log) return html`<p class="faint" role="status">Loading…</p>`;
    if (!log.length) return html`<p class="faint">Nothing was sent by it yet.</p>`;
    return html`<ul class="log">${log.map((line) => html`<li>
      <span class="badge state ${line.state === 'sent' ? 'good' : line.state === 'failed'
        ? 'bad' : 'none'}">${LOG_STATES[line.state]}</span>
      <span>${EVENTS[line.event] ?? line.event}${line.attempts > 1
        ? html` <span class="faint">${plural(line.attempts, 'try', 'tries')}</span>`
        : nothing}${line.detail ? html`<small class="faint">${line.detail}</small>`
        : nothing}</span>
      <span class="faint">${when(line.done_at ?? line.created_at)}</span></li>`)}</ul>`;
  }

  function card(channel) {
    const [words, kind, image] = STATES[channel.state];
    return html`<li class="card channel">
      <div class="route-head"><h2>${channel.name}</h2><span class="badge state ${kind}"
        >${icon(image)}${words}</span></div>
      <p class="faint route-to">${CHANNEL_KINDS[channel.kind]}: ${channel.target}</p>
      ${channel.state === 'failing' ? html`<p class="problem">${channel.last_error ??
        'It cannot deliver.'}${channel.retry_at && new Date(channel.retry_at) > Date.now()
        ? html` <small>Tried again ${when(channel.retry_at)}.</small>` : nothing}</p>`
        : nothing}
      <dl class="route-facts">
        <div><dt>Last delivery</dt><dd>${when(channel.last_ok_at)}</dd></div>
        <div><dt>Waiting</dt><dd>${plural(channel.pending, 'message')}</dd></div>
        <div><dt>${channel.failing_since ? 'Failing since' : 'Since'}</dt>
          <dd>${when(channel.failing_since ?? channel.since)}</dd></div></dl>
      <details class="figures" ?open=${logs.has(channel.name)}
        @toggle=${opened(channel.name)}><summary>Last deliveries</summary>
        ${logs.has(channel.name) ? logView(logs.get(channel.name)) : nothing}</details>
      ${session().isAdmin ? html`<div class="route-foot"><button type="button"
        class="quiet small" ?disabled=${testing.has(channel.name)}
        aria-busy=${testing.has(channel.name) ? 'true' : nothing}
        @click=${() => test(channel)}>${icon('send')}Send a test</button></div>`
        : nothing}</li>`;
  }

  const SIGHT = { up: ['Watching', 'good', 'check'], blind: ['Cannot see', 'bad', 'blind'],
    unknown: ['Not asked yet', 'none', 'clock'] };

  function account(one) {
    const [words, kind, image] = SIGHT[one.state];
    return html`<tr><th scope="row">${one.name}${one.sender ? html`<span class="faint"
        >${one.sender}</span>` : nothing}</th>
      <td data-label="Sends">${one.smtp ? html`${one.smtp}<span class="faint"
        >${one.smtp_user ? html`${one.smtp_user}, password <span
          aria-label="not shown">••••••</span>` : 'without signing in'}</span>`
        : html`<span class="faint">does not send</span>`}</td>
      <td data-label="Watches">${one.imap ? html`${one.imap}<span class="faint"
        >${one.imap_user}, password <span aria-label="not shown">••••••</span></span>`
        : html`<span class="faint">does not watch</span>`}</td>
      <td>${one.imap ? html`<span class="badge state ${kind}">${icon(image)}${words}</span>
        ${one.detail ? html`<span class="faint">${one.detail}</span>` : nothing}`
        : nothing}</td></tr>`;
  }

  function accounts() {
    if (!data.accounts.length) return nothing;
    return html`<h2 class="over-list">Mail accounts</h2>
      <div class="table-card"><table class="people-table accounts-table"><thead><tr>
        <th scope="col">Account</th><th scope="col">Sends</th><th scope="col">Watches</th>
        <th scope="col">Mailbox</th></tr></thead>
        <tbody>${repeat(data.accounts, (one) => one.name, account)}</tbody></table></div>`;
  }

  function none() {
    return html`<section class="first"><div class="first-words">
        <h2>Nobody would be told</h2>
        <p>Channels are ways out for alerts, opens and follow-ups: e-mail, Discord,
          ntfy, or a webhook of your own. They stand in
          <code>/etc/mailtrack/mailprobe.yaml</code>, because there are secrets in
          them.</p>
        <p class="faint">After a change: <code>systemctl reload mailprobe</code>.</p></div>
      <div class="card"><h2>For example</h2><pre tabindex="0"
        aria-label="A part of mailprobe.yaml"><code>${EXAMPLE}</code></pre></div></section>`;
  }

  function content() {
    if (!data && problem) return failingView(problem, reload);
    if (!data) return loadingView(3, 'Loading the channels');
    return html`${proberNotice(data.prober)}
      ${data.channels.length ? html`<ul class="routes channels" aria-label="Channels">${repeat(
        data.channels, (one) => one.name, card)}</ul>` : none()}${accounts()}`;
  }

  const page = {
    title: 'Channels',
    view: () => html`<div class="head"><h1>Channels</h1>
      ${deliveryTabs('channels', data?.open)}</div>${content()}`,
    reload: () => {},
    left() {
      gone = true;
      stop?.();
    },
  };
  reload();
  stop = poll(load, EVERY);
  return page;
}
