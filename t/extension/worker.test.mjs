/* SPDX-License-Identifier: MIT */
/* The pure parts of the worker's and the pages' side. */
import assert from 'node:assert/strict';
import test from 'node:test';

/* what their modules ask for when they are loaded */
globalThis.chrome = { storage: { local: {} } };
const from = new URL('../../extension/', import.meta.url);
const { never, written } = await import(new URL('background/create.js', from));
const { isOpenToAll, pattern, readPaste, serverUrl } = await import(new URL('common/server.js', from));
const { openWords, peopleOf, reader, tickOf } = await import(new URL('common/words.js', from));

test('the never-track list', () => {
  const to = (...list) => list.map((address) => ({ address, name: '' }));
  const found = (list, ...entries) => never(to(...list), entries)?.entry;
  assert.equal(found(['a@example.org'], 'b@example.org', 'A@Example.ORG '), 'a@example.org');
  assert.equal(found(['x@y.org', 'b@deep.example.net'], '@example.net'), 'example.net');
  assert.equal(found(['a@example.org'], '*@example.org'), 'example.org');
  assert.equal(found(['a@notexample.org'], 'example.org', ''), undefined);
  assert.equal(found(['"odd@example.org"@other.org'], 'example.org'), undefined);
  assert.equal(found(['a@example.org.evil.net'], 'example.org'), undefined);
});

test('addresses as mail has them', () => {
  assert.equal(written({ address: 'a@b.org', name: '' }), 'a@b.org');
  assert.equal(written({ address: 'a@b.org', name: 'Doe, "A" \\ B\n' }),
    '"Doe, \\"A\\" \\\\ B" <a@b.org>');
});

test('the server’s address', () => {
  assert.equal(serverUrl(' mail.example.org '), 'https://mail.example.org/');
  assert.equal(serverUrl('http://h:8080/mail?x#y'), 'http://h:8080/mail/');
  for (const odd of ['', 'ftp://x', 'https://u:p@x/', 'javascript:alert(1)', 'http://[']) {
    assert.equal(serverUrl(odd), null, odd);
  }
  assert.equal(pattern('https://h:8443/mail/'), 'https://h/*');
  assert.ok(isOpenToAll('http://example.org/') && isOpenToAll('http://127.example.org/'));
  for (const own of ['https://example.org/', 'http://127.0.0.1:8080/', 'http://localhost/', 'http://[::1]/']) {
    assert.ok(!isOpenToAll(own), own);
  }
});

test('the set-up line', () => {
  assert.deepEqual(readPaste('mailtrack:https://h/mail/#mt_A-b_9\n'),
    { url: 'https://h/mail/', key: 'mt_A-b_9' });
  for (const odd of ['', 'https://h/#mt_x', 'mailtrack:ftp://h/#mt_x', 'mailtrack:https://h/',
    'mailtrack:https://h/#key', 'mailtrack:https://h/ #mt_x y']) assert.equal(readPaste(odd), null, odd);
});

test('who it was', () => {
  assert.deepEqual(peopleOf('"Doe, Ann" <a@b.org>, c@d.org'),
    [{ name: 'Doe, Ann', address: 'a@b.org' }, { name: '', address: 'c@d.org' }]);
  assert.equal(reader([{ name: '', address: 'c@d.org' }]), 'c@d.org');
  assert.equal(reader([{}, {}]), 'Someone in the group (2 people)');
  assert.equal(reader([]), 'Somebody');
  assert.equal(openWords({ people: [{ name: 'Ann' }], subject: '' }),
    'Ann opened “a mail without a subject”');
});

test('ticks', () => {
  const track = { recipients: [{ name: 'Ann' }], created_at: '2026-01-31T12:00:00Z',
    last_open_at: '2026-01-31T13:00:00Z', real_open_count: 2 };
  const opened = tickOf({ ...track, state: 'opened' });
  assert.equal(opened.marks, '✓✓');
  assert.match(opened.words, /^Ann opened this mail: 2 times, last .*2026/);
  assert.equal(tickOf({ ...track, state: 'possible' }).marks, '✓');
  assert.match(tickOf({ ...track, state: 'possible' }).words, /cannot be told/);
  assert.match(tickOf({ ...track, state: 'unopened' }).words, /No open seen$/);
  for (const state of ['opened', 'possible', 'unopened']) {
    assert.doesNotMatch(tickOf({ ...track, state }).words, /unread/);
  }
});
