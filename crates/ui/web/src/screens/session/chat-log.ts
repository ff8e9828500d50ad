// Reads a chat log as the server will, so that the host sees what is in it before anything counts.
import type { SessionGame } from '../../api/types';

export interface LogVote {
  username: string;
  direction: 'up' | 'down';
  at: number;
}

export interface GameTally {
  gameId: number;
  title: string;
  up: number;
  down: number;
}

/** What is in a log, without regard to votes that count already. */
export interface DryRun {
  messages: number;
  votes: number;
  /** A second vote of the same person within a second. */
  repeated: number;
  /** Cast before the first game of the night. */
  unmatched: number;
  /** No message, or not readable. */
  invalid: number;
  games: GameTally[];
}

const RELAYED = /^\s*\[(irc|kosmi)\]/i;
const UP = /thisgame\+\+/i;
const DOWN = /thisgame(--|–|—)/i;
const SAME_VOTE_MS = 1000;

/** The messages of a file; throws what is wrong with it, in words. */
export function messagesOf(text: string): unknown[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const list = Array.isArray(content) ? content : (content as { chatData?: unknown } | null)?.chatData;
  if (!Array.isArray(list)) throw new Error('This is no chat log: a list of messages is expected, or an object with one as chatData.');
  return list;
}

export function dryRun(messages: readonly unknown[], games: readonly SessionGame[]): DryRun {
  const votes = messages.map(voteOf);
  const found = votes.filter((vote) => vote !== null && vote !== 'invalid') as LogVote[];
  found.sort((a, b) => a.at - b.at);
  const result: DryRun = { messages: messages.length, votes: found.length, repeated: 0, unmatched: 0, invalid: 0, games: [] };
  result.invalid = votes.filter((vote) => vote === 'invalid').length;

  const order = [...games].sort((a, b) => Date.parse(a.played_at) - Date.parse(b.played_at) || a.id - b.id);
  const tallies = new Map<number, GameTally>();
  const last = new Map<string, number>();
  for (const vote of found) {
    const game = order.filter(({ played_at }) => Date.parse(played_at) <= vote.at).at(-1);
    if (!game) {
      result.unmatched++;
      continue;
    }
    const name = vote.username.trim().toLowerCase();
    const before = last.get(name);
    if (before !== undefined && vote.at - before <= SAME_VOTE_MS) {
      result.repeated++;
      continue;
    }
    last.set(name, vote.at);
    const tally = tallies.get(game.game_id) ?? { gameId: game.game_id, title: game.title, up: 0, down: 0 };
    tally[vote.direction]++;
    tallies.set(game.game_id, tally);
  }
  result.games = [...tallies.values()].sort((a, b) => b.up - b.down - (a.up - a.down));
  return result;
}

/** The vote in a message, null where there is none. */
function voteOf(item: unknown): LogVote | null | 'invalid' {
  const { username, message, timestamp } = (item ?? {}) as Record<string, unknown>;
  if (typeof username !== 'string' || typeof message !== 'string' || typeof timestamp !== 'string') return 'invalid';
  const at = Date.parse(timestamp);
  if (username.trim() === '' || Number.isNaN(at)) return 'invalid';
  const direction = RELAYED.test(message) ? null : UP.test(message) ? 'up' : DOWN.test(message) ? 'down' : null;
  return direction && { username, direction, at };
}
