/* SPDX-License-Identifier: MIT */
/*
 * Mails: the list, pinned ones on top, newest first, in pages. The address
 * holds the whole view: q, state, from, to, cursor. What is new comes by
 * itself: rows change where they stand, new mails are put on top only where
 * nothing jumps, otherwise a button offers them.
 */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { live } from '../vendor/lit-html/directives/live.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { Problem, api, apiUrl } from '../parts/api.js';
import { icon } from '../parts/icons.js';
import { newForm, newMailForm, pictureView } from '../parts/new-mail.js';
import { update } from '../parts/render.js';
import { go, href } from '../parts/router.js';
import { emptyView, failingView, loadingView } from '../parts/states.js';
import { DAY, dateShort, dayField, dayStart, plural } from '../parts/time.js';
import { changeMail, isLeaving, trackRow } from '../parts/track.js';
import { STATES } from '../parts/words.js';

const PAGE = 50;
const FLASH = 4000;

function readQuery(query) {
  const day = (name) => /^\d{4}-\d\d-\d\d$/.test(query.get(name) ?? '')
    ? query.get(name) : '';
  return { q: query.get('q') ?? '',
    state: query.get('state') in STATES ? query.get('state') : '',
    from: day('from'), to: day('to'), cursor: query.get('cursor') ?? '' };
}

function parameters(at) {
  return { search: at.q, filter: at.state,
    since: at.from && dayStart(at.from), until: at.to && dayStart(at.to, 1),
    sort: 'pinned_first' };
}

/* Mails of a group become one entry, where the newest of them stands. */
function fold(tracks) {
  const groups = new Map();
  const entries = [];
  for (const track of tracks) {
    const group = track.message_group_id;
    if (group && groups.has(group)) {
      groups.get(group).push(track);
      continue;
    }
    const entry = [track];
    if (group) groups.set(group, entry);
    entries.push(entry);
  }
  return entries;
}

export function open(query, context) {
  let at = readQuery(query);
  let pinned = [];
  let tracks = [];
  let next = null;
  let state = 'loading';
  let problem = null;
  let loads = 0;
  let waiting = 0;          /* new mails the list does not show yet */
  let typing = 0;
  let abort = null;
  const flashing = new Map();
  let form = newForm();
  let guided = null;        /* the first mail, until it is hit */

  const isFiltered = () => Boolean(at.q || at.state || at.from || at.to);

  /* A group that goes over the end of a page is shown whole, on the page where
     it begins. */
  async function wholeGroups(list, more, signal) {
    let mails = list;
    const group = more && list.at(-1)?.message_group_id;
    if (group) {
      const { data } = await api('tracks', { signal,
        params: { message_group_id: group, limit: 200, ...parameters(at) } });
      const seen = new Set(mails.map((track) => track.id));
      mails = [...mails, ...data.filter((track) => !seen.has(track.id) &&
        !track.pinned)];
    }
    const first = at.cursor && list[0]?.message_group_id;
    if (first) {
      const { data } = await api('tracks', { signal,
        params: { message_group_id: first, limit: 200, ...parameters(at) } });
      const seen = new Set(list.map((track) => track.id));
      const begins = data.findIndex((track) => seen.has(track.id));
      if (data.slice(0, begins).some((track) => !track.pinned)) {
        mails = mails.filter((track) => track.message_group_id !== first);
      }
    }
    return mails;
  }

  async function load({ quiet = false } = {}) {
    const mine = ++loads;
    abort?.abort();
    abort = new AbortController();
    const { signal } = abort;
    if (!quiet) state = 'loading';
    try {
      if (at.from && at.to && at.from > at.to) {
        throw new Problem(422, 'The first day is after the last one.',
          { title: 'These days do not fit' });
      }
      const list = await api('tracks', { signal, params: { ...parameters(at),
        limit: PAGE, cursor: at.cursor } });
      const others = await wholeGroups(list.data.filter((t) => !t.pinned),
        list.next, signal);
      if (mine !== loads) return;
      pinned = list.data.filter((track) => track.pinned);
      [tracks, next] = [others, list.next];
      [state, problem, waiting] = ['ready', null, 0];
      const all = [...pinned, ...tracks];
      guided = !isFiltered() && !at.cursor && all.length === 1 &&
        all[0].open_count === 0 ? all[0] : null;
    } catch (error) {
      if (error.name === 'AbortError' || mine !== loads) return;
      [state, problem] = ['failing', error];
    }
    context.ready();
  }

  function show(fields, options) {
    go(href('mails', { ...at, cursor: '', ...fields }), options);
  }

  /* -- news ---------------------------------------------------------------- */

  function changed(news) {
    if (state !== 'ready') return;
    if (news.incomplete) {
      load({ quiet: true });
      return;
    }
    const known = new Map([...pinned, ...tracks].map((t) => [t.id, t]));
    const hit = new Set(news.opens.filter((open) => open.counts !== 'none')
      .map((open) => open.track_id));
    const added = [];
    for (const track of news.tracks) {
      const mine = known.get(track.id);
      if (mine) Object.assign(mine, track);
      else if (!tracks.length || track.created_at > tracks[0].created_at) {
        added.push(track);
      }
      if (mine && hit.has(track.id)) flash(track.id);
      if (guided?.id === track.id && track.open_count) guided = null;
    }
    if (added.length) welcome(added);
  }

  function flash(id) {
    clearTimeout(flashing.get(id));
    flashing.set(id, setTimeout(() => {
      flashing.delete(id);
      update();
    }, FLASH));
  }

  function welcome(added) {
    if (isFiltered() || at.cursor || scrollY > 80) {
      waiting += added.length;
      return;
    }
    load({ quiet: true });
    for (const track of added) flash(track.id);
  }

  /* -- view ---------------------------------------------------------------- */

  function searched(event) {
    const q = event.target.value.trim();
    clearTimeout(typing);
    typing = setTimeout(() => {
      if (q !== at.q) show({ q }, { replace: true });
    }, 250);
  }

  function filters() {
    const tabs = [['', 'All'], ...Object.entries(STATES)];
    return html`<search class="filters">
      <label class="search">${icon('search')}<span class="hidden">Search
        recipient, subject and notes</span>
        <input type="search" maxlength="256" placeholder="Search"
          .value=${live(document.activeElement?.type === 'search'
            ? document.activeElement.value : at.q)}
          @input=${searched} @search=${searched}></label>
      <nav class="tabs" aria-label="State">${tabs.map(([name, words]) => html`<a
        href=${href('mails', { ...at, cursor: '', state: name })}
        aria-current=${at.state === name ? 'true' : nothing}>${words}</a>`)}</nav>
      ${dateMenu()}
      <a class="icon-link" download href=${apiUrl('export/tracks.csv',
        parameters(at))} title="These mails as CSV"
        >${icon('download')}<span>CSV</span></a>
    </search>`;
  }

  function dateWords() {
    if (at.from && at.to) {
      return at.from === at.to ? dateShort(at.from)
        : `${dateShort(at.from)} – ${dateShort(at.to)}`;
    }
    if (at.from) return `Since ${dateShort(at.from)}`;
    return at.to ? `Until ${dateShort(at.to)}` : 'Any time';
  }

  function dateMenu() {
    const today = new Date();
    const back = (days) => dayField(new Date(today - days * DAY));
    const choose = (fields) => (event) => {
      event.target.closest('details').open = false;
      show(fields);
    };
    const presets = [['Any time', { from: '', to: '' }],
      ['Today', { from: dayField(today), to: '' }],
      ['Last 7 days', { from: back(6), to: '' }],
      ['Last 30 days', { from: back(29), to: '' }]];
    return html`<details class="menu">
      <summary class=${at.from || at.to ? 'on' : ''}>${icon('clock')}
        <span>${dateWords()}</span></summary>
      <div class="sheet">
        <div class="presets">${presets.map(([words, fields]) => html`<button
          type="button" class="quiet" @click=${choose(fields)}>${words}</button>`)}
        </div>
        <label>From <input type="date" max=${at.to || nothing}
          .value=${live(at.from)} @change=${(e) => show({ from: e.target.value })}
          ></label>
        <label>To <input type="date" min=${at.from || nothing}
          .value=${live(at.to)} @change=${(e) => show({ to: e.target.value })}
          ></label>
      </div></details>`;
  }

  function list(entries, label) {
    return html`<ul class="rows" aria-label=${label}>
      ${repeat(entries, (entry) => entry[0].id, (entry) =>
        trackRow(entry, update, { flash: entry.some((t) => flashing.has(t.id)) }))}
    </ul>`;
  }

  function pager() {
    const trail = history.state?.trail ?? [];
    if (!next && !at.cursor) return nothing;
    const older = next && href('mails', { ...at, cursor: next });
    const newer = trail.length
      ? href('mails', { ...at, cursor: trail.at(-1) }) : href('mails',
        { ...at, cursor: '' });
    return html`<nav class="pager" aria-label="Pages of the list">
      ${at.cursor ? html`<a href=${newer} .trail=${trail.slice(0, -1)}
        >${icon('back')} Newer</a>` : html`<span></span>`}
      ${older ? html`<a href=${older} .trail=${[...trail, at.cursor]}>Older
        ${icon('forth')}</a>` : html`<span class="faint">That is all.</span>`}
    </nav>`;
  }

  function firstUse() {
    return html`<section class="first">
      <div class="first-words"><h2>Send your first tracked mail</h2>
        <ol class="steps"><li class=${guided ? 'done' : 'now'}>Name the mail, and
          get an invisible picture.</li>
          <li class=${guided ? 'now' : ''}>Paste the picture at the end of the
            mail, and send it.</li>
          <li>When it is opened, it shows here by itself.</li></ol>
        <p class="faint">In Gmail, the <a href="settings">browser extension</a>
          does all of this.</p></div>
      <div class="card">${guided ? html`${pictureView(guided)}
          <p class="listening" role="status"><i></i> Waiting for the first
            open…</p>`
        : newMailForm(form, update, () => load({ quiet: true }))}</div>
    </section>`;
  }

  function nothingFound() {
    if (!isFiltered()) return emptyView('Nothing here', 'This page is empty.',
      html`<a role="button" class="quiet" href="./">To the newest</a>`);
    return emptyView('Nothing fits', at.q
      ? `No mail has words that begin like “${at.q}”${
        at.state || at.from || at.to ? ' within these filters' : ''}.`
      : 'No mail fits these filters.',
    html`<a role="button" class="quiet" href="./">Show all mails</a>`);
  }

  function content() {
    if (state === 'loading') return loadingView(8, 'Loading mails');
    if (state === 'failing') return failingView(problem, () => load());
    const seen = (track) => !isLeaving(track.id);
    const top = fold(pinned.filter(seen));
    const rest = fold(tracks.filter(seen));
    if (!top.length && !rest.length) {
      return !isFiltered() && !at.cursor ? firstUse() : nothingFound();
    }
    return html`${guided && seen(guided) ? firstUse() : nothing}
      ${top.length ? html`<h2 class="over-list">Pinned</h2>
        ${list(top, 'Pinned mails')}
        ${rest.length ? html`<h2 class="over-list">All others</h2>` : nothing}`
        : nothing}
      ${rest.length ? list(rest, 'Mails') : nothing}
      ${pager()}`;
  }

  const page = {
    title: 'Mails',
    view: () => html`<div class="head"><h1>Mails</h1></div>
      ${state === 'ready' && !isFiltered() && !at.cursor && !pinned.length &&
        !tracks.length ? nothing : filters()}
      ${waiting ? html`<button type="button" class="news" @click=${() => {
        scrollTo(0, 0);
        if (at.cursor) show({});
        else load({ quiet: true });
      }}>${plural(waiting, 'new mail')}</button>` : nothing}
      ${content()}`,
    moved(query, { back }) {
      at = readQuery(query);
      const y = back ? history.state?.y ?? 0 : 0;
      load({ quiet: true }).then(() => requestAnimationFrame(() => scrollTo(0, y)));
    },
    reload: () => load({ quiet: true }),
    changed,
    keys: {
      p() {
        const id = document.activeElement?.closest('.row')?.dataset.id;
        const track = [...pinned, ...tracks].find((one) => one.id === id);
        if (track) changeMail(track, { pinned: !track.pinned }, update);
      },
    },
    left() {
      abort?.abort();
      clearTimeout(typing);
      for (const timer of flashing.values()) clearTimeout(timer);
    },
  };
  load();
  return page;
}
