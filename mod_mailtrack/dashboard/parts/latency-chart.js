/* SPDX-License-Identifier: MIT */
/* Latency over time: the median, the band up to the 95th percentile, each probe
   where they are few enough, and the failures. */
import { html } from '../vendor/lit-html/lit-html.js';
import { chartView } from './chart.js';
import { colour } from './theme.js';
import { latencyWords } from './route-words.js';
import { DAY, HOUR, dateShort, dayField, fullTime, plural, when } from './time.js';

const STEPS = [HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY,
  14 * DAY, 30 * DAY, 61 * DAY];
const FINE = ['ok', 'slow'];

function tickStep(span) {
  return STEPS.find((step) => span / step <= 8) ?? STEPS.at(-1);
}

/* Ticks stand on local midnights or hours. */
function ticksOf(from, to) {
  const step = tickStep(to - from);
  const first = new Date(from);
  first.setHours(step >= DAY ? 0 : first.getHours(), 0, 0, 0);
  const ticks = [];
  for (let at = first.getTime(); at <= to; at += step) {
    if (at >= from && (step >= DAY || (at - first) % step === 0)) ticks.push({ value: at });
  }
  return ticks;
}

function tickWords(at, span) {
  const date = new Date(at);
  return span > 2 * DAY ? dateShort(dayField(date))
    : `${String(date.getHours()).padStart(2, '0')}:00`;
}

function pointsOf(data) {
  const arrived = [];
  const failed = [];
  for (const point of data.points) {
    const x = new Date(point.at).getTime();
    if (FINE.includes(point.outcome)) arrived.push({ x, y: point.latency_us / 1e6 });
    else if (point.outcome !== 'blind') {
      failed.push({ x, y: point.latency_us === null ? 0 : point.latency_us / 1e6,
        outcome: point.outcome });
    }
  }
  if (data.source === 'sums') {
    for (const band of data.bands.filter((one) => one.failed)) {
      failed.push({ x: new Date(band.at).getTime(), y: 0, count: band.failed });
    }
  }
  return { arrived, failed };
}

/* A gap of more than two bands is no line. */
function lineOf(data, name) {
  const width = data.band_seconds * 1000;
  const line = [];
  let last = null;
  for (const band of data.bands) {
    const x = new Date(band.at).getTime() + width / 2;
    if (last !== null && x - last > 2.5 * width) line.push({ x: last + width, y: null });
    if (band[name] !== null) line.push({ x, y: band[name] / 1e6 });
    last = x;
  }
  return line;
}

function datasets(data, colours) {
  const { arrived, failed } = pointsOf(data);
  const bad = colour('--mt-bad');
  const few = data.bands.length < 3;
  return [
    { label: 'Failed', data: failed, showLine: false, pointStyle: 'crossRot',
      pointRadius: 5, pointBorderWidth: 2, borderColor: bad, backgroundColor: bad },
    { label: 'Probes', data: arrived, showLine: false, pointRadius: arrived.length > 150
      ? 1.6 : 2.4, backgroundColor: colours.second, borderColor: colours.second },
    { label: 'Median', data: lineOf(data, 'p50_us'), borderColor: colours.accent,
      borderWidth: 2, pointRadius: few ? 3 : 0, fill: false, spanGaps: false },
    { label: '95 % within', data: lineOf(data, 'p95_us'), borderColor: colours.soft,
      backgroundColor: colours.soft, borderWidth: 1, pointRadius: 0, fill: '-1',
      spanGaps: false },
  ];
}

function config(data) {
  const [from, to] = [new Date(data.from).getTime(), new Date(data.to).getTime()];
  return (colours) => ({
    type: 'line',
    data: { datasets: datasets(data, colours) },
    options: {
      parsing: false, normalized: false,
      interaction: { mode: 'nearest', intersect: false },
      scales: {
        x: { type: 'linear', min: from, max: to, border: { display: false },
          grid: { display: false }, afterBuildTicks(axis) {
            axis.ticks = ticksOf(from, to);
          }, ticks: { color: colours.faint, maxRotation: 0, autoSkip: true,
            autoSkipPadding: 14, callback: (value) => tickWords(value, to - from) } },
        y: { beginAtZero: true, border: { display: false },
          grid: { color: colours.line, drawTicks: false },
          ticks: { color: colours.faint, padding: 8, maxTicksLimit: 6,
            callback: (value) => (value ? latencyWords(value * 1e6) : '0') } },
      },
      plugins: {
        legend: { display: false },
        tooltip: { backgroundColor: colours.text, titleColor: colours.card,
          bodyColor: colours.card, padding: 10, cornerRadius: 8, boxPadding: 4,
          callbacks: {
            title: (items) => fullTime(new Date(items[0].parsed.x).toISOString()),
            label: ({ dataset, raw, parsed }) => (dataset.label === 'Failed'
              ? raw.count ? plural(raw.count, 'probe') + ' failed' : raw.outcome
              : `${dataset.label}: ${latencyWords(parsed.y * 1e6)}`) } },
      },
    },
  });
}

function table(data) {
  return html`<details class="figures"><summary>Figures as a table</summary>
    <div class="scroller" tabindex="0" role="region" aria-label="Latency as a table"><table>
      <thead><tr><th scope="col">From</th><th scope="col">Median</th>
        <th scope="col">95 % within</th><th scope="col">Arrived</th>
        <th scope="col">Failed</th></tr></thead>
      <tbody>${[...data.bands].reverse().map((band) => html`<tr>
        <th scope="row">${when(band.at)}</th><td>${latencyWords(band.p50_us)}</td>
        <td>${latencyWords(band.p95_us)}</td><td>${band.arrived}</td>
        <td>${band.failed}</td></tr>`)}</tbody></table></div></details>`;
}

export function latencyChart(data) {
  const failed = data.bands.reduce((sum, band) => sum + band.failed, 0);
  const words = `Latency over time: ${plural(data.bands.length, 'interval')}, ${failed
    ? `${plural(failed, 'probe')} failed` : 'none failed'}`;
  /* drawn again when a probe is new, not because time goes by */
  const key = [data.band_seconds, data.bands.length, data.bands[0]?.at,
    data.points.length, data.points.at(-1)?.at, failed,
    ...Object.values(data.outcomes)].join(' ');
  return html`${chartView(words, key, config(data), 'latency')}
    <p class="legend aside"><span><i class="accent"></i>Median</span>
      <span><i class="soft"></i>95 % within</span>
      ${data.source === 'probes' ? html`<span><i></i>Probes</span>` : ''}
      <span><i class="bad"></i>Failed</span></p>${table(data)}`;
}
