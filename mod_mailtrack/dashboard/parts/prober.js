/* SPDX-License-Identifier: MIT */
/* The tabs of the delivery pages, and what to do when no mailprobe runs. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { icon } from './icons.js';
import { href } from './router.js';
import { when } from './time.js';

const TABS = [['delivery', 'Monitors'], ['alerts', 'Alerts'], ['channels', 'Channels']];

export function deliveryTabs(page, open = 0) {
  return html`<nav class="tabs" aria-label="Delivery">${TABS.map(([name, words]) =>
    html`<a href=${href(name)} aria-current=${name === page ? 'true' : nothing}
      >${words}${name === 'alerts' && open ? html` <b class="count">${open}<span
        class="hidden"> open</span></b>` : nothing}</a>`)}</nav>`;
}

const START = `mailprobe --check
systemctl enable --now mailprobe`;

export function startView() {
  return html`<p>On the server, put your mail accounts into
      <code>/etc/mailtrack/mailprobe.yaml</code>, look whether all of it works, and
      start it:</p>
    <pre tabindex="0" aria-label="Commands"><code>${START}</code></pre>`;
}

/* Nothing while one is at work. */
export function proberNotice(prober) {
  if (!prober || prober.status === 'up' || prober.status === 'unknown') return nothing;
  return html`<section class="notice card" role="status">
    <h2>${icon('alert')} mailprobe is not running</h2>
    ${prober.status === 'down' ? html`<p>It ended without a word
        ${when(prober.gone_at)}. What you see here is as it was then, and nobody is
        told of anything until it runs again: <code>systemctl status mailprobe</code>
        says why it ended.</p>`
      : html`<p>It sends the probes, watches them arrive and delivers every
          message; without it nothing here changes.</p>${startView()}`}</section>`;
}
