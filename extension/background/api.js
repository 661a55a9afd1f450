/* SPDX-License-Identifier: MIT */
/* The one that asks the server. What goes wrong is a Trouble with words. */
import { API_VERSION } from '../common/browser.js';
import * as store from './store.js';

const TIMEOUT = 10000;

export class Trouble extends Error {
  /* kind: unset, offline, late, key, scope, foreign, version, server, refused */
  constructor(kind, words) {
    super(words);
    this.kind = kind;
  }
  /* Will the same question be answered another time? */
  get passes() { return ['offline', 'late', 'server', 'key', 'version',
    'unset'].includes(this.kind); }
}

function versionTrouble(version) {
  return version > API_VERSION
    ? new Trouble('version', `the server is newer than this extension (API ${version
    }, not ${API_VERSION}): install the one from the dashboard's Settings`)
    : new Trouble('version', `the server is older than this extension (API ${version
    }, not ${API_VERSION}): update the server`);
}

async function detailOf(answer) {
  try {
    return (await answer.json()).detail ?? '';
  } catch {
    return '';
  }
}

async function troubleOf(answer, isOurs) {
  const detail = await detailOf(answer);
  if (answer.status >= 500) {
    return new Trouble('server', `the server has trouble of its own (${
      answer.status})${detail ? `: ${detail}` : ''}`);
  }
  if (!isOurs) return foreign();
  if (answer.status === 401) {
    return new Trouble('key', 'the server does not accept the API key: it is ' +
      'wrong, or it was revoked');
  }
  if (answer.status === 403) return new Trouble('scope', detail);
  if (answer.status === 429) return new Trouble('server', 'the server wants a pause');
  return new Trouble('refused', detail || `the server refused (${answer.status})`);
}

const foreign = () => new Trouble('foreign', 'there is no Mailtrack at this ' +
  'address (or one too old for this extension)');

/* With other settings than the stored ones: the connection test. */
export async function ask(path, { method = 'GET', json, timeout = TIMEOUT,
  settings } = {}) {
  const { url, key } = settings ?? await store.get('settings');
  if (!url || !key) throw new Trouble('unset', 'it is not set up yet');
  let answer;
  try {
    answer = await fetch(new URL(`api/${path}`, url), {
      method, signal: AbortSignal.timeout(timeout), credentials: 'omit',
      cache: 'no-store', redirect: 'error',
      headers: { 'X-API-Key': key,
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: json === undefined ? undefined : JSON.stringify(json),
    });
  } catch (error) {
    throw error.name === 'TimeoutError'
      ? new Trouble('late', 'the server did not answer in time')
      : new Trouble('offline', 'the server cannot be reached (its name, its ' +
        'certificate, a redirect, or this device is offline)');
  }
  const version = Number(answer.headers.get('Mailtrack-API-Version'));
  if (!answer.ok) throw await troubleOf(answer, version > 0);
  if (!version) throw foreign();
  if (version !== API_VERSION) throw versionTrouble(version);
  return answer.json();
}

/* ask, and the state of the connection follows. */
export async function askNoting(path, options) {
  try {
    const data = await ask(path, options);
    await store.update('problem', (was) => (was ? null : undefined));
    return data;
  } catch (error) {
    if (error instanceof Trouble && error.kind !== 'refused') {
      await store.update('problem', () => ({ kind: error.kind,
        words: error.message, at: Date.now() }));
    }
    throw error;
  }
}
