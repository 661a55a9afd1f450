/* SPDX-License-Identifier: MIT */
/*
 * The one place that asks the server. Answers come as {data, next, status};
 * everything else is thrown as a Problem with words for people. The session is
 * a cookie no script can see; a 401 anywhere means it is over.
 */
export const base = new URL('../', import.meta.url);

export class Problem extends Error {
  constructor(status, detail, more = {}) {
    super(detail);
    this.status = status;
    this.detail = detail;
    this.errors = more.errors ?? [];
    this.remedy = more.remedy ?? '';
    this.title = more.title ?? '';
    this.type = more.type ?? '';
    this.codeRequired = more.code_required ?? false;
    this.retryAfter = more.retryAfter ?? 0;
  }
}

let signedOut = () => {};
export function onSignedOut(listener) { signedOut = listener; }

/* The URL of an API path with its parameters; empty ones are left out. */
export function apiUrl(path, params = {}) {
  const url = new URL(`api/${path}`, base);
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== '') {
      url.searchParams.set(name, value);
    }
  }
  return url;
}

function nextCursor(headers) {
  const link = /<([^>]*)>\s*;\s*rel="next"/.exec(headers.get('Link') ?? '');
  return link ? new URL(link[1], base).searchParams.get('cursor') : null;
}

async function problemOf(answer) {
  let json = {};
  try { json = await answer.json(); } catch { /* a proxy's own page */ }
  const wait = Number.parseInt(answer.headers.get('Retry-After') ?? '', 10);
  return new Problem(answer.status,
    json.detail ?? `The server answered ${answer.status}, without words.`,
    { ...json, retryAfter: Number.isFinite(wait) ? wait : 0 });
}

export async function api(path, options = {}) {
  const { method = 'GET', params, json, headers = {}, signal, keepalive,
    quiet } = options;
  let answer;
  try {
    answer = await fetch(apiUrl(path, params), {
      method, signal, keepalive, credentials: 'same-origin',
      headers: json === undefined ? headers
        : { ...headers, 'Content-Type': 'application/json' },
      body: json === undefined ? undefined : JSON.stringify(json),
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, 'The server cannot be reached. Is this device online?');
  }
  if (answer.status === 304 || answer.status === 204) {
    return { data: null, next: null, status: answer.status };
  }
  if (!answer.ok) {
    const problem = await problemOf(answer);
    if (problem.status === 401 && !quiet) signedOut(problem);
    throw problem;
  }
  return { data: await answer.json(), next: nextCursor(answer.headers),
    status: answer.status, etag: answer.headers.get('ETag') };
}

export async function health() {
  const answer = await fetch(new URL('health', base));
  return answer.json();
}
