/* SPDX-License-Identifier: MIT */
/* One recipient: figures and the newest mails. The address is in the address. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { repeat } from '../vendor/lit-html/directives/repeat.js';
import { api } from '../parts/api.js';
import { icon } from '../parts/icons.js';
import { update } from '../parts/render.js';
import { href } from '../parts/router.js';
import { failingView, loadingView } from '../parts/states.js';
import { number, percent, plural, when } from '../parts/time.js';
import { changeMail, isLeaving, trackRow } from '../parts/track.js';

export function open(query, context) {
  const address = query.get('address') ?? '';
  let person = null;
  let problem = null;

  async function load() {
    try {
      const { data } = await api(`recipients/${encodeURIComponent(address)}`);
      [person, problem] = [data, null];
      page.title = person.name || person.address;
    } catch (error) {
      problem = error;
      if (error.status === 404) {
        error.title = 'Nobody by this address';
        page.title = 'No such recipient';
      }
    }
    context.ready();
  }

  function tile(words, value, more = nothing) {
    return html`<div class="tile card"><dt>${words}</dt>
      <dd><strong>${value}</strong>${more}</dd></div>`;
  }

  function tiles() {
    return html`<dl class="tiles">
      ${tile('Mails', number(person.mails))}
      ${tile('Mails opened', number(person.mails_opened),
        person.mails_possible ? html`<small class="faint">of
          ${plural(person.mails_possible, 'more mail')} nobody can tell</small>`
          : nothing)}
      ${tile('Open rate', percent(person.open_rate))}
      ${tile('Last open', person.last_open_at ? when(person.last_open_at)
        : 'none seen')}</dl>`;
  }

  function content() {
    if (problem && !person) {
      return failingView(problem, problem.status === 404 ? null : load,
        { top: true });
    }
    if (!person) return loadingView(5, 'Loading the recipient');
    const mails = person.tracks.filter((track) => !isLeaving(track.id));
    return html`<div class="head person-head"><div><h1>${person.name ||
        person.address}</h1>
      ${person.name ? html`<p class="faint">${person.address}</p>` : nothing}</div>
      </div>${tiles()}
      <h2 class="over-list">${person.mails > person.tracks.length
        ? `The newest ${person.tracks.length} of ${plural(person.mails, 'mail')}`
        : 'Mails'}</h2>
      <ul class="rows" aria-label="Mails">${repeat(mails, (track) => track.id,
        (track) => trackRow([track], update))}</ul>`;
  }

  const page = {
    title: 'Recipient',
    view: () => html`<a class="back" href=${href('recipients')}>${icon('back')}
      Recipients</a>${content()}`,
    changed(news) {
      const known = new Set(person?.tracks.map((track) => track.id));
      if (news.incomplete || news.tracks.some((track) => known.has(track.id) ||
          track.recipients.some((one) => one.address === person?.address))) load();
    },
    reload: load,
    keys: {
      p() {
        const id = document.activeElement?.closest('.row')?.dataset.id;
        const track = person?.tracks.find((one) => one.id === id);
        if (track) changeMail(track, { pinned: !track.pinned }, update);
      },
    },
  };
  load();
  return page;
}
