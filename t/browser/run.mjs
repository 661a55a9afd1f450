/* SPDX-License-Identifier: MIT */
/* The dashboard's story in a real browser; run by t/80-dashboard.t. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  ask, axe, breaches, browser, complaints, config, expected, hit, is, later,
  newContext, ok, part, signIn, until, url,
} from './lib.mjs';

const context = await newContext({ acceptDownloads: true });
const page = await context.newPage();
const seenBreaches = [];
const keep = async () => seenBreaches.push(...await breaches(page));
const main = page.locator('main');
const rows = page.locator('.rows .row');
const row = (text) => rows.filter({ hasText: text });
const stateOf = () => new URL(page.url()).searchParams;
const loaded = () => page.locator('.skeleton').waitFor({ state: 'detached' });

async function go(path) {
  await keep();
  await page.goto(url(path));
  await main.locator('h1').first().waitFor();
  await loaded();
}
const make = async (fields) => (await ask('tracks',
  { method: 'POST', body: JSON.stringify(fields) })).json();

/* RFC 6238, as an authenticator does it. */
function totp(secret) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((one) =>
    letters.indexOf(one).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((octet) => Number.parseInt(octet, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1e6).padStart(6, '0');
}

/* -- signing in ---------------------------------------------------------------- */

await part('sign-in', async () => {
  expected.push(/status of 401/);
  await page.goto(url('analytics?days=7'));
  await page.getByLabel('User name').fill(config.username);
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  const alert = page.getByRole('alert').filter({ hasText: /\w/ });
  await alert.waitFor();
  ok(/password/i.test(await alert.textContent()), 'a wrong password is told in words');
  is(await axe(page).then((found) => found.join('\n')), '', 'sign-in: axe');
  await page.getByLabel('Password').fill(config.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Analytics' }).waitFor();
  is(stateOf().get('days'), '7', 'and one is where one wanted to be');
  const cookies = await context.cookies();
  ok(cookies.every((one) => one.httpOnly && one.sameSite === 'Strict'),
    'the cookie is out of reach');
  is(await page.evaluate(() => document.cookie), '', 'of every script');
});

/* -- first use: nothing there yet ------------------------------------------------ */

await part('first use', async () => {
  await go('');
  await page.getByRole('heading', { name: 'Send your first tracked mail' }).waitFor();
  is(await axe(page).then((found) => found.join('\n')), '', 'first use: axe');
  await page.locator('.first').getByLabel('To').fill('nobody');
  expected.push(/status of 422/);
  await page.getByRole('button', { name: 'Make the picture' }).click();
  await page.locator('[aria-invalid=true]').waitFor();
  ok(true, 'what is no address is told at the field');
  await page.locator('.first').getByLabel('To').fill('Ann Doe <ann@example.org>');
  await page.locator('.first').getByLabel('Subject').fill('The first one');
  await page.getByRole('button', { name: 'Make the picture' }).click();
  await page.locator('.listening').waitFor();
  const text = await page.locator('.snippet').textContent();
  const id = /\/p\/([0-9a-f-]{36})\.gif/.exec(text)?.[1];
  ok(id && /^<img src="http/.test(text), 'a picture to paste');
  await later();
  await hit(id);
  const start = Date.now();
  await page.locator('.listening').waitFor({ state: 'detached' });
  await row('The first one').getByText('Opened', { exact: true }).waitFor();
  ok(Date.now() - start < 3500, 'the hit turns the guide into the list',
    `${Date.now() - start} ms`);
  await page.locator('.toast').filter({ hasText: 'Ann Doe opened “The first one”' })
    .waitFor();
  ok(true, 'and is told in words');
  for (const name of ['analytics?days=7', 'recipients', 'settings', '?q=zebra']) {
    await go(name);
    is(await axe(page).then((found) => found.join('\n')), '', `little data, ${name}: axe`);
  }
});

/* -- lists ------------------------------------------------------------------------- */

const evil = '<img src=x onerror="globalThis.broken=1">"><svg onload="globalThis.broken=1">';
let evilMail;
let pinnedMail;
let vera;

await part('things to look at', async () => {
  for (let n = 0; n < 60; n++) {
    await make({ recipient: `Person ${n} <p${n}@example.org>`, subject: `Letter ${n}` });
  }
  evilMail = await make({ recipient: `"${evil.replace(/["\\]/g, '\\$&')}" <evil@example.org>`,
    subject: evil, notes: `javascript:globalThis.broken=1 ${evil}` });
  for (const name of ['Uma', 'Vera', 'Wim']) {
    const track = await make({ recipient: `${name} <${name}@example.net>`,
      subject: 'To three', message_group_id: 'three' });
    if (name === 'Vera') vera = track;
  }
  pinnedMail = await make({ recipient: 'zoe@example.net', subject: 'R&D: 100 % sure?',
    notes: 'about apples', pinned: true });
  const apple = await make({ recipient: 'ida@example.net', subject: 'To an Apple' });
  await later();
  await hit(evilMail.id, { agent: `Mozilla/5.0 ${evil}` });
  await hit(vera.id, { address: '203.0.113.9' });
  await hit(apple.id, { agent: 'Mozilla/5.0', address: '17.58.0.1' });
  ok(await until(async () => (await (await ask(`tracks/${apple.id}`)).json())
    .open_count === 1), 'mails and hits');
});

await part('mails', async () => {
  await go('');
  is(await axe(page).then((found) => found.join('\n')), '', 'mails: axe');
  ok((await rows.first().textContent()).includes('R&D: 100 % sure?'),
    'pinned mails are on top');
  is(await row('To three').count(), 1, 'a group is one row');
  is(await row('To three').locator('a.pill').count(), 3, 'with a pill for each');
  is(await row('To three').locator('a.pill.opened').count(), 1, 'the opened one filled');
  ok(/1 of 3 opened/.test(await row('To three').textContent()), 'and said in words');
  ok(!/unread/i.test(await main.textContent()), 'nothing is called unread');
  await page.getByRole('link', { name: 'Older' }).click();
  await row('Letter 0').waitFor();
  ok(stateOf().get('cursor'), 'the page is in the address');
  await page.reload();
  await row('Letter 0').waitFor();
  ok(true, 'and reload keeps it');
  await page.getByRole('link', { name: 'Newer' }).click();
  await row('To three').waitFor();
  await page.goBack();
  await row('Letter 0').waitFor();
  ok(true, 'so does going back');
});

await part('filter and search', async () => {
  await go('');
  await page.getByRole('link', { name: 'Opened', exact: true }).click();
  await until(async () => await row('Letter 3').count() === 0);
  is(stateOf().get('state'), 'opened', 'the filter is in the address');
  ok(await until(() => row('The first one').count()), 'opened mails');
  is(await rows.locator('.badge:not(.opened)').count(), 0, 'and no others');
  await go('?state=unopened');
  ok(await row('Letter 59').count() === 1 && await row('The first one').count() === 0,
    'no open seen');
  await go('');
  await page.keyboard.press('/');
  await page.keyboard.type('r&d apples');
  ok(await until(async () => await rows.count() === 1 && stateOf().get('q') ===
    'r&d apples'), 'search by words of subject and notes', page.url());
  await page.reload();
  ok(await until(async () => await rows.count() === 1), 'which reload keeps');
  is(await page.getByLabel('Search').inputValue(), 'r&d apples', 'in the field, too');
  await go('?from=2020-01-01&to=2020-01-02');
  await page.getByRole('heading', { name: 'Nothing fits' }).waitFor();
  ok(true, 'days without mails say so');
  await go('?from=2026-01-02&to=2026-01-01');
  await page.getByText('The first day is after the last one.').waitFor();
  ok(true, 'days the wrong way round are told');
});

await part('export', async () => {
  await go('');
  const [download] = await Promise.all([page.waitForEvent('download'),
    page.getByRole('link', { name: 'CSV' }).click()]);
  const got = readFileSync(await download.path(), 'utf8');
  const want = await (await ask('export/tracks.csv?sort=pinned_first')).text();
  ok(got === want && got.split('\n').length > 60, 'CSV is what the API gives, to the byte',
    `${got.length} and ${want.length}`);
  for (const [path, file] of [['?state=opened&q=first',
    'export/tracks.csv?filter=opened&search=first&sort=pinned_first'],
  ['analytics?days=7',
    'export/analytics.csv?days=7&tz=Europe%2FBerlin'],
  ['recipients', 'export/recipients.csv']]) {
    await go(path);
    const [other] = await Promise.all([page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV' }).click()]);
    is(readFileSync(await other.path(), 'utf8'), await (await ask(file)).text(),
      `${path}: the same`);
  }
});

await part('keyboard', async () => {
  await go('');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  const focused = await page.evaluate(() =>
    document.activeElement.closest('.row')?.textContent ?? '');
  const second = await rows.nth(1).textContent();
  is(focused, second, 'j and k walk');
  await page.keyboard.press('p');
  ok(await until(async () => (await (await ask('tracks?pinned=true')).json()).length
    === 2), 'p pins');
  await page.keyboard.press('p');
  ok(await until(async () => (await (await ask('tracks?pinned=true')).json()).length
    === 1), 'and takes the pin off');
  await page.keyboard.press('Enter');
  await page.locator('.timeline').waitFor();
  ok(true, 'Enter opens');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  ok(true, '? helps, Escape closes');
  await page.keyboard.press('n');
  await page.getByRole('dialog', { name: 'New tracked mail' }).waitFor();
  is(await axe(page).then((found) => found.join('\n')), '', 'dialog: axe');
  await page.keyboard.press('Escape');
});

await part('a new mail, and live arrival', async () => {
  await go('');
  await page.getByRole('button', { name: 'New tracked mail' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('To').fill('Bo <bo@example.org>, cy@example.org');
  await dialog.getByLabel('Subject').fill('Seen live');
  await page.keyboard.press('Enter');
  const text = await dialog.locator('.snippet').textContent();
  const id = /([0-9a-f-]{36})\.gif/.exec(text)[1];
  await dialog.getByRole('button', { name: 'Done' }).click();
  await row('Seen live').waitFor();
  await page.evaluate(() => scrollTo(0, 400));
  const before = await page.evaluate(() => scrollY);
  await later();
  const start = Date.now();
  await hit(id, { address: '198.51.100.44' });
  await row('Seen live').getByText('1 open').waitFor();
  ok(Date.now() - start < 3300, 'an open shows within 3 s', `${Date.now() - start} ms`);
  await make({ recipient: 'late@example.org', subject: 'A late one' });
  await page.getByRole('button', { name: '1 new mail' }).waitFor();
  is(await page.evaluate(() => scrollY), before, 'and the page does not jump');
  await page.getByRole('button', { name: '1 new mail' }).click();
  await row('A late one').waitFor();
  ok(true, 'new mails wait to be asked for');
});

/* -- one mail ------------------------------------------------------------------------ */

await part('a mail', async () => {
  await go(`mail?id=${pinnedMail.id}`);
  is(await axe(page).then((found) => found.join('\n')), '', 'mail: axe');
  await page.getByRole('button', { name: 'Edit the notes' }).click();
  await page.getByLabel('the notes').fill('Line one\nand <b>two</b>');
  await page.keyboard.press('Control+Enter');
  await page.locator('p.notes').filter({ hasText: 'and <b>two</b>' }).waitFor();
  is((await (await ask(`tracks/${pinnedMail.id}`)).json()).notes,
    'Line one\nand <b>two</b>', 'notes are kept');
  await page.getByRole('button', { name: 'Edit the subject' }).click();
  await page.keyboard.type('Renamed');
  await page.keyboard.press('Escape');
  ok(await page.getByRole('heading', { name: 'R&D' }).count(), 'Escape keeps the old');
  await page.getByRole('button', { name: 'Edit the subject' }).click();
  await page.keyboard.type('Renamed');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Renamed' }).waitFor();
  await page.getByRole('button', { name: 'Edit the recipients' }).click();
  await page.getByLabel('the recipients').fill('Zoe <zoe@example.net>, not an address');
  await page.keyboard.press('Enter');
  await page.locator('.toast.bad').waitFor();
  ok(true, 'a refusal is told in words');
  await page.getByRole('button', { name: 'Cancel' }).click();
  is((await (await ask(`tracks/${pinnedMail.id}`)).json()).recipient,
    'zoe@example.net', 'and nothing has changed');
  const gmail = await page.getByRole('link', { name: 'Find it in Gmail' })
    .getAttribute('href');
  ok(gmail.startsWith('https://mail.google.com/mail/u/0/#search/in%3Asent%20to%3Azoe'),
    'a search in Gmail', gmail);
  await go(`mail?id=${evilMail.id}`);
  await page.getByText('A person').first().waitFor();
  ok(/nothing points to a machine|mail program/.test(
    await page.locator('.hit').first().textContent()), 'the verdict is explained');
  const counted = async () =>
    (await (await ask(`tracks/${vera.id}`)).json()).real_open_count;
  await go(`mail?id=${vera.id}`);
  await page.getByRole('button', { name: 'That was me' }).click();
  await page.getByRole('button', { name: 'That was not me' }).waitFor();
  is(await counted(), 0, 'that was me: the counters follow');
  await page.getByRole('button', { name: 'That was not me' }).click();
  await page.getByRole('button', { name: 'That was me' }).waitFor();
  is(await counted(), 1, 'and back');
  expected.push(/status of 404/);
  await go('mail?id=00000000-0000-4000-8000-000000000000');
  await page.getByRole('heading', { name: 'There is no such mail' }).waitFor();
  ok(true, 'a mail that is gone is told');
  await page.goto(url('nothing'));
  is(await page.locator('#app').count(), 0, 'other paths are not pages');
});

await part('delete and undo', async () => {
  const one = await make({ recipient: 'gone@example.org', subject: 'To be kept' });
  const two = await make({ recipient: 'gone@example.org', subject: 'To be gone' });
  await go(`mail?id=${one.id}`);
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.locator('.rows').first().waitFor();
  is(await row('To be kept').count(), 0, 'a deleted mail leaves the list');
  await page.getByRole('button', { name: 'Undo' }).click();
  await row('To be kept').waitFor();
  is((await ask(`tracks/${one.id}`)).status, 200, 'undo brings it back');
  await go(`mail?id=${two.id}`);
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.locator('.toast.undo').waitFor();
  is((await ask(`tracks/${two.id}`)).status, 200, 'nothing is asked for yet');
  await page.goto('about:blank');
  ok(await until(async () => (await ask(`tracks/${two.id}`)).status === 404),
    'leaving deletes at once');
});

/* -- the other pages -------------------------------------------------------------------- */

await part('analytics', async () => {
  await go('analytics');
  await page.locator('.tile').first().waitFor();
  await page.waitForFunction(() => globalThis.Chart &&
    Object.keys(globalThis.Chart.instances).length >= 2);
  ok(true, 'charts are drawn');
  const figures = await (await ask('analytics?days=30&tz=Europe/Berlin')).json();
  is(await page.locator('.tile strong').first().textContent(),
    String(figures.totals.mails), 'tiles tell what the API says');
  is(await axe(page).then((found) => found.join('\n')), '', 'analytics: axe');
  const cells = await page.getByRole('table', { name: 'Mails by weekday and hour' })
    .locator('td .hidden').allTextContents();
  is(cells.join(), figures.week.mails.flat().join(), 'hours of the week');
  await page.getByText('The best time to send is not known yet').or(
    page.getByText('Mails are opened most when they are sent on')).waitFor();
  ok(true, 'the best time to send, in words');
  await page.getByRole('heading', { name: 'Time to first open' }).waitFor();
  await page.getByRole('link', { name: '90 days' }).click();
  ok(await until(() => stateOf().get('days') === '90'), 'the period is in the address');
  await page.getByText('This server has no place database').waitFor();
  ok(true, 'no place database: told how to add one');
  await go('analytics?from=2021-01-01&to=2021-01-31');
  await page.getByRole('heading', { name: 'Nothing in these days' }).waitFor();
  ok(true, 'an empty period says so');
});

await part('recipients', async () => {
  await go('recipients');
  is(await axe(page).then((found) => found.join('\n')), '', 'recipients: axe');
  await page.getByRole('columnheader', { name: 'Recipient' }).getByRole('link').click();
  ok(await until(() => stateOf().get('sort') === 'address'), 'the order is in the address');
  const names = async () => page.locator('tbody th a').allTextContents();
  ok(await until(async () => (await names())[0] === 'Ann Doe'), 'by address');
  await page.getByRole('columnheader', { name: 'Recipient' }).getByRole('link').click();
  ok(await until(async () => (await names())[0] === 'zoe@example.net'),
    'and the other way');
  await page.getByLabel('Search').fill('p41@');
  ok(await until(async () => (await names()).join() === 'Person 41'), 'search');
  await page.getByRole('link', { name: 'Person 41' }).click();
  await page.getByRole('heading', { name: 'Person 41' }).waitFor();
  await row('Letter 41').waitFor();
  is(await axe(page).then((found) => found.join('\n')), '', 'recipient: axe');
  await page.goBack();
  await page.getByLabel('Search').waitFor();
  is(stateOf().get('q'), 'p41@', 'back keeps the search');
});

await part('score', async () => {
  await go('recipients?sort=score');
  const { 0: best } = await (await ask('recipients?sort=score&order=desc')).json();
  const cell = page.locator('tbody tr').first().locator('.score');
  is(await page.locator('tbody th a').first().textContent(), best.name || best.address,
    'the best score is first');
  ok((await cell.getAttribute('title')).startsWith(`Score ${
    Math.round(best.score.value)} of 100: open rate ${
    Math.round(best.score.open_rate)} of 50, recency `), 'a score is explained on hover',
  await cell.getAttribute('title'));
  is(await cell.locator('.hidden').textContent(), await cell.getAttribute('title'),
    'and read out in the same words');
  await page.getByRole('columnheader', { name: 'Score' }).getByRole('link').click();
  ok(await until(() => stateOf().get('order') === 'asc'), 'the other way round');
});

await part('a recipient', async () => {
  for (let n = 0; n < 23; n++) {
    await make({ recipient: 'Mia <mia@example.org>', subject: `To Mia ${n}` });
  }
  await make({ recipient: 'mia@example.org, nils@example.org', subject: 'To both' });
  const { id } = await make({ recipient: 'mia@example.org', subject: 'Hit' });
  await later();
  await hit(id);
  const person = async () => (await ask('recipients/mia@example.org?tz=Europe/Berlin')).json();
  await until(async () => (await person()).mails_opened === 1);
  await go('recipient?address=mia@example.org');
  await page.getByText('1 mail was opened').waitFor();
  const { opening_hours: hours } = await person();
  const hour = hours.findIndex((n) => n);
  await page.getByRole('img', { name: `First opens by hour: ${
    String(hour).padStart(2, '0')}:00 1` }).waitFor();
  ok(true, 'opening hours in the reader’s zone, as a picture with words');
  ok(/of 100/.test(await page.locator('.score-of').textContent()), 'the score');
  is(await rows.count(), 20, 'the newest mails');
  await page.getByRole('link', { name: 'Older' }).click();
  await row('To Mia 0').waitFor();
  is(await rows.count(), 5, 'older ones on a page of their own');
  await page.reload();
  await row('To Mia 0').waitFor();
  await page.getByRole('link', { name: 'Newer' }).click();
  await row('To both').waitFor();
  ok(true, 'which the address holds');
  await page.getByRole('button', { name: 'Mute' }).click();
  ok(await until(async () => (await person()).muted), 'mute');
  await go('recipients?q=mia@');
  await page.getByTitle('Muted: nobody is told of opens').waitFor();
  ok(true, 'the list says who is muted');
  await page.getByRole('link', { name: 'Mia' }).click();
  await page.getByRole('button', { name: 'Muted' }).click();
  ok(await until(async () => !(await person()).muted), 'and not any more');
  await page.getByRole('button', { name: 'Erase' }).click();
  const dialog = page.getByRole('dialog');
  const yes = dialog.getByRole('button', { name: 'Erase for good' });
  ok(await yes.isDisabled(), 'erasing waits for the address');
  is(await axe(page).then((found) => found.join('\n')), '', 'erase: axe');
  await dialog.getByLabel('Type the address').fill('nils@example.org');
  ok(await yes.isDisabled(), 'for this one');
  await page.keyboard.press('Escape');
  is((await ask('recipients/mia@example.org')).status, 200, 'Escape erases nobody');
  await page.getByRole('button', { name: 'Erase' }).click();
  await dialog.getByLabel('Type the address').fill('Mia@example.org');
  await page.keyboard.press('Enter');
  await page.getByText('mia@example.org is erased: 24 mails with 1 hit deleted, ' +
    'taken out of 1 mail to others.').waitFor();
  ok(new URL(page.url()).pathname.endsWith('/recipients'), 'back in the list, with words');
  is((await ask('recipients/mia@example.org')).status, 404, 'and nothing is left');
});

await part('mute a mail', async () => {
  const { id } = await make({ recipient: 'quiet@example.org', subject: 'Quietly' });
  await go(`mail?id=${id}`);
  await page.getByRole('button', { name: 'Mute' }).click();
  const muted = async () => (await (await ask(`tracks/${id}`)).json()).muted;
  ok(await until(muted), 'a mail is muted');
  await later();
  await hit(id);
  await page.locator('.hit').first().waitFor();
  is(await page.locator('.toast').filter({ hasText: 'Quietly' }).count(), 0,
    'its opens are not told of');
  await page.getByRole('button', { name: 'Muted' }).click();
  ok(await until(async () => !(await muted())), 'and not any more');
});

await part('settings and themes', async () => {
  await go('settings');
  await page.getByText('This one').waitFor();
  is(await axe(page).then((found) => found.join('\n')), '', 'settings: axe');
  const ground = () => page.evaluate(() =>
    getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  await page.getByText('Dark', { exact: true }).click();
  const dark = await ground();
  ok(light !== dark, 'a dark theme', `${light} ${dark}`);
  await page.reload();
  await loaded();
  is(await ground(), dark, 'is remembered');
  for (const path of ['', `mail?id=${evilMail.id}`, 'analytics', 'recipients',
    'recipient?address=ann@example.org', 'settings']) {
    await go(path);
    is(await axe(page).then((found) => found.join('\n')), '', `dark, ${path}: axe`);
  }
  await go('settings');
  await page.getByText('As the system').click();
  is(await ground(), light, 'as the system again');
});

await part('notifications', async () => {
  await go('settings');
  const wishes = async () => page.evaluate(async () =>
    (await fetch('api/notifications')).json());
  const box = (name) => page.getByLabel(name, { exact: true });
  await box('First open: E-mail').waitFor();
  ok(await box('First open: ntfy').isChecked() &&
    !await box('Opened again later: ntfy').isChecked(), 'first opens only, at first');
  await box('First open: Discord').uncheck();
  await box('Opened again and again: E-mail').check();
  await box('Quiet hours').check();
  await box('from').fill('21:30');
  ok(await until(async () => (await wishes()).quiet?.from === '21:30'), 'quiet hours');
  const { events, quiet } = await wishes();
  ok(!events.first_open.discord && events.first_open.email && events.hot.email &&
    !events.hot.ntfy, 'each event by each channel', JSON.stringify(events));
  is(quiet.tz, 'Europe/Berlin', 'in the reader’s zone');
  is(await axe(page).then((found) => found.join('\n')), '', 'notifications: axe');
  await page.reload();
  await box('from').waitFor();
  is(await box('from').inputValue(), '21:30', 'kept');
  await box('Quiet hours').uncheck();
  ok(await until(async () => (await wishes()).quiet === null), 'no quiet hours');
});

await part('keys', async () => {
  await go('settings');
  await page.getByRole('button', { name: 'New key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Made <b>here</b>');
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  const key = await dialog.locator('pre code').textContent();
  is((await fetch(url('api/tracks'), { headers: { 'X-API-Key': key } })).status, 200,
    'a new key works');
  await dialog.getByRole('button', { name: 'Done' }).click();
  const entry = page.locator('.entries li').filter({ hasText: 'Made <b>here</b>' });
  await entry.waitFor();
  ok(!(await page.content()).includes(key), 'its secret is shown once');
  await entry.getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await entry.getByText('Revoked').waitFor();
  is((await fetch(url('api/tracks'), { headers: { 'X-API-Key': key } })).status, 401,
    'revoked, it is none');
});

await part('second factor', async () => {
  await go('settings');
  await page.getByRole('button', { name: 'Switch on' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('svg.qr').waitFor();
  ok((await dialog.locator('svg.qr path').getAttribute('d')).length > 1000, 'a QR code');
  is(await axe(page).then((found) => found.join('\n')), '', 'enrolment: axe');
  await dialog.getByText('Enter it by hand').click();
  const secret = await dialog.locator('.by-hand code').textContent();
  await dialog.getByRole('textbox', { name: /^Code/ }).fill('000000');
  await dialog.getByRole('button', { name: 'Switch on' }).click();
  await dialog.locator('.problem').waitFor();
  ok(true, 'a wrong code switches nothing on');
  await dialog.getByRole('textbox', { name: /^Code/ }).fill(totp(secret));
  await dialog.getByRole('button', { name: 'Switch on' }).click();
  await dialog.locator('.codes').waitFor();
  const codes = await dialog.locator('.codes code').allTextContents();
  is(codes.length, 10, 'ten recovery codes');
  await dialog.getByRole('button', { name: 'I have kept them' }).click();
  await page.getByText('10 recovery codes left').waitFor();
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
  await page.getByLabel('User name').fill(config.username);
  await page.getByLabel('Password').fill(config.password);
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: /^Code/ }).fill('123');
  await page.keyboard.press('Enter');
  await page.locator('.problem').waitFor();
  ok(true, 'sign-in asks for a code, a wrong one is told');
  await page.getByRole('textbox', { name: /^Code/ }).fill(codes[3]);
  await page.keyboard.press('Enter');
  await page.getByText('9 recovery codes left').waitFor();
  ok(true, 'a recovery code lets one in, once');
  await page.getByRole('button', { name: 'Switch off' }).click();
  await page.getByRole('dialog').getByLabel('Password').fill(config.password);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Switch on' }).waitFor();
  ok(true, 'the password switches it off');
});

await part('narrow and wide', async () => {
  for (const width of [360, 1920]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of ['', `mail?id=${evilMail.id}`, 'analytics', 'recipients',
      'recipient?address=ann@example.org', 'settings']) {
      await go(path);
      const over = await page.evaluate(() =>
        document.documentElement.scrollWidth - innerWidth);
      ok(over <= 0, `${width} px, ${path}: nothing sticks out`, `${over} px`);
      if (width === 360) {
        is(await axe(page).then((found) => found.join('\n')), '', `360 px, ${path}: axe`);
      }
    }
  }
  await page.setViewportSize({ width: 1280, height: 860 });
});

/* -- what must never be ------------------------------------------------------------------ */

await part('strangers’ text', async () => {
  for (const path of ['', `mail?id=${evilMail.id}`, 'recipients',
    'recipient?address=evil@example.org', `?q=${encodeURIComponent(evil)}`]) {
    await go(path);
    await page.waitForTimeout(100);
    is(await page.evaluate(() => globalThis.broken), undefined, `${path.slice(0, 20)}: text`);
    is(await page.locator('main img[src=x], main svg[onload]').count(), 0, 'and no markup');
    is(await page.locator('a[href^="javascript:" i]').count(), 0, 'no link runs anything');
  }
});

await part('failing', async () => {
  expected.push(/status of 503/, /ERR_FAILED/, /ERR_INTERNET/);
  await context.route('**/api/tracks?*', (route) => route.fulfill({ status: 503,
    contentType: 'application/problem+json', body: JSON.stringify({
      title: 'Service Unavailable', status: 503, detail: 'The store is being upgraded.',
      remedy: 'mailtrackctl migrate' }) }));
  await go('');
  await page.getByText('The store is being upgraded.').waitFor();
  ok(await page.getByText('mailtrackctl migrate').count(), 'a failure tells what mends it');
  is(await axe(page).then((found) => found.join('\n')), '', 'failing: axe');
  await context.unroute('**/api/tracks?*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await row('To three').waitFor();
  ok(true, 'and goes on when it is over');
  await context.route('**/api/changes*', (route) => route.abort());
  await page.getByText('No connection to the server').waitFor({ timeout: 30000 });
  ok(true, 'a lost connection is told');
  await context.unroute('**/api/changes*');
});

await part('sign-out', async () => {
  await go('settings');
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click();
  await page.getByLabel('User name').waitFor();
  await page.goto(url('recipients'));
  await page.getByLabel('User name').waitFor();
  is((await page.request.get(url('api/tracks'))).status(), 401, 'signed out is out');
  await signIn(page, 'recipients');
  const other = await (await newContext()).newPage();
  await signIn(other);
  await go('settings');
  await page.getByText('127.0.0.1').nth(1).waitFor();
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('User name').waitFor();
  is((await other.request.get(url('api/tracks'))).status(), 401, 'everywhere');
  await other.getByLabel('User name').waitFor();
  ok(true, 'and the other browser asks to sign in again');
});

await part('throttle', async () => {
  expected.push(/status of 429/);
  for (let n = 0; n < 8 && !await page.getByText(/Again in \d+ s/).count(); n++) {
    await page.getByLabel('User name').fill('somebody');
    await page.getByLabel('Password').fill(`guess ${n}`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('button[aria-busy]').waitFor({ state: 'detached' });
  }
  const counted = page.getByText(/Again in \d+ s/);
  ok(await counted.count(), 'too many failures: a countdown');
  const first = await counted.textContent().catch(() => '');
  ok(await until(async () => await counted.textContent() !== first), 'that counts');
});

await keep();
is(seenBreaches.join('\n'), '', 'nothing broke the Content-Security-Policy');
is(complaints.join('\n'), '', 'no error in any console');
await browser.close();
