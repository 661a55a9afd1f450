/* SPDX-License-Identifier: MIT */
/* Settings: the second factor and the password. The secret is drawn here, in
   the browser; recovery codes are shown once. */
import { html, nothing, svg } from '../vendor/lit-html/lit-html.js';
import { encode } from '../vendor/uqr/uqr.js';
import { api } from '../parts/api.js';
import { copyButton } from '../parts/copy.js';
import { formIn, openDialog } from '../parts/dialog.js';
import { update } from '../parts/render.js';
import { loadSession, session } from '../parts/session.js';
import { plural, when } from '../parts/time.js';
import { say, sayProblem } from '../parts/toast.js';

/* The code as squares of a path, dark on white in either theme: cameras. */
function qr(text) {
  const { data, size } = encode(text, { border: 2 });
  let path = '';
  data.forEach((line, y) => line.forEach((dark, x) => {
    if (dark) path += `M${x} ${y}h1v1h-1z`;
  }));
  return html`<svg class="qr" viewBox="0 0 ${size} ${size}" role="img"
    aria-label="QR code for an authenticator" shape-rendering="crispEdges"
    >${svg`<path d=${path}></path>`}</svg>`;
}

function codesView(codes, dialog) {
  return html`<p>It is on. Keep these recovery codes where your password is not:
      each lets you in once, should the authenticator be lost. They are not shown
      again.</p>
    <ul class="codes">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
    <footer>${copyButton('Copy all', codes.join('\n'))}
      <button type="button" @click=${dialog.close}>I have kept them</button>
    </footer>`;
}

async function switchOn() {
  let enrolment;
  try {
    enrolment = (await api('totp', { method: 'POST', json: {} })).data;
  } catch (problem) {
    sayProblem(problem);
    return;
  }
  const state = { busy: false, problem: '', codes: null };
  await openDialog('Second factor', (dialog) => (state.codes
    ? codesView(state.codes, dialog)
    : html`<p>Scan this with an authenticator app, then enter the six digits it
        shows.</p>
      ${qr(enrolment.uri)}
      <details class="by-hand"><summary>Enter it by hand</summary>
        <code>${enrolment.secret}</code></details>
      ${formIn(dialog, state, html`<label>Code <input name="code" required autofocus
        inputmode="numeric" autocomplete="one-time-code" maxlength="64"></label>`,
      'Switch on', async (data) => {
        const answer = await api('totp', { method: 'PUT',
          json: { code: data.get('code').trim() }, quiet: true });
        state.codes = answer.data.recovery_codes;
      })}`));
  await loadSession();
  update();
}

async function switchOff() {
  const state = { busy: false, problem: '' };
  await openDialog('Switch the second factor off?', (dialog) => html`<p>Then your
    password alone lets somebody in.</p>
    ${formIn(dialog, state, html`<label>Password <input type="password"
      name="password" required autofocus autocomplete="current-password"
      maxlength="256"></label>`, 'Switch off', async (data) => {
      await api('totp', { method: 'DELETE', quiet: true,
        json: { password: data.get('password') } });
      dialog.close();
      say('The second factor is off.');
    })}`);
  await loadSession();
  update();
}

async function changePassword() {
  const state = { busy: false, problem: '' };
  await openDialog('Change the password', (dialog) => formIn(dialog, state, html`
    <label>Password now <input type="password" name="old" required autofocus
      autocomplete="current-password" maxlength="256"></label>
    <label>New password <input type="password" name="new" required minlength="8"
      maxlength="72" autocomplete="new-password"><small>At least 8
      characters.</small></label>`, 'Change it', async (data) => {
    await api('password', { method: 'PUT', quiet: true, json: {
      old_password: data.get('old'), new_password: data.get('new') } });
    dialog.close();
    say('The password is changed. Other browsers have to sign in again.');
  }));
}

export function securityView() {
  const { totp } = session();
  return html`<section class="card" aria-labelledby="set-security">
    <h2 id="set-security">Sign-in</h2>
    <ul class="entries"><li><div><b>Password</b></div>
        <button type="button" class="quiet small" @click=${changePassword}
          >Change</button></li>
      <li><div><b>Second factor</b><span class="faint">${totp?.enabled
        ? html`On since ${when(totp.enrolled_at)} ·
          ${plural(totp.recovery_codes_left, 'recovery code')} left`
        : 'Six digits from an authenticator app, besides the password.'}</span></div>
        ${totp?.enabled ? html`<button type="button" class="quiet small danger"
          @click=${switchOff}>Switch off</button>` : html`<button type="button"
          class="quiet small" @click=${switchOn}>Switch on</button>`}</li></ul>
    </section>`;
}
