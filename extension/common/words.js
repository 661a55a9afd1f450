/* SPDX-License-Identifier: MIT */
/* Data into words for people. Pure. */

export function ago(time, now = Date.now()) {
  const minutes = Math.max(0, Math.round((now - new Date(time)) / 60000));
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  return new Date(time).toLocaleDateString();
}

export const plural = (count, one, many = `${one}s`) =>
  `${count} ${count === 1 ? one : many}`;

/* Who: of several nobody can know which, as one picture is in all their mails. */
export function reader(recipients) {
  if (recipients.length > 1) return `Someone in the group (${recipients.length} people)`;
  const [one] = recipients;
  return one ? one.name || one.address : 'Somebody';
}

/* "Ann <a@b>, c@d" into people, roughly: for a label. */
export function peopleOf(text) {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+/g) ?? []).map((one) => {
    const parts = /^\s*(.*?)\s*<([^>]*)>\s*$/.exec(one);
    return parts ? { name: parts[1].replace(/^"|"$/g, ''), address: parts[2] }
      : { name: '', address: one.trim() };
  });
}

export const openWords = (open) => `${reader(open.people)} opened “${
  open.subject || 'a mail without a subject'}”`;

/* ✓ and ✓✓ for a mail as the API has it. */
export function tickOf(track) {
  const when = (time) => new Date(time).toLocaleString();
  const who = reader(track.recipients);
  if (track.state === 'opened') {
    return { state: 'opened', marks: '✓✓', words: `${who} opened this mail: ${
      plural(track.real_open_count, 'time')}, last ${when(track.last_open_at)}` };
  }
  if (track.state === 'possible') {
    return { state: 'possible', marks: '✓', words: 'Sent. Its picture was fetched ' +
      'by a machine; whether a person looked cannot be told' };
  }
  return { state: 'sent', marks: '✓', words: `Sent ${when(track.created_at)}. ` +
    'No open seen' };
}
