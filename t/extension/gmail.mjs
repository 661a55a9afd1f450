/* SPDX-License-Identifier: MIT */
/* Gmail's sync request as public code describes it, made from fields. Used by
   the unit tests, and served to the fake Gmail's page as well. */

const SENT = ['^pfg', '^f_bt', '^f_btns', '^f_cl', '^i', '^u'];
const DRAFT = ['^all', '^r', '^r_bt'];

const people = (list) => (list?.length ? list.map(([address, name]) =>
  [1, address, name]) : null);

/* One message; `labels` say what becomes of it. */
export function message({ id, to = [['ann@example.org', 'Ann']], cc, bcc,
  subject = 'Subject', html = '<div dir="ltr">text</div>', quoted, labels,
  isHtml = 1 }) {
  const parts = [[0, html]];
  if (quoted) parts.push([2, quoted]);
  return [id, [1, 'me@example.com', 'Me'], people(to), people(cc), people(bcc),
    null, 1700000000000, subject, [null, parts, null, null, null, null, isHtml],
    null, labels];
}

/* place: 0, 1, 2: the three places where public code has seen a message. */
function thread(one, { place = 2, threadId } = {}) {
  const inner = [];
  if (place === 0) inner[13] = [one];
  else if (place === 1) inner[1] = [one];
  else inner[2] = [[null, null, null, null, [one]]];
  return [0, [threadId ?? one[0].replace('msg', 'thread'),
    Array.from(inner, (value) => value ?? null)]];
}

/* Numbers that JavaScript cannot hold show whether a text was parsed and
 * written anew. */
export function request(messages, options = {}) {
  const list = messages.map((one) => thread(one, options));
  return JSON.stringify([[null, 'BIG'], [list, 1], 7])
    .replace('"BIG"', '12345678901234567891');
}

export const sendOf = ({ place, threadId, ...fields }) =>
  request([message({ labels: SENT, ...fields })], { place, threadId });
export const archiveOf = ({ place, threadId, ...fields }) =>
  request([message({ labels: ['^pfg', '^f_bt', '^f_btns', '^f_cl', '^a'], ...fields })],
    { place: 0, threadId });
export const draftOf = ({ place, threadId, ...fields }) =>
  request([message({ labels: DRAFT, ...fields })], { place, threadId });
export const scheduleOf = ({ place, threadId, ...fields }) =>
  request([message({ labels: ['^scheduled', '^f_bt'], ...fields })],
    { place, threadId });
