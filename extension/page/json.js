/* SPDX-License-Identifier: MIT */
/*
 * Where a value stands in a JSON text, so that it can be changed without
 * touching one other character: numbers too long for JavaScript, blanks and
 * escapes stay as they were written. Pure. The text has been through
 * JSON.parse, so it is well-formed.
 */
(globalThis.mailtrackPage ??= {}).json = (() => {
  'use strict';
  const BLANK = ' \t\n\r';

  function blanks(text, at) {
    while (BLANK.includes(text[at]) && at < text.length) at++;
    return at;
  }

  /* From a quote to behind the one that ends it. */
  function pastString(text, at) {
    for (let end = at; ;) {
      end = text.indexOf('"', end + 1);
      if (end < 0) return text.length;
      let slashes = 0;
      while (text[end - 1 - slashes] === '\\') slashes++;
      if (slashes % 2 === 0) return end + 1;
    }
  }

  /* From a value's first character to behind its last. */
  function pastValue(text, at) {
    let depth = 0;
    do {
      const one = text[at];
      if (one === '"') at = pastString(text, at);
      else if (one === '[' || one === '{') { depth++; at++; }
      else if (one === ']' || one === '}') { depth--; at++; }
      else if (depth) at++;
      else while (at < text.length && !`,]}${BLANK}`.includes(text[at])) at++;
    } while (depth && at < text.length);
    return at;
  }

  /* The place of member `key` of the array or object that begins at `at`. */
  function member(text, at, key) {
    const isObject = text[at] === '{';
    at = blanks(text, at + 1);
    for (let index = 0; !']}'.includes(text[at]); index++) {
      let name = index;
      if (isObject) {
        const end = pastString(text, at);
        name = JSON.parse(text.slice(at, end));
        at = blanks(text, blanks(text, end) + 1);
      }
      if (String(name) === String(key)) return at;
      at = blanks(text, pastValue(text, at));
      if (text[at] === ',') at = blanks(text, at + 1);
    }
    return -1;
  }

  /* {start, end} of what path leads to, or null. */
  function locate(text, path) {
    let at = blanks(text, 0);
    for (const key of path) {
      if (text[at] !== '[' && text[at] !== '{') return null;
      at = member(text, at, key);
      if (at < 0) return null;
    }
    return { start: at, end: pastValue(text, at) };
  }

  /* "<" stays away from the wire as Gmail's own serializer has it. */
  function encode(value) {
    return JSON.stringify(value).replace(/[<>\u2028\u2029]/g, (one) =>
      `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }

  /*
   * edits: [{path, value, append}] of strings; with append the string grows by
   * it, otherwise it becomes value. Every other character stays.
   */
  function edit(text, edits) {
    const places = edits.map((one) => {
      const span = locate(text, one.path);
      if (!span || text[span.start] !== '"') throw new Error('no string there');
      return { ...one, ...span };
    }).sort((a, b) => b.start - a.start);
    for (const { start, end, value, append } of places) {
      text = append === undefined
        ? text.slice(0, start) + encode(value) + text.slice(end)
        : text.slice(0, end - 1) + encode(append).slice(1) + text.slice(end);
    }
    return text;
  }

  return { edit, locate };
})();
