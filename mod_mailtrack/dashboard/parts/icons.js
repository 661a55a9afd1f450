/* SPDX-License-Identifier: MIT */
/* Line icons on a 24-unit grid, drawn for Mailtrack. Always decoration: the
   words are beside them or in an aria-label. */
import { html, svg } from '../vendor/lit-html/lit-html.js';

const paths = {
  mails: svg`<rect x="3" y="5" width="18" height="14" rx="2.500"/><path d="m3.500 7.500 8.500 6 8.500-6"/>`,
  analytics: svg`<path d="M4 20h16M7 16v-4M12 16V6M17 16v-7"/>`,
  recipients: svg`<circle cx="9" cy="8" r="3.500"/><path d="M2.500 20c.5-4 3-6 6.500-6s6 2 6.500 6M16 4.800a3.500 3.500 0 0 1 0 6.400M18.500 14.500c1.800.9 2.700 2.700 3 5.500"/>`,
  settings: svg`<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  search: svg`<circle cx="11" cy="11" r="6.500"/><path d="m20 20-4.300-4.300"/>`,
  pin: svg`<path d="M9 4h6l-.7 6 3.200 3.500h-11L9.700 10zM12 13.500V20"/>`,
  trash: svg`<path d="M4 7h16M9.500 7V4.500h5V7M6.500 7l.8 12.500h9.400L17.500 7M10 11v5M14 11v5"/>`,
  copy: svg`<rect x="8.500" y="8.500" width="11" height="11" rx="2"/><path d="M15.500 8.500v-2a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2"/>`,
  check: svg`<path d="m5 12.500 4.500 4.500L19 7.500"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  back: svg`<path d="M19 12H5M11 6l-6 6 6 6"/>`,
  forth: svg`<path d="M5 12h14M13 6l6 6-6 6"/>`,
  away: svg`<path d="M10 5H6.500A1.500 1.500 0 0 0 5 6.500v11A1.500 1.500 0 0 0 6.500 19h11a1.500 1.500 0 0 0 1.500-1.500V14M14 5h5v5M19 5l-8 8"/>`,
  download: svg`<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/>`,
  edit: svg`<path d="M4 20h4L19 9l-4-4L4 16zM13 7l4 4"/>`,
  sun: svg`<circle cx="12" cy="12" r="4"/><path d="M12 2.500v2.500M12 19v2.500M2.500 12H5M19 12h2.500M5.300 5.300 7 7M17 17l1.700 1.700M5.300 18.700 7 17M17 7l1.700-1.700"/>`,
  moon: svg`<path d="M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z"/>`,
  system: svg`<rect x="3" y="4.500" width="18" height="12" rx="2"/><path d="M9 20h6M12 16.500V20"/>`,
  help: svg`<circle cx="12" cy="12" r="9"/><path d="M9.500 9.500a2.500 2.500 0 1 1 3.600 2.200c-.8.4-1.100 1-1.100 1.800M12 16.800v.1"/>`,
  leave: svg`<path d="M14 4.500h-7A1.500 1.500 0 0 0 5.500 6v12A1.500 1.500 0 0 0 7 19.500h7M10 12h11M17.500 8l4 4-4 4"/>`,
  human: svg`<path d="M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12z"/><circle cx="12" cy="12" r="3"/>`,
  proxied: svg`<path d="M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12z"/><circle cx="12" cy="12" r="3"/>`,
  prefetch: svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 7.500V12l3 2"/>`,
  scanner: svg`<path d="M12 3.500 5 6v5.500c0 4.500 2.800 7.500 7 9 4.200-1.500 7-4.500 7-9V6z"/><path d="m9 12 2.200 2.200L15.200 10"/>`,
  bot: svg`<rect x="5" y="8" width="14" height="11" rx="3"/><path d="M12 4.500V8M9.500 13v.5M14.500 13v.5M2.500 12.500v3M21.500 12.500v3"/>`,
  self: svg`<path d="M4 20h4L19 9l-4-4L4 16zM13 7l4 4"/>`,
  place: svg`<path d="M12 21c4.500-5 7-8.300 7-11.500a7 7 0 0 0-14 0C5 12.700 7.500 16 12 21z"/><circle cx="12" cy="9.500" r="2.500"/>`,
  alert: svg`<path d="M12 4 2.500 20h19zM12 10v5M12 17.500v.1"/>`,
  clock: svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 7.500V12l3 2"/>`,
  bell: svg`<path d="M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 1.500h-15zM10 20.500a2.200 2.200 0 0 0 4 0"/>`,
  mute: svg`<path d="M6 16.500V11c0-1 .2-1.900.6-2.700M9 5.800a6 6 0 0 1 9 5.200v3M16.500 18h-12L6 16.500M10 20.500a2.200 2.200 0 0 0 4 0M4 4l16 16"/>`,
  key: svg`<circle cx="8" cy="15.500" r="4.500"/><path d="m11.500 12.500 8-8M16 8l3 3"/>`,
  delivery: svg`<path d="M3 12h4l2.500-6 5 12 2.500-6h4"/>`,
  question: svg`<circle cx="12" cy="12" r="8.500"/><path d="M9.700 9.700a2.400 2.400 0 1 1 3.400 2.100c-.8.4-1.100 1-1.100 1.700M12 16.500v.1"/>`,
  spam: svg`<path d="M8.500 3.500h7l5 5v7l-5 5h-7l-5-5v-7zM12 8v5M12 16v.1"/>`,
  bounce: svg`<path d="M20 18v-4a4 4 0 0 0-4-4H4.500M9 5.500 4.500 10 9 14.500"/>`,
  blind: svg`<path d="M4 4l16 16M9.900 5.700a9.500 9.500 0 0 1 2.100-.2c6 0 9.500 6.500 9.500 6.500a17 17 0 0 1-3 3.600M6.200 7.300A16 16 0 0 0 2.500 12s3.500 6.500 9.500 6.500a9 9 0 0 0 4-.9M10 10a3 3 0 0 0 4.100 4.100"/>`,
  pause: svg`<path d="M8.500 5.500v13M15.500 5.500v13"/>`,
  play: svg`<path d="M7.500 5v14l11-7z"/>`,
  more: svg`<path d="M5 12h.1M12 12h.1M19 12h.1" stroke-width="3"/>`,
  house: svg`<path d="M4 11.500 12 4.500l8 7M6 10v9.500h12V10M10 19.500v-5h4v5"/>`,
  send: svg`<path d="M21 3 10.500 13.500M21 3l-6.500 18-4-7.500L3 9.500z"/>`,
  lock: svg`<rect x="5" y="10.500" width="14" height="9.500" rx="2"/><path d="M8 10.500V8a4 4 0 0 1 8 0v2.500"/>`,
  device: svg`<rect x="7" y="3" width="10" height="18" rx="2.500"/><path d="M11 18h2"/>`,
};

export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"
    focusable="false">${paths[name]}</svg>`;
}
