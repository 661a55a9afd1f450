/* SPDX-License-Identifier: MIT */
/* The server's address as people write it, and the paste string of the
   dashboard: mailtrack:https://HOST/BASE#KEY. Pure. */

/* Its URL with a slash at the end, or null. */
export function serverUrl(text) {
  let url;
  try {
    const written = text.trim();
    url = new URL(/^[a-z]+:\/\//i.test(written) ? written : `https://${written}`);
  } catch {
    return null;
  }
  if (!['http:', 'https:'].includes(url.protocol) || url.username || url.password) {
    return null;
  }
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url.href;
}

/* {url, key} or null */
export function readPaste(text) {
  const parts = /^\s*mailtrack:(https?:\/\/[^\s#]+)#(mt_[\w-]+)\s*$/i.exec(text);
  const url = parts && serverUrl(parts[1]);
  return url ? { url, key: parts[2] } : null;
}

/* A match pattern takes every port of a host. */
export const pattern = (url) => {
  const { protocol, hostname } = new URL(url);
  return `${protocol}//${hostname}/*`;
};

/* Where Gmail's proxy for pictures is. */
export const PROXY = 'https://*.googleusercontent.com/*';

/* Without TLS a key travels in the open; not so within one machine. */
export function isOpenToAll(url) {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' &&
    !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
