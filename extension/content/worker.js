/* SPDX-License-Identifier: MIT */
/*
 * Asks the background worker. It may be asleep (it wakes), or gone for good
 * because the extension was updated under this page: that is said in words.
 */
(globalThis.mailtrackContent ??= {}).worker = (() => {
  'use strict';
  const { runtime } = globalThis.browser ?? globalThis.chrome;
  const GONE = 'Mailtrack was updated: reload this page';

  async function ask(type, data = {}) {
    try {
      return await runtime.sendMessage({ type, ...data }) ?? { reason: GONE };
    } catch {
      return { reason: GONE, gone: true };
    }
  }
  return { ask, runtime };
})();
