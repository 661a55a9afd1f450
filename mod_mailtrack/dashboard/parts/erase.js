/* SPDX-License-Identifier: MIT */
/* Erasing a recipient: what goes is said first, and the address is typed. */
import { html } from '../vendor/lit-html/lit-html.js';
import { api } from './api.js';
import { formIn, openDialog } from './dialog.js';
import { plural } from './time.js';

const same = (text, address) =>
  text.trim().toLowerCase() === address.toLowerCase();

/* What the server did, in words. */
function doneWords(address, done) {
  const parts = [];
  if (done.mails_deleted) {
    parts.push(`${plural(done.mails_deleted, 'mail')} with ${
      plural(done.opens_deleted, 'hit')} deleted`);
  }
  if (done.mails_changed) {
    parts.push(`taken out of ${plural(done.mails_changed, 'mail')} to others`);
  }
  return `${address} is erased${parts.length ? `: ${parts.join(', ')}` : ''}.${
    done.complete ? '' : ' The last old pages leave the server’s log a little later.'}`;
}

/* Resolves with the words to say, or with null when nothing was erased. */
export async function eraseDialog({ address, mails }) {
  const state = { busy: false, problem: '', typed: '' };
  let words = null;
  await openDialog('Erase this recipient?', (dialog) => html`
    <p><b>${address}</b> has been sent ${plural(mails, 'mail')}. Erasing deletes
      those that went to this address alone, with their notes and every hit on
      them; out of mails to others, too, the address is taken. All figures are
      corrected.</p>
    <p>This cannot be undone. Backups made before still hold the address.</p>
    ${formIn(dialog, state, html`<label>Type the address to go on
      <input name="address" required autofocus autocomplete="off" maxlength="320"
        autocapitalize="none" spellcheck="false" placeholder=${address}
        @input=${(event) => { state.typed = event.target.value; dialog.draw(); }}
        ></label>`, 'Erase for good', async () => {
      const { data } = await api(`recipients/${encodeURIComponent(address)}`,
        { method: 'DELETE' });
      words = doneWords(address, data);
      dialog.close();
    }, { kind: 'bad', wanted: same(state.typed, address) })}`);
  return words;
}
