/* SPDX-License-Identifier: MIT */
/* The dashboard's three steps: the zip, the key, the line; pasted into the
   extension's settings they connect. */
import { config, installed, is, launch, ok, overlay, part, until } from './lib.mjs';

const context = await launch([overlay()], 9);
const complaints = [];
context.on('weberror', (error) => complaints.push(error.error().stack));
const origin = await installed(context);

await part('three steps', async () => {
  const page = await context.newPage();
  await page.goto(`${config.url}settings`);
  await page.getByLabel('User name').fill(config.username);
  await page.getByLabel('Password').fill(config.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const card = page.locator('section', { has: page.getByRole('heading',
    { name: 'Browser extension' }) });
  const waiting = page.waitForEvent('download');
  await card.getByRole('button', { name: 'For Chrome' }).click();
  is((await waiting).suggestedFilename(), 'mailtrack-chromium.zip', 'the zip');
  await card.getByRole('button', { name: 'Make a key for this browser' }).click();
  const line = await card.locator('pre').textContent();
  ok(line.startsWith(`mailtrack:${config.url}#mt_`), 'the set-up line', line);
  ok(await card.getByRole('button', { name: 'Copy set-up line' }).isVisible() &&
    await card.getByRole('button', { name: 'Copy address' }).isVisible() &&
    await card.getByRole('button', { name: 'Copy key' }).isVisible(), 'each can be copied');
  const keys = page.locator('section', { has: page.getByRole('heading', { name: 'API keys' }) });
  const entry = keys.locator('li', { hasText: /Extension in Chrom\w+ on Linux/ });
  await entry.waitFor();
  ok(/creates and reads/.test(await entry.textContent()), 'a key that tracks, named after the browser');

  const options = await context.newPage();
  await options.addInitScript(() => { chrome.permissions.request = async () => true; });
  await options.goto(`${origin}/options/options.html`);
  await options.locator('#paste').fill('mailtrack:nonsense');
  await options.getByText('not a set-up line').waitFor();
  await options.locator('#paste').fill(` ${line}\n`);
  is([await options.locator('#url').inputValue(), await options.locator('#key').inputValue()],
    [config.url, line.split('#')[1]], 'one line fills both fields');
  await options.getByRole('button', { name: 'Connect and test' }).click();
  ok(await until(async () => /^Connected/.test(await options.locator('#outcome').textContent())),
    'and they connect', await options.locator('#outcome').textContent());
  await page.reload();
  await card.getByRole('button', { name: 'Make a key for this browser' }).waitFor();
  is(await page.getByText(line.split('#')[1]).count(), 0, 'the key is not shown again');
});

is(complaints.join('\n'), '', 'no error in any page');
await context.close();
