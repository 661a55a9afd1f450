/* SPDX-License-Identifier: MIT */
/* How long each page takes until it is usable: t/bench/pages. */
import { ask, browser, complaints, newContext, signIn, url } from './lib.mjs';

const times = 5;
const [track] = await (await ask('tracks?limit=1')).json();
const [person] = await (await ask('recipients?sort=mails&limit=1')).json();
const context = await newContext();
const first = await context.newPage();
await signIn(first);
await first.close();

/* Milliseconds from the click, and from the API's last answer. */
async function load(path) {
  const page = await context.newPage();
  const began = Date.now();
  let answered = began;
  page.on('requestfinished', (request) => {
    if (request.url().includes('/api/')) answered = Date.now();
  });
  await page.goto(url(path));
  await page.locator('main h1').first().waitFor();
  await page.locator('.skeleton').waitFor({ state: 'detached' });
  const usable = Date.now();
  await page.close();
  return [usable - began, Math.max(0, usable - answered)];
}

console.log('| page | usable after, ms | slowest | after the last answer, ms |');
console.log('|---|---|---|---|');
for (const [name, path] of [
  ['mails', ''], ['mails, a search', '?q=offer'],
  ['mails, opened', '?state=opened'], ['a mail', `mail?id=${track.id}`],
  ['analytics, 30 days', 'analytics'], ['analytics, all', 'analytics?days=all'],
  ['recipients', 'recipients'], ['recipients by score', 'recipients?sort=score'],
  ['the busiest recipient',
    `recipient?address=${encodeURIComponent(person.address)}`],
  ['settings', 'settings']]) {
  const all = [];
  for (let i = 0; i < times; i++) all.push(await load(path));
  const middle = (column) => all.map((one) => one[column])
    .sort((a, b) => a - b)[(times - 1) / 2];
  console.log(`| ${name} | ${middle(0)} | ${Math.max(...all.map((one) => one[0]))} | ${
    middle(1)} |`);
}
if (complaints.length) console.log(`\ncomplaints: ${complaints.join('; ')}`);
await browser.close();
