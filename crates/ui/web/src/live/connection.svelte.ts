// The tab's one live connection. It comes back by itself from the last position, and says truthfully how things
// stand: `live` only when what is shown is known to be current and would not miss a change.
import { auth } from '../api/auth.svelte';
import type { LiveEvent } from '../api/types';
import { openSocket, openStream, type Heard, type Transport } from './transports';

export type LiveState = 'live' | 'catching up' | 'offline';

/** The server says something every 15 s at the latest; after this long without a byte the connection is dead. */
const SILENCE_MS = 22_000;
/** How long a connection may take to open. */
const OPENING_MS = 10_000;
const CHECK_MS = 2_000;
const RETRY_MS = [200, 500, 1000, 2000, 3000, 5000];

export interface Follower {
  /** Brings what is shown up to date; the state is `live` once it has succeeded. */
  refresh(signal: AbortSignal): Promise<void>;
  event(event: LiveEvent): void;
  /** The session that was followed does not exist any more. */
  gone(): void;
}

class Connection {
  state = $state<LiveState>('catching up');
  #follower: Follower | null = null;
  #listeners = new Set<(event: LiveEvent) => void>();
  #attendants = new Set<() => Promise<unknown>>();
  /** Whether there was a time of which the attendants know nothing. */
  #missed = false;
  #sessionId: number | null = null;
  #position: number | null = null;
  #transport: Transport | null = null;
  /** Counts connections, so that what an abandoned one still says is not heard. */
  #generation = 0;
  #failures = 0;
  #heardAt = 0;
  #catchingUpSince: number | null = null;
  #lookedAt = Date.now();
  #fetching = new AbortController();
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** Starts it; there is one follower, which keeps what the pages show. */
  start(follower: Follower): void {
    this.#follower = follower;
    const wake = () => this.#look(true);
    document.addEventListener('visibilitychange', wake);
    for (const name of ['pageshow', 'online', 'focus']) addEventListener(name, wake);
    addEventListener('offline', () => this.#lost());
    setInterval(() => this.#look(false), CHECK_MS);
    this.#connect();
  }

  /** Tells of every event until the returned function is called. */
  listen(listener: (event: LiveEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `refresh` whenever events may have been missed, before the state is `live` again; until the returned function is called. */
  attend(refresh: () => Promise<unknown>): () => void {
    this.#attendants.add(refresh);
    return () => this.#attendants.delete(refresh);
  }

  /** Follows a session, or none: from a position on, or else from now. */
  follow(sessionId: number | null, position: number | null = null): void {
    if (sessionId === this.#sessionId) return;
    this.#sessionId = sessionId;
    this.#position = position;
    this.#connect();
  }

  /** Opens the connection anew, for instance with another token. */
  reconnect(): void {
    this.#failures = 0;
    this.#connect();
  }

  #connect(): void {
    clearTimeout(this.#retry);
    this.#transport?.close();
    this.#transport = null;
    const generation = ++this.#generation;
    this.#heardAt = Date.now();
    const wanted = { sessionId: this.#sessionId, after: this.#position };
    const heard = this.#heard(generation);
    const token = auth.token;
    if (token) this.#transport = openSocket(wanted, token, heard);
    else if (this.#sessionId !== null) this.#transport = openStream(wanted, heard);
    // Nothing to listen to: the follower asks now and then whether a session has started.
    else void this.#catchUp(generation);
  }

  #heard(generation: number): Heard {
    const mine = <Args extends unknown[]>(act: (...args: Args) => void) => (...args: Args) => {
      if (generation === this.#generation) act(...args);
    };
    return {
      alive: mine(() => (this.#heardAt = Date.now())),
      opened: mine(() => {
        this.state = 'catching up';
        void this.#catchUp(generation);
      }),
      position: mine((seq) => (this.#position = seq)),
      resync: mine((seq) => {
        this.#position = seq;
        this.#missed = true;
        void this.#catchUp(generation);
      }),
      event: mine((event) => {
        if (event.seq !== undefined && this.#position !== null && event.seq <= this.#position) return;
        for (const listener of this.#listeners) listener(event);
        this.#follower?.event(event);
      }),
      gone: mine(() => this.#follower?.gone()),
      refused: mine(() => auth.expire()),
      closed: mine(() => this.#lost()),
    };
  }

  /** Fetches what is shown while the connection already listens: after that nothing can have been missed. */
  async #catchUp(generation: number): Promise<void> {
    if (this.state === 'live') this.state = 'catching up';
    this.#catchingUpSince = Date.now();
    this.#fetching.abort();
    this.#fetching = new AbortController();
    try {
      // What an attendant cannot fetch is for its screen to say.
      const others = this.#missed ? [...this.#attendants].map((refresh) => refresh().catch(() => undefined)) : [];
      await Promise.all([this.#follower?.refresh(this.#fetching.signal), ...others]);
      if (generation !== this.#generation) return;
      this.#catchingUpSince = null;
      this.#missed = false;
      this.#failures = 0;
      this.#heardAt = Date.now();
      this.state = 'live';
    } catch {
      if (generation === this.#generation) this.#lost();
    }
  }

  #lost(): void {
    this.#generation++;
    this.#missed = true;
    this.#catchingUpSince = null;
    this.#transport?.close();
    this.#transport = null;
    this.#fetching.abort();
    this.state = 'offline';
    clearTimeout(this.#retry);
    const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)] ?? 5000;
    // Spread out, so that a room full of phones does not come back in one instant.
    this.#retry = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
  }

  /** Looks whether the connection still lives: timers and sockets may have slept with the phone. `woken`: somebody is back. */
  #look(woken: boolean): void {
    if (document.visibilityState === 'hidden') return;
    const now = Date.now();
    const slept = now - this.#lookedAt > 4 * CHECK_MS;
    this.#lookedAt = now;
    const silent = now - this.#heardAt;
    if (this.state === 'offline') {
      // No need to wait out a long pause; what hangs while it opens is given up.
      if (this.#transport === null || woken) {
        if (silent > CHECK_MS) this.#connect();
      } else if (silent > OPENING_MS) this.#lost();
    } else if (slept && silent > CHECK_MS) {
      this.state = 'catching up';
      this.#missed = true;
      this.reconnect();
    } else if (silent > SILENCE_MS || (this.#catchingUpSince !== null && now - this.#catchingUpSince > SILENCE_MS)) {
      this.#lost();
    }
  }

  /** An answer to a question of the follower's says as much as a byte on the connection. */
  answered(): void {
    if (this.#transport === null) this.#heardAt = Date.now();
  }

  /** A question of the follower's had no answer. */
  unanswered(): void {
    if (this.#transport === null && this.state !== 'offline') this.#lost();
  }
}

export const connection = new Connection();
