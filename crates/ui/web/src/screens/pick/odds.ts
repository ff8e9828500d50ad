import type { Game, Pack } from '../../api/types';
import { count, plural } from '../../lib/format';
import { inWords, type Filters } from './filters';

/** A game that was rolled, with what the server said of its odds and what had been asked for. */
export interface Roll {
  game: Game;
  probability: number;
  poolSize: number;
  totalEnabled: number;
  filters: Filters;
  /** How many match and could not come: rolled already, not wanted tonight, or just played. */
  heldBack: number;
}

/** Why a game had its odds, a sentence each. */
export function reasons(roll: Roll, packs: readonly Pack[]): string[] {
  const asked = inWords(roll.filters);
  const pool =
    roll.poolSize === roll.totalEnabled
      ? `Any of the ${plural(roll.totalEnabled, 'game')} in the library could have come.`
      : `${count(roll.poolSize)} of ${plural(roll.totalEnabled, 'game')} could have come${asked ? `: ${asked}` : ''}.`;
  const held = roll.heldBack > 0 ? [`${plural(roll.heldBack, 'game')} stayed out: rolled before, just played or not wanted tonight.`] : [];
  return [pool, ...held, ...favours(roll, packs)];
}

/** What the host's likes and dislikes did; see the weights of the picker. */
function favours({ game, probability, poolSize }: Roll, packs: readonly Pack[]): string[] {
  if (poolSize === 1) return ['It was the only one left.'];
  const pack = packs.find(({ name }) => name === game.pack_name)?.favor_bias ?? 0;
  const told = [
    game.favor_bias > 0 && 'You favour this game, which makes it three times as likely.',
    game.favor_bias < 0 && 'You put this game down, which makes it a fifth as likely.',
    pack > 0 && 'You favour its pack, which makes it twice as likely.',
    pack < 0 && 'You put its pack down, which makes it a third as likely.',
  ].filter((sentence) => typeof sentence === 'string');
  if (told.length > 0) return told;
  const isEven = Math.abs(probability * poolSize - 1) < 1e-6;
  return [isEven ? 'All of them were equally likely.' : 'Other games are favoured or put down, which shifts its odds.'];
}
