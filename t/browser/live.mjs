/* SPDX-License-Identifier: MIT */
/* A route watched for real, from the form to the alert; run by
   t/82-delivery-live.t with a mailprobe and a mail system beside it. */
import { mkdirSync } from 'node:fs';
import {
  ask, browser, complaints, config, is, newContext, ok, part, signIn, until, url,
} from './lib.mjs';

const context = await newContext();
const page = await context.newPage();
const dialog = page.getByRole('dialog');
const card = (name) => page.locator('.route').filter({ has:
  page.getByRole('heading', { name, exact: true }) });
const channel = (name) => page.locator('.channel').filter({ has:
  page.getByRole('heading', { name, exact: true }) });
const get = async (path) => (await ask(path)).json();
let number = 0;
async function shoot(name) {
  if (!config.shots) return;
  mkdirSync(config.shots, { recursive: true });
  await page.screenshot({ path: `${config.shots}/live-${++number}-${name}.png`,
    fullPage: true });
}

async function add(recipient, { send = 'one', watch = 'two', missing = '30' } = {}) {
  await page.getByRole('button', { name: 'New monitor' }).click();
  await dialog.getByLabel('Probes go to').fill(recipient);
  await dialog.getByLabel('Sent by').selectOption(send);
  await dialog.getByLabel('Watched by').selectOption(watch);
  await dialog.getByLabel('A probe every').fill('10');
  await dialog.getByLabel('Missing after').fill(missing);
  await dialog.getByText('More settings').click();
  await dialog.getByLabel('While it fails, every').fill('10');
  await dialog.getByRole('button', { name: 'Watch this route' }).click();
  await dialog.waitFor({ state: 'detached' });
  await card(recipient).waitFor();
}

await signIn(page, 'delivery');

await part('a route that works', async () => {
  await page.getByRole('heading', { name: 'No route is watched yet' }).waitFor();
  await add('box2@mail.test');
  await card('box2@mail.test').getByText('Arrives', { exact: true }).waitFor(
    { timeout: 30000 });
  ok(true, 'the first probe shows by itself');
  await card('box2@mail.test').getByRole('button', { name: 'Probe now' }).click();
  await dialog.locator('.trip').waitFor();
  await dialog.getByText(/^Seen in INBOX after/).waitFor({ timeout: 20000 });
  await shoot('trip');
  ok(true, 'probe now: its trip, to the end');
  await dialog.getByRole('button', { name: 'Show this probe' }).click();
  const probe = page.locator('#probe');
  await probe.waitFor();
  const words = await probe.textContent();
  for (const part of ['Handing it over', 'TLS handshake', 'Sign in', 'Recipient',
    'by the servers’ own clocks', 'INBOX', 'queued as', 'TLSv1.']) {
    ok(words.includes(part), `anatomy: ${part}`, words);
  }
  await page.locator('.chart canvas').waitFor();
  await shoot('probe');
});

await part('routes that do not', async () => {
  await page.goto(url('delivery'));
  await card('box2@mail.test').waitFor();
  await add('reject@mail.test');
  await card('reject@mail.test').getByText('Cannot send', { exact: true }).waitFor(
    { timeout: 30000 });
  ok(/refused by policy/.test(await card('reject@mail.test').textContent()),
    'with the server’s words', await card('reject@mail.test').textContent());
  await add('box1@mail.test', { send: 'one', watch: 'shut' });
  const seen = await until(async () => (await get('accounts'))
    .find((one) => one.name === 'shut').state === 'blind', 20);
  ok(seen, 'a wrong password: the account is blind');
  await page.goto(url('channels'));
  await page.locator('.accounts-table').getByText('Cannot see').waitFor();
  ok(true, 'which the page says');
  await page.goto(url('alerts'));
  await page.locator('.alert').filter({ hasText: /reject@mail.test[^]*refused by policy/ })
    .first()
    .waitFor({ timeout: 45000 });
  ok(true, 'an alert');
  await shoot('alerts');
});

await part('what that means for a mail', async () => {
  /* the route is judged by what was known when the mail was made */
  const made = await (await ask('tracks', { method: 'POST', body: JSON.stringify({
    recipient: 'Somebody <somebody@mail.test>', subject: 'To the same domain' }) })).json();
  await page.goto(url(`mail?id=${made.id}`));
  const way = page.locator('.way');
  await way.waitFor();
  ok(/mail to mail.test could not be sent when this was/.test(await way.textContent()),
    'the worst of its domain', await way.textContent());
  await shoot('mail');
});

await part('channels', async () => {
  await page.goto(url('channels'));
  const hook = channel('hook');
  await hook.getByRole('button', { name: 'Send a test' }).click();
  await page.locator('.toast').filter({ hasText: 'The test went out by “hook”.' })
    .waitFor({ timeout: 20000 });
  ok(true, 'a test by a webhook that works');
  const broken = channel('broken');
  await broken.getByRole('button', { name: 'Send a test' }).click();
  await page.locator('.toast.bad').filter({ hasText: /“broken” .*404/ })
    .waitFor({ timeout: 20000 });
  ok(true, 'and by one that does not');
  await broken.getByText('Fails', { exact: true }).waitFor({ timeout: 15000 });
  await broken.getByText('Last deliveries').click();
  await broken.locator('.log li').first().waitFor();
  await shoot('channels');
});

is(complaints.join('\n'), '', 'no error in any console');
await browser.close();
