/* SPDX-License-Identifier: MIT */
/* The extension's story, from set-up to the tick, against the real server. */
import { fault, fetched, mailbox, requests, start } from './fake.mjs';
import { gate, startGate } from './gate.mjs';
import { ask, axe, config, hit, installed, is, launch, ok, overlay, part, rival, track, until, workerOf } from './lib.mjs';

const { server, port } = await start();
const { server: gateServer, url: gateUrl } = await startGate(config.url);
const context = await launch([overlay(), rival()], port);
const complaints = [];
context.on('weberror', (error) => complaints.push(error.error().stack));
const origin = await installed(context);
const own = (path) => `${origin}/${path}`;
/* it comes and goes */
const inWorker = async (act, arg) => (await workerOf(context)).evaluate(act, arg);
const stored = (name) => inWorker(async (key) =>
  (await chrome.storage.local.get(key))[key], name);
const round = () => inWorker(() =>
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
  const failures = [
    ['a wrong key', 'pass', [gateUrl, 'mt_wrong'], /key.*wrong, or it was revoked/],
    ['nobody there', 'pass', ['http://127.0.0.1:9', config.key], /cannot be reached/],
    ['another server', 'page', [gateUrl, config.key], /no Mailtrack at this address/],
    ['a server in trouble', 'broken', [gateUrl, config.key], /503\): The store cannot be used/],
    ['a newer server', 'newer', [gateUrl, config.key], /newer than this extension \(API 2, not 1\)/],
    ['an older server', 'older', [gateUrl, config.key], /older than this extension/],
    ['no address', 'pass', ['http://[', config.key], /no address/],
    ['no key', 'pass', [gateUrl, 'two words'], /no API key/],
  ];
  for (const [words, mode, args, pattern] of failures) {
    gate.mode = mode;
    const said = await connect(null, ...args);
    ok(pattern.test(said), `${words} is told in words`, said);
  }
  gate.mode = 'pass';
  is((await stored('settings'))?.key ?? '', '', 'nothing of that was kept');
  const said = await connect(`mailtrack:${gateUrl}#${config.key}`);
  ok(/^Connected: 0 tracked mails/.test(said), 'the set-up line fills both', said);
  is(await axe(options), [], 'the set-up: axe');
  is(await options.evaluate(() => globalThis.asked),
    ['http://127.0.0.1/*', 'https://*.googleusercontent.com/*'], 'permissions are asked at the click');
  is((await stored('settings')).pixelBase, track('p/'), 'the server says where its pictures are');
});

/* -- Gmail ---------------------------------------------------------------------- */

const page = await context.newPage();
page.on('console', (message) => {
  /* a fault of the server's, and our own rule at work */
  if (message.type() === 'error' &&
      !/status of 502|ERR_BLOCKED_BY_CLIENT/.test(message.text())) {
    complaints.push(message.text());
  }
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
  await allSwitched();
  return index;
}
const allSwitched = () => page.waitForFunction(() =>
  document.querySelectorAll('[g_editable]').length ===
    document.querySelectorAll('.mailtrack-switch').length);
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

/* -- every way to send --------------------------------------------------------- */

/* Exactly one picture, and the server knows it under this subject. */
async function isTracked(id, subject, words) {
  const found = pixelsIn(partsOf(id));
  const [known] = found.length === 1 ? await ask(`tracks?ids=${found[0]}`) : [];
  ok(known?.subject === subject, `${words}: one picture`, JSON.stringify([found, known]));
  return found[0];
}
const isUntracked = (id, words) => is(pixelsIn(partsOf(id)), [], `${words}: no picture`);

/* In a tab of its own: looked at again at the end. */
const unseen = await context.newPage();
await part('sent unseen', async () => {
  await unseen.goto('https://mail.google.com/mail/u/0/');
  await unseen.waitForFunction(() => globalThis.gmail);
  await unseen.evaluate(() => {
    const one = new gmail.Compose({});
    one.addressTo([['ann@example.org', 'Ann Doe']]);
    one.send = () => one.root.remove();
  });
  await unseen.locator('.mailtrack-on').waitFor();
  await unseen.locator('.IZ [role=button]:not(.Uo)').click();
});

await part('two windows', async () => {
  const first = await compose({}, [ANN], 'Eins', 'eins');
  const second = await compose({}, [BOB], 'Zwei', 'zwei');
  await page.locator('[role=dialog]').nth(0).locator('[g_editable]').pressSequentially(' mehr');
  await page.locator('[role=dialog]').nth(1).locator('.mailtrack-switch').click();
  const [one, two] = [await idOf(first), await idOf(second)];
  await page.locator('[role=dialog]').nth(1).locator('[role=button]:not(.Uo)').click();
  await arrived(two);
  isUntracked(two, 'switched off');
  await toast('its switch was off').waitFor();
  await page.locator('[role=dialog]').nth(0).locator('[g_editable]').press('Control+Enter');
  await arrived(one);
  await isTracked(one, 'Eins', 'by the keyboard');
});

await part('a group', async () => {
  const index = await compose({}, [ANN, BOB], 'Alle', 'alle');
  await buttonOf().click();
  const id = await idOf(index);
  await arrived(id);
  const pixel = await isTracked(id, 'Alle', 'to two');
  const [known] = await ask(`tracks?ids=${pixel}`);
  is(known.recipients.map((one) => one.address), ['ann@example.org', 'bob@example.org'],
    'one mail for both');
});

let firstPixel;
await part('an inline reply', async () => {
  const [, first] = [...mailbox.values()].filter((one) => one.subject === 'Das Angebot' ||
    one.subject === 'Eins');
  const proxied = first.parts[0][1].replace(/src="([^"]+)"/, 'src="https://ci3.googleusercontent.com/meips/AbC=s0-d#$1"');
  firstPixel = pixelsIn(first.parts[0][1])[0];
  ok(firstPixel && proxied.includes('googleusercontent'), 'it quotes a mail with its picture');
  const index = await compose({ isReply: true, threadId: 'thread-f:17', quoted:
    `<div class="gmail_quote">${proxied}<img src="https://other.example/x.gif"></div>` },
  [ANN], '', 'antwort');
  is(await page.locator('.ip .IZ .Up .mailtrack-switch').count(), 1, 'it has a switch of its own');
  await buttonOf().click();
  const id = await idOf(index);
  await arrived(id);
  const text = partsOf(id);
  await isTracked(id, 'Re: Antwort', 'a reply');
  ok(!text.includes(firstPixel), 'the quoted picture of ours is gone');
  ok(text.includes('https://other.example/x.gif'), 'the others stay');
  ok(/<\/div><img [^>]*><div class="gmail_quote">/.test(text), 'ours stands before the quotation', text);
  const drafts = requests.filter((one) => one.messages.some((m) => m.id === id) &&
    labelsOf(one).includes('^r'));
  ok(drafts.length && drafts.every((one) => !one.text.includes(firstPixel)),
    'no draft of it keeps one');
});

await part('scheduled', async () => {
  const index = await compose({}, [ANN], 'Morgen', 'morgen');
  await inGmail((n) => gmail.composes[n].schedule(), index);
  await isTracked(await idOf(index), 'Morgen', 'scheduled');
});

await part('sent and archived', async () => {
  const index = await compose({ isReply: true, threadId: 'thread-f:18' }, [ANN], '', 'ab');
  await inGmail((n) => gmail.composes[n].sendAndArchive(), index);
  await arrived(await idOf(index));
  await isTracked(await idOf(index), 'Re: Antwort', 'sent and archived');
});

await part('undo and resend', async () => {
  const index = await compose({}, [ANN], 'Moment', 'moment');
  await buttonOf().click();
  const id = await idOf(index);
  await arrived(id);
  const before = await isTracked(id, 'Moment', 'at first');
  const again = await inGmail(async (n) => {
    await gmail.composes[n].undo();
    return gmail.composes.length - 1;
  }, index);
  await arrived(id, '^r');
  isUntracked(id, 'as a draft again');
  await allSwitched();
  await inGmail((n) => gmail.composes[n].send(), again);
  await arrived(id);
  is(await isTracked(id, 'Moment', 'sent again'), before, 'the same as before');
  is((await ask('tracks?search=Moment')).length, 1, 'and one mail');
});

await part('undo, and to somebody else', async () => {
  const index = await compose({}, [BOB], 'Irrtum', 'irrtum');
  await buttonOf().click();
  const id = await idOf(index);
  await arrived(id);
  const before = await isTracked(id, 'Irrtum', 'to the wrong one');
  await inGmail(async (n) => {
    const again = await gmail.composes[n].undo();
    again.to.replaceChildren();
    again.addressTo([['ann@example.org', 'Ann Doe']]);
    await again.save();
    await again.send();
  }, index);
  await until(() => mailbox.get(id)?.message[2][0][1] === 'ann@example.org' &&
    mailbox.get(id).labels.includes('^pfg'));
  const after = await isTracked(id, 'Irrtum', 'to the right one');
  is((await ask('tracks?search=Irrtum')).map((one) => [one.id, one.recipient]),
    [[after, 'Ann Doe <ann@example.org>']], 'the server knows what was sent, nothing else');
  ok(after !== before, 'by another picture');
});

await part('a window of its own', async () => {
  const opening = context.waitForEvent('page');
  await inGmail(() => { globalThis.popup = open('/mail/u/0/?view=btop', '', 'width=500,height=400'); });
  const own_ = await opening;
  await own_.waitForFunction(() => globalThis.gmail);
  const sent = [];
  for (const isOff of [false, true]) {
    const index = await inGmail(async (off) => {
      const one = new gmail.Compose({ popup: globalThis.popup });
      one.addressTo([['ann@example.org', 'Ann Doe']]);
      one.subject.value = off ? 'Heraus, aus' : 'Heraus';
      await one.save();
      return gmail.composes.length - 1;
    }, isOff);
    await own_.locator('.mailtrack-switch').last().waitFor();
    if (isOff) {
      await own_.locator('.mailtrack-switch').last().click();
      await until(async () => (await stored('switches'))?.[await idOf(index)]);
    }
    await own_.locator('.IZ [role=button]:not(.Uo)').last().click();
    sent.push(await idOf(index));
    await arrived(sent.at(-1));
  }
  await isTracked(sent[0], 'Heraus', 'in a pop-out');
  isUntracked(sent[1], 'switched off in a pop-out');
  await own_.close();
});

await part('Gmail fails and tries again', async () => {
  const index = await compose({}, [ANN], 'Zweimal', 'zweimal');
  fault.status = 502;
  await buttonOf().click();
  const id = await idOf(index);
  await until(() => requests.at(-1).status === 502);
  fault.status = 0;
  await inGmail((n) => gmail.composes[n].send(), index);
  await arrived(id);
  await isTracked(id, 'Zweimal', 'tried again');
  is((await ask('tracks?search=Zweimal')).length, 1, 'one mail');
});

await part('left alone', async () => {
  const plain = await compose({ isHtml: 0 }, [ANN], 'Nur Text', 'text');
  await buttonOf().click();
  await arrived(await idOf(plain));
  isUntracked(await idOf(plain), 'plain text');
  await toast('plain text').waitFor();
  await options.goto(own('options/options.html'));
  await options.locator('#never').fill('mother@example.org\nquiet.example');
  await options.getByRole('button', { name: 'Save' }).click();
  await options.getByText('Saved.').waitFor();
  for (const address of ['Mother@Example.org', 'x@deep.quiet.example']) {
    const index = await compose({}, [ANN, [address, 'X']], 'Nie', 'nie');
    await buttonOf().click();
    await arrived(await idOf(index));
    isUntracked(await idOf(index), `never to ${address}`);
    await toast(`${address} is on your never-track list`).waitFor();
  }
  is((await ask('tracks?search=Nie')).length, 0, 'the server does not hear of them');
});

await part('by default not', async () => {
  const setDefault = async (on) => {
    await options.goto(own('options/options.html'));
    await options.locator('#on').setChecked(on);
    await options.getByRole('button', { name: 'Save' }).click();
    await options.getByText('Saved.').waitFor();
    await page.reload();
    await page.waitForFunction(() => globalThis.gmail);
  };
  await setDefault(false);
  const index = await compose({}, [ANN], 'Aus', 'aus');
  is(await page.locator('.mailtrack-switch').last().textContent(), 'Not tracked', 'the switch says so');
  const on = await compose({}, [ANN], 'An', 'an');
  await page.locator('.mailtrack-switch').last().click();
  await buttonOf().click();
  await arrived(await idOf(on));
  await isTracked(await idOf(on), 'An', 'switched on for one');
  await page.locator('.IZ [role=button]:not(.Uo)').first().click();
  await arrived(await idOf(index));
  isUntracked(await idOf(index), 'the other one');
  await setDefault(true);
});

await part('other hooks', async () => {
  /* a script of the page's own puts a function over ours, later */
  await inGmail(() => {
    const late = XMLHttpRequest.prototype.send;
    globalThis.lateSaw = 0;
    XMLHttpRequest.prototype.send = function (...args) {
      globalThis.lateSaw++;
      return late.apply(this, args);
    };
  });
  const index = await compose({}, [ANN], 'Spät', 'spät');
  await buttonOf().click();
  await arrived(await idOf(index));
  await isTracked(await idOf(index), 'Spät', 'under another hook');
  ok(await inGmail(() => lateSaw > 0), 'which is called too');
  await inGmail(() => {
    const frame = document.createElement('iframe');
    document.body.append(frame);
    XMLHttpRequest.prototype.send = frame.contentWindow.XMLHttpRequest.prototype.send;
  });
  const wiped = await compose({}, [ANN], 'Ersetzt', 'ersetzt');
  await buttonOf().click();
  await arrived(await idOf(wiped));
  await isTracked(await idOf(wiped), 'Ersetzt', 'replaced by another window’s function');
  const id = await inGmail(async () => {
    const { sendOf } = await import('/gmail.mjs');
    const one = 'msg-a:r4711';
    await fetch('/sync/u/0/i/s', { method: 'POST', body: sendOf({ id: one, subject: 'Geholt' }) });
    return one;
  });
  await isTracked(id, 'Geholt', 'sent by fetch');
  await page.reload();
  await page.waitForFunction(() => globalThis.gmail);
});

/* -- trouble ------------------------------------------------------------------ */

async function sendPlain(subject) {
  const index = await compose({}, [ANN], subject, subject);
  await buttonOf().click();
  const id = await idOf(index);
  await arrived(id);
  return id;
}
const popup = await context.newPage();
async function popupSays(pattern, words) {
  await popup.goto(own('popup/popup.html'));
  const said = await until(async () => {
    const text = await popup.locator('body').innerText();
    return pattern.test(text) && text;
  }, 3);
  ok(said, words, said || await popup.locator('body').innerText());
}

/* As the browser does when it is idle. */
async function endWorker() {
  const session = await context.newCDPSession(page);
  const { targetInfos } = await session.send('Target.getTargets');
  const target = targetInfos.find((one) => one.type === 'service_worker' &&
    one.url === own('background/main.js'));
  await session.send('Target.closeTarget', { targetId: target.targetId });
  await session.detach();
}

await part('a server in trouble', async () => {
  const troubles = [['hang', 'Wartet', /did not answer in time/], ['broken', 'Kaputt', /trouble of its own/],
    ['locked', 'Schlüssel', /does not accept the API key/]];
  for (const [mode, subject, pattern] of troubles) {
    gate.mode = mode;
    const id = await sendPlain(subject);
    isUntracked(id, `${mode}: the mail goes`);
    const draft = requests.findLast((one) => one.messages.some((m) => m.id === id) &&
      labelsOf(one).includes('^r'));
    is(mailbox.get(id).parts, draft.messages[0].parts, `${mode}: unchanged`);
    ok(await until(() => toast(pattern).count()), `${mode}: and Gmail’s page says why`);
    await popupSays(pattern, `${mode}: so does the popup`);
    const index = await compose({}, [ANN], '', 'x');
    const title = page.locator('.mailtrack-switch').last();
    ok(await until(async () => pattern.test(await title.getAttribute('title'))),
      `${mode}: and the switch`, await title.getAttribute('title'));
    await inGmail((n) => gmail.composes[n].root.remove(), index);
    is(await inWorker(() => chrome.action.getBadgeText({})), '!', `${mode}: and the badge`);
  }
  is(Object.keys(await stored('outbox')).length, 3, 'the outbox has them');
  await endWorker();
  gate.mode = 'pass';
  await popup.getByRole('button', { name: 'Ask now' }).click();
  ok(await until(async () => !Object.keys(await stored('outbox')).length),
    'and tells the server once it answers', JSON.stringify(await stored('outbox')));
  const [told] = await ask('tracks?search=Kaputt');
  ok(/without its picture/.test(told?.notes) && told.muted, 'that they went without a picture',
    JSON.stringify(told));
  await popupSays(/^Mailtrack[\s\S]*Connected to 127\.0\.0\.1/, 'the popup is content');
});

await part('the worker is asleep', async () => {
  await endWorker();
  const id = await sendPlain('Geweckt');
  await isTracked(id, 'Geweckt', 'it wakes');
});

await part('an unknown shape', async () => {
  const text = await inGmail(async () => {
    const { sendOf } = await import('/gmail.mjs');
    const json = JSON.parse(sendOf({ id: 'msg-a:r99', subject: 'geheim', html: 'geheim' }));
    json[1][0][0][1][1][2][0][4][0][8][1] = { parts: 'geheim' };
    const body = JSON.stringify(json);
    gmail.sync(body);
    return body;
  });
  ok(await until(() => requests.at(-1).text === text), 'passes to the letter');
  await toast('does not know').waitFor();
  await context.grantPermissions(['clipboard-read', 'clipboard-write'],
    { origin: 'https://mail.google.com' });
  await toast('does not know').getByRole('button', { name: 'Copy report' }).click();
  const report = await until(() => inGmail(() => navigator.clipboard.readText()));
  ok(/unknown shape.*"body"/.test(report) && report.includes('^pfg') &&
    !report.includes('geheim'), 'a report without words', report);
  const bare = await compose({ hasBar: false }, [ANN], 'Ohne Leiste', 'x');
  ok(await page.locator('[role=dialog] > .mailtrack-switch').isVisible(),
    'without a bar we know, the switch is there all the same');
  await inGmail((n) => gmail.composes[n].send(), bare);
  await arrived(await idOf(bare));
  await isTracked(await idOf(bare), 'Ohne Leiste', 'and the mail is tracked');
});

/* -- who looks ------------------------------------------------------------------ */

const kept = (subject) => [...mailbox.values()].find((one) => one.subject === subject);
const pixelOf = (subject) => pixelsIn(partsOf(kept(subject).id))[0];
const trackOf = async (subject) => (await ask(`tracks?ids=${pixelOf(subject)}`))[0];
async function look(subject) {
  const { id, parts } = kept(subject);
  await inGmail((bodies) => gmail.showMails(bodies),
    [{ id, html: parts.map(([, html]) => html).join('') }]);
  await page.waitForFunction(() => [...document.querySelectorAll('#view img')]
    .every((image) => image.complete));
  return inGmail(() => [...document.querySelectorAll('#view img')]
    .map((image) => image.naturalWidth > 0));
}

await part('one’s own view', async () => {
  is(await look('Das Angebot'), [false], 'the browser does not fetch our picture');
  is(fetched, [], 'nor does Google’s proxy');
  is((await trackOf('Das Angebot')).open_count, 0, 'so there is no hit');
  const tick = page.locator('#view .mailtrack-tick');
  await tick.waitFor();
  is(await tick.textContent(), '✓', 'the opened mail has a tick');
  ok(/^Sent .*No open seen$/.test(await tick.getAttribute('title')), 'in words on hover',
    await tick.getAttribute('title'));
  await inWorker(() => chrome.declarativeNetRequest.updateDynamicRules({ removeRuleIds: [1] }));
  is(await look('Zweimal'), [true], 'without the rule it comes through');
  ok(await until(async () => (await trackOf('Zweimal')).self_count === 1), 'and is reported',
    JSON.stringify(await trackOf('Zweimal')));
  const track_ = await trackOf('Zweimal');
  is([track_.real_open_count, track_.open_count], [0, 1], 'as the sender’s own');
  const reports = gate.log.filter((one) => one.url.endsWith('/self'));
  is(reports.length, 1, 'once');
});

const notices = () => inWorker(async () => Object.keys(await chrome.notifications.getAll()));
await part('somebody else’s view', async () => {
  await inWorker(async () => Promise.all(Object.keys(await chrome.notifications.getAll())
    .map((id) => chrome.notifications.clear(id))));
  await hit(pixelOf('Das Angebot'));
  ok(await until(async () => (await trackOf('Das Angebot')).real_open_count === 1), 'counts');
  await round();
  ok(await until(async () => (await notices()).length === 1), 'is told', String(await notices()));
  const [notice] = await notices();
  is(notice.split('|')[1], pixelOf('Das Angebot'), 'of that mail');
  is(await inWorker(() => chrome.action.getBadgeText({})), '1', 'the badge counts');
  await inWorker((id) => chrome.notifications.clear(id), notice);
  await round();
  await round();
  is((await stored('news')).last.length, 1, 'one open');
  is(await notices(), [], 'is told once');
  const opened = context.waitForEvent('page');
  await inWorker((id) => chrome.notifications.onClicked.dispatch(id), notice);
  const dashboard = await opened;
  await until(() => dashboard.url() !== 'about:blank');
  is(dashboard.url(), `${gateUrl}mail?id=${pixelOf('Das Angebot')}`, 'a click opens its page');
  await dashboard.close();
  await popup.goto(own('popup/popup.html'));
  await popup.getByText('Ann Doe opened “Das Angebot”').waitFor();
  ok(true, 'the popup has it');
  is(await axe(popup), [], 'the popup: axe');
  ok(await until(async () => await inWorker(() => chrome.action.getBadgeText({})) === ''),
    'and the badge is content');
  for (const subject of ['Alle', 'Moment', 'Morgen', 'Spät']) await hit(pixelOf(subject));
  await until(async () => (await trackOf('Spät')).real_open_count === 1);
  await round();
  await until(async () => (await notices()).length);
  is((await notices()).length, 1, 'many at once are one notice');
  ok((await stored('news')).last.some((one) => one.people.length === 2), 'the group among them');
});

await part('the Sent list', async () => {
  const rows = ['Das Angebot', 'Alle', 'Eins', 'Nur Text', 'Zweimal'].map((subject) => {
    const { thread, id } = kept(subject);
    return [thread, Buffer.from(id).toString('hex').slice(-16), subject];
  });
  gate.log.length = 0;
  await inGmail((list) => gmail.showSent(list), rows);
  await page.locator('tr', { hasText: 'Das Angebot' }).locator('.mailtrack-opened').waitFor();
  const marks = await page.locator('#view tr').evaluateAll((all) =>
    all.map((row) => row.querySelector('.mailtrack-tick')?.textContent ?? ''));
  is(marks, ['✓✓', '✓✓', '✓', '', '✓'], '✓✓ opened, ✓ sent, nothing where nothing is known');
  const title = (subject) => page.locator('tr', { hasText: subject })
    .locator('.mailtrack-tick').getAttribute('title');
  ok(/^Ann Doe opened this mail: 1 time, last .*\d/.test(await title('Das Angebot')),
    'with time and count', await title('Das Angebot'));
  ok(/^Someone in the group \(2 people\) opened/.test(await title('Alle')), 'a group is one',
    await title('Alle'));
  is(gate.log.filter((one) => one.url.startsWith('/api/tracks?ids=')).length, 1, 'by one request');
});

/* -- the key -------------------------------------------------------------------- */

await part('the key', async () => {
  const spied = await context.newPage();
  await spied.addInitScript(() => {
    globalThis.overheard = [];
    const { dispatchEvent } = EventTarget.prototype;
    EventTarget.prototype.dispatchEvent = function (event) {
      globalThis.overheard.push(JSON.stringify([event.type, event.detail]));
      return dispatchEvent.call(this, event);
    };
    addEventListener('message', (event) => globalThis.overheard.push(JSON.stringify(event.data)), true);
  });
  const worlds = [];
  const session = await context.newCDPSession(spied);
  session.on('Runtime.executionContextCreated', ({ context: world }) => worlds.push(world));
  await session.send('Runtime.enable');
  await spied.goto('https://mail.google.com/mail/u/0/');
  await spied.waitForFunction(() => globalThis.gmail);
  await spied.evaluate(async () => {
    const { sendOf } = await import('/gmail.mjs');
    await gmail.sync(sendOf({ id: 'msg-a:r5', subject: 'Belauscht' }));
  });
  const heard = await spied.evaluate(() => [overheard.join('\n'), typeof mailtrackPage,
    typeof globalThis.chrome?.storage, document.documentElement.outerHTML]);
  ok(!heard.join('').includes(config.key), 'no word of it in the page', heard[0]);
  is(heard.slice(1, 3), ['undefined', 'undefined'], 'whose scripts find nothing of ours');
  const world = worlds.findLast((one) => one.origin === origin || one.name === 'Mailtrack');
  const inContent = async (expression) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate',
      { contextId: world.id, expression, awaitPromise: true, returnByValue: true });
    return exceptionDetails ? `thrown: ${exceptionDetails.exception.description}` : result.value;
  };
  ok(/thrown:.*not allowed/.test(await inContent('chrome.storage.local.get()')),
    'the content script cannot read what is stored', await inContent('chrome.storage.local.get()'));
  const answers = await inContent(`Promise.all(['status', 'create', 'sent', 'ticks', 'self', 'unknown',
    'changed', 'round', 'badge', 'constructor'].map((type) => Promise.race([
      chrome.runtime.sendMessage({ type, mail: { id: 'msg-a:r5', subject: 's', recipients: [] },
        keys: [], result: {} }).catch(String), new Promise((go) => setTimeout(go, 3000))]))).then(JSON.stringify)`);
  ok(answers.includes('configured') && !answers.includes(config.key),
    'nor is it told by the worker, whatever it asks', answers);
  await spied.close();
});

await part('sent unseen, told', async () => {
  await unseen.locator('.mailtrack-toast').filter({ hasText: 'has not seen' })
    .waitFor({ timeout: 45000 });
  ok(true, 'a mail that was sent past the hook is told as well');
  is(await page.locator('.mailtrack-toast').filter({ hasText: 'has not seen' }).count(), 0,
    'no other is');
});

is(complaints.join('\n'), '', 'no error in any page');
await context.close();
server.close();
gateServer.closeAllConnections();
gateServer.close();
