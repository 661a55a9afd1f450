/* SPDX-License-Identifier: MIT */
/* The same sources in Firefox: set up, a mail sent, one's own view kept out,
   somebody's view shown. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetched, mailbox, requests, start } from './fake.mjs';
import { ask, config, dir, hit, is, ok, overlay, part, until } from './lib.mjs';
import { startFirefox } from './marionette.mjs';

const extension = overlay();
const { browser_specific_settings: { gecko } } =
  JSON.parse(readFileSync(join(extension, 'manifest.json'), 'utf8'));
const host = 'b1f0b2b6-5f5c-4c0e-8a39-6a5d0f3f2c11';
const { server, port } = await start();
const firefox = await startFirefox(dir, port, { [gecko.id]: host });
const own = (path) => `moz-extension://${host}/${path}`;
const pixelsIn = (text) => [...text.matchAll(/<img src="[^"]*\/p\/([0-9a-f-]{36})\.gif"[^>]*>/g)]
  .map((one) => one[1]);

await part('Firefox', async () => {
  await firefox.send('Addon:Install', { path: extension, temporary: true });
  ok(await until(() => firefox.turnTo(own('options/options.html'))),
    'Firefox: a fresh installation opens the set-up');
  await until(() => firefox.run(async (line) => {
    const field = document.querySelector('#paste');
    field.value = line;
    field.dispatchEvent(new Event('input'));
    return document.querySelector('#key').value;
  }, `mailtrack:${config.url}#${config.key}`));
  await firefox.click('#connect button[type=submit]');
  const outcome = () => firefox.run(async () => document.querySelector('#outcome').textContent);
  await until(async () => /^(Connected|It does)/.test(await outcome()));
  ok(/^Connected: 0 tracked mails, 0 opens\.$/.test(await outcome()), 'Firefox: set up', await outcome());

  /* the set-up may have taken the only tab */
  const { handle } = await firefox.send('WebDriver:NewWindow', { type: 'tab' });
  await firefox.send('WebDriver:SwitchToWindow', { handle });
  await firefox.go('https://mail.google.com/mail/u/0/');
  await until(() => firefox.run(async () => Boolean(window.gmail)));
  const id = await firefox.run(async () => {
    const one = new gmail.Compose({});
    one.addressTo([['ann@example.org', 'Ann Doe']]);
    one.subject.value = 'Das Angebot';
    one.editor.textContent = 'Hallo';
    await one.save();
    return one.id;
  });
  ok(await until(() => firefox.run(async () =>
    document.querySelector('.IZ .Up .mailtrack-switch')?.textContent === '✓ Tracked')),
  'Firefox: the switch by the Send button');
  await firefox.click('.IZ [role=button]:not(.Uo)');
  await until(() => mailbox.get(id)?.labels.includes('^pfg'));
  const text = mailbox.get(id).parts.map(([, html]) => html).join('');
  const found = pixelsIn(text);
  is(found.length, 1, 'Firefox: one picture in the mail');
  is(pixelsIn(JSON.stringify(requests.filter((one) => one.messages.some((m) =>
    m.labels.includes('^r'))).map((one) => one.messages))), [], 'Firefox: none in its draft');
  ok(await until(() => firefox.run(async () =>
    /tracked\./.test(document.querySelector('.mailtrack-toast')?.textContent))), 'Firefox: it is said');

  const track = async () => (await ask(`tracks?ids=${found[0]}`))[0];
  const show = () => firefox.run(async (mail, html) => {
    gmail.showMails([{ id: mail, html }]);
    await new Promise((resolve) => {
      const image = document.querySelector('#view img');
      image.onload = image.onerror = resolve;
      if (image.complete) resolve();
    });
  }, id, text);
  await show();
  ok(await until(() => firefox.run(async () =>
    document.querySelector('#view .mailtrack-tick')?.textContent === '✓')), 'Firefox: a tick');
  is(fetched, [], 'Firefox: the picture is not fetched for one’s own view');
  is((await track()).open_count, 0, 'Firefox: so there is no hit');
  const inOptions = async (act) => {
    await firefox.turnTo(own('options/options.html'));
    await firefox.run(act);
    await firefox.send('WebDriver:SwitchToWindow', { handle });
  };
  await inOptions(() => browser.declarativeNetRequest.updateDynamicRules({ removeRuleIds: [1] }));
  await show();
  is(fetched.length, 1, 'Firefox: which is our rule’s doing');
  ok(await until(async () => (await track()).self_count === 1),
    'Firefox: what comes through without it is reported', JSON.stringify(await track()));
  is((await track()).real_open_count, 0, 'Firefox: and does not count');
  await until(async () => Date.now() - Date.parse((await track()).created_at) > 2500);
  await hit(found[0]);
  await until(async () => (await track()).real_open_count);
  await firefox.run(async (mail) => {
    gmail.showSent([[mail.replace('msg', 'thread'), 'x', 'Das Angebot']]);
    document.dispatchEvent(new Event('visibilitychange'));
  }, id);
  ok(await until(() => firefox.run(async () => /^Ann Doe opened/.test(
    document.querySelector('tr .mailtrack-opened')?.title))), 'Firefox: ✓✓ once somebody has looked');
  await inOptions(async () => { await browser.tabs.create({ url: '/popup/popup.html' }); });
  await until(() => firefox.turnTo(own('popup/popup.html')));
  await firefox.click('#again');
  ok(await until(() => firefox.run(async () => /Ann Doe opened “Das Angebot”/.test(
    document.querySelector('#last').textContent))), 'Firefox: the popup tells of it');
});
await firefox.quit();
server.close();
server.closeAllConnections();
