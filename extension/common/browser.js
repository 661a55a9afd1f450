/* SPDX-License-Identifier: MIT */
/* The browser's extension API: `browser` in Firefox, `chrome` elsewhere; both
   answer with promises. And what server and extension must agree on. */
export const ext = globalThis.browser ?? globalThis.chrome;
export const API_VERSION = 1;
