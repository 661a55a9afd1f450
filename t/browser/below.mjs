/* SPDX-License-Identifier: MIT */
/* Every page works when MailtrackBaseURL has a path. */
import { browser, complaints, is, newContext, ok, part, signIn, url } from './lib.mjs';

const context = await newContext();
const page = await context.newPage();

await part('below a path', async () => {
  await signIn(page, '?q=x');
  for (const name of ['Analytics', 'Recipients', 'Settings', 'Mails']) {
    await page.getByRole('navigation', { name: 'Pages' })
      .getByRole('link', { name }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    ok(page.url().startsWith(url()), `${name} stays below`, page.url());
    await page.reload();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    ok(true, `${name} by its address`);
  }
  const icon = await page.request.get(url('img/icon-192.png'));
  is(icon.status(), 200, 'icons');
  const manifest = await (await page.request.get(url('manifest.webmanifest'))).json();
  is(manifest.start_url, './', 'the app begins where it is installed');
});
is(complaints.join('\n'), '', 'no error in any console');
await browser.close();
