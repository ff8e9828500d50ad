import type { Poll, SessionGame } from '../../api/types';

/** The poll to show: an open one, or an ended one until the next game is on or the night is over. */
export function pollOnShow(poll: Poll | null, games: readonly SessionGame[], active: boolean): Poll | null {
  if (!active) return null;
  if (!poll || poll.status === 'open') return poll;
  const last = games[games.length - 1];
  return last && poll.ended_at && Date.parse(last.played_at) >= Date.parse(poll.ended_at) ? null : poll;
}
