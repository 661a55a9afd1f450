/* SPDX-License-Identifier: MIT */
/* The live monitor's answer, for every page that shows some of it: asked with
   the ETag of the last one, so that no news is an empty 304. */
import { api } from './api.js';

let data = null;
let etag = '';

export async function deliveries() {
  const answer = await api('deliveries',
    { headers: data && etag ? { 'If-None-Match': etag } : {} });
  if (answer.data) {
    data = answer.data;
    etag = answer.etag ?? '';
  }
  return data;
}
