/* SPDX-License-Identifier: MIT */
/*
 * The hook: Gmail's own XMLHttpRequest and fetch, in Gmail's own world, before
 * its first script. Another extension may put its functions over ours, before
 * or later: send and open are accessors, so ours comes first all the same, and
 * theirs is called from it; a request passes us once.
 */
(() => {
  'use strict';
  const { codec, mail } = globalThis.mailtrackPage;
  delete globalThis.mailtrackPage;
  const proto = XMLHttpRequest.prototype;
  const calls = new WeakMap();    /* request -> {url, post, async, state} */

  const isOurs = (call) => call?.post && codec.isSyncUrl(call.url, location.href);

  /*
   * outer(inner) is what everybody calls; inner is the browser's function or
   * what somebody has put in its place.
   */
  function take(name, outer) {
    const native = proto[name];
    let inner = native;
    const ours = outer(native, () => inner);
    Object.defineProperty(proto, name, { configurable: true, enumerable: true,
      get: () => ours,
      set(value) {
        /* on an instance it is its own business */
        if (this === proto) inner = value === ours ? native : value;
        else Object.defineProperty(this, name, { value, configurable: true,
          enumerable: true, writable: true });
      } });
  }

  take('open', (native, inner) => function open(...args) {
    const call = calls.get(this);
    if (call?.opening) return native.apply(this, args);
    calls.set(this, { url: String(args[1]), opening: true,
      post: /^post$/i.test(args[0]), async: args.length < 3 || Boolean(args[2]) });
    try {
      return inner().apply(this, args);
    } finally {
      calls.get(this).opening = false;
    }
  });

  take('abort', (native, inner) => function abort(...args) {
    const call = calls.get(this);
    if (call?.aborting) return native.apply(this, args);
    if (!call) return inner().apply(this, args);
    call.gone = call.aborting = true;
    try {
      return inner().apply(this, args);
    } finally {
      call.aborting = false;
    }
  });

  function told(request, results) {
    request.addEventListener('load', () => {
      if (request.status < 200 || request.status >= 300) return;
      const isText = ['', 'text'].includes(request.responseType);
      mail.sent(results, isText ? request.responseText : '');
    }, { once: true });
  }

  take('send', (native, inner) => function send(...args) {
    const call = calls.get(this);
    if (!call || call.passed) return native.apply(this, args);
    call.passed = true;
    if (isOurs(call) && !call.async) told(this, mail.unable(args[0]));
    const work = isOurs(call) && call.async ? considered(args[0]) : null;
    if (!work) return inner().apply(this, args);
    work.then(({ text, results }) => {
      /* given up, or opened anew for something else */
      if (call.gone || calls.get(this) !== call || this.readyState !== 1) return;
      told(this, results);
      inner().call(this, text);
    });
    return undefined;
  });

  /* Our own fault must never keep a mail back. */
  function considered(text) {
    try {
      return mail.consider(text)?.catch(() => ({ text, results: [] })) ?? null;
    } catch {
      return null;
    }
  }

  /* -- fetch ----------------------------------------------------------------- */

  const nativeFetch = globalThis.fetch;

  async function bodyOf(input, init) {
    if (init && 'body' in init) return init.body;
    return input instanceof Request ? input.clone().text() : null;
  }

  async function fetchChanged(input, init) {
    const body = await bodyOf(input, init);
    const work = considered(body);
    if (!work) return nativeFetch.call(globalThis, input, init);
    const { text, results } = await work;
    const answer = await nativeFetch.call(globalThis, input, { ...init, body: text });
    if (answer.ok) {
      answer.clone().text().then((words) => mail.sent(results, words), () => {});
    }
    return answer;
  }

  globalThis.fetch = function fetch(input, init) {
    const isRequest = input instanceof Request;
    const call = { url: isRequest ? input.url : String(input),
      post: /^post$/i.test(init?.method ?? (isRequest ? input.method : 'GET')) };
    return isOurs(call) ? fetchChanged(input, init)
      : nativeFetch.apply(this, arguments);
  };
})();
