/* SPDX-License-Identifier: MIT */
/* Monitors, probes and routes in words. What a state looks like is its colour,
   its icon and its word, never the colour alone. Pure. */
import { html } from '../vendor/lit-html/lit-html.js';
import { icon } from './icons.js';
import { DAY, HOUR, MINUTE, plural, spanWords } from './time.js';

/* [word, kind of colour, icon, what it means] */
export const MONITOR_STATES = {
  new: ['New', 'none', 'clock', 'Nothing is known yet: the first probe is to come.'],
  ok: ['Arrives', 'good', 'check', 'Probes arrive in the inbox.'],
  slow: ['Slow', 'warn', 'clock', 'Probes arrive, but later than usual.'],
  late: ['Late', 'warn', 'clock', 'Probes arrive after the time that was set.'],
  missing: ['Missing', 'bad', 'question', 'Probes are sent and do not arrive.'],
  spam: ['In spam', 'warn', 'spam', 'Probes arrive in the junk folder.'],
  bounced: ['Bounced', 'bad', 'bounce', 'Probes come back.'],
  'send-failed': ['Cannot send', 'bad', 'close',
    'The sending server does not take probes.'],
  blind: ['Cannot see', 'none', 'blind',
    'The mailbox cannot be watched, so nobody can tell.'],
  paused: ['Paused', 'none', 'pause', 'No probes are sent.'],
};
/* What else an alert may be about. */
const OTHER_STATES = {
  auth: ['Not vouched for', 'bad', 'scanner', 'SPF, DKIM or DMARC fails.'],
  certificate: ['Certificate', 'warn', 'key', 'Its certificate ends soon.'],
};
export const OUTCOMES = {
  ...Object.fromEntries(Object.entries(MONITOR_STATES)
    .filter(([name]) => !['new', 'paused'].includes(name))),
  sending: ['Being sent', 'none', 'clock', 'On its way to the sending server.'],
  sent: ['On its way', 'none', 'clock', 'Accepted, not seen yet.'],
};
export const OUTCOME_NAMES = ['ok', 'slow', 'late', 'missing', 'spam', 'bounced',
  'send-failed', 'blind'];

export function monitorBadge(state) {
  const [word, kind, image, help] = MONITOR_STATES[state] ?? OUTCOMES[state] ??
    OTHER_STATES[state] ?? [state, 'none', 'question', ''];
  return html`<span class="badge state ${kind}" title=${help}>${icon(image)}${
    word}</span>`;
}

/* "0.41 s", "31 ms", "12 min": three digits, no more. */
export function latencyWords(us) {
  if (us === null || us === undefined) return '–';
  const ms = us / 1000;
  if (ms < 0) return `−${latencyWords(-us)}`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
  return spanWords(ms);
}

/* Of seconds as people set them: "5 min", "90 s", "24 h". */
export function secondsWords(seconds) {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

export function uptimeWords(share) {
  if (share === null || share === undefined) return '–';
  return `${(Math.floor(share * 1000) / 10).toFixed(share === 1 ? 0 : 1)} %`;
}

/* A server's words, with its code once. */
export function replyWords({ code, reply }) {
  if (!reply) return '';
  return !code || reply.startsWith(String(code)) ? reply : `${code} ${reply}`;
}

export const ALERT_KINDS = {
  delivery: ['Delivery', 'mails'], auth: ['Authentication', 'scanner'],
  certificate: ['Certificate', 'key'], house: ['Mailtrack itself', 'house'],
};
export const EVENTS = {
  first_open: 'First open', hot: 'Opened again and again', revived: 'Opened later',
  follow_up: 'No open seen', alarm: 'Alert', repeat: 'Alert, repeated',
  recovered: 'Recovered', test: 'Test',
};
export const CHANNEL_KINDS = { email: 'E-mail', discord: 'Discord',
  webhook: 'Webhook', ntfy: 'ntfy' };

/* -- routes of mails: what an open that is missing may mean ---------------------- */

const THEN = {
  missing: (d) => `route to ${d} was failing when this was sent`,
  bounced: (d) => `mail to ${d} was bouncing when this was sent`,
  'send-failed': (d) => `mail to ${d} could not be sent when this was`,
  spam: (d) => `mail to ${d} went to spam when this was sent`,
  late: (d) => `mail to ${d} was late when this was sent`,
};
const NOW = {
  missing: (d) => `route to ${d} is failing now`,
  bounced: (d) => `mail to ${d} is bouncing now`,
  'send-failed': (d) => `mail to ${d} cannot be sent now`,
  spam: (d) => `mail to ${d} goes to spam now`,
  late: (d) => `mail to ${d} is late now`,
};
const FINE = ['ok', 'slow'];

function ageWords(milliseconds) {
  if (milliseconds < MINUTE) return 'less than a minute';
  if (milliseconds < HOUR) return plural(Math.round(milliseconds / MINUTE), 'minute');
  if (milliseconds < DAY) return plural(Math.round(milliseconds / HOUR), 'hour');
  return plural(Math.round(milliseconds / DAY), 'day');
}

/* For a list: only what explains a mail that nobody has opened; or ''. */
export function routeNote(track) {
  const { sent, now } = track.route ?? {};
  if (track.state !== 'unopened') return '';
  if (sent && THEN[sent.state]) return `unopened; ${THEN[sent.state](sent.domain)}`;
  return now && NOW[now.state] && !sent ? `unopened; ${NOW[now.state](now.domain)}` : '';
}

/* For the mail itself: [words, evidence, state, monitor's id] then, and now. */
export function routeFacts(track) {
  const { sent, now } = track.route ?? {};
  const facts = [];
  if (sent) {
    const before = new Date(track.created_at) - new Date(sent.evidence_at);
    facts.push({ state: sent.state, monitor: sent.monitor,
      words: THEN[sent.state]?.(sent.domain) ?? (FINE.includes(sent.state)
        ? `mail to ${sent.domain} was arriving when this was sent`
        : `nobody could see whether mail to ${sent.domain} arrived when this was sent`),
      evidence: `by a probe ${ageWords(before)} before`, detail: sent.detail });
  } else {
    facts.push({ state: null, monitor: null,
      words: 'unknown when this was sent', evidence: 'no probe at that time' });
  }
  if (now) {
    const ago = Date.now() - new Date(now.evidence_at);
    facts.push({ state: now.state, monitor: now.monitor,
      words: NOW[now.state]?.(now.domain) ?? (FINE.includes(now.state)
        ? `mail to ${now.domain} arrives now`
        : `nobody can see whether mail to ${now.domain} arrives now`),
      evidence: `by a probe ${ageWords(ago)} ago`, detail: now.detail });
  }
  return facts;
}
