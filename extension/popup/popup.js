/* SPDX-License-Identifier: MIT */
/* The popup: how the connection is, the last opens, the switch. */
import * as store from '../background/store.js';
import { ext } from '../common/browser.js';
import { ago, openWords, plural } from '../common/words.js';

const $ = (id) => document.getElementById(id);

function go(event, url) {
  event.preventDefault();
  ext.tabs.create({ url });
}

function openEntry(open, base) {
  const entry = document.createElement('li');
  const link = document.createElement('a');
  const when = document.createElement('span');
  const url = new URL(`mail?id=${encodeURIComponent(open.track)}`, base).href;
  link.textContent = openWords(open);
  link.href = url;
  link.addEventListener('click', (event) => go(event, url));
  when.textContent = [ago(open.at), open.place].filter(Boolean).join(' · ');
  entry.append(link, when);
  return entry;
}

function waitingWords(outbox) {
  const lost = Object.values(outbox).filter((entry) => entry.sent).length;
  const rest = Object.keys(outbox).length - lost;
  return [lost && `${plural(lost, 'mail')} went without a picture; the server ` +
    'will be told when it answers.',
  rest && `${plural(rest, 'mail')} being announced to the server.`]
    .filter(Boolean).join(' ');
}

async function draw() {
  const [settings, problem, news, outbox, report] = await Promise.all(
    ['settings', 'problem', 'news', 'outbox', 'report'].map(store.get));
  const isSet = Boolean(settings.url && settings.key);
  $('state').textContent = !isSet ? 'Not set up yet: open the settings.'
    : problem ? `Not connected: ${problem.words}.`
      : `Connected to ${new URL(settings.url).host}.`;
  $('state').className = isSet && !problem ? '' : 'bad';
  $('dashboard').hidden = !isSet;
  $('on').checked = settings.on;
  $('last').replaceChildren(...news.last.map((open) =>
    openEntry(open, settings.url || 'https://localhost/')));
  if (!news.last.length) $('last').textContent = 'None yet.';
  $('waiting').textContent = waitingWords(outbox);
  $('report').hidden = !report;
}

$('dashboard').addEventListener('click', async (event) =>
  go(event, (await store.get('settings')).url));
$('on').addEventListener('change', () => store.update('settings', (settings) =>
  ({ ...settings, on: $('on').checked })));
$('options').addEventListener('click', () => ext.runtime.openOptionsPage());
$('again').addEventListener('click', async () => {
  $('state').textContent = 'Asking…';
  await ext.runtime.sendMessage({ type: 'round' });
  await draw();
});
$('copy').addEventListener('click', async () => {
  const report = await store.get('report');
  await navigator.clipboard.writeText(report?.text ?? '');
  await store.update('report', () => null);
  $('copy').textContent = 'Copied';
});

await draw();
await store.update('news', (news) => ({ ...news, unread: 0 }));
await ext.runtime.sendMessage({ type: 'badge' });
