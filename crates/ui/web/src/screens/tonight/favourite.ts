import type { SessionGame } from '../../api/types';
import type { Votes } from '../../live/session.svelte';

export interface Favourite {
  game: SessionGame;
  /** Votes for it less those against it. */
  score: number;
}

/** The best liked game of the night; none when no game was liked by more people than not. */
export function favouriteOf(games: readonly SessionGame[], votesFor: (gameId: number) => Votes): Favourite | null {
  let best: Favourite | null = null;
  for (const game of games) {
    const { up, down } = votesFor(game.game_id);
    if (up - down > (best?.score ?? 0)) best = { game, score: up - down };
  }
  return best;
}
