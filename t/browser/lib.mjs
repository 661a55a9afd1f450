/* SPDX-License-Identifier: MIT */
/* A browser, pages that tell of every error and breach of policy, and checks. */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

export const config = JSON.parse(process.env.MAILTRACK_BROWSER);
const require = createRequire(`${config.libraries}/`);
const { chromium } = require('playwright-core');
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium', headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--disable-dev-shm-usage'],
});

/* What went wrong in any page, ever: the last check wants it empty. */
export const complaints = [];
/* Failures a test provokes on purpose: patterns of console lines. */
export const expected = [];

export async function newContext(options = {}) {
  const context = await browser.newContext({
    locale: 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce',
    viewport: { width: 1280, height: 860 }, ...options });
  await context.addInitScript(() => {
    globalThis.breaches = [];
    document.addEventListener('securitypolicyviolation', (event) =>
      globalThis.breaches.push(`${event.violatedDirective} ${event.blockedURI} ${
        event.sourceFile}:${event.lineNumber}`));
  });
  context.on('weberror', (error) => complaints.push(`error: ${error.error().stack}`));
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const text = `${message.text()} (${message.location().url})`;
    if (!expected.some((pattern) => pattern.test(text))) {
      complaints.push(`console: ${text}`);
    }
  });
  context.on('page', (page) => {
    page.setDefaultTimeout(8000);
    page.on('close', () => {});
  });
  return context;
}

export async function breaches(page) {
  return page.evaluate(() => globalThis.breaches);
}

export const url = (path = '') => new URL(path, config.url).href;

export async function signIn(page, path = '') {
  await page.goto(url(path));
  await page.getByLabel('User name').fill(config.username);
  await page.getByLabel('Password').fill(config.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('header.side').waitFor();
}

/* Serious findings of axe-core, as lines. */
export async function axe(page) {
  const session = await page.context().newCDPSession(page);
  const evaluate = async (expression) => {
    const answer = await session.send('Runtime.evaluate',
      { expression, awaitPromise: true, returnByValue: true,
        allowUnsafeEvalBlockedByCSP: true });
    if (answer.exceptionDetails) throw new Error(JSON.stringify(answer.exceptionDetails));
    return answer.result.value;
  };
  await evaluate(`${axeSource}; 0`);
  const text = await evaluate(`axe.run(document, {resultTypes: ['violations']})
    .then((result) => JSON.stringify(result.violations))`);
  await session.detach();
  return JSON.parse(text).filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) =>
      `${node.target.join(' ')} ${node.any?.[0]?.message ?? ''}`).join(' | ')}`);
}

/* -- checks ------------------------------------------------------------------ */

export function ok(good, words, more = '') {
  console.log(`${good ? 'ok' : 'not ok'} ${words}`);
  if (!good && more) for (const line of String(more).split('\n')) console.log(`# ${line}`);
  return good;
}
export function is(got, want, words) {
  return ok(got === want, words, `got ${JSON.stringify(got)}\nwant ${
    JSON.stringify(want)}`);
}

/* A part of the story: a failure to find something is one failed test. */
export async function part(words, story) {
  try {
    await story();
  } catch (error) {
    ok(false, words, error.stack);
  }
}

export async function until(test, seconds = 5) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await test();
    if (value || Date.now() > end) return value;
    await new Promise((resolve) => { setTimeout(resolve, 60); });
  }
}

/* The rules take what is fetched this soon after a mail was made for a machine. */
export const later = () => new Promise((resolve) => { setTimeout(resolve, 2300); });

/* A hit as somebody's mail program makes it. */
export async function hit(id, { address = '198.51.100.7',
  agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0',
} = {}) {
  const answer = await fetch(url(`p/${id}.gif`), { headers: {
    'User-Agent': agent, 'X-Forwarded-For': address } });
  return answer.status;
}

export async function ask(path, options = {}) {
  return fetch(url(`api/${path}`), { ...options, headers: {
    'X-API-Key': config.key, 'Content-Type': 'application/json',
    ...options.headers } });
}
