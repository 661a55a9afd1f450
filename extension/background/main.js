/* SPDX-License-Identifier: MIT */
/*
 * The background worker. It is started for an event and ended when idle, so
 * every listener is set in the first turn and nothing is remembered here.
 */
import { ext } from '../common/browser.js';
import { create, retry, sent } from './create.js';
import { badge, follow, poll } from './news.js';
import { block, report, seen } from './selves.js';
import * as store from './store.js';
import { ticks } from './ticks.js';

const ALARM = 'mailtrack-round';
const TRACK = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function round() {
  const { url, key } = await store.get('settings');
  if (url && key) {
    try {
      await report();
      await retry();
      await poll();
    } catch { /* said in the popup, on the badge and on the switch */ }
  }
  await badge();
}

async function arm() {
  const { seconds } = await store.get('settings');
  const minutes = Math.min(120, Math.max(30, seconds)) / 60;
  const now = await ext.alarms.get(ALARM);
  if (now?.periodInMinutes !== minutes) {
    await ext.alarms.create(ALARM, { periodInMinutes: minutes });
  }
}

/* What a page of Gmail may know: no key, no address but that of pictures. */
async function status() {
  const { url, key, on, pixelBase } = await store.get('settings');
  const problem = await store.get('problem');
  return { configured: Boolean(url && key), on, pixelBase,
    problem: problem?.words ?? '' };
}

/* What content scripts may ask. */
const answers = {
  status,
  async create({ mail }) {
    const answer = await create(mail);
    await badge();
    return answer;
  },
  async switched({ id, on }) {
    await store.update('switches', (all) => store.bounded({ ...all,
      [String(id)]: { on: Boolean(on), at: Date.now() } }, 500));
    return {};
  },
  async sent({ result }) { await sent(result); return {}; },
  async ticks({ keys }) {
    try {
      return { ticks: await ticks(keys) };
    } catch {
      return { ticks: {} };
    }
  },
  async self({ id }) {
    if (TRACK.test(id)) await seen(id);
    return {};
  },
  async unknown({ report: text }) {
    await store.update('report', () => ({ text: String(text).slice(0, 200000),
      at: Date.now() }));
    return {};
  },
  async options() { await ext.runtime.openOptionsPage(); return {}; },
};

/* What our own pages may ask besides. */
const commands = {
  /* anew: another server, of which nothing is known */
  async connected({ anew }) {
    if (anew) await store.reset();
    await store.update('problem', () => null);
    await block();
    await retry(true).catch(() => {});
    await round();
    return {};
  },
  async changed() {
    await arm();
    await badge();
    return {};
  },
  async round() { await retry(true).catch(() => {}); await round(); return {}; },
  async badge() { await badge(); return {}; },
};

ext.runtime.onMessage.addListener((message, sender, respond) => {
  if (sender.id !== ext.runtime.id) return false;
  const isOwnPage = sender.url?.startsWith(ext.runtime.getURL(''));
  const isGmail = sender.url?.startsWith('https://mail.google.com/');
  const table = isOwnPage ? commands : isGmail ? answers : {};
  if (!Object.hasOwn(table, message?.type)) return false;
  table[message.type](message).then(respond, () => respond({
    reason: 'Mailtrack has a fault of its own' }));
  return true;
});

ext.alarms.onAlarm.addListener((alarm) => { if (alarm.name === ALARM) round(); });
ext.notifications.onClicked.addListener(follow);
ext.runtime.onStartup.addListener(async () => { await arm(); await round(); });
ext.runtime.onInstalled.addListener(async ({ reason }) => {
  await block();
  await arm();
  await round();
  if (reason === 'install') await ext.runtime.openOptionsPage();
});
