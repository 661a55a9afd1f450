/* SPDX-License-Identifier: MIT */
/* Settings: how it looks, signing in and where one is, keys, and how the server
   is. The larger parts are in settings-*.js. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { api, health } from '../parts/api.js';
import { confirmDialog } from '../parts/dialog.js';
import { icon } from '../parts/icons.js';
import { update } from '../parts/render.js';
import { session, signOut } from '../parts/session.js';
import { number, plural, when } from '../parts/time.js';
import { setTheme, theme } from '../parts/theme.js';
import { say, sayProblem } from '../parts/toast.js';
import { deviceWords } from '../parts/words.js';
import { extensionView, startExtension } from './settings-extension.js';
import { keysView, loadKeys } from './settings-keys.js';
import { loadNotify, notifyView } from './settings-notify.js';
import { securityView } from './settings-totp.js';

const THEMES = [['system', 'As the system', 'system'], ['light', 'Light', 'sun'],
  ['dark', 'Dark', 'moon']];
const PLACES = { off: 'none', absent: 'not there', broken: 'not readable',
  ok: 'in use' };

/* A part of the page that loads by itself: {data, problem}. */
async function fill(part, path) {
  try {
    part.data = (await api(path)).data;
    part.problem = null;
  } catch (problem) {
    part.problem = problem;
  }
  update();
}

function partView(part, shown) {
  if (part.problem) return html`<p class="problem">${part.problem.detail}</p>`;
  if (!part.data) return html`<p class="faint" role="status">Loading…</p>`;
  return shown(part.data);
}

/* -- looks ------------------------------------------------------------------- */

function looks() {
  return html`<section class="card" aria-labelledby="set-looks">
    <h2 id="set-looks">Appearance</h2>
    <fieldset class="choices"><legend class="hidden">Theme</legend>
      ${THEMES.map(([name, words, image]) => html`<label><input type="radio"
        name="theme" .checked=${theme() === name} @change=${() => setTheme(name)}
        >${icon(image)}<span>${words}</span></label>`)}</fieldset></section>`;
}

/* -- sessions ---------------------------------------------------------------- */

const sessions = { data: null, problem: null };
const loadSessions = () => fill(sessions, 'sessions');

async function end(entry) {
  try {
    await api(`sessions/${entry.id}`, { method: 'DELETE' });
    say('Signed out there.');
  } catch (problem) {
    sayProblem(problem);
  }
  loadSessions();
}

async function endAll() {
  if (!await confirmDialog('Sign out everywhere?', 'Every browser you are ' +
    'signed in with has to sign in again, this one too.', 'Sign out')) return;
  try {
    await signOut(true);
    location.reload();
  } catch (problem) {
    sayProblem(problem);
  }
}

function sessionRow(entry) {
  return html`<li><span class="entry-icon">${icon(
    /Mobile|Android|iPhone/.test(entry.user_agent) ? 'device' : 'system')}</span>
    <div><b>${deviceWords(entry.user_agent)}</b>
      <span class="faint">${entry.ip_address} · signed in
        ${when(entry.created_at)} · last used ${when(entry.seen_at)}</span></div>
    ${entry.current ? html`<span class="badge opened">This one</span>`
      : html`<button type="button" class="quiet small" @click=${() => end(entry)}
        >Sign out</button>`}</li>`;
}

function sessionsView() {
  return html`<section class="card" aria-labelledby="set-sessions">
    <h2 id="set-sessions">Where you are signed in</h2>
    ${partView(sessions, (list) => html`<ul class="entries">
      ${list.map(sessionRow)}</ul>
      <button type="button" class="quiet danger" @click=${endAll}>Sign out
        everywhere</button>`)}</section>`;
}

/* -- the server --------------------------------------------------------------- */

const server = { data: null, problem: null };

async function loadServer() {
  try {
    server.data = await health();
  } catch {
    server.problem = { detail: 'The server does not say how it is.' };
  }
  update();
}

function serverView() {
  return html`<section class="card" aria-labelledby="set-server">
    <h2 id="set-server">Server</h2>
    ${partView(server, (state) => html`<dl class="facts">
      <div><dt>State</dt><dd>${state.status === 'ok' ? 'in order'
        : state.database.detail ?? 'degraded'}</dd></div>
      <div><dt>Version</dt><dd>${state.version}</dd></div>
      <div><dt>Rules</dt><dd>${plural(state.rules.count, 'rule')}</dd></div>
      <div><dt>Place database</dt><dd>${state.geoip.type ??
        PLACES[state.geoip.status]}${state.geoip.built_at ? html`, of ${when(state.geoip.built_at)}`
          : nothing}</dd></div>
      ${state.spool.lost ? html`<div><dt>Hits lost</dt>
        <dd>${number(state.spool.lost)}</dd></div>` : nothing}</dl>
      ${state.geoip.status === 'off' ? html`<p class="faint">Opens have a place
        once <code>MailtrackGeoIP</code> in httpd's configuration names a database
        in MaxMind's format, such as GeoLite2 City.</p>` : nothing}`)}
    </section>`;
}

export function open(query, context) {
  if (session().byCookie) {
    loadSessions();
    loadNotify();
  }
  if (session().mayWrite) loadKeys();
  loadServer();
  startExtension();
  queueMicrotask(context.ready);
  return {
    title: 'Settings',
    view: () => html`<div class="head"><h1>Settings</h1></div>
      <div class="settings">
        ${session().username ? html`<p class="faint">Signed in as
          <b>${session().username}</b>${session().isAdmin ? ', an administrator'
            : ''}.</p>` : nothing}
        ${looks()}
        ${session().byCookie ? html`${notifyView()}${securityView()}${
          sessionsView()}` : nothing}
        ${session().mayWrite ? html`${extensionView()}${keysView()}` : nothing}${serverView()}</div>`,
    reload: () => {},
  };
}
