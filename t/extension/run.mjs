/* SPDX-License-Identifier: MIT */
/* The extension's story, from set-up to the tick, against the real server. */
import { createServer } from 'node:http';
import { fault, fetched, mailbox, requests, start } from './fake.mjs';
import { ask, config, hit, is, launch, ok, overlay, part, rival, track, until, workerOf } from './lib.mjs';

const { server, port } = await start();
/* a web server that knows no Mailtrack */
const other = createServer((request, answer) => answer.writeHead(404).end('<h1>Not here</h1>'));
await new Promise((resolve) => { other.listen(0, '127.0.0.1', resolve); });
const context = await launch([overlay(), rival()], port);
const complaints = [];
context.on('weberror', (error) => complaints.push(error.error().stack));
const worker = await workerOf(context);
const own = (path) => new URL(path, worker.url().replace(/background\/.*/, '')).href;
const stored = (name) => worker.evaluate(async (key) =>
  (await chrome.storage.local.get(key))[key], name);
const round = () => worker.evaluate(() =>
  chrome.alarms.onAlarm.dispatch({ name: 'mailtrack-round' }));
const PIXEL = /<img src="[^"]*\/p\/([0-9a-f-]{36})\.gif"[^>]*>/g;
const pixelsIn = (text) => [...text.matchAll(PIXEL)].map((one) => one[1]);
const partsOf = (id) => mailbox.get(id)?.parts.map(([, html]) => html).join('') ?? '';
const labelsOf = (request) => request.messages.flatMap((one) => one.labels);

/* -- set-up ------------------------------------------------------------------- */

const options = await context.newPage();
await options.addInitScript(() => {
  globalThis.asked = [];
  chrome.permissions.request = async ({ origins }) => { globalThis.asked.push(...origins); return true; };
});

async function connect(paste, url, key) {
  await options.goto(own('options/options.html'));
  if (paste) await options.locator('#paste').fill(paste);
  if (url) await options.locator('#url').fill(url);
  if (key) await options.locator('#key').fill(key);
  await options.getByRole('button', { name: 'Connect and test' }).click();
  const outcome = options.locator('#outcome');
  await until(async () => !/^(Asking|$)/.test(await outcome.textContent()));
  return outcome.textContent();
}

await part('set-up', async () => {
  await until(() => context.pages().some((page) => page.url() === own('options/options.html')));
  ok(context.pages().some((page) => page.url() === own('options/options.html')),
    'a fresh installation opens the set-up');
  const failures = [
    ['a wrong key', [null, config.url, 'mt_wrong'], /key.*wrong, or it was revoked/],
    ['nobody there', [null, 'http://127.0.0.1:9', config.key], /cannot be reached/],
    ['another server', [null, `http://127.0.0.1:${other.address().port}/`, config.key], /no Mailtrack at this address/],
    ['no address', [null, 'http://[', config.key], /no address/],
  ];
  for (const [words, args, pattern] of failures) {
    const said = await connect(...args);
    ok(pattern.test(said), `${words} is told in words`, said);
  }
  is((await stored('settings'))?.key ?? '', '', 'nothing of that was kept');
  const said = await connect(`mailtrack:${config.url}#${config.key}`);
  ok(/^Connected: 0 tracked mails/.test(said), 'the set-up line fills both', said);
  is(await options.evaluate(() => globalThis.asked),
    ['http://127.0.0.1/*', 'https://*.googleusercontent.com/*'], 'permissions are asked at the click');
  is((await stored('settings')).pixelBase, track('p/'), 'the server says where its pictures are');
});

/* -- Gmail ---------------------------------------------------------------------- */

const page = await context.newPage();
page.on('console', (message) => {
  if (message.type() === 'error') complaints.push(message.text());
});
const inGmail = (act, arg) => page.evaluate(act, arg);

/* A window with recipients and text; its index in gmail.composes. */
async function compose(options_, to, subject, text) {
  const index = await inGmail(([o, t, s]) => {
    const one = new gmail.Compose(o);
    one.addressTo(t);
    one.subject.value = s;
    return gmail.composes.length - 1;
  }, [options_, to, subject]);
  const editor = page.locator('[g_editable]').last();
  await editor.pressSequentially(text);
  await inGmail((n) => gmail.composes[n].saving, index);
  await page.locator('.mailtrack-switch').last().waitFor();
  return index;
}
const idOf = (index) => inGmail((n) => gmail.composes[n].id, index);
const buttonOf = () => page.locator('.IZ .Up [role=button]:not(.Uo)').last();
const arrived = (id, label = '^pfg') => until(() => mailbox.get(id)?.labels.includes(label));
const toast = (words) => page.locator('.mailtrack-toast').filter({ hasText: words }).last();
const ANN = ['ann@example.org', 'Ann Doe'];
const BOB = ['bob@example.org', 'Bob'];

await page.goto('https://mail.google.com/mail/u/0/');

await part('a first mail', async () => {
  const index = await compose({}, [ANN], 'Das Angebot', 'Hallo & <Grüße>');
  ok(await page.locator('.IZ .Up .mailtrack-switch').isVisible(), 'the switch stands by the Send button');
  await buttonOf().click();
  const id = await idOf(index);
  ok(await arrived(id), 'it is sent');
  const [pixel, ...more] = pixelsIn(partsOf(id));
  ok(pixel && !more.length, 'with exactly one picture', partsOf(id));
  const saved = requests.filter((one) => labelsOf(one).includes('^r'));
  ok(saved.length > 3, 'it was saved often before');
  is(saved.flatMap((one) => pixelsIn(JSON.stringify(one.messages))), [], 'no draft has a picture');
  const sent = requests.at(-1).text;
  ok(sent.includes('12345678901234567891'), 'every other character is Gmail’s own');
  await toast('tracked').waitFor();
  is((await toast('tracked').textContent()).replace('✕', ''), 'Mailtrack: tracked.', 'it is said');
  const [known] = await ask('tracks');
  is([known.id, known.subject, known.recipients], [pixel, 'Das Angebot',
    [{ address: 'ann@example.org', name: 'Ann Doe' }]], 'the server knows the mail');
  ok(await inGmail(() => rivalSaw.open > 0 && rivalSaw.send === rivalSaw.open),
    'the other extension still sees every request once', JSON.stringify(await inGmail(() => rivalSaw)));
});

is(complaints.join('\n'), '', 'no error in any page');
await context.close();
server.close();
other.close();
