/* SPDX-License-Identifier: MIT */
/*
 * The frame: who is signed in, which page the address names, and what is
 * around every page. A page is a module that exports open(query, context) and
 * gives back {title, view(), moved?(query), changed?(news), keys?, left?()};
 * moved gives false when the address is another page's. To add a page, put it
 * into PAGES.
 */
import { html, nothing } from './vendor/lit-html/lit-html.js';
import { keyed } from './vendor/lit-html/directives/keyed.js';
import * as alerts from './pages/alerts.js';
import * as analytics from './pages/analytics.js';
import * as channels from './pages/channels.js';
import * as delivery from './pages/delivery.js';
import * as mail from './pages/mail.js';
import * as mails from './pages/mails.js';
import * as monitor from './pages/monitor.js';
import * as recipient from './pages/recipient.js';
import * as recipients from './pages/recipients.js';
import * as settings from './pages/settings.js';
import * as signIn from './pages/sign-in.js';
import { health, onSignedOut } from './parts/api.js';
import { icon } from './parts/icons.js';
import { showKeys, startKeys } from './parts/keys.js';
import { isStale, startLive, stopLive } from './parts/live.js';
import { openNewMail } from './parts/new-mail.js';
import { start, update } from './parts/render.js';
import { here, href, keptScroll, startRouter } from './parts/router.js';
import { loadSession, session, signOut } from './parts/session.js';
import { failingView, loadingView } from './parts/states.js';
import { setTheme, theme } from './parts/theme.js';
import { say, sayProblem, toastView } from './parts/toast.js';
import { subjectWords } from './parts/words.js';

const PAGES = { mails, mail, analytics, recipients, recipient, delivery, monitor, alerts,
  channels, settings };
const NAVIGATION = [
  ['mails', 'Mails', ['mails', 'mail']],
  ['analytics', 'Analytics', ['analytics']],
  ['recipients', 'Recipients', ['recipients', 'recipient']],
  ['delivery', 'Delivery', ['delivery', 'monitor', 'alerts', 'channels']],
  ['settings', 'Settings', ['settings']],
];
const THEMES = [['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']];

let page = null;          /* the open page, {name, title, view...} */
let opened = 0;           /* counts pages: each has its own DOM */
let startProblem = null;
let geolite = false;

/* -- pages ------------------------------------------------------------------ */

function openPage({ back = false } = {}) {
  const { page: name, query } = here();
  if (!session() || !PAGES[name]) return;
  page?.left?.();
  opened++;
  const scroll = back ? keptScroll() : 0;
  let placed = false;
  const context = {
    newMail: () => openNewMail(() => page?.reload?.()),
    /* called when a page first shows its content: then it can be scrolled */
    ready() {
      update();
      if (placed) return;
      placed = true;
      if (scroll) requestAnimationFrame(() => scrollTo(0, scroll));
    },
  };
  page = PAGES[name].open(query, context);
  page.name = name;
  if (!back) scrollTo(0, 0);
  update();
}

function moved({ back }) {
  const { page: name, query } = here();
  if (page && page.name === name && page.moved &&
      page.moved(query, { back }) !== false) {
    update();
    return;
  }
  openPage({ back });
  document.getElementById('main')?.focus({ preventScroll: true });
}

/* -- news ------------------------------------------------------------------- */

function tellOpens({ opens }) {
  const real = opens.filter((open) => open.is_real_open && !open.muted);
  if (!real.length) return;
  if (real.length > 2) {
    say(`${real.length} opens just now.`);
    return;
  }
  for (const open of real) {
    const who = open.recipient.replace(/\s*<[^>]*>/g, '').replace(/^"|"$/g, '');
    say(`${who} opened “${subjectWords(open.subject)}”.`,
      { link: href('mail', { id: open.track_id }) });
  }
}

function changed(news) {
  tellOpens(news);
  page?.changed?.(news);
  update();
}

/* -- in and out -------------------------------------------------------------- */

function signedIn() {
  startLive(changed);
  openPage();
  health().then((state) => {
    geolite = /^GeoLite2/.test(state.geoip?.type ?? '');
    update();
  }, () => {});
}

function signedOut() {
  stopLive();
  page?.left?.();
  page = null;
  update();
}

async function leave() {
  try {
    await signOut();
    signedOut();
  } catch (problem) {
    sayProblem(problem);
  }
}

async function begin() {
  startProblem = null;
  update();
  try {
    await loadSession();
    if (session()) signedIn();
  } catch (problem) {
    startProblem = problem;
  }
  update();
}

/* -- the frame ---------------------------------------------------------------- */

function navigation() {
  return html`<nav class="pages" aria-label="Pages"><ul>
    ${NAVIGATION.map(([name, words, names]) => html`<li><a href=${href(name)}
      aria-current=${names.includes(page?.name) ? 'page' : nothing}
      >${icon(name)}<span>${words}</span></a></li>`)}</ul></nav>`;
}

function themeSwitch() {
  const at = THEMES.findIndex(([name]) => name === theme());
  const [nextName, nextWords] = THEMES[(at + 1) % THEMES.length];
  const icons = { system: 'system', light: 'sun', dark: 'moon' };
  return html`<button type="button" class="plain" @click=${() =>
    setTheme(nextName)} title="Theme: ${THEMES[at][1].toLowerCase()}"
    aria-label="Theme: ${THEMES[at][1].toLowerCase()}. Change to: ${
      nextWords.toLowerCase()}">${icon(icons[theme()])}</button>`;
}

function side() {
  const name = session().username;
  return html`<header class="side">
    <a class="brand" href="./"><img src="img/logo.svg" alt="" width="30"
      height="30"><span>Mailtrack</span></a>
    <button type="button" class="new" @click=${() =>
      openNewMail(() => page?.reload?.())}>${icon('plus')}<span>New tracked
      mail</span></button>
    ${navigation()}
    <div class="side-foot">
      ${name ? html`<span class="who-am-i" title="Signed in as ${name}"
        >${name}</span>` : nothing}
      ${themeSwitch()}
      <button type="button" class="plain wide-only" aria-label="Keyboard help"
        title="Keyboard help (?)" @click=${showKeys}>${icon('help')}</button>
      ${session().byCookie ? html`<button type="button" class="plain"
        aria-label="Sign out" title="Sign out" @click=${leave}
        >${icon('leave')}</button>` : nothing}
    </div></header>`;
}

function lost() {
  return html`<div class="empty"><h1>There is no such page</h1>
    <p><a href="./">To the mails</a></p></div>`;
}

function frame() {
  const content = page ? keyed(opened, page.view()) : lost();
  return html`<a class="skip" href="#main">To the content</a>
    ${side()}
    <div class="content">
      ${isStale() ? html`<p class="stale" role="status">${icon('alert')} No
        connection to the server: what you see may be old.</p>` : nothing}
      <main id="main" tabindex="-1">${content}</main>
      <footer class="foot"><span>Mailtrack · <a href="api/openapi.json"
        target="_blank">API</a></span>
        ${geolite ? html`<span>Places by GeoLite2 Data, created by MaxMind,
          available from <a href="https://www.maxmind.com" rel="noreferrer"
          target="_blank">maxmind.com</a>.</span>` : nothing}</footer>
    </div>${toastView()}`;
}

function view() {
  document.title = session() && page ? `${page.title} · Mailtrack` : 'Mailtrack';
  if (startProblem) {
    return html`<main class="alone">${failingView(startProblem, begin,
      { top: true })}</main>`;
  }
  if (session() === undefined) {
    return html`<main class="alone">${loadingView(3)}</main>`;
  }
  if (!session()) {
    return html`<main class="alone">${signIn.view(signedIn)}</main>
      ${toastView()}`;
  }
  return frame();
}

startRouter(Object.keys(PAGES), moved);
startKeys(() => (session() ? {
  n: () => openNewMail(() => page?.reload?.()),
  ...page?.keys,
} : {}));
onSignedOut((problem) => {
  if (!session()) return;
  signIn.say(problem.detail);
  loadSession().catch(() => {}).finally(() => {
    if (!session()) signedOut();
  });
});
start(view, document.getElementById('app'));
begin();

