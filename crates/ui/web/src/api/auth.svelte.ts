// Who is signed in in this browser, and the one place that asks for it.
import { forgetDrafts } from '../lib/drafts.svelte';

const STORED = 'fanfare.token';
/** Kept in the place of a token that is no good any more; nothing is kept once one has signed out. */
const RUN_OUT = '';
/** What begins within this time comes of what was pressed. */
const PRESS_MS = 1_000;

class Auth {
  #token = $state<string | null>(read());
  #anonymous = false;
  #host = $state(false);
  /** Whether the dialog that asks for the key is to be open. */
  asking = $state(false);
  #waiting: ((signedIn: boolean) => void)[] = [];
  /** When the dialog was dismissed, and when somebody last pressed something, in ms of the page's own clock. */
  #dismissedAt: number | null = null;
  #pressedAt = 0;

  constructor() {
    this.#host = this.#token !== null;
    const pressed = () => (this.#pressedAt = performance.now());
    for (const name of ['pointerdown', 'keydown']) addEventListener(name, pressed, { capture: true });
    // Another tab signed in or out.
    addEventListener('storage', (event) => {
      if (event.key !== STORED && event.key !== null) return;
      // That tab asks for the key. This one does when it has to, and keeps its screen until then.
      if (event.newValue === RUN_OUT) return;
      this.#token = read();
      this.#host = this.#token !== null;
      if (this.#token) this.#answer(true);
      else forgetDrafts();
    });
  }

  get token(): string | null {
    return this.#anonymous ? null : this.#token;
  }

  /** Stays true when the token runs out: the screens of a host remain, and with them what he has typed. */
  get signedIn(): boolean {
    return this.#host && !this.#anonymous;
  }

  /** From now on this page uses no token, even where the browser keeps one. */
  stayAnonymous(): void {
    this.#anonymous = true;
  }

  /**
   * Opens the dialog over whatever is there; true once signed in, false when it was dismissed. Once it was, it comes back
   * only for what somebody does, not for what a page looks up by itself: `at` is when that began.
   */
  ask(at = performance.now()): Promise<boolean> {
    const isPressed = this.#pressedAt > (this.#dismissedAt ?? -1) && at - this.#pressedAt < PRESS_MS;
    if (this.#dismissedAt !== null && !isPressed) return Promise.resolve(false);
    this.asking = true;
    return new Promise((done) => this.#waiting.push(done));
  }

  /** Takes a token that the server gave; whoever waits for a sign-in goes on. */
  accept(token: string): void {
    this.#dismissedAt = null;
    this.#host = true;
    this.#keep(token);
    this.#answer(true);
  }

  signOut(): void {
    this.#host = false;
    this.#keep(null);
    forgetDrafts();
  }

  /** The server does not take the token any more: asks for the key again, over whatever is there. */
  expire(): void {
    this.#token = null;
    store(RUN_OUT);
    void this.ask();
  }

  dismiss(): void {
    this.#dismissedAt = performance.now();
    this.#answer(false);
  }

  #answer(signedIn: boolean): void {
    this.asking = false;
    for (const done of this.#waiting.splice(0)) done(signedIn);
  }

  #keep(token: string | null): void {
    this.#token = token;
    store(token);
  }
}

function store(text: string | null): void {
  try {
    if (text === null) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, text);
  } catch {
    // A browser that keeps nothing stays signed in as long as the page is open.
  }
}

/** The kept token, unless it has run out. */
function read(): string | null {
  try {
    const token = localStorage.getItem(STORED);
    return token && expiryOf(token) > Date.now() ? token : null;
  } catch {
    return null;
  }
}

function expiryOf(token: string): number {
  const payload = token.split('.')[1] ?? '';
  const claims = JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))) as { exp?: number };
  return (claims.exp ?? 0) * 1000;
}

export const auth = new Auth();
