/* SPDX-License-Identifier: MIT */
/*
 * Every view is a path one level below the base and a query, so that relative
 * links work under any base path: ./ mail?id= analytics?days= ... The server
 * answers each of these paths with index.html; no other path is a page.
 */
import { base } from './api.js';

let moved = () => {};
let known = new Set();

export function here() {
  const page = location.pathname.slice(base.pathname.length);
  return { page: page || 'mails', query: new URLSearchParams(location.search) };
}

/* A page's address; parameters that are empty are left out. */
export function href(page, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value) query.set(name, value);
  }
  const text = query.toString();
  return (page === 'mails' ? './' : page) + (text ? `?${text}` : '');
}

function keepScroll() {
  history.replaceState({ ...history.state, y: Math.round(scrollY) }, '');
}

export function go(target, { replace = false, state = null } = {}) {
  const url = new URL(target, base);
  keepScroll();
  if (replace) history.replaceState({ ...state, y: Math.round(scrollY) }, '', url);
  else history.pushState(state, '', url);
  moved({ back: false, replace });
}

/* Where this entry of the history was scrolled to. */
export function keptScroll() { return history.state?.y ?? 0; }

function isPage(url) {
  return url.origin === location.origin &&
    url.pathname.startsWith(base.pathname) &&
    known.has(url.pathname.slice(base.pathname.length) || 'mails');
}

function clicked(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey ||
      event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest?.('a[href]');
  if (!link || link.target || link.hasAttribute('download')) return;
  if (link.getAttribute('href').startsWith('#')) return;
  const url = new URL(link.href);
  if (!isPage(url)) return;
  event.preventDefault();
  go(url.href, { state: link.trail ? { trail: link.trail } : null });
}

export function startRouter(pages, listener) {
  known = new Set(pages);
  moved = listener;
  history.scrollRestoration = 'manual';
  addEventListener('popstate', () => moved({ back: true, replace: false }));
  addEventListener('pagehide', keepScroll);
  addEventListener('scrollend', keepScroll);
  document.addEventListener('click', clicked);
}
