/* SPDX-License-Identifier: MIT */
/* One recipient: figures, habits, and the mails page by page. The address holds
   address and cursor. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { api } from '../parts/api.js';
import { eraseDialog } from '../parts/erase.js';
import { hoursView, hoursWords } from '../parts/hours.js';
import { icon } from '../parts/icons.js';
import { update } from '../parts/render.js';
import { go, href } from '../parts/router.js';
import { session } from '../parts/session.js';
import { failingView, loadingView } from '../parts/states.js';
import { number, percent, plural, spanWords, when, zone } from '../parts/time.js';
import { say, sayProblem } from '../parts/toast.js';
import { changeMail, isLeaving, trackRow } from '../parts/track.js';
import { SCORE_PARTS } from '../parts/words.js';

const PAGE = 20;

function tile(words, value, more = nothing) {
  return html`<div class="tile card"><dt>${words}</dt>
    <dd><strong>${value}</strong>${more}</dd></div>`;
}

function openedWords({ mails_opened: opened, mails_possible: possible }) {
  return html`<small class="faint">${number(opened)} opened${possible
    ? ` · ${number(possible)} nobody can tell` : ''}</small>`;
}

function tiles(person) {
  const median = person.median_first_open;
  return html`<dl class="tiles">
    ${tile('Mails', number(person.mails), openedWords(person))}
    ${tile('Open rate', percent(person.open_rate))}
    ${tile('Median time to open', median === null ? '–' : spanWords(median * 1000))}
    ${tile('Last open', person.last_open_at ? when(person.last_open_at)
      : 'none seen')}</dl>`;
}

function scoreView({ score }) {
  if (!score) {
    return html`<section class="card"><h2>Score</h2><p class="faint">None yet: of
      no mail one can tell whether it was opened.</p></section>`;
  }
  return html`<section class="card"><h2>Score</h2>
    <p class="score-of"><strong>${Math.round(score.value)}</strong> of 100</p>
    <ul class="bars">${SCORE_PARTS.map(([name, most, words, meaning]) => html`<li>
      <span class="bar-words">${words}</span>
      <span class="bar-number">${Math.round(score[name])} of ${most}</span>
      <progress max=${most} .value=${score[name]} aria-hidden="true"></progress>
      <small class="faint">${meaning}</small></li>`)}</ul></section>`;
}

function habits({ opening_hours: hours }) {
  return html`<section class="card habits"><h2>Usual opening hours</h2>
    <p class="faint">${hoursWords(hours)}</p>${hoursView(hours)}
    <small class="faint">When the newest 200 mails were first opened, in the hours
      of ${zone}.</small></section>`;
}

export function open(query, context) {
  const address = query.get('address') ?? '';
  let cursor = query.get('cursor') ?? '';
  let person = null;
  let tracks = [];
  let next = null;
  let problem = null;
  let loads = 0;
  const path = `recipients/${encodeURIComponent(address)}`;

  async function load() {
    const mine = ++loads;
    try {
      const [{ data }, later] = await Promise.all([
        api(path, { params: { tz: zone } }),
        cursor && api('tracks', { params: { recipient: address, cursor,
          limit: PAGE } })]);
      if (mine !== loads) return;
      [person, problem] = [data, null];
      tracks = later ? later.data : data.tracks;
      next = later ? later.next : data.tracks_next &&
        new URL(data.tracks_next).searchParams.get('cursor');
      page.title = person.name || person.address;
    } catch (error) {
      if (mine !== loads) return;
      problem = error;
      if (error.status === 404) {
        error.title = 'Nobody by this address';
        error.detail = `No mail to ${address || 'nobody'} is here.`;
        page.title = 'No such recipient';
      }
    }
    context.ready();
  }

  async function mute() {
    person.muted = !person.muted;
    update();
    try {
      const { data } = await api(path, { method: 'PATCH',
        json: { muted: person.muted } });
      person.muted = data.muted;
    } catch (error) {
      person.muted = !person.muted;
      sayProblem(error);
    }
    update();
  }

  async function erase() {
    const words = await eraseDialog(person);
    if (!words) return;
    go(href('recipients'));
    say(words, { seconds: 12 });
  }

  function heading() {
    return html`<div class="head mail-head"><div><h1>${person.name ||
        person.address}</h1>
      ${person.name ? html`<p class="faint">${person.address}</p>` : nothing}</div>
      <div class="actions">
        <button type="button" class="quiet" aria-pressed=${String(person.muted)}
          title=${person.muted ? 'Nobody is told of opens of mails to this address'
            : 'Tell nobody of opens of mails to this address alone'}
          @click=${mute}>${icon(person.muted ? 'mute' : 'bell')}${person.muted
            ? 'Muted' : 'Mute'}</button>
        ${session().isAdmin ? html`<button type="button" class="quiet danger"
          @click=${erase}>${icon('trash')}Erase</button>` : nothing}
      </div></div>`;
  }

  function pager() {
    const trail = history.state?.trail ?? [];
    if (!next && !cursor) return nothing;
    const link = (to) => href('recipient', { address, cursor: to });
    return html`<nav class="pager" aria-label="Pages of the list">
      ${cursor ? html`<a href=${link(trail.at(-1) ?? '')} .trail=${
        trail.slice(0, -1)}>${icon('back')} Newer</a>` : html`<span></span>`}
      ${next ? html`<a href=${link(next)} .trail=${[...trail, cursor]}>Older
        ${icon('forth')}</a>` : html`<span class="faint">That is all.</span>`}</nav>`;
  }

  function mailsView() {
    const mails = tracks.filter((track) => !isLeaving(track.id));
    const words = cursor ? 'Earlier mails' : next
      ? `The newest ${tracks.length} of ${plural(person.mails, 'mail')}` : 'Mails';
    return html`<h2 class="over-list">${words}</h2>
      <ul class="rows" aria-label="Mails">${repeat(mails, (track) => track.id,
        (track) => trackRow([track], update))}</ul>${pager()}`;
  }

  function content() {
    if (problem && (!person || problem.status === 404)) {
      return failingView(problem, problem.status === 404 ? null : load,
        { top: true });
    }
    if (!person) return loadingView(5, 'Loading the recipient');
    return html`${heading()}${tiles(person)}
      <div class="cards two">${scoreView(person)}${habits(person)}</div>
      ${mailsView()}`;
  }

  const page = {
    title: 'Recipient',
    view: () => html`<a class="back" href=${href('recipients')}>${icon('back')}
      Recipients</a>${content()}`,
    /* another page of the same person's mails; another person is another page */
    moved(now, { back }) {
      if ((now.get('address') ?? '') !== address) return false;
      cursor = now.get('cursor') ?? '';
      const y = history.state?.y ?? 0;
      load().then(() => requestAnimationFrame(() => {
        if (back) scrollTo(0, y);
        else document.querySelector('.over-list')?.scrollIntoView();
      }));
      return true;
    },
    changed(news) {
      const known = new Set(tracks.map((track) => track.id));
      if (news.incomplete || news.tracks.some((track) => known.has(track.id) ||
          track.recipients.some((one) => one.address === person?.address))) load();
    },
    reload: load,
    keys: {
      p() {
        const id = document.activeElement?.closest('.row')?.dataset.id;
        const track = tracks.find((one) => one.id === id);
        if (track) changeMail(track, { pinned: !track.pinned }, update);
      },
    },
  };
  load();
  return page;
}
