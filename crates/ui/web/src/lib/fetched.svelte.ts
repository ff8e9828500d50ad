// What a screen fetches, and fetches again whenever something may have changed.
import { messageOf } from '../api/client';

export class Fetched<T> {
  /** The newest answer; null until the first one has come. */
  value = $state.raw<T | null>(null);
  /** What went wrong the last time; null when nothing did. */
  failure = $state.raw<unknown>(null);
  busy = $state(false);
  readonly error = $derived(this.failure === null ? null : messageOf(this.failure));
  readonly #ask: () => Promise<T>;
  /** Counts questions, so that an answer that comes late replaces nothing newer. */
  #turn = 0;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  /** Asks anew; what fails is kept as `failure`. */
  refresh = async (): Promise<void> => {
    const turn = ++this.#turn;
    this.busy = true;
    try {
      const value = await this.#ask();
      if (turn === this.#turn) this.take(value);
    } catch (reason) {
      if (turn === this.#turn) this.failure = reason;
    } finally {
      if (turn === this.#turn) this.busy = false;
    }
  };

  /** Takes what is known from elsewhere, such as the answer to a change. */
  take(value: T): void {
    this.#turn++;
    this.value = value;
    this.failure = null;
    this.busy = false;
  }
}
