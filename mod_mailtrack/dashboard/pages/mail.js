/* SPDX-License-Identifier: MIT */
/* One mail: what is known of it, and every hit, newest first, with the reason
   for its verdict. Its id is in the address. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { Problem, api } from '../parts/api.js';
import { copyButton } from '../parts/copy.js';
import { editable, newEdit } from '../parts/edit.js';
import { icon } from '../parts/icons.js';
import { update } from '../parts/render.js';
import { go, href } from '../parts/router.js';
import { failingView, loadingView } from '../parts/states.js';
import {
  clockTime, dayWords, fullTime, shortTime, spanWords, when,
} from '../parts/time.js';
import { monitorBadge, routeFacts } from '../parts/route-words.js';
import { say, sayProblem } from '../parts/toast.js';
import { changeMail, deleteMail, stateBadge } from '../parts/track.js';
import {
  STATES, VERDICTS, deviceWords, gmailSearch, hitWords, personWords, placeWords,
  snippet, subjectWords,
} from '../parts/words.js';

/* Which hits counted, in one sentence. */
function sentence(track) {
  if (track.state === 'opened') {
    const after = spanWords(track.first_open_delay * 1000);
    return `First opened ${after} after it was made.`;
  }
  if (track.state === 'possible') {
    return track.reached === 'apple'
      ? 'It reached an Apple Mail inbox. Apple Mail loads pictures by itself, ' +
        'so nobody can tell whether it was opened.'
      : 'It arrived: a mail program loaded the picture by itself. Nobody can ' +
        'tell whether it was opened.';
  }
  return track.open_count
    ? 'Only machines have fetched the picture so far.'
    : 'Nobody has fetched the picture so far. It may have been read with ' +
      'pictures switched off.';
}

function hitView(hit, flash, claim) {
  const place = placeWords(hit);
  return html`<li class="hit ${hit.counts} ${flash ? 'flash' : ''}">
    <span class="hit-icon">${icon(hit.verdict)}</span>
    <div class="hit-words">
      <p class="hit-what"><b>${VERDICTS[hit.verdict]}</b>
        <span class="faint">with ${deviceWords(hit.user_agent)}</span></p>
      ${hit.rule_meaning ? html`<p class="hit-why">${hit.rule_meaning}.</p>`
        : nothing}
      <div class="hit-more faint">
        ${place ? html`<span class="place">${icon('place')}${place}</span>`
          : nothing}
        <button type="button" class="text" @click=${() => claim(hit)}>${hit.self
          ? 'That was not me' : 'That was me'}</button>
        <details><summary>Details</summary><dl>
          <div><dt>When</dt><dd>${fullTime(hit.opened_at)}</dd></div>
          <div><dt>Rule</dt><dd><code>${hit.rule}</code></dd></div>
          <div><dt>Address</dt><dd>${hit.ip_address ?? 'not kept'}</dd></div>
          <div><dt>Program</dt><dd>${hit.user_agent || 'not told'}</dd></div>
          ${hit.referer ? html`<div><dt>Referer</dt><dd>${hit.referer}</dd></div>`
            : nothing}
        </dl></details></div>
    </div>
    <time class="hit-time" datetime=${hit.opened_at}
      title=${fullTime(hit.opened_at)}>${clockTime(hit.opened_at)}</time></li>`;
}

export function open(query, context) {
  const id = query.get('id') ?? '';
  let track = null;
  let hits = [];
  let next = null;
  let group = [];
  let problem = null;
  let more = false;
  const flashing = new Set();
  const edits = { subject: newEdit(), recipients: newEdit(), notes: newEdit() };

  async function load() {
    try {
      if (!/^[0-9a-f-]{36}$/i.test(id)) {
        throw new Problem(404, 'This address names no mail.',
          { title: 'There is no such mail' });
      }
      const { data } = await api(`tracks/${encodeURIComponent(id)}`);
      const { opens, opens_next: link, ...rest } = data;
      track = track ? Object.assign(track, rest) : rest;
      const older = hits.filter((hit) => opens.length && hit.id < opens.at(-1).id);
      hits = [...opens, ...older];
      if (!older.length) {
        next = link && new URL(link).searchParams.get('cursor');
      }
      problem = null;
      page.title = subjectWords(track.subject);
      if (track.message_group_id) loadGroup();
    } catch (error) {
      problem = error;
      if (error.status === 404) {
        page.title = 'No such mail';
        error.title = 'There is no such mail';
        error.detail = 'It may have been deleted, or its address is not whole.';
      }
    }
    context.ready();
  }

  async function loadGroup() {
    const { data } = await api('tracks', { params: {
      message_group_id: track.message_group_id, limit: 200 } }).catch(() => ({}));
    group = data ?? [];
    update();
  }

  async function loadMore() {
    more = true;
    update();
    try {
      const answer = await api(`tracks/${track.id}/opens`,
        { params: { cursor: next, limit: 100 } });
      hits = [...hits, ...answer.data];
      next = answer.next;
    } catch (error) {
      problem = error;
    }
    more = false;
    update();
  }

  /* The server judges the hit anew and corrects the counters. */
  async function claim(hit) {
    try {
      const { data } = await api(`opens/${hit.id}`,
        { method: 'PATCH', json: { self: !hit.self } });
      const { track: now, ...judged } = data;
      Object.assign(hit, judged);
      Object.assign(track, now);
      say(judged.self ? 'Counted as your own.' : 'Counted as somebody else’s.');
    } catch (error) {
      sayProblem(error);
    }
    update();
  }

  function remove() {
    deleteMail(track, update);
    go(href('mails'));
  }

  function heading() {
    return html`<a class="back" href="./">${icon('back')} Mails</a>
      <div class="head mail-head">
        ${editable(edits.subject, { label: 'the subject', value: track.subject,
          maxlength: 998, shown: html`<h1>${subjectWords(track.subject)}</h1>`,
          save: (subject) => changeMail(track, { subject }, update) })}
        <div class="actions">
          <button type="button" class="quiet pin" aria-pressed=${
            String(track.pinned)} @click=${() =>
              changeMail(track, { pinned: !track.pinned }, update)}
            >${icon('pin')}${track.pinned ? 'Pinned' : 'Pin'}</button>
          <button type="button" class="quiet" aria-pressed=${
            String(track.muted)} title=${track.muted
            ? 'Nobody is told of its opens' : 'Tell nobody of its opens'}
            @click=${() => changeMail(track, { muted: !track.muted }, update)}
            >${icon(track.muted ? 'mute' : 'bell')}${track.muted ? 'Muted'
              : 'Mute'}</button>
          <button type="button" class="quiet danger" @click=${remove}
            >${icon('trash')}Delete</button>
        </div></div>`;
  }

  function people() {
    return html`<ul class="people">${track.recipients.map((one) => html`<li><a
      href=${href('recipient', { address: one.address })} title=${one.address}
      >${personWords(one)}</a></li>`)}</ul>`;
  }

  function summary() {
    return html`<section class="card verdict ${track.state}">
      <div class="verdict-head">${stateBadge(track.state)}
        <span class="hits">${hitWords(track)}</span></div>
      <p>${sentence(track)}</p>
      <dl class="facts">
        <div><dt>Made</dt><dd>${when(track.created_at)}</dd></div>
        ${track.first_open_at ? html`<div><dt>First open</dt>
          <dd>${when(track.first_open_at)}</dd></div>
          <div><dt>Last open</dt><dd>${when(track.last_open_at)}</dd></div>`
          : nothing}
      </dl>${way()}</section>`;
  }

  /* What monitors know of the way there, then and now. */
  function way() {
    if (!track.route) {
      if (track.state === 'opened' || track.reached) return nothing;
      const domain = track.recipients[0]?.address.replace(/.*@/, '');
      return html`<p class="way faint">Whether mail to ${domain ?? 'them'} arrives is
        unknown: no monitor covers it.</p>`;
    }
    return html`<ul class="way" aria-label="The way there">${routeFacts(track).map((fact) =>
      html`<li>${fact.state ? monitorBadge(fact.state) : html`<span class="badge state none"
          >${icon('question')}Unknown</span>`}
        <span>${fact.words}</span> <small class="faint">${fact.monitor
          ? html`<a href=${href('monitor', { id: fact.monitor })}>${fact.evidence}</a>`
          : fact.evidence}</small></li>`)}</ul>`;
  }

  function about() {
    return html`<section class="card about" aria-label="About this mail">
      <h2>To</h2>
      ${editable(edits.recipients, { label: 'the recipients',
        value: track.recipient, maxlength: 20000, shown: people(),
        save: (recipient) => changeMail(track, { recipient }, update) })}
      <h2>Notes</h2>
      ${editable(edits.notes, { label: 'the notes', value: track.notes,
        maxlength: 10000, many: true, shown: track.notes
          ? html`<p class="notes">${track.notes}</p>`
          : html`<p class="faint">None yet.</p>`,
        save: (notes) => changeMail(track, { notes }, update) })}
      ${group.length > 1 ? html`<h2>Sent together</h2>
        <span class="pills">${group.map((one) => html`<a class="pill ${one.state}"
          href=${href('mail', { id: one.id })} aria-current=${one.id === track.id
            ? 'true' : nothing}>${one.recipients.map(personWords).join(', ')}<span
            class="hidden">: ${STATES[one.state]}</span></a>`)}</span>` : nothing}
      <h2>Picture</h2>
      <div class="buttons">
        ${copyButton('Copy picture', track.pixel_url, { markup: snippet(track) })}
        ${copyButton('Copy HTML', snippet(track))}
        ${copyButton('Copy address', track.pixel_url)}
      </div>
      <p class="links"><a href=${gmailSearch(track)} target="_blank"
        rel="noreferrer">Find it in Gmail ${icon('away')}</a></p>
    </section>`;
  }

  function timeline() {
    const days = [];
    for (const hit of hits) {
      const day = dayWords(hit.opened_at);
      if (days.at(-1)?.day !== day) days.push({ day, hits: [] });
      days.at(-1).hits.push(hit);
    }
    return html`<section class="timeline" aria-label="Every hit, newest first">
      <h2>What happened</h2>
      ${days.map(({ day, hits: some }) => html`<h3>${day}</h3><ol>
        ${repeat(some, (hit) => hit.id, (hit) =>
          hitView(hit, flashing.has(hit.id), claim))}</ol>`)}
      ${next ? html`<button type="button" class="quiet" aria-busy=${more ? 'true'
        : nothing} @click=${loadMore}>Earlier hits</button>`
        : html`<p class="made"><span class="hit-icon">${icon('mails')}</span>
          <span>Made ${shortTime(track.created_at)}${hits.length ? ''
            : '. The picture has not been fetched yet.'}</span></p>`}
    </section>`;
  }

  const page = {
    title: 'Mail',
    view() {
      if (problem && !track) {
        return html`<a class="back" href="./">${icon('back')} Mails</a>
          ${failingView(problem, problem.status === 404 ? null : load,
            { top: true })}`;
      }
      if (!track) return loadingView(4, 'Loading the mail');
      return html`${heading()}<div class="mail-grid">
        <div>${summary()}${timeline()}</div>${about()}</div>`;
    },
    changed(news) {
      if (!track || !(news.incomplete ||
          news.tracks.some((one) => one.id === track.id))) return;
      for (const open of news.opens) {
        if (open.track_id === track.id) flashing.add(open.id);
      }
      setTimeout(() => { flashing.clear(); update(); }, 4000);
      load();
    },
    reload: () => {},
    keys: {
      p: () => track && changeMail(track, { pinned: !track.pinned }, update),
    },
  };
  load();
  return page;
}
