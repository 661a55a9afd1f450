/* SPDX-License-Identifier: MIT */
/* Hours of the day: what they say in words, and a picture of 24 bars. */
import { html, svg } from '../vendor/lit-html/lit-html.js';
import { plural } from './time.js';
import { hourWords } from './week.js';

const FEWEST = 3;         /* fewer tell nothing */
const SPAN = 3;

/* The three hours in a row, over midnight too, with the most of them. */
export function usualHours(counts) {
  const all = counts.reduce((sum, n) => sum + n, 0);
  let best = { from: 0, opens: 0 };
  counts.forEach((_, from) => {
    let opens = 0;
    for (let n = 0; n < SPAN; n++) opens += counts[(from + n) % 24];
    if (opens > best.opens) best = { from, opens };
  });
  return { ...best, to: (best.from + SPAN) % 24, all };
}

export function hoursWords(counts) {
  const { from, to, opens, all } = usualHours(counts);
  if (!all) return 'Not known yet: no mail was opened.';
  if (all < FEWEST) {
    return `Not known yet: ${plural(all, 'mail was', 'mails were')} opened.`;
  }
  return `Mostly between ${hourWords(from)} and ${hourWords(to)}: ${opens} of ${
    plural(all, 'first open')}.`;
}

export function hoursView(counts) {
  const most = Math.max(1, ...counts);
  const { from, all } = usualHours(counts);
  const usual = (hour) => all >= FEWEST && (hour - from + 24) % 24 < SPAN;
  const said = counts.map((n, hour) => n && `${hourWords(hour)} ${n}`)
    .filter(Boolean).join(', ');
  return html`<div class="hours"><svg viewBox="0 0 240 64" role="img"
      preserveAspectRatio="none" aria-label="First opens by hour: ${said || 'none'}">
    ${counts.map((n, hour) => svg`<g class=${usual(hour) ? 'usual' : ''}>
      <rect class="ground" x=${hour * 10 + 1} y="0" width="8" height="64" rx="1.500"/>
      <rect x=${hour * 10 + 1} y=${64 - n / most * 64} width="8"
        height=${n / most * 64} rx="1.500"/>
      <rect class="catch" x=${hour * 10} y="0" width="10" height="64"><title>${
        hourWords(hour)}: ${plural(n, 'first open')}</title></rect></g>`)}</svg>
    <p aria-hidden="true">${[0, 6, 12, 18].map((hour) => html`<span>${
      hourWords(hour)}</span>`)}</p></div>`;
}
