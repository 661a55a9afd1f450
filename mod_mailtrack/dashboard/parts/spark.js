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
  if (!hours.length) return 'No probes within 24 hours';
  return `The last 24 hours: ${failed ? `${plural(failed, 'probe')} failed`
    : 'no probe failed'}, ${latencyWords(slowest)} in the slowest hour`;
}

/* Heights by the square root, so that one slow hour does not flatten the rest. */
function bar(hour, place, most) {
  const x = place * (WIDE + 2);
  const share = hour.latency_us === null || !most ? 0
    : Math.sqrt(hour.latency_us / most);
  const height = hour.failed && !hour.arrived ? TALL : Math.max(3, share * TALL);
  return svg`<rect class=${hour.failed ? 'bad' : ''} x=${x} y=${TALL - height}
    width=${WIDE} height=${height} rx="1.500"><title>${
    clockTime(hour.at)}: ${hour.arrived ? latencyWords(hour.latency_us) : 'none arrived'}${
    hour.failed ? `, ${hour.failed} failed` : ''}</title></rect>`;
}

export function sparkView(hours) {
  const begin = Math.floor(Date.now() / HOUR) - 23;
  const most = Math.max(0, ...hours.map((hour) => hour.latency_us ?? 0));
  const at = new Map(hours.map((hour) =>
    [Math.floor(new Date(hour.at) / HOUR) - begin, hour]));
  return html`<svg class="spark" viewBox="0 0 ${24 * (WIDE + 2) - 2} ${TALL}"
    role="img" aria-label=${words(hours)} preserveAspectRatio="none">
    ${Array.from({ length: 24 }, (_, place) => (at.has(place)
      ? bar(at.get(place), place, most)
      : svg`<rect class="none" x=${place * (WIDE + 2)} y=${TALL - 2} width=${WIDE}
          height="2" rx="1"></rect>`))}</svg>`;
}
