import type { Session, SessionGame } from '../api/types';

/** Where a game stands, as those who watch a stream see it. */
export type Stage = 'idle' | 'lobby' | 'playing' | 'ended';

export interface Scene {
  stage: Stage;
  game: SessionGame | null;
}

/** What is to be shown of a session: the game that is on, or the last one once it is over. */
export function sceneOf(session: Session | null, games: readonly SessionGame[]): Scene {
  const newestFirst = [...games].reverse();
  const playing = session?.is_active === 1 ? newestFirst.find((game) => game.status === 'playing') : undefined;
  if (playing) return { stage: stageOf(playing), game: playing };
  const over = newestFirst.find((game) => game.status === 'played');
  return over && session ? { stage: 'ended', game: over } : { stage: 'idle', game: null };
}

function stageOf({ player_count_check_status: room, room_code: code }: SessionGame): Stage {
  if (room === 'locked') return 'playing';
  if (room === 'ended') return 'ended';
  // Unless it is known that the room is locked, one may still join by its code.
  return code ? 'lobby' : 'playing';
}
