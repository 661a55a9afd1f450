/* SPDX-License-Identifier: MIT */
/* What becomes of a request's text (page/mail.js), with the content script and
   the clock in our hands. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { draftOf, message, request, sendOf } from './gmail.mjs';

const ID = '5f0c7c1e-8a2b-4c3d-9e4f-0123456789ab';
const BASE = 'https://track.example.org/p/';
const timers = [];
const said = [];
const heard = {};
const leave = [];
let answer = () => new Promise(() => {});
globalThis.setTimeout = (act, ms) => timers.push({ act, ms });
globalThis.addEventListener = (type, act) => leave.push({ type, act });
globalThis.mailtrackPage = { channel: { on: (type, act) => { heard[type] = act; },
  tell: (type, data) => said.push([type, data]), ask: (type, data) => answer(data) } };
const from = new URL('../../extension/page/', import.meta.url);
for (const name of ['json', 'pixel', 'codec', 'mail']) await import(new URL(`${name}.js`, from));
const { codec, mail, pixel } = globalThis.mailtrackPage;

const turn = () => new Promise((resolve) => { setImmediate(resolve); });
const htmlOf = (text) => codec.read(text).messages.map((one) =>
  one.parts.map((part) => part.html).join(''));

test('before anybody has said where pictures are, a mail waits 2.5 s at most', async () => {
  answer = async () => ({ url: `${BASE}${ID}.gif` });
  const text = sendOf({ id: 'msg-a:r1' });
  let result;
  mail.consider(text).then((value) => { result = value; });
  await turn();
  assert.equal(result, undefined);
  assert.deepEqual(timers.map((one) => one.ms), [2500]);
  timers.pop().act();
  await turn();
  assert.equal(result.text, text);
  assert.match(result.results[0].reason, /did not answer in time/);
  assert.ok(result.results[0].late);
  heard.config({ pixelBase: BASE });
});

test('a content script that never answers keeps no mail back', async () => {
  answer = () => new Promise(() => {});
  const text = sendOf({ id: 'msg-a:r2' });
  const going = mail.consider(text);
  await turn();
  timers.pop().act();
  assert.equal((await going).text, text);
});

test('nor does one that fails', async () => {
  answer = async () => { throw new Error('gone'); };
  const text = sendOf({ id: 'msg-a:r3' });
  assert.equal((await mail.consider(text)).text, text);
});

test('nor a page that is left', async () => {
  for (const type of ['pagehide', 'beforeunload']) {
    answer = () => new Promise(() => {});
    const text = sendOf({ id: 'msg-a:r4' });
    const going = mail.consider(text);
    await turn();
    leave.find((one) => one.type === type).act();
    assert.equal((await going).text, text);
  }
});

test('the picture goes into what is sent, and into nothing else', async () => {
  answer = async ({ id }) => ({ url: `${BASE}${ID}.gif`, for: id });
  const own = pixel.html(`${BASE}${ID}.gif`);
  const text = request([message({ id: 'msg-a:r5', labels: ['^r', '^r_bt'], html: 'draft' }),
    message({ id: 'msg-a:r6', labels: ['^pfg'], html: `sent${own}`, quoted: `old${own}` }),
    message({ id: 'msg-a:r7', labels: ['^i'], html: `read${own}` })]);
  const { text: changed, results } = await mail.consider(text);
  assert.deepEqual(htmlOf(changed), ['draft', `sent${own}old`, `read${own}`]);
  assert.deepEqual(results.map((one) => one.id), ['msg-a:r6']);
});

test('a draft loses ours and passes otherwise', async () => {
  const own = pixel.html(`${BASE}${ID}.gif`);
  assert.equal(mail.consider(draftOf({ id: 'msg-a:r8', html: 'x<img src="https://o.example/a.gif">' })), null);
  const { text, results } = await mail.consider(draftOf({ id: 'msg-a:r9', html: `x${own}y` }));
  assert.deepEqual([htmlOf(text), results], [['xy'], []]);
});

test('no picture, no change', async () => {
  answer = async () => ({ reason: 'its switch was off', off: true });
  const text = sendOf({ id: 'msg-a:r10' });
  const result = await mail.consider(text);
  assert.equal(result.text, text);
  assert.deepEqual(result.results[0].reason, 'its switch was off');
  assert.equal((await mail.consider(sendOf({ id: 'msg-a:r11', isHtml: 0 }))).results[0].reason,
    'it is plain text, which has no pictures');
});

test('what cannot be read is told and passes', async () => {
  said.length = 0;
  for (const odd of ['no json', new Uint8Array(3)]) assert.equal(mail.consider(odd), null);
  assert.deepEqual(said.map(([type]) => type), ['unknown', 'unknown']);
  assert.equal(mail.consider(null), null);
  assert.match(mail.unable(sendOf({ id: 'msg-a:r12' }))[0].reason, /cannot wait/);
});

test('Gmail’s answer is passed on', () => {
  said.length = 0;
  mail.sent([{ id: 'msg-a:r13', url: 'x' }], '[]');
  assert.deepEqual(said, [['sent', { id: 'msg-a:r13', url: 'x', threads: [] }]]);
});
