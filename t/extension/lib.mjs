/* SPDX-License-Identifier: MIT */
/* A Chromium with the extension in it, and checks. What t/85-extension.t says
   of this run is in MAILTRACK_BROWSER. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const config = JSON.parse(process.env.MAILTRACK_BROWSER);
const require = createRequire(`${config.libraries}/`);
const { chromium } = require('playwright-core');
const source = new URL('../../extension/', import.meta.url).pathname;
export const dir = mkdtempSync(join(tmpdir(), 'mt-ext-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

/* The extension as it is, but for permissions that nobody is there to give. */
export function overlay() {
  const to = join(dir, 'extension');
  cpSync(source, to, { recursive: true });
  const path = join(to, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  manifest.host_permissions.push('http://127.0.0.1/*', 'https://*.googleusercontent.com/*');
  writeFileSync(path, JSON.stringify(manifest));
  return to;
}

/* Another extension, which puts its own functions over the page's requests. */
export function rival() {
  const to = join(dir, 'rival');
  mkdirSync(to);
  writeFileSync(join(to, 'manifest.json'), JSON.stringify({ manifest_version: 3,
    name: 'Rival', version: '1', content_scripts: [{ world: 'MAIN', run_at: 'document_start',
      matches: ['https://mail.google.com/*'], js: ['rival.js'] }] }));
  writeFileSync(join(to, 'rival.js'), `
    globalThis.rivalSaw = { open: 0, send: 0 };
    {
      const proto = XMLHttpRequest.prototype;
      const { open, send } = proto;
      proto.open = function (...args) { rivalSaw.open++; return open.apply(this, args); };
      proto.send = function (...args) { rivalSaw.send++; return send.apply(this, args); };
    }`);
  return to;
}

export async function launch(extensions, tlsPort) {
  const list = extensions.join(',');
  const context = await chromium.launchPersistentContext(join(dir, 'profile'), {
    executablePath: '/usr/bin/chromium', headless: true, ignoreHTTPSErrors: true,
    viewport: { width: 1200, height: 800 },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-dev-shm-usage', '--ignore-certificate-errors',
      `--host-resolver-rules=MAP mail.google.com:443 127.0.0.1:${tlsPort}, ` +
      `MAP *.googleusercontent.com:443 127.0.0.1:${tlsPort}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
      `--load-extension=${list}`, `--disable-extensions-except=${list}`],
  });
  context.setDefaultTimeout(8000);
  return context;
}

export async function workerOf(context) {
  const isOurs = (one) => one.url().endsWith('/background/main.js');
  return context.serviceWorkers().findLast(isOurs) ??
    context.waitForEvent('serviceworker', isOurs);
}

/* Where its pages are. A fresh installation opens the set-up, in a tab that is
 * empty if there is one: nobody else should use that before. */
export async function installed(context) {
  const origin = (await workerOf(context)).url().replace(/\/background\/.*/, '');
  const isOpen = await until(() => context.pages().some((page) =>
    page.url() === `${origin}/options/options.html`));
  ok(isOpen, 'a fresh installation opens the set-up');
  return origin;
}

/* -- checks ------------------------------------------------------------------ */

export function ok(good, words, more = '') {
  console.log(`${good ? 'ok' : 'not ok'} ${words}`);
  if (!good && more !== '') {
    for (const line of String(more).split('\n')) console.log(`# ${line}`);
  }
  return good;
}
export const is = (got, want, words) => ok(JSON.stringify(got) === JSON.stringify(want),
  words, `got ${JSON.stringify(got)}\nwant ${JSON.stringify(want)}`);

/* Serious findings of axe-core. */
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
export async function axe(page) {
  const session = await page.context().newCDPSession(page);
  const evaluate = async (expression) => (await session.send('Runtime.evaluate', { expression,
    awaitPromise: true, returnByValue: true, allowUnsafeEvalBlockedByCSP: true })).result.value;
  await evaluate(`${axeSource}; 0`);
  const found = await evaluate(`axe.run(document, {resultTypes: ['violations']})
    .then((result) => JSON.stringify(result.violations))`);
  await session.detach();
  return JSON.parse(found).filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(' ')).join(' | ')}`);
}

export async function part(words, story) {
  try {
    await story();
  } catch (error) {
    ok(false, words, error.stack);
  }
}

export async function until(test, seconds = 8) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await test();
    if (value || Date.now() > end) return value;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/* -- the tracker --------------------------------------------------------------- */

export const track = (path) => new URL(path, config.url).href;

export async function ask(path, options = {}) {
  const answer = await fetch(track(`api/${path}`), { ...options, headers: {
    'X-API-Key': config.key, 'Content-Type': 'application/json', ...options.headers } });
  return answer.json();
}

/* A hit as somebody's mail program makes it. */
export async function hit(id, address = '198.51.100.7') {
  await (await fetch(track(`p/${id}.gif`), { headers: { 'X-Forwarded-For': address,
    'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0' } }))
    .arrayBuffer();
}
