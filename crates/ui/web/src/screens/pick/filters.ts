// What the host asks of the next game, and which games of the library that lets through: the rules of the picker,
// so that the counts on the buttons change with every press. The server rolls by the same rules.
import type { Game } from '../../api/types';
import { plural } from '../../lib/format';

export type Drawing = 'only' | 'exclude';
export type Length = 'short' | 'medium' | 'long';

export interface Filters {
  playerCount: number | null;
  drawing: Drawing | null;
  length: Length | null;
  familyFriendly: boolean | null;
  /** A game with an audience may take more people than it has seats. */
  audienceOverflow: boolean;
  /** None means all of them. */
  packs: string[];
  /** Nothing that was on tonight. */
  excludePlayed: boolean;
}

export const ANYTHING: Filters = {
  playerCount: null,
  drawing: null,
  length: null,
  familyFriendly: null,
  audienceOverflow: false,
  packs: [],
  excludePlayed: false,
};

const SHORT_UNTIL = 15;
const MEDIUM_UNTIL = 25;

/** A pack's name as the picker compares it: a leading "The " does not count. */
const packKey = (name: string): string => name.replace(/^the /i, '');

function lengthOf(game: Game): Length {
  const minutes = game.length_minutes ?? 0;
  return minutes <= SHORT_UNTIL ? 'short' : minutes <= MEDIUM_UNTIL ? 'medium' : 'long';
}

/** Whether so many can play it. */
export function seats(game: Game, playerCount: number, audienceOverflow: boolean): boolean {
  if (playerCount < game.min_players) return false;
  return playerCount <= game.max_players || (audienceOverflow && game.has_audience === 1);
}

/** Whether a game passes all filters but the number of players. */
function suits(game: Game, filters: Filters): boolean {
  const isDrawing = game.game_type === 'Drawing';
  if (filters.packs.length > 0 && !filters.packs.some((pack) => packKey(pack) === packKey(game.pack_name))) return false;
  if (filters.drawing && (filters.drawing === 'only') !== isDrawing) return false;
  if (filters.length && lengthOf(game) !== filters.length) return false;
  return filters.familyFriendly === null || filters.familyFriendly === (game.family_friendly === 1);
}

/** The enabled games that pass, but for how many play. */
export function suitable(games: readonly Game[], filters: Filters, held: ReadonlySet<number>): Game[] {
  return games.filter((game) => game.enabled === 1 && !held.has(game.id) && suits(game, filters));
}

/** The games that so many can play; all of them for `null`. */
export function playable(games: readonly Game[], playerCount: number | null, audienceOverflow: boolean): Game[] {
  return playerCount === null ? [...games] : games.filter((game) => seats(game, playerCount, audienceOverflow));
}

const LENGTHS: Record<Length, string> = { short: 'up to 15 minutes', medium: '16 to 25 minutes', long: 'more than 25 minutes' };

/** What was asked for, in words: `5 players, no drawing`. */
export function inWords(filters: Filters): string {
  return [
    filters.playerCount !== null && plural(filters.playerCount, 'player') + (filters.audienceOverflow ? ' or audience' : ''),
    filters.drawing && (filters.drawing === 'only' ? 'drawing' : 'no drawing'),
    filters.length && LENGTHS[filters.length],
    filters.familyFriendly !== null && (filters.familyFriendly ? 'for the family' : 'for grown-ups'),
    filters.packs.length > 0 && plural(filters.packs.length, 'pack'),
    filters.excludePlayed && 'not played tonight',
  ]
    .filter(Boolean)
    .join(', ');
}

/** The filters as the API takes them; what was not asked for is left out. */
export function asOptions(filters: Filters) {
  return {
    playerCount: filters.playerCount,
    audienceOverflow: filters.playerCount !== null && filters.audienceOverflow ? true : null,
    drawing: filters.drawing,
    length: filters.length,
    familyFriendly: filters.familyFriendly,
    packs: filters.packs.length > 0 ? filters.packs : null,
    excludePlayed: filters.excludePlayed ? true : null,
  };
}
