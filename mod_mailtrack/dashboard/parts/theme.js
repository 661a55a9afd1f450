/* SPDX-License-Identifier: MIT */
/* Light, dark, or as the system says; kept in this browser. */
import { update } from './render.js';

const KEY = 'mailtrack-theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set();

export function theme() {
  return document.documentElement.dataset.theme ?? 'system';
}

export function isDark() {
  return theme() === 'dark' || (theme() === 'system' && system.matches);
}

export function setTheme(name) {
  if (name === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  try {
    if (name === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, name);
  } catch { /* private browsing: for this page alone */ }
  told();
}

/* Charts draw with colours, not with classes: they are told. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function told() {
  for (const listener of listeners) listener();
  update();
}
system.addEventListener('change', told);

/* A colour token of base.css as the browser paints it now. */
export function colour(token, alpha = 1) {
  const probe = document.createElement('i');
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const painted = getComputedStyle(probe).color;
  probe.remove();
  return alpha === 1 ? painted
    : painted.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
}
