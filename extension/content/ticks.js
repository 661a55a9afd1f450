/* SPDX-License-Identifier: MIT */
/*
 * ✓ sent, ✓✓ opened: in lists of mails and in the opened mail, by one question
 * for all that is to be seen. And our own pictures that came through in spite
 * of the rule against it: they are reported as the sender's own view.
 */
(globalThis.mailtrackContent ??= {}).ticks = (() => {
  'use strict';
  const { worker } = globalThis.mailtrackContent;
  const ROW = '[data-thread-id][data-legacy-thread-id]';
  const FRESH = 20000;
  const known = new Map();        /* "t:..", "m:..", "p:.." -> {at, tick} */
  const watched = new WeakSet();
  let base = null;
  let asking = false;

  const bare = (url) => url.replace(/^[a-z]+:\/\//i, '');

  function pictureId(image) {
    const url = image.getAttribute('src') ?? '';
    const at = base ? url.indexOf(bare(base)) : -1;
    return at < 0 ? null : /^[0-9a-f-]{36}(?=\.gif)/i.exec(
      url.slice(at + bare(base).length))?.[0].toLowerCase() ?? null;
  }

  /* Loaded means fetched: our rule did not stop it, so the server has a hit. */
  function watch(image, id) {
    if (watched.has(image)) return;
    watched.add(image);
    const report = () => worker.ask('self', { id });
    if (image.complete) {
      if (image.naturalWidth > 0) report();
    } else {
      image.addEventListener('load', report, { once: true });
    }
  }

  /* [{key, put}]: what is in view and where its tick goes. */
  function inView() {
    const places = [];
    for (const span of document.querySelectorAll(ROW)) {
      const keys = [span.dataset.threadId, span.dataset.legacyThreadId]
        .filter(Boolean).map((id) => `t:${id.replace(/^#/, '')}`);
      places.push({ keys, before: span });
    }
    const messages = new Map();
    for (const message of document.querySelectorAll('[data-message-id]')) {
      messages.set(message, [`m:${message.dataset.messageId.replace(/^#/, '')}`]);
    }
    for (const image of document.images) {
      const id = pictureId(image);
      if (!id) continue;
      watch(image, id);
      /* in a quotation it belongs to another mail */
      if (image.closest('.gmail_quote, blockquote, [contenteditable]')) continue;
      const message = image.closest('[data-message-id]') ?? image.parentElement;
      messages.set(message, [...messages.get(message) ?? [], `p:${id}`]);
    }
    for (const [message, keys] of messages) {
      places.push({ keys, before: message.firstChild });
    }
    return places;
  }

  function draw({ keys, before }) {
    const tick = keys.map((key) => known.get(key)?.tick).find(Boolean);
    const parent = before?.parentNode;
    if (!parent) return;
    const old = before.classList?.contains('mailtrack-tick') ? before
      : before.previousSibling?.classList?.contains('mailtrack-tick')
        ? before.previousSibling : null;
    if (!tick) {
      old?.remove();
      return;
    }
    const mark = old ?? document.createElement('span');
    if (mark.dataset.is !== tick.words + tick.marks) {
      mark.dataset.is = tick.words + tick.marks;
      mark.className = `mailtrack-tick mailtrack-${tick.state}`;
      mark.textContent = tick.marks;
      mark.title = tick.words;
      mark.setAttribute('role', 'img');
      mark.setAttribute('aria-label', tick.words);
    }
    if (!old) parent.insertBefore(mark, before);
  }

  async function refresh(places) {
    const now = Date.now();
    const keys = [...new Set(places.flatMap((place) => place.keys))]
      .filter((key) => !(known.get(key)?.at > now - FRESH));
    if (!keys.length || asking) return;
    asking = true;
    const { ticks } = await worker.ask('ticks', { keys });
    asking = false;
    for (const key of keys) {
      known.set(key, { at: now, tick: ticks?.[key] ?? known.get(key)?.tick });
    }
    places.forEach(draw);
  }

  function scan() {
    if (!base) return;
    const places = inView();
    places.forEach(draw);
    refresh(places);
  }

  return {
    scan,
    configure(config) { base = config.pixelBase || null; },
    forget() { known.clear(); },
  };
})();
