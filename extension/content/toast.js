/* SPDX-License-Identifier: MIT */
/* A line at the lower edge that says what became of a mail. Made of text alone:
   Gmail's policy forbids markup from strings, and so do we. */
(globalThis.mailtrackContent ??= {}).toast = (() => {
  'use strict';
  /* lasting: until it is closed */
  const SECONDS = { good: 6, bad: 14, lasting: 0 };
  let list = null;

  function place() {
    if (!list?.isConnected) {
      list = document.createElement('div');
      list.className = 'mailtrack-toasts';
      list.setAttribute('role', 'status');
      document.body.append(list);
    }
    return list;
  }

  function button(words, act) {
    const one = document.createElement('button');
    one.type = 'button';
    one.textContent = words;
    one.addEventListener('click', act);
    return one;
  }

  /* kind: good, bad, lasting; action: {words, act} */
  return function toast(words, kind = 'good', action = null) {
    const line = document.createElement('div');
    line.className = `mailtrack-toast mailtrack-${kind}`;
    const text = document.createElement('span');
    text.textContent = words;
    line.append(text);
    if (action) line.append(button(action.words, () => action.act(text)));
    line.append(button('✕', () => line.remove()));
    line.lastChild.setAttribute('aria-label', 'Close');
    place().append(line);
    if (SECONDS[kind]) setTimeout(() => line.remove(), 1000 * SECONDS[kind]);
  };
})();
