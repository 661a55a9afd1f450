/* SPDX-License-Identifier: MIT */
/*
 * What becomes of one request's text: drafts lose our own pictures, a mail
 * being sent gets one. At most WAIT later, whatever happens, the text goes
 * out; without a picture it goes as it came.
 */
(globalThis.mailtrackPage ??= {}).mail = (() => {
  'use strict';
  const { channel, codec, json, pixel } = globalThis.mailtrackPage;
  const WAIT = 2500;
  const later = globalThis.setTimeout.bind(globalThis);
  const releases = new Set();
  let base = '';

  const ready = new Promise((resolve) => {
    channel.on('config', (config) => {
      base = config.pixelBase ?? '';
      resolve();
    });
  });

  /* Gmail's page goes: what waits is let go at once. */
  const release = () => releases.forEach((go) => go());
  globalThis.addEventListener('pagehide', release);
  globalThis.addEventListener('beforeunload', release);

  /* Its value, or `otherwise` when that takes too long. */
  function soon(promise, otherwise) {
    return new Promise((resolve) => {
      const go = (value) => {
        releases.delete(give);
        resolve(value);
      };
      const give = () => go(otherwise);
      releases.add(give);
      later(give, WAIT);
      promise.then(go, give);
    });
  }

  /* Our own pictures of earlier mails, out of every part. */
  function stripped(message) {
    return message.parts.flatMap((part) => {
      const value = pixel.strip(part.html, base);
      return value === part.html ? [] : [{ path: part.path, value }];
    });
  }

  /* Changes to a message's text, with the picture at the end of the part that
   * its writer wrote. */
  function edits(message, url) {
    const changes = stripped(message);
    if (!url) return changes;
    const main = codec.mainPart(message);
    const change = changes.find((one) => one.path === main.path);
    if (change) change.value += pixel.html(url);
    else changes.push({ path: main.path, append: pixel.html(url) });
    return changes;
  }

  async function pictureFor(message) {
    if (!message.isHtml) {
      return { reason: 'it is plain text, which has no pictures' };
    }
    return channel.ask('create', { id: message.id, threadId: message.threadId,
      subject: message.subject, recipients: message.recipients });
  }

  const TOO_LATE = { reason: 'the server did not answer in time', late: true };

  /* {text, results: [{id, threadId, url | reason}]} */
  async function finish(text, messages) {
    const sends = messages.filter((one) => one.kind === 'send');
    const got = await soon(Promise.all([ready, ...sends.map(pictureFor)])
      .then((all) => all.slice(1)), sends.map(() => TOO_LATE));
    const results = sends.map((message, n) => ({ id: message.id,
      threadId: message.threadId, ...(got[n] ?? TOO_LATE) }));
    const urls = new Map(results.map((one) => [one.id, one.url]));
    try {
      const plan = messages.filter((one) => one.isHtml)
        .flatMap((one) => edits(one, urls.get(one.id)));
      return { text: plan.length ? json.edit(text, plan) : text, results };
    } catch {
      return { text, results: results.map(({ id, threadId }) => ({ id, threadId,
        reason: 'its text could not be changed' })) };
    }
  }

  /*
   * null: nothing to do with this text; else a promise of {text, results}.
   * What is no string cannot be read, and is told.
   */
  function consider(text) {
    if (typeof text !== 'string') {
      if (text) channel.tell('unknown', { report: codec.report(
        `a body that is ${Object.prototype.toString.call(text)}`, null) });
      return null;
    }
    const { messages, unknown, json: parsed } = codec.read(text);
    if (unknown) {
      channel.tell('unknown', { report: codec.report(unknown, parsed) });
    }
    const touched = messages.filter((one) => one.kind === 'send' ||
      (one.kind === 'draft' && one.parts.some((part) => (base ? pixel.strip(part.html, base) !== part.html
        : /\/[0-9a-f-]{36}\.gif/i.test(part.html)))));
    return touched.length ? finish(text, touched) : null;
  }

  /* A request that cannot wait: what is to be said of the mails in it. */
  function unable(text) {
    if (typeof text !== 'string') return [];
    return codec.read(text).messages.filter((one) => one.kind === 'send')
      .map(({ id, threadId }) => ({ id, threadId,
        reason: 'Gmail sent it in a way that cannot wait' }));
  }

  /* Gmail has the mail. */
  function sent(results, answer) {
    for (const result of results) {
      channel.tell('sent', { ...result, ...codec.readAnswer(answer, result.id) });
    }
  }

  return { consider, sent, unable };
})();
