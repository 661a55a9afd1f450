/* SPDX-License-Identifier: MIT */
/*
 * Chart.js, loaded when the first chart is wanted, in the colours of the theme.
 * Each chart has words for those who cannot see it; its figures are in a table
 * beside it. The libraries are classic scripts that put themselves into
 * globalThis, which they also do when they are imported.
 */
import { html, noChange } from '../vendor/lit-html/lit-html.js';
import { AsyncDirective } from '../vendor/lit-html/async-directive.js';
import { directive } from '../vendor/lit-html/directive.js';
import { colour, onTheme } from './theme.js';

let library = null;

function chartLibrary() {
  library ??= import('../vendor/chart/chart.umd.min.js').then(() => {
    const { Chart } = globalThis;
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 12;
    Chart.defaults.animation = false;
    Chart.defaults.maintainAspectRatio = false;
    return Chart;
  });
  return library;
}

let geo = null;
export function geoLibrary() {
  geo ??= chartLibrary().then(() => import('../vendor/chart/geo.umd.min.js'))
    .then(() => globalThis.ChartGeo);
  return geo;
}

export function palette() {
  return {
    accent: colour('--mt-accent'), soft: colour('--mt-accent', 0.18),
    second: colour('--mt-second'), secondSoft: colour('--mt-second', 0.5),
    text: colour('--mt-text'), faint: colour('--mt-faint'),
    line: colour('--mt-line'), card: colour('--mt-card'),
    none: colour('--mt-none'),
  };
}

class ChartDirective extends AsyncDirective {
  update(part, [config, key]) {
    if (this.canvas === part.element && this.key === key) return noChange;
    this.canvas = part.element;
    this.config = config;
    this.key = key;
    this.forget ??= onTheme(() => this.draw());
    this.draw();
    return noChange;
  }

  async draw() {
    const turn = this.turn = (this.turn ?? 0) + 1;
    const Chart = await chartLibrary();
    const config = await this.config(palette());
    if (turn !== this.turn || !this.canvas?.isConnected) return;
    this.chart?.destroy();
    this.chart = new Chart(this.canvas, config);
  }

  disconnected() {
    this.turn = (this.turn ?? 0) + 1;
    this.chart?.destroy();
    this.chart = null;
    this.forget?.();
    this.forget = null;
  }

  reconnected() {
    this.forget ??= onTheme(() => this.draw());
    this.draw();
  }
}
const draws = directive(ChartDirective);

/* config(palette) gives Chart.js's configuration; it is asked again when key is
   another one or the theme changes. */
export function chartView(words, key, config, kind = '') {
  return html`<div class="chart ${kind}"><canvas role="img" aria-label=${words}
    ${draws(config, key)}></canvas></div>`;
}
