/* SPDX-License-Identifier: MIT */
/* The content script: joins the page's hook, the compose windows, the ticks and
   the background worker. */
(() => {
  'use strict';
  const { channel, compose, ticks, toast, worker } = globalThis.mailtrackContent;
  const STATUS_EVERY = 30000;
  const SCAN_AFTER = 150;
  const UNKNOWN_EVERY = 600000;
  let config = {};
  let unknownAt = 0;

  function take(now) {
    if (now.gone) {
      config = { ...config, configured: true, problem: now.reason };
    } else {
      config = now;
      channel.tell('config', { pixelBase: config.pixelBase });
    }
    compose.configure(config);
    ticks.configure(config);
  }
  const status = async () => take(await worker.ask('status'));

  channel.on('create', async (mail) => {
    compose.seen(mail);
    const answer = await worker.ask('create', { mail: { ...mail,
      on: compose.wants(mail) } });
    if (answer.problem !== undefined) status();
    return answer;
  });

  channel.on('sent', (result) => {
    compose.seen(result);
    worker.ask('sent', { result });
    ticks.forget();
    if (result.url) toast('Mailtrack: tracked.');
    else if (!result.unset) {
      toast(`Mailtrack: not tracked: ${result.reason}.`,
        result.off ? 'good' : 'bad');
    }
    status();
  });

  compose.onMissed = () => toast('Mailtrack: not tracked: Gmail has sent a mail ' +
    'in a way Mailtrack has not seen.', 'lasting');

  async function copyReport(report, text) {
    try {
      await navigator.clipboard.writeText(report);
      text.textContent = 'Mailtrack: the report is in the clipboard.';
    } catch {
      text.textContent = 'Mailtrack: the browser did not copy; the report is in the popup.';
    }
  }

  channel.on('unknown', ({ report }) => {
    worker.ask('unknown', { report });
    if (Date.now() - unknownAt < UNKNOWN_EVERY) return;
    unknownAt = Date.now();
    toast('Mailtrack: not tracked: Gmail writes its mails in a way Mailtrack ' +
      'does not know. The report has their structure, none of their words.',
    'lasting', { words: 'Copy report', act: (text) => copyReport(report, text) });
  });

  /* -- what appears in the page --------------------------------------------- */

  let due = 0;
  function scan() {
    due = 0;
    compose.scan();
    ticks.scan();
  }
  const soon = () => { due ||= setTimeout(scan, SCAN_AFTER); };

  function begin() {
    new MutationObserver(soon).observe(document.documentElement, {
      childList: true, subtree: true, attributes: true,
      attributeFilter: ['src', 'data-message-id', 'data-thread-id'] });
    setInterval(() => { if (!document.hidden) { status(); soon(); } }, STATUS_EVERY);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) { ticks.forget(); status(); soon(); }
    });
    soon();
  }
  status();
  if (document.readyState === 'loading') {
    document.addEventListener('DOMContentLoaded', begin, { once: true });
  } else begin();
})();
