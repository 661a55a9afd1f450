/* SPDX-License-Identifier: MIT */
/* Analytics: sums over days of the reader's zone, the period before beside
   them. The address holds the span: days=7|30|90|all, or from and to. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { live } from '../vendor/lit-html/directives/live.js';
import { api, apiUrl, base, health } from '../parts/api.js';
import { chartView, geoLibrary } from '../parts/chart.js';
import { atlasName } from '../parts/countries.js';
import { icon } from '../parts/icons.js';
import { go, href } from '../parts/router.js';
import { emptyView, failingView, loadingView } from '../parts/states.js';
import {
  dateShort, dateWords, number, percent, plural, spanWords, zone,
} from '../parts/time.js';
import { hourWords, longDay, weekView } from '../parts/week.js';
import { VERDICTS } from '../parts/words.js';

const SPANS = [['7', '7 days'], ['30', '30 days'], ['90', '90 days'], ['all', 'All']];
const AUTOMATED = ['prefetch', 'scanner', 'bot', 'self'];

function readQuery(query) {
  const day = (name) => /^\d{4}-\d\d-\d\d$/.test(query.get(name) ?? '')
    ? query.get(name) : '';
  const [from, to] = [day('from'), day('to')];
  if (from && to) return { from, to, days: '' };
  const days = query.get('days') ?? '';
  return { from: '', to: '', days: SPANS.some(([one]) => one === days) ? days : '30' };
}

let atlas = null;
function atlasOf() {
  atlas ??= fetch(new URL('vendor/atlas/countries-110m.json', base))
    .then((answer) => answer.json());
  return atlas;
}

/* "+12 %" against the period before; words for those who only hear it. */
function difference(now, before, { points = false } = {}) {
  if (before === null || before === undefined || now === null) return nothing;
  if (!points && !before) {
    return html`<small class="faint">none in the period before</small>`;
  }
  const change = points ? Math.round((now - before) * 100)
    : Math.round((now / before - 1) * 100);
  const sign = change > 0 ? '+' : change < 0 ? '−' : '±';
  return html`<small class="faint"><b class=${change > 0 ? 'up' : change < 0
    ? 'down' : ''}>${sign}${number(Math.abs(change))}${points
      ? (Math.abs(change) === 1 ? ' point' : ' points') : '%'}</b>
    ${points ? percent(before) : number(before)} in the period before</small>`;
}

function tile(words, value, more, help) {
  return html`<div class="tile card"><dt title=${help ?? nothing}>${words}</dt>
    <dd><strong>${value}</strong>${more}</dd></div>`;
}

function axes(colours, more = {}) {
  const scale = { grid: { color: colours.line, drawTicks: false },
    border: { display: false }, ticks: { color: colours.faint, padding: 8 } };
  return {
    x: { ...scale, offset: true, grid: { display: false },
      ticks: { ...scale.ticks, maxRotation: 0, autoSkipPadding: 18 }, ...more.x },
    y: { ...scale, beginAtZero: true, ...more.y,
      ticks: { ...scale.ticks, precision: 0, maxTicksLimit: 6, ...more.y?.ticks } },
  };
}

function plugins(colours, more = {}) {
  return {
    legend: { display: false },
    tooltip: { backgroundColor: colours.text, titleColor: colours.card,
      bodyColor: colours.card, padding: 10, cornerRadius: 8, boxPadding: 4,
      ...more },
  };
}

export function open(query, context) {
  let at = readQuery(query);
  let data = null;
  let problem = null;
  let places = null;        /* /health's word on the place database */
  let loads = 0;

  const params = () => (at.from ? { from: at.from, to: at.to, tz: zone }
    : { days: at.days, tz: zone });

  async function load() {
    const mine = ++loads;
    try {
      const [answer, state] = await Promise.all([
        api('analytics', { params: params() }),
        places ? { geoip: { status: places } } : health().catch(() => null),
      ]);
      if (mine !== loads) return;
      [data, problem] = [answer.data, null];
      places = state?.geoip?.status ?? null;
    } catch (error) {
      if (mine !== loads) return;
      [data, problem] = [null, error];
    }
    context.ready();
  }

  /* -- the span --------------------------------------------------------------- */

  function chosen(event) {
    const form = event.target.closest('form');
    const from = form.elements.from.value;
    const to = form.elements.to.value;
    if (from && to && from <= to) go(href('analytics', { from, to }));
  }

  function spans() {
    return html`<div class="filters">
      <nav class="tabs" aria-label="Period">${SPANS.map(([days, words]) => html`<a
        href=${href('analytics', { days: days === '30' ? '' : days })}
        aria-current=${at.days === days ? 'true' : nothing}>${words}</a>`)}</nav>
      <form class="range" @change=${chosen} @submit=${(e) => e.preventDefault()}>
        <label><span class="hidden">From</span><input type="date" name="from"
          .value=${live(at.from || data?.from || '')}></label>
        <span aria-hidden="true">–</span>
        <label><span class="hidden">To</span><input type="date" name="to"
          .value=${live(at.to || data?.to || '')}></label></form>
      <a class="icon-link" download href=${apiUrl('export/analytics.csv', params())}
        title="These figures as CSV">${icon('download')}<span>CSV</span></a>
    </div>`;
  }

  /* -- figures ---------------------------------------------------------------- */

  function tiles() {
    const { totals, previous } = data;
    const told = at.days === 'all' ? null : previous;
    return html`<dl class="tiles">
      ${tile('Mails', number(totals.mails), difference(totals.mails, told?.mails))}
      ${tile('Mails opened', number(totals.mails_opened),
        difference(totals.mails_opened, told?.mails_opened))}
      ${tile('Open rate', percent(totals.open_rate),
        difference(totals.open_rate, told?.open_rate, { points: true }),
        'Mails with an open by a person, of the mails one can tell of')}
      ${tile('Opens', number(totals.opens), difference(totals.opens, told?.opens))}
    </dl>
    ${totals.mails_possible ? html`<p class="faint aside">Of
      ${plural(totals.mails_possible, 'more mail')} nobody can tell: only a program
      that loads pictures by itself has fetched them. They are in no rate.</p>`
      : nothing}`;
  }

  const bucketWords = (bucket) => (data.bucket === 'day' ? dateWords(bucket.date)
    : `${data.bucket === 'week' ? 'Week' : 'Month'} from ${dateWords(bucket.date)}`);

  function volume() {
    const { series } = data;
    const key = JSON.stringify([data.from, data.to, data.totals]);
    const config = (c) => ({
      data: {
        labels: series.map((bucket) => dateShort(bucket.date)),
        datasets: [
          { type: 'line', label: 'Opens', data: series.map((b) => b.opens),
            borderColor: c.accent, backgroundColor: c.soft, fill: true,
            tension: 0.3, pointRadius: series.length > 40 ? 0 : 2.5,
            pointBackgroundColor: c.accent, borderWidth: 2,
            cubicInterpolationMode: 'monotone' },
          { type: 'bar', label: 'Mails', data: series.map((b) => b.mails),
            backgroundColor: c.secondSoft, hoverBackgroundColor: c.second,
            borderRadius: 4, maxBarThickness: 26 },
        ],
      },
      options: { interaction: { mode: 'index', intersect: false },
        scales: axes(c), plugins: plugins(c, { callbacks: {
          title: ([item]) => bucketWords(series[item.dataIndex]) } }) },
    });
    return html`<section class="card wide"><h2>Mails and opens</h2>
      <p class="legend"><span><i class="accent"></i>Opens</span><span><i
        class="second"></i>Mails</span></p>
      ${chartView(`${plural(data.totals.opens, 'open')} and ${
        plural(data.totals.mails, 'mail')} over time`, key, config)}
      ${table()}</section>`;
  }

  function rate() {
    const { series } = data;
    const key = JSON.stringify([data.from, data.to, data.totals, 'rate']);
    const config = (c) => ({
      type: 'bar',
      data: {
        labels: series.map((bucket) => dateShort(bucket.date)),
        datasets: [{ label: 'Open rate', data: series.map((b) => b.open_rate),
          backgroundColor: c.accent, borderRadius: 3, maxBarThickness: 22 }],
      },
      options: { interaction: { mode: 'index', intersect: false },
        scales: axes(c, { y: { max: 1, ticks: { callback: percent } } }),
        plugins: plugins(c, { callbacks: {
          title: ([item]) => bucketWords(series[item.dataIndex]),
          label: (item) => `${percent(item.raw)} of ${
            plural(series[item.dataIndex].mails, 'mail')} made then` } }) },
    });
    return html`<section class="card"><h2>Open rate</h2>
      <p class="faint">Of the mails made in each ${data.bucket}.</p>
      ${chartView(`Open rate over time, ${percent(data.totals.open_rate)} in all`,
        key, config)}</section>`;
  }

  function table() {
    return html`<details class="figures"><summary>As a table</summary>
      <div class="scroller" tabindex="0" role="region" aria-label="Figures"><table>
      <thead><tr><th scope="col">${data.bucket === 'day' ? 'Day' : 'From'}</th>
        <th scope="col">Mails</th><th scope="col">Opened</th>
        <th scope="col">Rate</th><th scope="col">Opens</th></tr></thead>
      <tbody>${data.series.map((b) => html`<tr><th scope="row">${dateWords(b.date)}
        </th><td>${number(b.mails)}</td><td>${number(b.mails_opened)}</td>
        <td>${percent(b.open_rate)}</td><td>${number(b.opens)}</td></tr>`)}
      </tbody></table></div></details>`;
  }

  function kinds() {
    const { verdicts } = data.totals;
    const all = Object.values(verdicts).reduce((sum, n) => sum + n, 0);
    const machines = AUTOMATED.reduce((sum, name) => sum + verdicts[name], 0);
    const share = (n) => (all ? n / all : 0);
    return html`<section class="card kinds"><h2>Who fetched</h2>
      <p class="faint">${all ? `${percent(share(machines))} of ${
        plural(all, 'fetch', 'fetches')} did not come from a reader.`
        : 'Nobody yet.'}</p>
      <ul class="bars">${Object.entries(VERDICTS).map(([name, words]) => html`<li>
        <span class="bar-words">${icon(name)}${words}</span>
        <span class="bar-number">${number(verdicts[name])}</span>
        <progress class=${AUTOMATED.includes(name) ? 'none' : ''} max="1"
          .value=${share(verdicts[name])} aria-label="${words}: ${
            percent(share(verdicts[name]))}"></progress></li>`)}</ul></section>`;
  }

  /* -- when ------------------------------------------------------------------- */

  function bestWords() {
    const { hours, minimum_mails: least } = data.best_times;
    if (!hours.length) {
      return `The best time to send is not known yet: an hour needs ${
        plural(least, 'mail')} in these days to be named.`;
    }
    const words = hours.slice(0, 3).map((one) => `${longDay(one.weekday - 1)}, ${
      hourWords(one.hour)} (${percent(one.open_rate)} of ${
      plural(one.mails, 'mail')})`);
    return `Mails are opened most when they are sent on ${words.join('; ')}.`;
  }

  function times() {
    const { week } = data;
    return html`<section class="card wide"><h2>Hours of the week</h2>
      <p class="faint">${bestWords()}</p>
      <div class="weeks"><div><h3>Opens</h3>${weekView('Opens by weekday and hour',
        week.opens, (n) => plural(n, 'open'))}</div>
      <div><h3>Mails sent</h3>${weekView('Mails by weekday and hour', week.mails,
        (n) => plural(n, 'mail'))}</div></div></section>`;
  }

  function classWords({ from, to }) {
    if (!from) return `within ${spanWords(to * 1000)}`;
    return to === null ? `after ${spanWords(from * 1000)}`
      : `${spanWords(from * 1000)} to ${spanWords(to * 1000)}`;
  }

  function delays() {
    const { classes, median_seconds: median } = data.totals.first_open;
    const all = classes.reduce((sum, one) => sum + one.mails, 0);
    return html`<section class="card"><h2>Time to first open</h2>
      <p class="faint">${median === null ? 'No mail of these days was opened yet.'
        : `Half of the opened mails were opened within ${
          spanWords(median * 1000)}.`}</p>
      <ul class="bars tight">${classes.map((one) => html`<li>
        <span class="bar-words">${classWords(one)}</span>
        <span class="bar-number">${number(one.mails)}</span>
        <progress max="1" .value=${all ? one.mails / all : 0} aria-label="${
          classWords(one)}: ${plural(one.mails, 'mail')}"></progress></li>`)}</ul>
      </section>`;
  }

  /* -- places ------------------------------------------------------------------ */

  function map() {
    const key = JSON.stringify(data.countries);
    const config = async (c) => {
      const [ChartGeo, topology] = await Promise.all([geoLibrary(), atlasOf()]);
      const { features } = ChartGeo.topojson.feature(topology,
        topology.objects.countries);
      const opens = new Map(data.countries.map(
        (one) => [atlasName(one.country), one.opens]));
      const most = Math.max(1, ...opens.values());
      const shown = features.filter((f) => f.properties.name !== 'Antarctica');
      const paint = (value) => (value ? c.accent.replace(/^rgb\((.*)\)$/,
        `rgba($1, ${(0.25 + 0.75 * Math.sqrt(value / most)).toFixed(3)})`) : c.line);
      return {
        type: 'choropleth',
        data: { labels: shown.map((f) => f.properties.name), datasets: [{
          label: 'Opens', outline: shown, borderColor: c.card, borderWidth: 0.6,
          backgroundColor: (item) => paint(opens.get(
            shown[item.dataIndex]?.properties.name)),
          data: shown.map((feature) => ({ feature,
            value: opens.get(feature.properties.name) ?? 0 })) }] },
        options: {
          showOutline: false, showGraticule: false,
          scales: { projection: { axis: 'x', projection: 'naturalEarth1' },
            color: { axis: 'x', display: false } },
          plugins: plugins(c, { callbacks: { label: (item) =>
            `${item.raw.feature.properties.name}: ${
              plural(item.raw.value, 'open')}` } }),
        },
      };
    };
    return chartView(`Opens by country: ${data.countries.slice(0, 3).map((one) =>
      `${one.country} ${one.opens}`).join(', ')}`, key, config, 'map');
  }

  function placeTable(title, rows) {
    const most = Math.max(1, ...rows.map(([, n]) => n));
    return html`<div><h3>${title}</h3><ul class="bars">${rows.slice(0, 10).map(
      ([words, n]) => html`<li><span class="bar-words">${words}</span>
        <span class="bar-number">${number(n)}</span>
        <progress max="1" .value=${n / most} aria-label="${words}: ${
          plural(n, 'open')}"></progress></li>`)}</ul></div>`;
  }

  function whereabouts() {
    if (!data.countries.length) {
      return html`<section class="card wide"><h2>Places</h2><p class="faint">${
        places === 'off'
          ? html`This server has no place database, so nobody knows from where.
            Get one in MaxMind's format (GeoLite2 City is free), and name it in
            httpd's configuration: <code>MailtrackGeoIP
            /var/lib/GeoIP/GeoLite2-City.mmdb</code>.`
          : places === 'absent' || places === 'broken'
            ? html`The place database that <code>MailtrackGeoIP</code> names is
              ${places === 'absent' ? 'not there' : 'not readable'}: opens get
              their places again when it is.`
            : 'No open of these days has a known place.'}</p></section>`;
    }
    return html`<section class="card wide"><h2>Places</h2>
      <div class="places">${map()}
        ${placeTable('Countries', data.countries.map((o) => [o.country, o.opens]))}
        ${data.cities.length ? placeTable('Cities', data.cities.map(
          (o) => [`${o.city}, ${o.country}`, o.opens])) : nothing}
      </div></section>`;
  }

  function content() {
    if (problem) return failingView(problem, load);
    if (!data) return loadingView(6, 'Loading figures');
    const { totals } = data;
    const hits = Object.values(totals.verdicts).reduce((sum, n) => sum + n, 0);
    if (!totals.mails && !hits) {
      return emptyView('Nothing in these days', at.days === 'all'
        ? 'Figures come with the first tracked mail.'
        : 'No mail was tracked and none was opened. A longer period may have more.',
      at.days === 'all' ? nothing : html`<a role="button" class="quiet"
        href=${href('analytics', { days: 'all' })}>Show all</a>`);
    }
    return html`${tiles()}<div class="cards">${volume()}${rate()}${delays()}${kinds()}
      ${times()}${whereabouts()}</div>
      <p class="faint aside">Days are those of ${zone}.</p>`;
  }

  const page = {
    title: 'Analytics',
    view: () => html`<div class="head"><h1>Analytics</h1></div>
      ${spans()}${content()}`,
    moved(now) {
      at = readQuery(now);
      load();
    },
    changed(news) {
      if (news.incomplete || news.opens.length || news.tracks.length) load();
    },
    reload: load,
  };
  load();
  return page;
}
