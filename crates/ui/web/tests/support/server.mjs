// The real program with a data folder of its own, which can be killed and started again in its place.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from './api.mjs';
import { soon } from './patience.mjs';

const PROGRAM = process.env.FANFARE_PROGRAM ?? fileURLToPath(new URL('../../../../../target/debug/fanfare', import.meta.url));
const KEY = 'the key of the tests';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Server {
  /** Everything that it has printed. */
  output = '';
  #folder;
  #env;
  #child = null;
  #port = 0;
  #ended = null;

  constructor(folder, env) {
    this.#folder = folder;
    this.#env = env;
  }

  /**
   * Starts one on a free port. `env` has settings; with `FANFARE_ADMIN_KEY: undefined` the server makes a key of its
   * own and prints it.
   */
  static async start(env = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'fanfare-browser-'));
    const server = new Server(folder, { FANFARE_ADMIN_KEY: KEY, FANFARE_DATABASE_DURABLE: 'false', ...env });
    await server.start();
    return server;
  }

  /** Starts it, again on the port that it had. */
  async start() {
    const args = ['serve', '--listen', `127.0.0.1:${this.#port}`, '--data', join(this.#folder, 'data')];
    const env = Object.fromEntries(Object.entries(this.#env).filter(([, value]) => value !== undefined));
    const child = spawn(PROGRAM, args, { env, cwd: this.#folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(child);
    this.#ended = new Promise((resolve) => {
      child.on('error', (error) => resolve(`${PROGRAM}: ${error.message}`));
      child.on('exit', (code, signal) => resolve(`ended with ${signal ?? code}`));
    }).then((how) => {
      running.delete(child);
      return how;
    });
    const listening = new Promise((resolve) => {
      const hear = (bytes) => {
        this.output += bytes;
        const [, port] = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(this.output) ?? [];
        if (port) resolve(Number(port));
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', (bytes) => (this.output += bytes));
    });
    const early = this.#ended.then((how) => {
      throw new Error(`the server ${how}\n${this.output}`);
    });
    early.catch(() => {});
    this.#port = await soon('the start of the server', Promise.race([listening, early]));
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The key that opens it: the one of the tests, or the one that it printed. */
  get key() {
    return this.#env.FANFARE_ADMIN_KEY ?? /^admin key: (\S+)$/m.exec(this.output)?.[1];
  }

  /** Somebody without a token. */
  visitor() {
    return new Client(this.url);
  }

  /** Somebody who has signed in. */
  host() {
    return this.visitor().signIn(this.key);
  }

  /** Ends it as a power cut would. */
  async kill() {
    this.#child?.kill('SIGKILL');
    await soon('the end of the server', this.#ended);
    this.#child = null;
    this.output = '';
  }

  /** Kills it and starts it again, on the same port and data. */
  async restart() {
    await this.kill();
    await this.start();
  }

  /** Ends it for good; its data is gone. */
  async close() {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
