// Where the visitor is: a thin layer over the History API. Plain links work; nothing needs a special component.
import { tick } from 'svelte';
import { scroll } from './scroll';

class Router {
  path = $state(normal(location.pathname));
  query = $state.raw(new URLSearchParams(location.search));
  /** Another number on each page that one comes to: tells whether somebody is still where he pressed something. */
  visit = 0;

  constructor() {
    addEventListener('popstate', () => void this.#return());
    document.addEventListener('click', (event) => this.#follow(event));
  }

  /** Goes to a page of the dashboard, as a link would. */
  async go(to: string, { replace = false } = {}): Promise<void> {
    const before = this.path;
    history[replace ? 'replaceState' : 'pushState'](null, '', to);
    this.#arrive();
    scroll.arrive();
    if (this.path === before) return;
    await tick();
    scrollTo(0, 0);
    document.getElementById('main')?.focus({ preventScroll: true });
  }

  /** Changes the query of this page, such as a filter, without a new entry in the history. */
  setQuery(changes: Record<string, string | null>): void {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') query.delete(name);
      else query.set(name, value);
    }
    const search = query.toString();
    history.replaceState(history.state, '', location.pathname + (search ? `?${search}` : ''));
    this.query = query;
  }

  /** Back or forward, or to a place within the page, which the browser itself brings into sight. */
  async #return(): Promise<void> {
    const isKnown = scroll.arrive();
    this.#arrive();
    if (!isKnown) return;
    await tick();
    scroll.restore();
  }

  #arrive(): void {
    const before = this.path;
    this.path = normal(location.pathname);
    if (this.path !== before) this.visit++;
    this.query = new URLSearchParams(location.search);
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest('a');
    if (!link || link.origin !== location.origin || link.target || link.hasAttribute('download')) return;
    if (link.dataset.external !== undefined || link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    void this.go(link.pathname + link.search + link.hash);
  }
}

/** `/history/` is `/history`. */
function normal(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

export const router = new Router();

/** The values of a pattern like `/history/{id}` in a path, or null when it does not fit. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const values: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? '';
    if (part.startsWith('{')) {
      // Whatever is named by an address has a number.
      if (!/^\d+$/.test(value)) return null;
      values[part.slice(1, -1)] = value;
    } else if (part !== value) {
      return null;
    }
  }
  return values;
}
