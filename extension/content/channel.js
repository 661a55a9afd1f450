/* SPDX-License-Identifier: MIT */
/*
 * The content script's end of page/channel.js: see there. What comes from the
 * page is data of the page's, never an instruction with our rights.
 */
(globalThis.mailtrackContent ??= {}).channel = (() => {
  'use strict';
  const heard = new Map();
  let name = null;

  const say = (message) => name && document.dispatchEvent(
    new CustomEvent(`${name}-out`, { detail: JSON.stringify(message) }));

  async function receive(event) {
    event.stopImmediatePropagation();
    const { id, type, data } = JSON.parse(event.detail);
    const answer = await heard.get(type)?.(data);
    if (id) say({ answers: id, data: answer ?? null });
  }

  function meet(event) {
    if (name || !/^mailtrack-[0-9a-f-]{36}$/.test(event.detail)) return;
    name = event.detail;
    document.removeEventListener('mailtrack-hello', meet);
    document.addEventListener(`${name}-in`, receive);
    document.dispatchEvent(new CustomEvent(`${name}-met`));
  }
  document.addEventListener('mailtrack-hello', meet);
  document.dispatchEvent(new CustomEvent('mailtrack-who'));

  return {
    tell: (type, data) => say({ type, data }),
    on: (type, listener) => heard.set(type, listener),
  };
})();
