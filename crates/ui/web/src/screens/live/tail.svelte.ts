// Every event as it happens: the stream of all sessions, which goes back to where it was after a break, and after a look
// at another screen.
import { untrack } from 'svelte';
import { auth } from '../../api/auth.svelte';
import type { LiveEvent } from '../../api/types';
import { readStream, StreamRefused } from '../../live/stream';

export interface Line {
  key: number;
  /** What cannot be told any more has no event. */
  event: LiveEvent | null;
  at: string;
}

const KEPT = 1000;
const REMEMBERED = 4 * KEPT;
const RETRY_MS = [300, 1000, 2000, 5000];
/** The server says something every 15 s at the latest. */
const SILENCE_MS = 22_000;

class Tail {
  /** Newest first. */
  lines = $state.raw<Line[]>([]);
  /** What has come while the list stands still. */
  held = $state.raw<Line[]>([]);
  paused = $state(false);
  open = $state(false);
  #seen = new Set<string>();
  #last = 0;
  /** The id of what was heard last: the stream goes on behind it. */
  #position: string | null = null;

  /** Listens until the returned function is called, also past a token that runs out. */
  start(): () => void {
    const over = new AbortController();
    void untrack(() => this.#follow(over.signal));
    return () => over.abort();
  }

  /** Whoever signs in next begins with an empty list. */
  forget(): void {
    this.clear();
    this.paused = false;
    this.#seen.clear();
    this.#position = null;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.lines = [...this.held, ...this.lines].slice(0, KEPT);
    this.held = [];
  }

  clear(): void {
    this.lines = [];
    this.held = [];
  }

  async #follow(over: AbortSignal): Promise<void> {
    let failures = 0;
    while (!over.aborted) {
      const abort = new AbortController();
      const end = () => abort.abort();
      over.addEventListener('abort', end, { once: true });
      let heardAt = Date.now();
      const watch = setInterval(() => Date.now() - heardAt > SILENCE_MS && end(), 2_000);
      const handlers = {
        alive: () => {
          heardAt = Date.now();
          failures = 0;
          this.open = true;
        },
        message: ({ id, data }: { id: string | null; data: string }) => {
          if (data) this.#hear(JSON.parse(data) as LiveEvent);
          this.#position = id || this.#position;
        },
      };
      const options = { lastEventId: this.#position, token: auth.token, signal: abort.signal };
      const refused = await readStream('/api/events', options, handlers).catch((error: unknown) => error);
      clearInterval(watch);
      over.removeEventListener('abort', end);
      this.open = false;
      if (over.aborted) return;
      if (refused instanceof StreamRefused && (refused.status === 401 || refused.status === 403) && !(await auth.ask())) return;
      await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]));
    }
  }

  #hear(event: LiveEvent): void {
    if (event.type === 'resync') return this.#add(null);
    const id = event.id ?? `${event.type} ${event.timestamp}`;
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    if (this.#seen.size > REMEMBERED) this.#seen = new Set([...this.#seen].slice(-KEPT));
    this.#add(event);
  }

  #add(event: LiveEvent | null): void {
    const line = { key: ++this.#last, event, at: event?.timestamp ?? new Date().toISOString() };
    if (this.paused) this.held = [line, ...this.held].slice(0, KEPT);
    else this.lines = [line, ...this.lines].slice(0, KEPT);
  }
}

/** The one of this tab, so that what was told stays, and nothing is missed, while one looks at another screen. */
export const tail = new Tail();

$effect.root(() => {
  $effect(() => {
    if (!auth.signedIn) untrack(() => tail.forget());
  });
});
