/* SPDX-License-Identifier: MIT */
/* The pure parts of the page's side: where a value stands in JSON, our picture
   in HTML, Gmail's request. Bodies are synthetic; see gmail.mjs. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { draftOf, message, request, sendOf } from './gmail.mjs';

const from = new URL('../../extension/page/', import.meta.url);
for (const name of ['json', 'pixel', 'codec']) await import(new URL(`${name}.js`, from));
const { codec, json, pixel } = globalThis.mailtrackPage;

const BASE = 'https://track.example.org/mail/p/';
const ID = '5f0c7c1e-8a2b-4c3d-9e4f-0123456789ab';
const URL_ = `${BASE}${ID}.gif`;

/* -- json.js ------------------------------------------------------------------ */

test('an edit touches one string and nothing else', () => {
  const text = ' [ 12345678901234567890123 ,{"a\\"b" : [true , null,"x\\u003cy"]}, "z\\\\" , 1e400 ] ';
  assert.equal(json.edit(text, [{ path: [1, 'a"b', 2], append: '<b>' }]),
    ' [ 12345678901234567890123 ,{"a\\"b" : [true , null,"x\\u003cy\\u003cb\\u003e"]}, "z\\\\" , 1e400 ] ');
  assert.equal(json.edit(text, [{ path: [2], value: 'q"' }]),
    ' [ 12345678901234567890123 ,{"a\\"b" : [true , null,"x\\u003cy"]}, "q\\"" , 1e400 ] ');
});

test('several edits at once', () => {
  assert.equal(json.edit('["a",["b"],"c"]', [{ path: [0], append: '1' },
    { path: [2], value: 'long' }, { path: [1, 0], append: '2' }]),
  '["a1",["b2"],"long"]');
});

test('what is not there is not changed', () => {
  for (const path of [[3], ['x'], [0, 0], [1, 'b'], [1]]) {
    assert.throws(() => json.edit('["a",{"c":1}]', [{ path, value: 'x' }]));
  }
  assert.equal(json.locate('[]', [0]), null);
  assert.equal(json.locate('{}', ['a']), null);
});

test('every value is found where JSON.parse finds it', () => {
  const value = [0, -1.5e3, '', 'a,b]}"', { 'k\n': [[], {}, [[['deep']]]],
    '': false }, null, true, '\\', '\\"', '\u2028'];
  const walk = (node, path, text) => {
    const { start, end } = json.locate(text, path);
    assert.deepEqual(JSON.parse(text.slice(start, end)), node);
    if (node && typeof node === 'object') {
      for (const key of Object.keys(node)) {
        walk(node[key], [...path, Array.isArray(node) ? Number(key) : key], text);
      }
    }
  };
  walk(value, [], JSON.stringify(value));
  walk(value, [], JSON.stringify(value, null, 3));
});

/* -- pixel.js ----------------------------------------------------------------- */

test('our own pictures go, others stay', () => {
  const other = '<img src="https://other.example/p/x.gif" alt="a > b">';
  const own = [pixel.html(URL_), `<IMG alt='>' src='${URL_}'>`,
    `<img class="CToWUd" src="https://ci3.googleusercontent.com/meips/ADK=s0-d-e1-ft#${URL_}" data-bit="iit">`,
    `<img src=http://track.example.org/mail/p/${ID.toUpperCase()}.gif>`];
  for (const tag of own) {
    assert.equal(pixel.strip(`<div>a${tag}b${other}</div>`, BASE), `<div>ab${other}</div>`);
  }
  const near = [`<img src="https://xtrack.example.org/mail/p/${ID}.gif">`,
    `<img src="https://track.example.org/p/${ID}.gif">`,
    `<img src="${BASE}x.gif">`, `<a href="${URL_}">not a picture</a>`,
    `<img alt="never closed ${URL_}`, `&lt;img src="${URL_}"&gt;`];
  for (const html of near) assert.equal(pixel.strip(html, BASE), html);
  assert.equal(pixel.strip(own[0], ''), own[0]);
});

test('a long mail costs little', () => {
  const html = `${'<img src="'.repeat(20000)}${URL_}.gif`;
  const start = process.cpuUsage();
  pixel.strip(`${html}>`, BASE);
  assert.ok(process.cpuUsage(start).user < 5e6);
});

/* -- codec.js ----------------------------------------------------------------- */

test('which URL', () => {
  const yes = ['/sync/u/0/i/s?hl=de&c=3', '/sync/i/s', 'https://mail.google.com/sync/u/12/i/s?x'];
  const no = ['/sync/u/0/i/fd', '/sync/u/0/i/s/x', '/mail/u/0/?i/s', '/sync/i/sx', 'http://['];
  for (const url of yes) assert.ok(codec.isSyncUrl(url, 'https://mail.google.com/mail/u/0/'), url);
  for (const url of no) assert.ok(!codec.isSyncUrl(url, 'https://mail.google.com/mail/u/0/'), url);
});

for (const place of [0, 1, 2]) {
  test(`a mail being sent, at place ${place}`, () => {
    const { messages, unknown } = codec.read(sendOf({ id: 'msg-a:r1', place,
      to: [['ann@example.org', 'Ann']], cc: [['bob@example.org', null], ['ANN@example.org', '']],
      bcc: [['eve@example.org', 'Eve']], subject: 'Grüße', html: '<div dir="ltr">x</div>',
      quoted: '<div class="gmail_quote">y</div>' }));
    assert.equal(unknown, null);
    assert.equal(messages.length, 1);
    const [mail] = messages;
    assert.equal(mail.kind, 'send');
    assert.equal(mail.id, 'msg-a:r1');
    assert.equal(mail.threadId, 'thread-a:r1');
    assert.equal(mail.subject, 'Grüße');
    assert.deepEqual(mail.recipients, [{ address: 'ann@example.org', name: 'Ann' },
      { address: 'bob@example.org', name: '' }, { address: 'eve@example.org', name: 'Eve' }]);
    assert.equal(codec.mainPart(mail).html, '<div dir="ltr">x</div>');
    assert.ok(mail.isHtml);
  });
}

test('what is sent and what is not', () => {
  const kind = (labels) => codec.read(request([message({ id: 'msg-a:r1', labels })]))
    .messages[0].kind;
  assert.equal(kind(['^pfg', '^f_bt', '^i', '^u']), 'send');
  assert.equal(kind(['^scheduled', '^r']), 'send');
  assert.equal(kind(['^all', '^r', '^r_bt']), 'draft');
  assert.equal(kind(['^i', '^u']), 'other');
});

test('several messages of one request', () => {
  const text = request([message({ id: 'msg-a:r1', labels: ['^r', '^r_bt'] }),
    message({ id: 'msg-a:r2', labels: ['^pfg'] })]);
  assert.deepEqual(codec.read(text).messages.map((one) => [one.id, one.kind]),
    [['msg-a:r1', 'draft'], ['msg-a:r2', 'send']]);
});

test('the picture goes to the end of the writer’s own part', () => {
  const text = sendOf({ id: 'msg-a:r1', html: '<div>x</div>', quoted: '<div>quoted</div>' });
  const [mail] = codec.read(text).messages;
  const changed = json.edit(text, [{ path: codec.mainPart(mail).path, append: pixel.html(URL_) }]);
  const parts = codec.read(changed).messages[0].parts;
  assert.equal(parts[0].html, `<div>x</div>${pixel.html(URL_)}`);
  assert.equal(parts[1].html, '<div>quoted</div>');
});

test('plain text is known as such', () => {
  const text = sendOf({ id: 'msg-a:r1', html: 'x', isHtml: 0 });
  assert.equal(codec.read(text).messages[0].isHtml, false);
});

test('requests without mails are nobody’s business', () => {
  for (const text of ['[]', '[null,[]]', '{"a":1}', '[[1],[[[1,["thread-f:1",[null,["msg-f:1",["^u"]]]]]]]]', 'null']) {
    assert.deepEqual(codec.read(text).messages, []);
    assert.equal(codec.read(text).unknown, null);
  }
});

test('unknown shapes are known to be unknown', () => {
  const mail = JSON.parse(sendOf({ id: 'msg-a:r1' }));
  const change = (act) => {
    const json_ = structuredClone(mail);
    const place = json_[1][0][0][1][1];
    act(place[2][0][4][0], json_, place);
    return codec.read(JSON.stringify(json_));
  };
  assert.equal(change(() => {}).unknown, null);
  assert.equal(change((one) => { one[8][1] = 'html'; }).unknown, 'body');
  assert.equal(change((one) => { one[8][1] = [['html', 0]]; }).unknown, 'body');
  assert.equal(change((one) => { one[2] = [['ann@example.org']]; }).unknown, 'recipients');
  assert.equal(change((one) => { one[2] = one[3] = one[4] = null; }).unknown, 'recipients');
  assert.equal(change((one) => { one[10] = null; }).unknown, 'labels');
  assert.equal(change((one, all) => { all[1][0] = [{ 7: one }]; }).unknown, 'place of the message');
  assert.equal(change((one, all) => { all[1].push({ 7: structuredClone(one) }); }).unknown, null,
    'a copy elsewhere');
  const half = codec.read(request([message({ id: 'msg-a:r1', labels: ['^pfg'] }),
    message({ id: 'msg-a:r2', labels: 'odd' })]));
  assert.deepEqual([half.unknown, half.messages.map((one) => one.id)], ['labels', ['msg-a:r1']],
    'one that is understood beside one that is not');
  assert.equal(codec.read('not json').unknown, 'no JSON');
  const draft = JSON.parse(draftOf({ id: 'msg-a:r1' }));
  draft[1][0][0][1][1][2][0][4][0][8][1] = 'odd';
  assert.equal(codec.read(JSON.stringify(draft)).unknown, null, 'a draft may be odd');
});

test('a report has structure and no words', () => {
  const { json: parsed } = codec.read(sendOf({ id: 'msg-a:r77', to: [['ann@example.org', 'Ann Secret']],
    subject: 'secret subject', html: 'secret text' }));
  const report = codec.report('body', parsed);
  for (const word of ['secret', 'Secret', 'ann', 'example', 'r77']) assert.ok(!report.includes(word), word);
  for (const word of ['msg-a:', '^pfg', 'text(14)', '"why":"body"']) assert.ok(report.includes(word), word);
});

test('Gmail’s answer names the thread', () => {
  const thread = ['thread-a:r1', null, [null, null, null, null, null, null, [[]]], null,
    [['msg-a:r1']]];
  thread[2][6][0][19] = '18c0ffee';
  const answer = JSON.stringify([null, [null, null, null, null, null, [[thread]]]]);
  assert.deepEqual(codec.readAnswer(answer, 'msg-a:r1'), { threads: ['thread-a:r1', '18c0ffee'] });
  assert.deepEqual(codec.readAnswer(`)]}'\n${answer}`, 'msg-a:r1').threads.length, 2);
  for (const odd of ['', '[]', 'x', '[1,[1,2,3,4,5,6]]']) {
    assert.deepEqual(codec.readAnswer(odd, 'msg-a:r1'), { threads: [] });
  }
});
