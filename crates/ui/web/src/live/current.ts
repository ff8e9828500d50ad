// Keeps what a screen shows current: it looks at once, when events that concern it have come and paused, and when
// events may have been missed.
import { untrack } from 'svelte';
import type { LiveEvent } from '../api/types';
import { whileVisible } from '../lib/refresh';
import { connection } from './connection.svelte';

interface Options {
  /** Which events change what is shown; all of them if it is not said. */
  concerns?: (event: LiveEvent) => boolean;
  /** Events come in bursts: how long they must pause. */
  settleMs?: number;
  /** How often to look besides, while the page can be seen: for what no event tells. */
  everyMs?: number;
}

/** Calls `look` as said above until the returned function is called. An effect that calls this does not depend on what `look` reads. */
export function keepCurrent(look: () => Promise<unknown>, { concerns = () => true, settleMs = 500, everyMs }: Options = {}): () => void {
  let later: ReturnType<typeof setTimeout> | undefined;
  const silence = connection.listen((event) => {
    if (!concerns(event)) return;
    clearTimeout(later);
    later = setTimeout(look, settleMs);
  });
  const leave = connection.attend(look);
  const end = everyMs === undefined ? undefined : whileVisible(everyMs, look);
  if (!end) void untrack(look);
  return () => {
    clearTimeout(later);
    silence();
    leave();
    end?.();
  };
}
