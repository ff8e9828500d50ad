// Keeps what no event tells of up to date, for as long as somebody looks.
import { untrack } from 'svelte';

/**
 * Calls `look` now and again after each pause while the page can be seen; the returned function ends it. An effect that
 * calls this does not depend on what `look` reads.
 */
export function whileVisible(everyMs: number, look: (signal: AbortSignal) => Promise<unknown>): () => void {
  const over = new AbortController();
  let busy = false;
  const again = async () => {
    if (busy || over.signal.aborted || document.visibilityState === 'hidden') return;
    busy = true;
    await untrack(() => look(over.signal)).catch(() => undefined);
    busy = false;
  };
  const timer = setInterval(again, everyMs);
  document.addEventListener('visibilitychange', again);
  void again();
  return () => {
    over.abort();
    clearInterval(timer);
    document.removeEventListener('visibilitychange', again);
  };
}

/** Calls `look` once, after a pause; the returned function calls it off, or ends it. */
export function afterPause(pauseMs: number, look: (signal: AbortSignal) => Promise<unknown>): () => void {
  const over = new AbortController();
  const timer = setTimeout(() => void look(over.signal), pauseMs);
  return () => {
    clearTimeout(timer);
    over.abort();
  };
}
