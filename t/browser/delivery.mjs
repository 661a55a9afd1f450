/* SPDX-License-Identifier: MIT */
/* The delivery pages in a real browser; run by t/81-delivery-pages.t. What
   mailprobe would do meanwhile is put into the store by hand. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  ask, axe, breaches, browser, complaints, config, expected, hit, is, later,
  newContext, ok, part, signIn, until, url,
} from './lib.mjs';

const context = await newContext({ acceptDownloads: true });
const page = await context.newPage();
const seenBreaches = [];
const main = page.locator('main');
const dialog = page.getByRole('dialog');
const loaded = () => page.locator('.skeleton').waitFor({ state: 'detached' });
const card = (name) => page.locator('.route').filter({ has:
  page.getByRole('heading', { name, exact: true }) });
const stateOf = () => new URL(page.url()).searchParams;
const fine = async (words) => is((await axe(page)).join('\n'), '', `${words}: axe`);

async function go(path) {
  seenBreaches.push(...await breaches(page));
  await page.goto(url(path));
  await main.locator('h1').first().waitFor();
  await loaded();
}
const sql = (text) => execFileSync('sqlite3',
  ['-bail', '-cmd', '.timeout 5000', config.store, text], { encoding: 'utf8' }).trim();
const get = async (path) => (await ask(path)).json();
const idOf = async (name) => (await get('monitors')).find((one) => one.name === name)?.id;
const evil = '<img src=x onerror="globalThis.broken=1">"><svg onload="globalThis.broken=1">';
const text = (value) => `'${value.replace(/'/g, "''")}'`;

await signIn(page, 'delivery');

/* -- nothing there yet --------------------------------------------------------- */

await part('first use', async () => {
  const nothing = (status) => ({ json: { prober: { status, processes: 0, gone_at: null },
    open_alerts: 0, monitors: [] } });
  let status = 'off';
  await page.route('**/api/deliveries', (route) => route.fulfill(nothing(status)));
  await page.route(/api\/(alerts|channels|accounts|windows|monitors)(\?|$)/, (route) =>
    route.fulfill({ json: [] }));
  await go('delivery');
  await page.getByRole('heading', { name: 'Does your mail arrive?' }).waitFor();
  ok(await page.getByText('systemctl enable --now mailprobe').count(),
    'without mailprobe the page says how to start it');
  await fine('first use');
  status = 'up';
  await page.getByRole('heading', { name: 'No route is watched yet' }).waitFor(
    { timeout: 12000 });
  ok(true, 'once it runs, the page goes on by itself');
  await page.getByRole('button', { name: 'New monitor' }).click();
  await dialog.getByText('mailprobe has not told of any account yet').waitFor();
  ok(true, 'no account: said where they stand');
  await page.keyboard.press('Escape');
  await go('alerts');
  await page.getByRole('heading', { name: 'All is well' }).waitFor();
  await fine('no alerts');
  await go('channels');
  await page.getByText('mailprobe.yaml').first().waitFor();
  ok(/type: ntfy/.test(await main.textContent()), 'no channel: what to write where');
  await fine('no channels');
  await page.unrouteAll();
});

/* -- the live monitor ------------------------------------------------------------ */

await part('the live monitor', async () => {
  await go('delivery');
  await card('To example.org').waitFor();
  ok(/Missing/.test(await card('To example.org').textContent()), 'a state is a word');
  is(await card('To example.org').locator('.badge .icon').count(), 1, 'and an icon');
  is(await card('To example.org').locator('.spark rect').count(), 24, 'and 24 hours');
  ok(await card('To example.org').locator('.spark rect.bad').count(), 'bad ones marked');
  ok(/1 missing · 1 in spam · .* 2 fine/.test(await page.locator('.sum').textContent()),
    'summed up', await page.locator('.sum').textContent());
  is(await page.locator('.route h2').first().textContent(), 'To example.org',
    'the worst comes first');
  await fine('delivery');
  const usual = page.getByText('100 %').first();
  ok(await usual.count(), 'uptime');
  sql("UPDATE monitors SET state = 'bounced', detail = 'bounced by mx: 5.1.1' WHERE " +
    "name = 'Office to Gmail'");
  await card('Office to Gmail').getByText('Bounced', { exact: true })
    .waitFor({ timeout: 12000 });
  ok(true, 'a change shows by itself');
  sql("UPDATE monitors SET state = 'ok', detail = '' WHERE name = 'Office to Gmail'");
  sql('UPDATE leases SET until = until - 172800000000');
  await page.getByText('mailprobe is not running').waitFor({ timeout: 12000 });
  ok(true, 'a mailprobe that died is told');
  await fine('mailprobe down');
  sql('UPDATE leases SET until = until + 172800000000');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Latency' }).waitFor();
  ok(true, 'by keyboard alone');
});

await part('a monitor made and changed', async () => {
  await go('delivery');
  await page.getByRole('button', { name: 'New monitor' }).click();
  await dialog.getByText('You will be told within 22 minutes.').waitFor();
  ok(true, 'the form says how soon one would know');
  await dialog.getByLabel('A probe every').fill('60');
  await dialog.getByLabel('A probe every').blur();
  await dialog.getByText('You will be told within 18 minutes.').waitFor();
  ok(true, 'as one sets it');
  await fine('form');
  expected.push(/status of 422/);
  await dialog.getByLabel('Probes go to').fill('nobody');
  await dialog.getByLabel('Sent by').selectOption('office');
  await dialog.getByLabel('Watched by').selectOption('example');
  await dialog.getByRole('button', { name: 'Watch this route' }).click();
  await dialog.locator('small.wrong').waitFor();
  ok(true, 'a fault is told at its field');
  await dialog.getByLabel('Probes go to').fill('made@example.org');
  await dialog.getByLabel('Name', { exact: true }).fill(`Made ${evil}`);
  await dialog.getByText('More settings').click();
  await dialog.getByLabel('team').uncheck();
  await dialog.getByLabel('slow').check();
  await dialog.getByRole('button', { name: 'Watch this route' }).click();
  await dialog.waitFor({ state: 'detached' });
  await card(`Made ${evil}`).waitFor();
  const made = (await get('monitors')).find((one) => one.recipient === 'made@example.org');
  is(made.told_within_seconds, 60 + 60 + 900 + 30, 'the server reckons the same');
  is(made.channels_off.join(), 'team', 'who is not told');
  ok(made.alert_on.includes('slow') && made.alert_on.includes('missing'), 'of what');
  await card(`Made ${evil}`).getByLabel(/^More for/).click();
  await card(`Made ${evil}`).getByRole('button', { name: 'Change' }).click();
  await dialog.getByLabel('Missing after').fill('120');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  is((await get(`monitors/${made.id}`)).missing_after_seconds, 120, 'changed');
  is((await get(`monitors/${made.id}`)).name, `Made ${evil}`, 'and no more');
  await card(`Made ${evil}`).getByLabel(/^More for/).click();
  await card(`Made ${evil}`).getByRole('button', { name: 'Pause' }).click();
  await card(`Made ${evil}`).getByText('Paused', { exact: true }).waitFor();
  ok(true, 'paused');
  await card(`Made ${evil}`).getByLabel(/^More for/).click();
  await card(`Made ${evil}`).getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await card(`Made ${evil}`).waitFor({ state: 'detached' });
  is((await ask(`monitors/${made.id}`)).status, 404, 'deleted');
});

await part('probe now', async () => {
  await go('delivery');
  const monitor = Number(sql("SELECT id FROM monitors WHERE name = 'Office to Gmail'"));
  await card('Office to Gmail').getByRole('button', { name: 'Probe now' }).click();
  await dialog.locator('.trip .now').getByText('mailprobe takes it up').waitFor();
  ok(Number(sql(`SELECT probe_asked_at FROM monitors WHERE id = ${monitor}`)) > 0,
    'asked for');
  const now = () => Date.now() * 1000;
  const due = now();
  sql(`INSERT INTO probes (monitor_id, token, due_at, outcome, started_at) VALUES (${
    monitor}, 'e${'0'.repeat(31)}', ${due}, 'sending', ${due})`);
  await dialog.locator('.trip .now').getByText('Given to the sending server').waitFor();
  ok(true, 'being sent');
  await fine('trip');
  sql(`UPDATE probes SET outcome = 'sent', sent_at = ${now()}, send_state = 'accepted',
    send_code = 250, send_reply = ${text(`queued as ${evil}`)} WHERE due_at = ${due}`);
  await dialog.getByText('queued as').waitFor();
  await dialog.locator('.trip .now').getByText('Seen in the mailbox').waitFor();
  ok(true, 'accepted, with the server’s words');
  sql(`UPDATE probes SET outcome = 'ok', seen_at = sent_at + 412000, decided_at = sent_at +
    412000, latency_us = 412000, folder = 'INBOX' WHERE due_at = ${due}`);
  await dialog.getByText('Seen in INBOX after 412 ms').waitFor();
  ok(true, 'seen');
  await dialog.getByRole('button', { name: 'Show this probe' }).click();
  await page.locator('#probe').waitFor();
  ok(/412 ms/.test(await page.locator('#probe').textContent()), 'and taken apart');
  is(await page.evaluate(() => globalThis.broken), undefined, 'a server’s words are text');
});

/* -- one monitor ----------------------------------------------------------------- */

await part('a monitor', async () => {
  const id = await idOf('To example.org');
  await go(`monitor?id=${id}`);
  await page.locator('.chart canvas').waitFor();
  ok(/none failed|failed/.test(await page.locator('.chart canvas').getAttribute('aria-label')),
    'the chart has words');
  await fine('monitor');
  for (const [words, hours] of [['7 days', '168'], ['A year', '8784'], ['6 h', '6']]) {
    await page.getByRole('link', { name: words, exact: true }).click();
    await page.locator(`nav[aria-label=Period] [aria-current]`).filter({ hasText: words })
      .waitFor();
    is(stateOf().get('hours'), hours, `${words}: in the address`);
  }
  await page.getByLabel('Outcome').selectOption('missing');
  ok(await until(async () => await page.locator('.probes-table .state:not(.bad)').count()
    === 0), 'history by outcome');
  is(stateOf().get('outcome'), 'missing', 'in the address');
  await page.reload();
  await loaded();
  is(await page.getByLabel('Outcome').inputValue(), 'missing', 'which reload keeps');
  await go(`monitor?id=${id}`);
  await page.getByRole('link', { name: 'Older' }).click();
  ok(await until(() => stateOf().get('cursor')), 'older ones');
  await page.goBack();
  ok(await until(() => !stateOf().get('cursor')), 'and back');
  const [good] = await get(`monitors/${id}/probes?outcome=ok&limit=1`);
  sql(`UPDATE probes SET hops = ${text(JSON.stringify([{ from: evil, by: evil,
    protocol: 'ESMTPS', id: '', tls: true, at: 0, delay_us: -5000000, skewed: true }]))}
    WHERE id = ${good.id}`);
  await go(`monitor?id=${id}&probe=${good.id}`);
  const probe = page.locator('#probe');
  await probe.getByText('1 hop').waitFor();
  ok(/clock off/.test(await probe.textContent()), 'a clock that cannot be right');
  for (const words of ['SPF pass', 'DKIM pass', 'TLS handshake', 'INBOX', 'Queue id']) {
    ok((await probe.textContent()).includes(words), `anatomy: ${words}`);
  }
  is(await page.evaluate(() => globalThis.broken), undefined, 'a header is text');
  await fine('anatomy');
  const [download] = await Promise.all([page.waitForEvent('download'),
    page.getByRole('link', { name: 'CSV' }).click()]);
  is(readFileSync(await download.path(), 'utf8'),
    await (await ask(`export/probes.csv?monitor=${id}`)).text(), 'CSV, to the byte');
  await page.getByRole('button', { name: 'Mute' }).click();
  await page.getByText('Muted: nobody is told').waitFor();
  ok((await get(`monitors/${id}`)).muted_until, 'muted');
  await page.getByRole('button', { name: 'Muted' }).click();
  ok(await until(async () => !(await get(`monitors/${id}`)).muted_until), 'and not');
  const declared = await idOf('Office, internal');
  await go(`monitor?id=${declared}`);
  is(await page.getByRole('button', { name: 'Delete' }).count(), 0,
    'what mailprobe.yaml declares is not changed here');
  expected.push(/status of 404/);
  await go('monitor?id=00000000-0000-4000-8000-000000000000');
  await page.getByText('There is no such monitor.').waitFor();
  ok(true, 'one that is gone is told');
  await go(`monitor?id=${id}&probe=999999`);
  await page.getByText('This probe is gone').waitFor();
  ok(true, 'so is a probe');
});

/* -- alerts, maintenance ------------------------------------------------------------ */

await part('alerts', async () => {
  await go('alerts');
  const one = page.locator('.alert').filter({ hasText: 'Mail to example.org' });
  await one.waitFor();
  is(await page.locator('.alert').count(), 3, 'open ones');
  await fine('alerts');
  await one.getByRole('button', { name: 'Acknowledge' }).click();
  await one.getByText('acknowledged by admin').waitFor();
  await one.getByRole('button', { name: 'Mute' }).click();
  await one.getByRole('button', { name: 'Muted' }).waitFor();
  const [first] = await get('alerts?state=open');
  ok(first.acknowledged_at && first.muted, 'acknowledged and muted');
  await one.getByRole('link', { name: 'To example.org' }).click();
  await page.getByRole('heading', { name: 'To example.org', level: 1 }).waitFor();
  await page.goBack();
  await page.getByRole('link', { name: 'Past' }).click();
  await page.getByText('The drain stands still').waitFor();
  is(stateOf().get('state'), 'past', 'past ones, in the address');
  is(await page.getByRole('button', { name: 'Acknowledge' }).count(), 0,
    'nothing to be done about them');
  await fine('past alerts');
  await page.locator('.windows').getByRole('button', { name: 'New' }).click();
  await dialog.getByLabel('What for').fill('Patch night');
  await dialog.getByText('Every week').click();
  await dialog.getByLabel('Mon', { exact: true }).uncheck();
  await fine('maintenance');
  await dialog.getByRole('button', { name: 'Nobody is told then' }).click();
  await page.locator('.windows').getByText('Patch night').waitFor();
  const [window] = await get('windows');
  is(`${window.weekdays} ${window.from} ${window.tz}`, '2,3,4,5 22:00 Europe/Berlin',
    'every week');
  await page.getByRole('button', { name: 'End Patch night' }).click();
  await dialog.getByRole('button', { name: 'End it' }).click();
  ok(await until(async () => !(await get('windows')).length), 'ended');
});

/* -- channels -------------------------------------------------------------------------- */

await part('channels', async () => {
  await go('channels');
  const team = page.locator('.channel').filter({ hasText: 'team' });
  await team.getByText('404 Not Found: Unknown Webhook').waitFor();
  ok(/Fails/.test(await team.textContent()), 'a channel that fails, and why');
  await fine('channels');
  await team.getByText('Last deliveries').click();
  await team.locator('.log li').nth(3).waitFor();
  ok(true, 'its last deliveries');
  const inbox = page.locator('.channel').filter({ hasText: 'inbox' });
  await inbox.getByRole('button', { name: 'Send a test' }).click();
  ok(await until(() => sql("SELECT count(*) FROM outbox WHERE event = 'test'") === '1'),
    'a test is put into the outbox');
  sql(`INSERT INTO outbox_deliveries (outbox_id, channel, state, attempts, next_at, done_at)
    SELECT id, 'inbox', 'sent', 1, 0, created_at + 200000 FROM outbox WHERE
    event = 'test'`);
  await page.locator('.toast').filter({ hasText: 'The test went out by “inbox”.' }).waitFor();
  ok(true, 'and how it ended is told');
  const password = page.locator('.accounts-table').getByText('••••••');
  ok(await password.count() > 3, 'accounts are shown without their passwords');
});

/* -- what it means for mails --------------------------------------------------------- */

await part('routes of mails', async () => {
  const make = async (recipient, subject) => (await ask('tracks', { method: 'POST',
    body: JSON.stringify({ recipient, subject }) })).json();
  const lost = await make('Kaya <kaya@example.org>', 'Into the void');
  await make('bo@gmail.example', 'A good way');
  const dark = await make('x@elsewhere.example', 'Off the map');
  await go('');
  const row = (subject) => page.locator('.row').filter({ hasText: subject });
  await row('Into the void').getByText(
    'unopened; route to example.org was failing when this was sent').waitFor();
  ok(true, 'a mail whose route failed says so in the list');
  is(await row('A good way').locator('.route-note').count(), 0, 'a good route says nothing');
  await fine('mails with notes');
  await go(`mail?id=${lost.id}`);
  const way = page.locator('.way');
  ok(/route to example.org was failing when this was sent/.test(await way.textContent()),
    'the mail says it', await way.textContent());
  ok(/by a probe \d+ minutes? before/.test(await way.textContent()), 'with the evidence’s age');
  await fine('mail with its way');
  await way.getByRole('link').first().click();
  await page.getByRole('heading', { name: 'To example.org', level: 1 }).waitFor();
  ok(true, 'and leads to the monitor');
  await go(`mail?id=${dark.id}`);
  await page.getByText('unknown: no monitor covers it').waitFor();
  ok(true, 'where nothing is known, that is said');
  await ask('recipients/hush@example.org');
  const quiet = await make('hush@example.org', 'Told to nobody');
  await ask('recipients/hush@example.org', { method: 'PATCH',
    body: JSON.stringify({ muted: true }) });
  const loud = await make('loud@example.org', 'Told to all');
  await go('');
  await later();
  await hit(quiet.id);
  await hit(loud.id);
  await page.locator('.toast').filter({ hasText: 'Told to all' }).waitFor();
  is(await page.locator('.toast').filter({ hasText: 'Told to nobody' }).count(), 0,
    'opens of a muted recipient are not told');
});

/* -- sizes, themes, others ------------------------------------------------------------- */

const PAGES = async () => ['delivery', `monitor?id=${await idOf('To example.org')}&probe=${
  (await get(`monitors/${await idOf('To example.fr')}/probes?limit=1`))[0].id}`, 'alerts',
'alerts?state=past', 'channels'];

await part('narrow, wide and dark', async () => {
  const pages = await PAGES();
  for (const width of [360, 1920]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of pages) {
      await go(path);
      const over = await page.evaluate(() =>
        document.documentElement.scrollWidth - innerWidth);
      ok(over <= 0, `${width} px, ${path.slice(0, 20)}: nothing sticks out`, `${over} px`);
      if (width === 360) await fine(`360 px, ${path.slice(0, 20)}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.emulateMedia({ colorScheme: 'dark' });
  for (const path of pages) {
    await go(path);
    await fine(`dark, ${path.slice(0, 20)}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
});

await part('somebody who is no administrator', async () => {
  const other = await newContext();
  const seat = await other.newPage();
  await seat.goto(url('delivery'));
  await seat.getByLabel('User name').fill('viewer');
  await seat.getByLabel('Password').fill(config.password);
  await seat.getByRole('button', { name: 'Sign in' }).click();
  await seat.locator('.route').first().waitFor();
  is(await seat.getByRole('button', { name: 'New monitor' }).count(), 0, 'makes none');
  is(await seat.getByLabel(/^More for/).count(), 0, 'changes none');
  ok(await seat.getByRole('button', { name: 'Probe now' }).count(), 'but may probe');
  await seat.goto(url('channels'));
  await seat.locator('.channel').first().waitFor();
  is(await seat.getByRole('button', { name: 'Send a test' }).count(), 0, 'sends no test');
  await other.close();
});

await part('failing', async () => {
  expected.push(/status of 503/, /ERR_FAILED/);
  await page.route('**/api/deliveries', (route) => route.fulfill({ status: 503,
    contentType: 'application/problem+json', body: JSON.stringify({ status: 503,
      title: 'Service Unavailable', detail: 'The store is being upgraded.' }) }));
  await go('delivery');
  await page.getByText('The store is being upgraded.').waitFor();
  await fine('failing');
  await page.unrouteAll();
  await page.getByRole('button', { name: 'Try again' }).click();
  await card('To example.org').waitFor();
  ok(true, 'goes on when it is over');
  await page.route('**/api/deliveries', (route) => route.abort());
  await page.locator('.stale').filter({ hasText: 'cannot be reached' }).waitFor(
    { timeout: 12000 });
  is(await card('To example.org').count(), 1, 'what was seen stays, said to be old');
  await page.unrouteAll();
});

seenBreaches.push(...await breaches(page));
is(seenBreaches.join('\n'), '', 'nothing broke the Content-Security-Policy');
is(complaints.join('\n'), '', 'no error in any console');
await browser.close();
