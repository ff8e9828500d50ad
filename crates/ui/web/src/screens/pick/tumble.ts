// The short time that the dice roll: titles flit by, ever slower. Whoever wants less motion sees none of it.
import type { Game } from '../../api/types';

const STEPS_MS = [60, 60, 70, 80, 95, 115, 140, 170];

/** Hands out games of the pool, and null in the end. */
export async function tumble(pool: readonly Game[], show: (game: Game | null) => void): Promise<void> {
  if (pool.length < 2 || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  for (const step of STEPS_MS) {
    show(pool[Math.floor(Math.random() * pool.length)] ?? null);
    await new Promise((done) => setTimeout(done, step));
  }
}
