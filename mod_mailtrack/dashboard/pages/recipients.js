/* SPDX-License-Identifier: MIT */
/* Recipients: everybody who was written to. The address holds q, sort, order
   and cursor. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { live } from '../vendor/lit-html/directives/live.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { api, apiUrl } from '../parts/api.js';
import { icon } from '../parts/icons.js';
import { go, href } from '../parts/router.js';
import { emptyView, failingView, loadingView } from '../parts/states.js';
import { number, percent, when } from '../parts/time.js';
import { scoreWords } from '../parts/words.js';

const COLUMNS = [
  ['address', 'Recipient', 'asc'], ['mails', 'Mails', 'desc'],
  ['opened', 'Opened', 'desc'], ['rate', 'Rate', 'desc'],
  ['score', 'Score', 'desc'], ['last_mail', 'Last mail', 'desc'],
  ['last_open', 'Last open', 'desc'],
];
const SCORE_HELP = '0 to 100: half open rate, a quarter recency (90 days), a ' +
  'quarter consistency (the newest 20 mails)';

function readQuery(query) {
  const column = COLUMNS.find(([name]) => name === query.get('sort')) ??
    COLUMNS.find(([name]) => name === 'last_mail');
  const order = ['asc', 'desc'].includes(query.get('order'))
    ? query.get('order') : column[2];
  return { q: query.get('q') ?? '', sort: column[0], order,
    cursor: query.get('cursor') ?? '' };
}

export function open(query, context) {
  let at = readQuery(query);
  let people = null;
  let next = null;
  let problem = null;
  let loads = 0;
  let typing = 0;

  async function load() {
    const mine = ++loads;
    try {
      const answer = await api('recipients', { params: { search: at.q,
        sort: at.sort, order: at.order, cursor: at.cursor, limit: 50 } });
      if (mine !== loads) return;
      [people, next, problem] = [answer.data, answer.next, null];
    } catch (error) {
      if (mine !== loads) return;
      problem = error;
    }
    context.ready();
  }

  const link = (fields) => href('recipients', { ...at, cursor: '', ...fields });

  function searched(event) {
    const q = event.target.value.trim();
    clearTimeout(typing);
    typing = setTimeout(() => {
      if (q !== at.q) go(link({ q }), { replace: true });
    }, 250);
  }

  function heading([name, words, first]) {
    const on = at.sort === name;
    const order = on ? (at.order === 'asc' ? 'desc' : 'asc') : first;
    return html`<th scope="col" aria-sort=${on ? `${at.order}ending` : nothing}
      class="col-${name}"><a href=${link({ sort: name, order })} title=${
      name === 'score' ? SCORE_HELP : nothing}>${words}<i
      class="arrow ${on ? at.order : ''}" aria-hidden="true"></i></a></th>`;
  }

  function row(one) {
    return html`<tr>
      <th scope="row" class="col-address"><a data-row href=${href('recipient',
        { address: one.address })}>${one.name || one.address}</a>${one.muted
        ? html`<span class="muted" title="Muted: nobody is told of opens">${
          icon('mute')}<span class="hidden">, muted</span></span>` : nothing}
        ${one.name ? html`<span class="faint">${one.address}</span>` : nothing}</th>
      <td class="col-mails" data-label="Mails">${number(one.mails)}</td>
      <td class="col-opened" data-label="Opened">${number(one.mails_opened)}</td>
      <td class="col-rate" data-label="Rate">${rate(one)}</td>
      <td class="col-score" data-label="Score">${scoreView(one.score)}</td>
      <td class="col-last_mail" data-label="Last mail">${when(one.last_mail_at)}</td>
      <td class="col-last_open" data-label="Last open">${when(one.last_open_at)}</td>
    </tr>`;
  }

  function rate(one) {
    if (one.open_rate === null) {
      return html`<span class="faint" title="Only programs that load pictures by
        themselves have fetched these mails">cannot tell</span>`;
    }
    return html`<span class="rate"><progress max="1" .value=${one.open_rate}
      aria-hidden="true"></progress>${percent(one.open_rate)}</span>`;
  }

  function scoreView(score) {
    const words = scoreWords(score);
    return html`<span class="score ${score ? '' : 'faint'}" title=${words}><span
      aria-hidden="true">${score ? Math.round(score.value) : '–'}</span><span
      class="hidden">${words}</span></span>`;
  }

  function pager() {
    const trail = history.state?.trail ?? [];
    if (!next && !at.cursor) return nothing;
    return html`<nav class="pager" aria-label="Pages of the list">
      ${at.cursor ? html`<a href=${link({ cursor: trail.at(-1) ?? '' })}
        .trail=${trail.slice(0, -1)}>${icon('back')} Back</a>`
        : html`<span></span>`}
      ${next ? html`<a href=${link({ cursor: next })}
        .trail=${[...trail, at.cursor]}>More ${icon('forth')}</a>`
        : html`<span class="faint">That is all.</span>`}</nav>`;
  }

  function content() {
    if (problem) return failingView(problem, load);
    if (!people) return loadingView(8, 'Loading recipients');
    if (!people.length) {
      return at.q ? emptyView('Nobody fits',
        `No address or name has “${at.q}” in it.`, html`<a role="button"
        class="quiet" href="recipients">Show everybody</a>`)
        : emptyView('Nobody yet', 'Whoever you send a tracked mail to is listed ' +
          'here.', html`<button type="button" @click=${context.newMail}
          >New tracked mail</button>`);
    }
    return html`<div class="table-card"><table class="people-table">
      <thead><tr>${COLUMNS.map(heading)}</tr></thead>
      <tbody>${repeat(people, (one) => one.address, row)}</tbody></table></div>
      ${pager()}`;
  }

  const page = {
    title: 'Recipients',
    view: () => html`<div class="head"><h1>Recipients</h1></div>
      ${people?.length || at.q ? html`<search class="filters">
        <label class="search">${icon('search')}<span class="hidden">Search address
          and name</span><input type="search" maxlength="256" placeholder="Search"
          .value=${live(document.activeElement?.type === 'search'
            ? document.activeElement.value : at.q)}
          @input=${searched} @search=${searched}></label>
        <a class="icon-link" download href=${apiUrl('export/recipients.csv')}
          title="Everybody as CSV">${icon('download')}<span>CSV</span></a></search>`
        : nothing}
      ${content()}`,
    moved(now) {
      at = readQuery(now);
      load();
    },
    changed(news) {
      if (news.incomplete || news.opens.some((open) => open.counts !== 'none') ||
          news.tracks.length) load();
    },
    reload: load,
    left: () => clearTimeout(typing),
  };
  load();
  return page;
}
