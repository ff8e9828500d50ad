// A game as it is in its form, where everything is text or a switch.
import type { Game } from '../../api/types';
import { Drafts, numberIn } from '../../lib/drafts.svelte';

export interface Draft {
  title: string;
  pack_name: string;
  min_players: string;
  max_players: string;
  length_minutes: string;
  game_type: string;
  secondary_type: string;
  favor_bias: string;
  enabled: boolean;
  has_audience: boolean;
  family_friendly: boolean;
}

/** By the game's id, or `new`. */
export const drafts = new Drafts<Draft>('game');

/** A list to import, in the slot `csv`. */
export const lists = new Drafts<{ text: string; file: string | null }>('list');

export function draftOf(game: Game | null): Draft {
  return {
    title: game?.title ?? '',
    pack_name: game?.pack_name ?? '',
    min_players: String(game?.min_players ?? 3),
    max_players: String(game?.max_players ?? 8),
    length_minutes: String(game?.length_minutes ?? ''),
    game_type: game?.game_type ?? '',
    secondary_type: game?.secondary_type ?? '',
    favor_bias: String(game?.favor_bias ?? 0),
    enabled: (game?.enabled ?? 1) === 1,
    has_audience: game?.has_audience === 1,
    family_friendly: (game?.family_friendly ?? 1) === 1,
  };
}

export function bodyOf(draft: Draft) {
  return {
    title: draft.title,
    pack_name: draft.pack_name,
    min_players: numberIn(draft.min_players) ?? 0,
    max_players: numberIn(draft.max_players) ?? 0,
    length_minutes: numberIn(draft.length_minutes),
    game_type: draft.game_type.trim() || null,
    secondary_type: draft.secondary_type.trim() || null,
    favor_bias: Number(draft.favor_bias) as -1 | 0 | 1,
    enabled: draft.enabled,
    has_audience: draft.has_audience,
    family_friendly: draft.family_friendly,
  };
}
