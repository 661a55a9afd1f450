/* SPDX-License-Identifier: MIT */
/*
 * Gmail's sync request: which messages are in it, which of them is being sent,
 * and where its words stand. Pure; reads by structure and never guesses: a
 * message that is not as messages are known to be, or not where they are, is
 * `unknown`, and is not touched.
 */
(globalThis.mailtrackPage ??= {}).codec = (() => {
  'use strict';
  /* /sync/i/s, /sync/u/0/i/s */
  const PATH = /\/sync(?:\/u\/\d+)?\/i\/s$/;
  const MESSAGE_ID = /^msg-[a-z]+:/;
  const PLACES = [[13, 0], [1, 0], [2, 0, 4, 0]];
  const DEPTH_MAX = 40;

  const at = (value, path) => path.reduce((now, key) => now?.[key], value);
  const isList = Array.isArray;

  function isSyncUrl(url, base) {
    try {
      return PATH.test(new URL(url, base).pathname);
    } catch {
      return false;
    }
  }

  /* A message and not only its id: it has a body. */
  const isMessage = (value) => isList(value) && typeof value[0] === 'string' &&
    MESSAGE_ID.test(value[0]) && isList(value[8]);

  function kindOf(labels) {
    if (labels.includes('^pfg') || labels.includes('^scheduled')) return 'send';
    return labels.includes('^r') || labels.includes('^r_bt') ? 'draft' : 'other';
  }

  const isSend = (value) => isList(value[10]) && kindOf(value[10]) === 'send';

  /* [[1, address, name], ...] of one field; null: not as we know it. */
  function people(field) {
    if (field === null || field === undefined) return [];
    if (!isList(field)) return null;
    const list = field.map((one) => (isList(one) && typeof one[1] === 'string' &&
      one[1].includes('@') ? { address: one[1].trim(),
        name: typeof one[2] === 'string' ? one[2] : '' } : null));
    return list.includes(null) ? null : list;
  }

  /* Everybody once, in order. */
  function recipientsOf(message) {
    const fields = [message[2], message[3], message[4]].map(people);
    if (fields.includes(null)) return null;
    const seen = new Set();
    return fields.flat().filter(({ address }) => {
      const key = address.toLowerCase();
      return !seen.has(key) && seen.add(key);
    });
  }

  function partsOf(message, path) {
    const parts = message[8][1];
    if (!isList(parts) || !parts.length) return null;
    const list = parts.map((part, n) => (isList(part) && typeof part[1] === 'string'
      ? { kind: part[0], html: part[1], path: [...path, 8, 1, n, 1] } : null));
    return list.includes(null) ? null : list;
  }

  /* {message} or {unknown: why} */
  function describe(message, path, threadId) {
    const labels = message[10];
    if (!isList(labels) || !labels.every((one) => typeof one === 'string')) {
      return { unknown: 'labels' };
    }
    const kind = kindOf(labels);
    const parts = partsOf(message, path);
    const recipients = recipientsOf(message);
    if (kind === 'send' && !parts) return { unknown: 'body' };
    if (kind === 'send' && !recipients?.length) return { unknown: 'recipients' };
    return { message: { kind, id: message[0], threadId, labels, parts: parts ?? [],
      recipients: recipients ?? [], isHtml: Boolean(message[8][6]),
      subject: typeof message[7] === 'string' ? message[7] : '' } };
  }

  /* Every message there is, wherever it stands. */
  function hunt(value, found, depth = 0) {
    if (value === null || typeof value !== 'object' || depth > DEPTH_MAX) return;
    if (isMessage(value)) found.add(value);
    for (const one of Object.values(value)) hunt(one, found, depth + 1);
  }

  function knownPlaces(json) {
    const items = at(json, [1, 0]);
    const places = [];
    if (!isList(items)) return places;
    items.forEach((item, k) => PLACES.forEach((place) => {
      const path = [1, 0, k, 1, 1, ...place];
      const value = at(json, path);
      if (isMessage(value)) {
        places.push({ value, path, threadId: at(json, [1, 0, k, 1, 0]) });
      }
    }));
    return places;
  }

  /* {messages, unknown: null or why, json}: what is understood, and why not all
   * of it is. */
  function read(text) {
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      return { messages: [], unknown: 'no JSON', json: null };
    }
    const everywhere = new Set();
    hunt(json, everywhere);
    const messages = [];
    let unknown = null;
    for (const { value, path, threadId } of knownPlaces(json)) {
      everywhere.delete(value);
      const { message, unknown: why } = describe(value, path,
        typeof threadId === 'string' ? threadId : '');
      if (message) messages.push(message);
      else unknown ??= why;
    }
    const ids = new Set(messages.map((one) => one.id));
    for (const value of everywhere) {
      if (isSend(value) && !ids.has(value[0])) unknown ??= 'place of the message';
    }
    return { messages, unknown, json };
  }

  /* The part that is the writer's own; quoted text is another. */
  const mainPart = (message) => message.parts.find((part) => part.kind === 0) ??
    message.parts[0];

  /* What Gmail calls the mail once it is sent; what is not there is left out. */
  function readAnswer(text, messageId) {
    try {
      const json = JSON.parse(text.replace(/^\)\]\}'\s*/, ''));
      for (const entry of at(json, [1, 5]) ?? []) {
        const thread = entry?.[0];
        const message = (thread?.[4] ?? []).find((one) => one?.[0] === messageId);
        if (!message) continue;
        const names = [thread[0], at(thread, [2, 6, 0, 19])];
        return { threads: names.filter((one) => typeof one === 'string') };
      }
    } catch { /* the mail went all the same */ }
    return { threads: [] };
  }

  /* -- a report without content ---------------------------------------------- */

  function shapeOf(value, depth = 0) {
    if (typeof value === 'string') {
      const id = /^(msg|thread)-[a-z]+:/.exec(value)?.[0];
      return id ?? (/^\^[a-z_]{1,12}$/.test(value) ? value : `text(${value.length})`);
    }
    if (value === null || typeof value !== 'object') return typeof value;
    if (depth > DEPTH_MAX) return '…';
    if (isList(value)) return value.map((one) => shapeOf(one, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([key, one], n) =>
      [/^\d+$/.test(key) ? key : `key${n}`, shapeOf(one, depth + 1)]));
  }

  const report = (why, json) => JSON.stringify({ mailtrack: 'unknown shape', why,
    shape: shapeOf(json) });

  return { isSyncUrl, mainPart, read, readAnswer, report };
})();
