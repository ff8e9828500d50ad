// Where each entry of the history was scrolled to. Browsers bring that back before the page that one goes back to has its
// content; here it waits until the page is tall enough.
import { keep, recall } from './kept';

const STORED = 'fanfare.scroll';
/** Longer than anybody goes back. */
const KEPT = 50;
/** Content that has not come by then is not what one saw. */
const PATIENCE_MS = 10_000;

interface Entry {
  entry?: number;
}

class Scroll {
  #positions = new Map(recall<[number, number][]>('sessionStorage', STORED));
  #entry = 0;
  #stop = () => {};

  constructor() {
    history.scrollRestoration = 'manual';
    addEventListener('scroll', () => this.#positions.set(this.#entry, scrollY), { passive: true });
    addEventListener('pagehide', () => keep('sessionStorage', STORED, [...this.#positions].slice(-KEPT)));
    if (this.arrive()) this.restore();
  }

  /** Takes up the entry that one has come to; false when it is a new one. */
  arrive(): boolean {
    this.#stop();
    const known = (history.state as Entry | null)?.entry;
    this.#entry = known ?? Date.now() + Math.random();
    if (known !== undefined) return true;
    history.replaceState({ entry: this.#entry }, '');
    // Another entry of the same page is not scrolled.
    this.#positions.set(this.#entry, scrollY);
    return false;
  }

  /** Back to where this entry was, as soon as there is that much of the page, unless the visitor scrolls first. */
  restore(): void {
    const wanted = this.#positions.get(this.#entry) ?? 0;
    const over = new AbortController();
    this.#stop = () => over.abort();
    const look = () => {
      if (over.signal.aborted) return;
      scrollTo(0, wanted);
      // What was clamped is not where one was.
      this.#positions.set(this.#entry, wanted);
      if (scrollY >= Math.floor(wanted)) over.abort();
    };
    const growth = new ResizeObserver(look);
    const timer = setTimeout(this.#stop, PATIENCE_MS);
    over.signal.addEventListener('abort', () => {
      growth.disconnect();
      clearTimeout(timer);
    });
    for (const name of ['wheel', 'touchstart', 'pointerdown', 'keydown']) {
      addEventListener(name, this.#stop, { passive: true, signal: over.signal });
    }
    growth.observe(document.body);
  }
}

export const scroll = new Scroll();
