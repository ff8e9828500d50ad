// Finding games: by words of title, pack or type, and in an order.
import { sorted, type Column } from '../../ui/table';
import type { Game } from '../../api/types';

export type Shown = 'all' | 'enabled' | 'disabled' | 'favoured' | 'never';

export const SHOWN: { value: Shown; label: string }[] = [
  { value: 'all', label: 'All games' },
  { value: 'enabled', label: 'On' },
  { value: 'disabled', label: 'Off' },
  { value: 'favoured', label: 'Favoured' },
  { value: 'never', label: 'Never played' },
];

const PASSES: Record<Shown, (game: Game) => boolean> = {
  all: () => true,
  enabled: (game) => game.enabled === 1,
  disabled: (game) => game.enabled === 0,
  favoured: (game) => game.favor_bias === 1,
  never: (game) => game.play_count === 0,
};

/** Upper and lower case, accents and marks do not count: `kapitan` finds `Kapitän`. */
const plain = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** What is searched of a game, made once: a library is searched again with each letter that is typed. */
const searched = new WeakMap<Game, string>();

function textOf(game: Game): string {
  const known = searched.get(game);
  if (known !== undefined) return known;
  const text = plain(`${game.title} ${game.pack_name} ${game.game_type ?? ''} ${game.secondary_type ?? ''}`);
  searched.set(game, text);
  return text;
}

/** The games in which every word occurs, in the order that they have. */
export function find(games: readonly Game[], search: string, shown: Shown): Game[] {
  const words = plain(search).split(/\s+/).filter(Boolean);
  return games.filter((game) => {
    if (!PASSES[shown](game)) return false;
    const text = words.length > 0 ? textOf(game) : '';
    return words.every((word) => text.includes(word));
  });
}

export const ORDERS = [
  { value: 'title', label: 'Title' },
  { value: 'pack', label: 'Pack' },
  { value: 'players', label: 'Fewest players' },
  { value: 'length', label: 'Shortest' },
  { value: '-plays', label: 'Most played' },
  { value: '-liked', label: 'Best liked' },
];

export const VALUES: Record<string, (game: Game) => string | number | null> = {
  title: (game) => game.title,
  pack: (game) => game.pack_name,
  players: (game) => game.min_players,
  length: (game) => game.length_minutes,
  type: (game) => game.game_type,
  plays: (game) => game.play_count,
  liked: (game) => game.popularity_score,
};

/** In an order like `title` or, the other way round, `-plays`. */
export function inOrder(games: readonly Game[], order: string): readonly Game[] {
  const columns: Column<Game>[] = Object.entries(VALUES).map(([id, value]) => ({ id, label: id, value }));
  return sorted(games, columns, { column: order.replace(/^-/, ''), descending: order.startsWith('-') });
}
