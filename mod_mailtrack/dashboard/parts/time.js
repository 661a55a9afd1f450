/* SPDX-License-Identifier: MIT */
/* Times as people say them, in the reader's zone; the full time on hover. */
import { html } from '../vendor/lit-html/lit-html.js';

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
export const locale =
  navigator.languages.find((name) => /^en\b/.test(name)) ?? 'en-GB';

const format = (options) => new Intl.DateTimeFormat(locale, options);
const clock = format({ hour: '2-digit', minute: '2-digit' });
const precise = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = format({ day: 'numeric', month: 'short' });
const weekday = format({ weekday: 'long', day: 'numeric', month: 'long' });
const dayYear = format({ day: 'numeric', month: 'short', year: 'numeric' });
const long = format({ dateStyle: 'full', timeStyle: 'long' });
const numbers = new Intl.NumberFormat(locale);
const percents = new Intl.NumberFormat(locale,
  { style: 'percent', maximumFractionDigits: 0 });

export const MINUTE = 60e3;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const number = (value) => numbers.format(value);
export const percent = (value) =>
  value === null || value === undefined ? '–' : percents.format(value);
export const plural = (count, one, many = `${one}s`) =>
  `${number(count)} ${count === 1 ? one : many}`;

function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}

/* Whole local days between two moments, whatever clocks did in between. */
function daysBetween(earlier, later) {
  return Math.round((midnight(later) - midnight(earlier)) / DAY);
}

export function fullTime(iso) { return long.format(new Date(iso)); }
export function clockTime(iso) { return clock.format(new Date(iso)); }
export function preciseTime(iso) { return precise.format(new Date(iso)); }
export function momentWords(iso) {
  return `${day.format(new Date(iso))}, ${preciseTime(iso)}`;
}

export function dayWords(iso, now = new Date()) {
  const date = new Date(iso);
  const days = daysBetween(date, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return date.getFullYear() === now.getFullYear() ? weekday.format(date)
    : dayYear.format(date);
}

export function shortTime(iso, now = new Date()) {
  const date = new Date(iso);
  const past = now - date;
  if (past < MINUTE && past > -MINUTE) return 'just now';
  if (past > 0 && past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  const days = daysBetween(date, now);
  if (days === 0) return clock.format(date);
  if (days === 1) return `yesterday, ${clock.format(date)}`;
  return date.getFullYear() === now.getFullYear() ? day.format(date)
    : dayYear.format(date);
}

/* <time> with short words and the full time on hover. */
export function when(iso) {
  if (!iso) return html`<span class="faint">–</span>`;
  return html`<time datetime=${iso} title=${fullTime(iso)}
    >${shortTime(iso)}</time>`;
}

/* How long it took: "12 min", "3 h 20 min", "2 days". */
export function spanWords(milliseconds) {
  const ms = Math.max(0, milliseconds);
  if (ms < MINUTE) return `${Math.round(ms / 1000)} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < DAY) {
    const hours = Math.floor(ms / HOUR);
    const minutes = Math.round((ms % HOUR) / MINUTE);
    return minutes && hours < 10 ? `${hours} h ${minutes} min` : `${hours} h`;
  }
  return plural(Math.round(ms / DAY), 'day');
}

/* A date field's value (a local day) as the moment it begins; offset in days. */
export function dayStart(text, offset = 0) {
  const [y, m, d] = text.split('-').map(Number);
  return new Date(y, m - 1, d + offset).toISOString();
}

export function dayField(date) {
  const two = (n) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function dateWords(text) {
  const [y, m, d] = text.split('-').map(Number);
  return dayYear.format(new Date(y, m - 1, d));
}
export function dateShort(text) {
  const [y, m, d] = text.split('-').map(Number);
  return day.format(new Date(y, m - 1, d));
}
