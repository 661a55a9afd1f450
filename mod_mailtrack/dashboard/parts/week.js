/* SPDX-License-Identifier: MIT */
/* Hours of the week as a heat map: a table, so that it can be read aloud, with
   cells coloured by class. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { locale } from './time.js';

const STEPS = 6;
/* 2024 began with a Monday */
const dayName = (style) => (day) => new Intl.DateTimeFormat(locale,
  { weekday: style, timeZone: 'UTC' }).format(Date.UTC(2024, 0, 1 + day));
export const shortDay = dayName('short');
export const longDay = dayName('long');
export const hourWords = (hour) => `${String(hour).padStart(2, '0')}:00`;

/* counts: seven days, Monday first, of 24 hours; unit(n) says a cell. */
export function weekView(title, counts, unit) {
  const most = Math.max(...counts.flat());
  const step = (n) => (n ? Math.ceil(n / most * STEPS) : 0);
  return html`<table class="week"><caption class="hidden">${title}</caption>
    <thead><tr><td></td>${counts[0].map((_, hour) => html`<th scope="col"
      aria-label=${hourWords(hour)}>${hour % 6 ? nothing : hourWords(hour)}</th>`)}
    </tr></thead>
    <tbody>${counts.map((hours, day) => html`<tr><th scope="row"
      aria-label=${longDay(day)}>${shortDay(day)}</th>${hours.map((n, hour) => html`<td
      class="heat-${step(n)}" title="${longDay(day)}, ${hourWords(hour)}: ${
        unit(n)}"><span class="hidden">${n}</span></td>`)}</tr>`)}</tbody></table>`;
}
