/* SPDX-License-Identifier: MIT */
/*
 * Our picture in a mail's HTML: put in, found, taken out. Pure. Text is
 * searched, no DOM is built: what stands around a picture is not ours to
 * write anew.
 */
(globalThis.mailtrackPage ??= {}).pixel = (() => {
  'use strict';
  const TAG = /<img\b(?:[^>"']|"[^"]*"|'[^']*')*>/gi;
  const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

  const html = (url) => `<img src="${url.replace(/&/g, '&amp;').replace(/"/g,
    '&quot;')}" width="1" height="1" alt="" style="width:1px;height:1px;border:0">`;

  /*
   * Whatever scheme or proxy stands before it: Gmail quotes a picture as
   * https://ci3.googleusercontent.com/...#https://SERVER/p/ID.gif
   */
  function pattern(base) {
    const bare = base.replace(/^[a-z]+:\/\//i, '')
      .replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
    return new RegExp(`(?:^|[^a-z0-9.-])${bare}${ID}\\.gif`, 'i');
  }

  /* Without our own pictures, whoever else's stay. */
  function strip(text, base) {
    if (!base || !/\.gif/i.test(text)) return text;
    const own = pattern(base);
    return text.replace(TAG, (tag) => (own.test(tag) ? '' : tag));
  }

  return { html, strip };
})();
