/* SPDX-License-Identifier: MIT */
/*
 * Gmail's page and our content script share nothing but the document. Before
 * the page's first script runs they agree on a name no script can list; later
 * all goes by events of that name, as JSON. What travels is what the page has
 * anyway (recipients, subject, a picture's address): never the key.
 */
(globalThis.mailtrackPage ??= {}).channel = (() => {
  'use strict';
  const { document, CustomEvent, crypto } = globalThis;
  const dispatch = document.dispatchEvent.bind(document);
  const listen = document.addEventListener.bind(document);
  const unlisten = document.removeEventListener.bind(document);
  const name = `mailtrack-${crypto.randomUUID()}`;
  const waiting = new Map();
  const heard = new Map();
  let count = 0;

  const say = (message) => dispatch(new CustomEvent(`${name}-in`,
    { detail: JSON.stringify(message) }));

  listen(`${name}-out`, (event) => {
    event.stopImmediatePropagation();
    const message = JSON.parse(event.detail);
    if (message.answers) {
      waiting.get(message.answers)?.(message.data);
      waiting.delete(message.answers);
    } else {
      heard.get(message.type)?.(message.data);
    }
  });

  const hello = () => dispatch(new CustomEvent('mailtrack-hello',
    { detail: name }));
  const welcome = () => {
    unlisten('mailtrack-who', hello);
    unlisten(`${name}-met`, welcome);
  };
  listen('mailtrack-who', hello);
  listen(`${name}-met`, welcome);
  hello();

  return {
    tell: (type, data) => say({ type, data }),
    ask: (type, data) => new Promise((resolve) => {
      const id = ++count;
      waiting.set(id, resolve);
      say({ id, type, data });
    }),
    on: (type, listener) => heard.set(type, listener),
  };
})();
