// A test: a server of its own, visitors in browsers, and everything put away in the end.
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Visitor } from './browser.mjs';
import { Receiver } from './receiver.mjs';
import { RoomService } from './rooms.mjs';
import { Server } from './server.mjs';

/** Where pictures of failures go. */
const EVIDENCE = process.env.FANFARE_EVIDENCE ?? join(tmpdir(), 'fanfare-browser-failures');
/** More than any test takes; each wait in it has a shorter patience of its own. */
const TEST_MAX_MS = 300_000;

class Stage {
  server;
  host;
  receiver;
  rooms;
  #visitors = [];
  #t;

  constructor(t) {
    this.#t = t;
  }

  async setUp({ env = {}, receiver = false, rooms = false }) {
    if (receiver) this.receiver = await Receiver.open();
    if (rooms) this.rooms = await RoomService.open();
    this.server = await Server.start({ ...this.rooms?.env, ...env });
    this.host = await this.server.host();
    return this;
  }

  /** Opens a page; `signedIn` as the host, `at` another address than the server's own. */
  open = async (path, { signedIn = false, at = this.server, ...options } = {}) => {
    const visitor = await Visitor.open(at, path, { token: signedIn ? this.host.token : null, ...options });
    this.#visitors.push(visitor);
    return visitor;
  };

  /** Does something while the server does not answer: browsers may say so meanwhile. */
  outage = async (work) => {
    this.#visitors.forEach(({ watch }) => watch.outage(true));
    await work();
    // What a browser has to say of it comes before what it says next.
    await Promise.all(this.#visitors.map(({ page }) => page.evaluate(() => null)));
    this.#visitors.forEach(({ watch }) => watch.outage(false));
  };

  /** A figure for whoever reads the results. */
  note = (text) => this.#t.diagnostic(text);

  judge() {
    this.#visitors.forEach(({ watch, name }) => watch.judge(name));
  }

  async keepEvidence() {
    const folder = join(EVIDENCE, this.#t.name.replace(/\W+/g, '-'));
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'server.log'), this.server?.output ?? '');
    await Promise.allSettled(this.#visitors.map((visitor, at) => visitor.keep(folder, `visitor-${at + 1}`)));
    this.note(`pictures in ${folder}`);
  }

  async tearDown() {
    await Promise.allSettled(this.#visitors.map((visitor) => visitor.close()));
    await Promise.allSettled([this.server?.close(), this.receiver?.close(), this.rooms?.close()]);
  }
}

/**
 * A test of the dashboard. `body` gets `{server, host, open, outage, note, receiver, rooms}`; `options` may ask for a
 * `receiver` of webhooks, for a `rooms` service, and have settings of the server in `env`. Fails also when any page wrote
 * an error or a warning to its console, broke its policy or asked another host for something.
 */
export function scenario(name, options, body) {
  if (typeof options === 'function') return scenario(name, {}, options);
  return test(name, { timeout: TEST_MAX_MS }, async (t) => {
    const stage = new Stage(t);
    try {
      await stage.setUp(options);
      await body(stage);
      stage.judge();
    } catch (error) {
      await stage.keepEvidence();
      throw error;
    } finally {
      await stage.tearDown();
    }
  });
}
