/* SPDX-License-Identifier: MIT */
/*
 * A Gmail of our own, over TLS: its page (fake-page.js) under a policy as
 * strict as Gmail's, its sync requests, and Google's proxy for pictures. What
 * it was sent is in `requests`, and what it keeps of each message in `mailbox`.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const requests = [];             /* {path, text, messages} */
export const mailbox = new Map();       /* id -> message as it came last */
export const fetched = [];              /* pictures that the proxy was asked for */
export const fault = { status: 0 };     /* what a sync request is answered with */

const script = readFileSync(new URL('fake-page.js', import.meta.url), 'utf8');
const shapes = readFileSync(new URL('gmail.mjs', import.meta.url), 'utf8');

function page(answer) {
  const nonce = randomBytes(16).toString('base64');
  answer.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': `script-src 'nonce-${nonce}' 'strict-dynamic'; ` +
      "object-src 'none'; base-uri 'self'; " +
      "require-trusted-types-for 'script'; trusted-types gmail; " +
      "connect-src 'self'; frame-src 'none'" });
  answer.end(`<!doctype html><html lang="de"><head><title>Gmail</title></head>
<body><div id="view"></div><div id="composes"></div>
<script type="module" nonce="${nonce}" src="/fake-page.js"></script></body></html>`);
}

function sync(request, answer) {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    const messages = (JSON.parse(text)[1]?.[0] ?? []).map((item) =>
      [item?.[1]?.[0], item?.[1]?.[1]]).flatMap(([thread, inner]) =>
      [inner?.[13]?.[0], inner?.[1]?.[0], inner?.[2]?.[0]?.[4]?.[0]]
        .filter((one) => Array.isArray(one) && one[8]).map((one) => ({ thread, id: one[0],
          subject: one[7], labels: one[10], parts: one[8][1], message: one })));
    requests.push({ path: request.url, text, messages, status: fault.status || 200 });
    if (fault.status) {
      answer.writeHead(fault.status).end();
      return;
    }
    for (const one of messages) mailbox.set(one.id, one);
    const threads = messages.map(({ thread, id }) => {
      const about = [];
      about[19] = Buffer.from(id).toString('hex').slice(-16);
      return [thread, null, [null, null, null, null, null, null, [about]], null, [[id]]];
    });
    answer.writeHead(200, { 'Content-Type': 'application/json' });
    answer.end(JSON.stringify([null, [null, null, null, null, null, threads.map((one) => [one])]]));
  });
}

/* The address is in the path, coded, and once more as the fragment. */
async function proxy(request, answer) {
  const coded = /^\/meips\/([\w-]+)/.exec(request.url)?.[1];
  const url = coded && Buffer.from(coded, 'base64url').toString();
  fetched.push(url);
  const got = await fetch(url, { headers: { 'X-Forwarded-For': '66.249.93.73',
    'User-Agent': 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)' } });
  answer.writeHead(got.status, { 'Content-Type': got.headers.get('Content-Type'),
    'Cache-Control': 'no-store' });
  answer.end(Buffer.from(await got.arrayBuffer()));
}

function handle(request, answer) {
  const js = { 'Content-Type': 'text/javascript; charset=utf-8' };
  if (request.headers.host.endsWith('googleusercontent.com')) proxy(request, answer);
  else if (/\/i\/s(\?|$)/.test(request.url) && request.method === 'POST') sync(request, answer);
  else if (request.url === '/favicon.ico') answer.writeHead(204).end();
  else if (request.url === '/fake-page.js') answer.writeHead(200, js).end(script);
  else if (request.url === '/gmail.mjs') answer.writeHead(200, js).end(shapes);
  else if (request.url.startsWith('/kept/')) {
    const kept = mailbox.get(decodeURIComponent(request.url.slice(6)));
    answer.writeHead(kept ? 200 : 404, { 'Content-Type': 'application/json' });
    answer.end(JSON.stringify(kept ?? null));
  } else if (request.url.startsWith('/mail/u/')) page(answer);
  else answer.writeHead(404).end();
}

/* Its port. */
export async function start() {
  const dir = mkdtempSync(join(tmpdir(), 'mt-tls-'));
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(dir, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=mail.google.com',
    '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, handle);
  rmSync(dir, { recursive: true });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { server, port: server.address().port };
}
