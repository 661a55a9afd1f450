/* SPDX-License-Identifier: MIT */
/*
 * A Firefox, headless, spoken to as its own tests do (Marionette: JSON with its
 * length before it, over TCP), as Playwright wants a Firefox of its own.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/* A proxy by which every https site is the one at tlsPort. */
async function startProxy(tlsPort) {
  const proxy = createServer((request, answer) => answer.writeHead(502).end());
  proxy.on('connect', (request, client, head) => {
    const far = connect(tlsPort, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      far.write(head);
      far.pipe(client).pipe(far);
    });
    far.on('error', () => client.destroy());
    client.on('error', () => far.destroy());
  });
  await new Promise((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
  return proxy;
}

function prefs(proxyPort, uuids) {
  const list = { 'marionette.port': 0, 'network.proxy.type': 1,
    'network.proxy.ssl': '127.0.0.1', 'network.proxy.ssl_port': proxyPort,
    'network.proxy.http': '127.0.0.1', 'network.proxy.http_port': proxyPort,
    'network.proxy.no_proxies_on': '127.0.0.1',
    'network.stricttransportsecurity.preloadlist': false,
    'security.cert_pinning.enforcement_level': 0,
    'app.update.enabled': false, 'datareporting.policy.dataSubmissionEnabled': false,
    'browser.shell.checkDefaultBrowser': false, 'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false, 'browser.aboutwelcome.enabled': false,
    'browser.startup.page': 0, 'toolkit.telemetry.reportingpolicy.firstRun': false,
    'extensions.webextensions.uuids': JSON.stringify(uuids) };
  return Object.entries(list).map(([name, value]) =>
    `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join('');
}

class Firefox {
  #count = 0;
  #waiting = new Map();
  #buffer = Buffer.alloc(0);

  constructor(child, socket, proxy) {
    Object.assign(this, { child, socket, proxy });
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', () => {});
  }

  #read(bytes) {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const colon = this.#buffer.indexOf(':');
      const length = colon < 0 ? NaN : Number(this.#buffer.subarray(0, colon));
      if (!(this.#buffer.length >= colon + 1 + length)) return;
      const message = JSON.parse(this.#buffer.subarray(colon + 1, colon + 1 + length));
      this.#buffer = this.#buffer.subarray(colon + 1 + length);
      if (Array.isArray(message)) this.#answered(message);
    }
  }

  #answered([, id, error, result]) {
    const { resolve, reject, name } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) reject(new Error(`${name}: ${error.error}: ${error.message}`));
    else resolve(result);
  }

  send(name, parameters = {}) {
    const id = ++this.#count;
    const text = JSON.stringify([0, id, name, parameters]);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, name });
      this.socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  }

  go(url) { return this.send('WebDriver:Navigate', { url }); }

  /* The tab that shows this address, which has opened by itself: one may not
   * navigate to an extension's page. False: there is none. */
  async turnTo(url) {
    for (const handle of await this.send('WebDriver:GetWindowHandles')) {
      await this.send('WebDriver:SwitchToWindow', { handle });
      if ((await this.send('WebDriver:GetCurrentURL')).value === url) return true;
    }
    return false;
  }

  /* A function's body, in the page as its own scripts are; may be async. */
  async run(act, ...args) {
    const script = `const done = arguments[arguments.length - 1];
      (${act})(...Array.prototype.slice.call(arguments, 0, -1)).then((value) =>
        done({ value }), (error) => done({ error: String(error) }));`;
    const { value } = await this.send('WebDriver:ExecuteAsyncScript',
      { script, args, newSandbox: true, sandbox: null });
    if (value?.error) throw new Error(value.error);
    return value?.value;
  }

  async click(css) {
    const { value } = await this.send('WebDriver:FindElement', { using: 'css selector', value: css });
    await this.send('WebDriver:ElementClick', { id: Object.values(value)[0] });
  }

  async quit() {
    const gone = new Promise((resolve) => { this.child.once('exit', resolve); });
    await this.send('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => {});
    this.socket.destroy();
    await Promise.race([gone, pause(8000).then(() => this.child.kill('SIGKILL'))]);
    this.proxy.close();
    this.proxy.closeAllConnections();
  }
}

/* uuids: {add-on's id: host of its pages} */
export async function startFirefox(dir, tlsPort, uuids) {
  const profile = join(dir, 'firefox');
  const proxy = await startProxy(tlsPort);
  mkdirSync(profile, { recursive: true });
  writeFileSync(join(profile, 'user.js'), prefs(proxy.address().port, uuids));
  const child = spawn('firefox-esr', ['--headless', '--no-remote', '--marionette',
    '--profile', profile], { stdio: 'ignore', env: { ...process.env, HOME: dir,
    MOZ_CRASHREPORTER_DISABLE: '1' } });
  const portFile = join(profile, 'MarionetteActivePort');
  for (let n = 0; n < 600 && !existsSync(portFile) && child.exitCode === null; n++) await pause(100);
  const port = Number(readFileSync(portFile, 'utf8'));
  const socket = await new Promise((resolve, reject) => {
    const one = connect(port, '127.0.0.1', () => resolve(one));
    one.once('error', reject);
  });
  const firefox = new Firefox(child, socket, proxy);
  await firefox.send('WebDriver:NewSession', { acceptInsecureCerts: true,
    timeouts: { script: 15000, pageLoad: 20000 } });
  return firefox;
}
