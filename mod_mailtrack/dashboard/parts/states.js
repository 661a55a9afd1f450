/* SPDX-License-Identifier: MIT */
/* Empty, loading and failing: the three states every page has. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { icon } from './icons.js';

export function loadingView(rows = 6, words = 'Loading') {
  return html`<div class="skeleton" role="status" aria-label=${words}>
    ${Array.from({ length: rows }, () => html`<div class="bone"><i></i><b></b><s></s></div>`)}
  </div>`;
}

export function emptyView(title, words, more = nothing) {
  return html`<div class="empty">
    <svg class="empty-art" viewBox="0 0 120 80" aria-hidden="true">
      <rect x="18" y="16" width="84" height="54" rx="9"/>
      <path d="m20 22 36 27a7 7 0 0 0 8 0l36-27"/>
      <circle cx="102" cy="16" r="8"/></svg>
    <h2>${title}</h2><p>${words}</p>${more}</div>`;
}

/* top: the page has no other heading. */
export function failingView(problem, again, { top = false } = {}) {
  const title = problem.status === 0 ? 'No answer'
    : problem.status >= 500 ? 'The server could not do this' : problem.title || 'This did not work';
  return html`<div class="empty failing" role="alert">
    ${icon('alert')}
    ${top ? html`<h1>${title}</h1>` : html`<h2>${title}</h2>`}
    <p>${problem.detail}</p>
    ${problem.remedy ? html`<p>What mends it, on the server:</p>
      <pre><code>${problem.remedy}</code></pre>` : nothing}
    ${again ? html`<button type="button" @click=${again}>Try again</button>`
      : nothing}</div>`;
}
