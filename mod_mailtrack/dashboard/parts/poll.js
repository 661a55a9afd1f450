/* SPDX-License-Identifier: MIT */
/*
 * Something asked again and again while the page is seen. A failure is told to
 * the one who asks, and asking goes on, more slowly. stop() ends it.
 */
const HIDDEN = 30000;
const WORST = 30000;

export function poll(ask, every) {
  let timer = 0;
  let over = false;
  let failures = 0;

  async function round() {
    clearTimeout(timer);
    try {
      await ask();
      failures = 0;
    } catch {
      failures++;
    }
    if (over) return;
    timer = setTimeout(round, document.hidden ? HIDDEN
      : failures ? Math.min(WORST, every * 2 ** failures) : every);
  }
  const seen = () => { if (!document.hidden && !over) round(); };
  document.addEventListener('visibilitychange', seen);
  timer = setTimeout(round, every);
  return () => {
    over = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', seen);
  };
}
