/* SPDX-License-Identifier: MIT */
/*
 * Before anything is painted: the theme this browser was told to keep. Not a
 * module, as those run too late. What it sets is theme.js's to change.
 */
(() => {
  let kept = null;
  try { kept = localStorage.getItem('mailtrack-theme'); } catch { /* none */ }
  if (kept === 'light' || kept === 'dark') {
    document.documentElement.dataset.theme = kept;
  }
})();
