// Asks the server what would become of what is typed, before anything is done.
import { ApiError } from '../api/client';
import { afterPause } from './refresh';

/** How long it must stay as it is before the server is asked about it. */
const TYPED_MS = 400;

export class Trial<Result> {
  /** What would be done; null until the server has said it. */
  result = $state.raw<Result | null>(null);
  /** Why the server has not said it. */
  failure = $state.raw<unknown>(null);
  /** Asks once more, where that may help. */
  readonly retry = $derived(this.failure !== null && passes(this.failure) ? () => this.#attempt++ : undefined);
  #attempt = $state(0);

  /** To be called in an effect, which is to return what this returns. Null: there is nothing to ask about. */
  look(ask: ((signal: AbortSignal) => Promise<Result>) | null): (() => void) | undefined {
    void this.#attempt;
    this.result = null;
    this.failure = null;
    if (ask === null) return;
    return afterPause(TYPED_MS, async (signal) => {
      try {
        const result = await ask(signal);
        if (!signal.aborted) this.result = result;
      } catch (reason) {
        if (!signal.aborted) this.failure = reason;
      }
    });
  }
}

/** Whether the same question may have an answer a moment later: what is wrong with the question itself stays wrong. */
function passes(failure: unknown): boolean {
  return !(failure instanceof ApiError) || failure.status === 0 || failure.status === 429 || failure.status >= 500;
}
