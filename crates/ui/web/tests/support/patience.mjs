// Waiting for what must happen. Nothing here measures speed: what is awaited is a condition, and patience only
// fails a test whose condition never comes.
import { setTimeout as pause } from 'node:timers/promises';

export const PATIENCE_MS = 30_000;
const LOOK_MS = 25;

/** Looks again until the answer is neither false, null nor undefined, and returns it. */
export async function eventually(what, look) {
  const until = Date.now() + PATIENCE_MS;
  let problem = '';
  for (;;) {
    try {
      const found = await look();
      if (found !== false && found !== null && found !== undefined) return found;
      problem = '';
    } catch (error) {
      problem = `: ${error.message}`;
    }
    if (Date.now() > until) throw new Error(`${what} did not happen within ${PATIENCE_MS} ms${problem}`);
    await pause(LOOK_MS);
  }
}

/** The promise's value, or a failure that says what never came. */
export async function soon(what, promise) {
  const impatience = new AbortController();
  const late = pause(PATIENCE_MS, null, { signal: impatience.signal }).then(() => {
    throw new Error(`${what} did not happen within ${PATIENCE_MS} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    impatience.abort();
  }
}
