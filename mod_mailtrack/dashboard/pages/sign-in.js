/* SPDX-License-Identifier: MIT */
/* Signing in, in place of whatever page the address names: it is there
   afterwards. Name and password first, then the code for who has switched it
   on. After too many failures the button counts down. */
import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { update } from '../parts/render.js';
import { refused, signIn } from '../parts/session.js';

let busy = false;
let words = '';
let kept = null;          /* name and password, while the code is asked for */
let until = 0;            /* when the next try is allowed */
let ticking = 0;

export function say(text) { words = text; }

const left = () => Math.max(0, Math.ceil((until - Date.now()) / 1000));

function countDown(seconds) {
  until = Date.now() + seconds * 1000;
  clearInterval(ticking);
  ticking = setInterval(() => {
    if (!left()) {
      clearInterval(ticking);
      words = '';
    }
    update();
  }, 500);
}

function focus(name) {
  setTimeout(() => document.querySelector(`[name=${name}]`)?.focus());
}

async function submit(event, done) {
  event.preventDefault();
  const data = new FormData(event.target);
  const fields = kept ? { ...kept, code: data.get('code').trim() }
    : { username: data.get('username'), password: data.get('password') };
  busy = true;
  words = '';
  update();
  try {
    await signIn(fields);
    kept = null;
    done();
  } catch (problem) {
    if (problem.status === 429) countDown(problem.retryAfter || 60);
    if (kept || !problem.codeRequired) words = problem.detail;
    if (problem.codeRequired) kept = { username: fields.username,
      password: fields.password };
    focus(kept ? 'code' : 'password');
  }
  busy = false;
  update();
}

function password() {
  return html`<label>User name
      <input name="username" autocomplete="username" required maxlength="64"
        autocapitalize="none" spellcheck="false" autofocus></label>
    <label>Password
      <input type="password" name="password" required maxlength="256"
        autocomplete="current-password"></label>`;
}

function code() {
  return html`<label>Code
      <input name="code" required maxlength="64" autocomplete="one-time-code"
        autocapitalize="none" spellcheck="false" aria-describedby="code-help">
      <small id="code-help">Six digits from your authenticator, or one of your
        recovery codes.</small></label>`;
}

function button() {
  const seconds = left();
  return html`<button type="submit" ?disabled=${busy || seconds > 0}
    aria-busy=${busy ? 'true' : nothing}>${seconds
      ? `Again in ${seconds} s` : kept ? 'Go on' : 'Sign in'}</button>`;
}

export function view(done) {
  const no = refused();
  return html`<section class="sign-in">
    <img src="img/logo.svg" alt="" width="56" height="56">
    <h1>Mailtrack</h1>
    ${no ? html`<p class="problem" role="alert">${no}</p>` : html`
      <form class="card stack" aria-label="Sign in"
        @submit=${(event) => submit(event, done)}>
        ${kept ? code() : password()}
        <div role="alert">${words ? html`<p class="problem">${words}</p>`
          : nothing}</div>
        ${button()}
        ${kept ? html`<button type="button" class="link" @click=${() => {
          kept = null;
          words = '';
          update();
        }}>Another user</button>` : nothing}
      </form>`}
  </section>`;
}
