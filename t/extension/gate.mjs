/* SPDX-License-Identifier: MIT */
/*
 * Between the extension and the server: passes on, as somebody at SENDER, or
 * has the trouble that a test wants of it.
 */
import { createServer } from 'node:http';

export const SENDER = '192.0.2.50';
/* pass, hang, broken, locked, newer, older, page */
export const gate = { mode: 'pass', log: [] };

const PAGE = '<h1>Not here</h1>';
const VERSION = 'Mailtrack-API-Version';
const open = { 'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': VERSION,
  'Access-Control-Allow-Headers': 'content-type, x-api-key',
  'Access-Control-Allow-Methods': 'GET, POST' };

function problem(answer, status, detail, version = '1') {
  answer.writeHead(status, { ...open, [VERSION]: version,
    'Content-Type': 'application/problem+json' });
  answer.end(JSON.stringify({ status, detail }));
}

const troubles = {
  hang() {},
  broken: (answer) => problem(answer, 503, 'The store cannot be used at this moment.'),
  locked: (answer) => problem(answer, 401, 'This API key is not valid'),
  newer: (answer) => problem(answer, 200, '', '2'),
  older: (answer) => problem(answer, 200, '', '0.5'),
  page: (answer) => answer.writeHead(404, open).end(PAGE),
};

async function pass(request, body, answer, to) {
  const { host, connection, 'content-length': length, ...headers } = request.headers;
  const got = await fetch(new URL(request.url.slice(1), to), { method: request.method,
    headers: { ...headers, 'X-Forwarded-For': SENDER },
    body: ['GET', 'HEAD', 'OPTIONS'].includes(request.method) ? undefined : body });
  const fields = Object.fromEntries([...got.headers].filter(([name]) =>
    !/^(connection|keep-alive|transfer-encoding|content-encoding|content-length)$/.test(name)));
  answer.writeHead(got.status, fields);
  answer.end(Buffer.from(await got.arrayBuffer()));
}

export async function startGate(to) {
  const server = createServer((request, answer) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (request.method !== 'OPTIONS') {
        gate.log.push({ method: request.method, url: request.url, body: body.toString() });
      }
      if (gate.mode !== 'pass' && request.method !== 'OPTIONS') {
        troubles[gate.mode](answer);
      } else pass(request, body, answer, to).catch(() => answer.destroy());
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { server, url: `http://127.0.0.1:${server.address().port}/` };
}
