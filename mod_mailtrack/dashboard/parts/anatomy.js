/* SPDX-License-Identifier: MIT */
/* What is known of one probe: how it was sent, each hop's share of the time, who
   vouched for it, where it was found. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { icon } from './icons.js';
import { latencyWords, monitorBadge, replyWords } from './route-words.js';
import { DAY, fullTime, plural, preciseTime } from './time.js';

const PHASES = { connect: 'Connect', tls: 'TLS handshake', greeting: 'Greeting',
  ehlo: 'EHLO', auth: 'Sign in', mail: 'Sender', rcpt: 'Recipient', data: 'DATA',
  queued: 'Taken over' };
const GOOD = ['pass'];
const NEITHER = ['none', 'neutral', 'policy', 'temperror'];

function fact(words, value) {
  return value === null || value === undefined || value === '' ? nothing
    : html`<div><dt>${words}</dt><dd>${value}</dd></div>`;
}

function timeOf(iso) {
  return iso ? html`<time datetime=${iso} title=${fullTime(iso)}>${preciseTime(iso)}</time>`
    : null;
}

function certificateWords(iso) {
  if (!iso) return null;
  const days = Math.floor((new Date(iso) - Date.now()) / DAY);
  return days < 0 ? 'ended' : `ends in ${plural(days, 'day')}`;
}

function phasesView({ phases }) {
  if (!phases?.length) return nothing;
  const most = Math.max(...phases.map((one) => one.us), 1);
  const all = phases.reduce((sum, one) => sum + one.us, 0);
  return html`<section><h3>Handing it over: ${latencyWords(all)}</h3>
    <ul class="bars tight">${phases.map((one) => html`<li>
      <span class="bar-words">${PHASES[one.name] ?? one.name}</span>
      <span class="bar-number">${latencyWords(one.us)}</span>
      <progress max=${most} .value=${one.us} aria-hidden="true"></progress></li>`)}</ul>
    </section>`;
}

function hopView(hop, most) {
  const delay = hop.delay_us ?? null;
  return html`<li>
    <span class="bar-words">${hop.tls ? html`<span title="Encrypted">${icon('lock')}<span
      class="hidden">encrypted</span></span>` : nothing}<span>${hop.from
        ? html`${hop.from} → ` : nothing}<b>${hop.by || 'unknown'}</b>
      <span class="faint">${hop.protocol}</span></span></span>
    <span class="bar-number">${delay === null ? '–' : latencyWords(delay)}${hop.skewed
      ? html` <abbr title="Its clock cannot be right">clock off</abbr>` : nothing}</span>
    <progress max=${most} .value=${Math.max(0, delay ?? 0)} class=${hop.skewed
      ? 'none' : ''} aria-hidden="true"></progress></li>`;
}

function hopsView({ hops }) {
  if (!hops?.length) return nothing;
  const most = Math.max(...hops.map((one) => one.delay_us ?? 0), 1);
  return html`<section><h3>${plural(hops.length, 'hop')}, by the servers’ own clocks</h3>
    <ol class="bars">${hops.map((hop) => hopView(hop, most))}</ol></section>`;
}

function authView({ authentication }) {
  if (!authentication?.length) return nothing;
  const kind = (result) => (GOOD.includes(result) ? 'good'
    : NEITHER.includes(result) ? 'none' : 'bad');
  return html`<section><h3>Authentication</h3>
    <ul class="verdicts">${authentication.map((one) => html`<li>
      <span class="badge state ${kind(one.result)}">${icon(kind(one.result) === 'good'
        ? 'check' : kind(one.result) === 'bad' ? 'close' : 'question')}${
        one.method.toUpperCase()} ${one.result}</span>
      <span class="faint">${one.domain}${one.selector ? ` (${one.selector})` : ''}${
        one.reason ? `: ${one.reason}` : ''}</span></li>`)}</ul></section>`;
}

function headersView(title, map) {
  const names = Object.entries(map ?? {}).filter(([, value]) => value);
  if (!names.length) return nothing;
  return html`<section><h3>${title}</h3><dl class="lines">${names.map(([name, value]) =>
    html`<div><dt>${name}</dt><dd>${String(value)}</dd></div>`)}</dl></section>`;
}

export function anatomyView(probe) {
  const { sending } = probe;
  return html`<div class="anatomy">
    <div class="anatomy-head">${monitorBadge(probe.outcome)}
      ${probe.latency_us !== null ? html`<strong>${latencyWords(probe.latency_us)}</strong>
        ${probe.resolution_us ? html`<span class="faint">to the nearest
          ${latencyWords(probe.resolution_us)}</span>` : nothing}` : nothing}
      ${probe.detail && probe.outcome !== 'ok' ? html`<span>${probe.detail}</span>`
        : nothing}</div>
    <dl class="facts">
      ${fact('Due', timeOf(probe.due_at))}
      ${fact('Accepted', timeOf(probe.sent_at))}
      ${fact('Seen', timeOf(probe.seen_at))}
      ${fact('Folder', probe.folder)}
      ${fact('Not seen for', probe.blind_us ? latencyWords(probe.blind_us) : null)}
      ${fact('Server’s answer', replyWords(sending))}
      ${fact('Stopped at', sending.phase)}
      ${fact('Queue id', sending.queue_id)}
      ${fact('Encryption', sending.tls)}
      ${fact('Certificate', certificateWords(sending.certificate_until))}
    </dl>
    <div class="anatomy-parts">${phasesView(probe)}${hopsView(probe)}
      ${authView(probe)}${headersView('Spam filters', probe.spam)}
      ${headersView('Bounce', probe.bounce)}</div></div>`;
}
