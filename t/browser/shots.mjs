/* SPDX-License-Identifier: MIT */
/* Pictures of every page, light and dark, wide and narrow, into config.shots. */
import { mkdirSync } from 'node:fs';
import { ask, browser, config, newContext, signIn, url } from './lib.mjs';

/* Few enough to be kept; SHOTS_EXTRA=1 makes all. */
const kept = new RegExp('^(mails|mail|analytics|recipients?|settings|sign-in|delivery|' +
  'monitor|alerts|channels|mails-dark|delivery-dark|(mails|mail|delivery)-narrow)$');
const only = process.env.SHOTS_ONLY ? new RegExp(process.env.SHOTS_ONLY)
  : config.extra ? /./ : kept;
mkdirSync(config.shots, { recursive: true });
const tracks = await (await ask('tracks?limit=30')).json();
const { monitors } = await (await ask('deliveries')).json();
const failing = monitors.find((one) => one.state === 'missing');
const spam = monitors.find((one) => one.state === 'spam');
const lost = tracks.find((track) => track.subject === 'Lunch on Friday?');
const shown = tracks.find((track) => track.subject === 'Photos of the fair') ?? tracks[0];

async function shoot(context, name, path, { full = false, before } = {}) {
  if (!only.test(name)) return;
  const page = await context.newPage();
  await page.goto(url(path));
  await page.locator('main h1').first().waitFor();
  await page.locator('.skeleton').waitFor({ state: 'detached' });
  await before?.(page);
  await page.waitForTimeout(350);
  await page.screenshot({ path: `${config.shots}/${name}.png`, fullPage: full });
  await page.close();
}

/* The answers of a server without mailprobe. */
async function without(page, status) {
  await page.route('**/api/deliveries', (route) => route.fulfill({ json: {
    prober: { status, processes: 0, gone_at: null }, open_alerts: 0, monitors: [] } }));
  await page.route(/api\/(alerts|channels|accounts|windows|monitors)(\?|$)/, (route) =>
    route.fulfill({ json: [] }));
}

async function delivery(context, suffix, more) {
  const full = { full: true, ...more };
  const probes = await (await ask(`monitors/${failing.id}/probes?outcome=ok&limit=1`)).json();
  const junk = await (await ask(`monitors/${spam.id}/probes?limit=1`)).json();
  await shoot(context, `delivery${suffix}`, 'delivery', full);
  await shoot(context, `monitor${suffix}`, `monitor?id=${failing.id}&probe=${probes[0].id}`,
    more);
  await shoot(context, `alerts${suffix}`, 'alerts', full);
  await shoot(context, `channels${suffix}`, 'channels', full);
  if (!config.extra) return;
  await shoot(context, `lost${suffix}`, `mail?id=${lost.id}`);
  await shoot(context, `anatomy${suffix}`, `monitor?id=${spam.id}&probe=${junk[0].id}`, full);
  await shoot(context, `year${suffix}`, `monitor?id=${failing.id}&hours=720`);
  await shoot(context, `past${suffix}`, 'alerts?state=past', full);
  await shoot(context, `form${suffix}`, 'delivery', { before: async (page) => {
    await page.getByRole('button', { name: 'New monitor' }).click();
    await page.locator('.told').waitFor();
    await page.getByText('More settings').click();
  } });
  await shoot(context, `maintenance${suffix}`, 'alerts', { before: async (page) => {
    await page.locator('.windows').getByRole('button', { name: 'New' }).click();
    await page.getByText('Every week').click();
  } });
  await shoot(context, `trip${suffix}`, 'delivery', { before: async (page) => {
    await page.getByRole('button', { name: 'Probe now' }).first().click();
    await page.locator('.trip').waitFor();
  } });
  await shoot(context, `log${suffix}`, 'channels', { before: async (page) => {
    await page.getByText('Last deliveries').last().click();
    await page.locator('.log').waitFor();
  } });
  for (const [name, path, status] of [['nothing', 'delivery', 'off'],
    ['quiet', 'delivery', 'up'], ['calm', 'alerts', 'off'], ['mute', 'channels', 'off']]) {
    await shoot(context, `${name}${suffix}`, 'settings', { before: async (page) => {
      await without(page, status);
      await page.getByRole('link', { name: 'Delivery' }).click();
      if (path !== 'delivery') {
        await page.getByRole('link', { name: path === 'alerts' ? 'Alerts' : 'Channels' })
          .click();
      }
      await page.locator('.empty, .first').waitFor();
    } });
  }
  await shoot(context, `broken${suffix}`, 'settings', { before: async (page) => {
    await page.route('**/api/deliveries', (route) => route.fulfill({ status: 503,
      contentType: 'application/problem+json', body: JSON.stringify({ status: 503,
        title: 'Service Unavailable', detail: 'The store cannot be opened.' }) }));
    await page.getByRole('link', { name: 'Delivery' }).click();
    await page.locator('.failing').waitFor();
  } });
}

async function all(suffix, options, more = {}) {
  const context = await newContext(options);
  const first = await context.newPage();
  await signIn(first);
  await first.close();
  await shoot(context, `mails${suffix}`, '', more);
  await shoot(context, `mail${suffix}`, `mail?id=${shown.id}`, more);
  await shoot(context, `analytics${suffix}`, 'analytics', { full: true, ...more });
  await shoot(context, `recipients${suffix}`, 'recipients', more);
  await shoot(context, `recipient${suffix}`, 'recipient?address=ann@example.org', more);
  await shoot(context, `settings${suffix}`, 'settings', { full: true, ...more });
  await delivery(context, suffix, more);
  if (config.extra) {
    await shoot(context, `new${suffix}`, '', { before: async (page) => {
      await page.keyboard.press('n');
    } });
    await shoot(context, `none${suffix}`, '?q=zebra');
    await shoot(context, `erase${suffix}`, 'recipient?address=ann@example.org',
      { before: (page) => page.getByRole('button', { name: 'Erase' }).click() });
    await shoot(context, `factor${suffix}`, 'settings', { before: async (page) => {
      await page.getByRole('button', { name: 'Switch on' }).click();
      await page.locator('svg.qr').waitFor();
    } });
    await shoot(context, `gone${suffix}`,
      'mail?id=00000000-0000-4000-8000-000000000000');
    await shoot(context, `failing${suffix}`, 'settings', { before: async (page) => {
      await page.route('**/api/tracks*', (route) => route.fulfill({ status: 503,
        contentType: 'application/problem+json', body: JSON.stringify({
          title: 'Service Unavailable', status: 503,
          detail: 'The store cannot be opened.',
          remedy: 'chown -R www-data: /var/lib/mailtrack' }) }));
      await page.getByRole('link', { name: 'Mails' }).click();
      await page.locator('.failing').waitFor();
    } });
    await shoot(context, `first${suffix}`, 'settings', { before: async (page) => {
      await page.route('**/api/tracks*', (route) => (route.request().method() === 'GET'
        ? route.fulfill({ json: [] }) : route.continue()));
      await page.getByRole('link', { name: 'Mails' }).click();
      await page.locator('.first').waitFor();
    } });
  }
  await context.close();
  const anonymous = await newContext(options);
  await shoot(anonymous, `sign-in${suffix}`, '');
  if (config.extra) {
    await shoot(anonymous, `wait${suffix}`, '', { before: async (page) => {
      await page.route('**/api/session', (route) => route.fulfill({ status: 429,
        headers: { 'Retry-After': '42' }, contentType: 'application/problem+json',
        body: JSON.stringify({ title: 'Too Many Requests', status: 429,
          detail: 'Too many failed sign-ins. Wait a little, then try again.' }) }));
      await page.getByLabel('User name').fill('admin');
      await page.getByLabel('Password').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
    } });
  }
  await anonymous.close();
}

await all('', { colorScheme: 'light' });
await all('-dark', { colorScheme: 'dark' });
await all('-narrow', { viewport: { width: 360, height: 740 },
  hasTouch: true, isMobile: true, deviceScaleFactor: 1 });
if (config.extra) {
  await all('-wide', { viewport: { width: 1920, height: 1000 } });
}
await browser.close();
