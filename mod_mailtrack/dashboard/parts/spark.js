/* SPDX-License-Identifier: MIT */
/* 24 hours in 24 bars: how long mail took, and the hours in which some failed. */
import { html, svg } from '../vendor/lit-html/lit-html.js';
import { latencyWords } from './route-words.js';
import { HOUR, clockTime, plural } from './time.js';

const WIDE = 6;
const TALL = 30;

function words(hours) {
  const failed = hours.reduce((sum, hour) => sum + hour.failed, 0);
  const slowest = Math.max(...hours.map((hour) => hour.latency_us ?? 0));
  if (!hours.some((hour) => hour.arrived || hour.failed)) {
    return 'No probes within 24 hours';
  }
  return `The last 24 hours: ${failed ? `${plural(failed, 'probe')} failed`
    : 'no probe failed'}, ${latencyWords(slowest)} in the slowest hour`;
}

/* Heights by the square root, so that one slow hour does not flatten the rest. */
function bar(hour, place, most) {
  const x = place * (WIDE + 2);
  if (!hour.arrived && !hour.failed) {
    return svg`<rect class="none" x=${x} y=${TALL - 2} width=${WIDE} height="2"
      rx="1"></rect>`;
  }
  const share = hour.latency_us === null || !most ? 0
    : Math.sqrt(hour.latency_us / most);
  const height = hour.failed && !hour.arrived ? TALL : Math.max(3, share * TALL);
  return svg`<rect class=${hour.failed ? 'bad' : ''} x=${x} y=${TALL - height}
    width=${WIDE} height=${height} rx="1.500"><title>${
    clockTime(hour.at)}: ${hour.arrived ? latencyWords(hour.latency_us) : 'none arrived'}${
    hour.failed ? `, ${hour.failed} failed` : ''}</title></rect>`;
}

/* columns: {from, latency_us, arrived, failed}, each of 24 hours. */
export function sparkView(columns) {
  const begin = new Date(columns.from).getTime();
  const hours = columns.arrived.map((arrived, n) => ({ arrived,
    at: new Date(begin + n * HOUR).toISOString(), failed: columns.failed[n],
    latency_us: columns.latency_us[n] }));
  const most = Math.max(0, ...hours.map((hour) => hour.latency_us ?? 0));
  return html`<svg class="spark" viewBox="0 0 ${hours.length * (WIDE + 2) - 2} ${TALL}"
    role="img" aria-label=${words(hours)} preserveAspectRatio="none">
    ${hours.map((hour, place) => bar(hour, place, most))}</svg>`;
}
