/* SPDX-License-Identifier: MIT */
/* Who is signed in. The cookie itself is out of any script's reach. */
import { api } from './api.js';

let current;              /* undefined: not asked yet; null: nobody */
let refusal = null;

function take(data) {
  refusal = data.sign_in_refused;
  current = data.scope ? {
    username: data.user?.name ?? '',
    isAdmin: data.user?.role === 'admin',
    mayWrite: data.scope === 'write' || data.scope === 'admin',
    totp: data.totp,
    byCookie: data.method === 'session',
  } : null;
}

export const session = () => current;
/* Why nobody can sign in over this connection, in words; or null. */
export const refused = () => refusal;

export async function loadSession() {
  const { data } = await api('session', { quiet: true });
  take(data);
}

export async function signIn(fields) {
  const { data } = await api('session',
    { method: 'POST', json: fields, quiet: true });
  take(data);
}

export async function signOut(everywhere = false) {
  await api('session', { method: 'DELETE', quiet: true,
    params: everywhere ? { everywhere: 1 } : {} });
  current = null;
}
