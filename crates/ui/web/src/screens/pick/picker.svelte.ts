// The picker as the host left it: what was asked for, what was rolled and what is not wanted tonight stay when one
// goes to another screen and comes back, or when the phone drops the page. What was rolled is this tab's own affair.
import { api, ApiError, messageOf } from '../../api/client';
import type { Game, Pack } from '../../api/types';
import { compareNames, count, plural } from '../../lib/format';
import { keep, recall } from '../../lib/kept';
import { tonight } from '../../live/session.svelte';
import { ANYTHING, asOptions, playable, suitable, type Filters } from './filters';
import type { Roll } from './odds';

const STORED = 'fanfare.picker';
const ROLLED = 'fanfare.rolled';
/** More than anybody rolls before he plays one. */
const SEEN_MAX = 500;
/** The server holds back so many of the games that were on last. */
const JUST_PLAYED = 2;

interface Kept {
  filters: Filters;
  night: number | null;
  declined: number[];
}

interface Rolled {
  night: number | null;
  roll: Roll | null;
  seen: number[];
}

class Picker {
  filters = $state<Filters>({ ...ANYTHING });
  games = $state.raw<Game[]>([]);
  packs = $state.raw<Pack[]>([]);
  loaded = $state(false);
  roll = $state.raw<Roll | null>(null);
  rolling = $state(false);
  error = $state.raw<{ message: string; emptiedBy?: string } | null>(null);
  /** What was rolled since the host began to look for the next game: none of it comes again. */
  seen = $state.raw<number[]>([]);
  /** What is not wanted for the rest of the night. */
  declined = $state.raw<number[]>([]);
  #night: number | null = null;

  constructor() {
    const kept = recall<Kept>('localStorage', STORED);
    if (kept) {
      this.filters = { ...ANYTHING, ...kept.filters };
      this.declined = kept.declined;
      this.#night = kept.night;
    }
    const rolled = recall<Rolled>('sessionStorage', ROLLED);
    if (rolled && rolled.night === this.#night) {
      this.roll = rolled.roll;
      this.seen = rolled.seen;
    }
  }

  /** The games of the night, in the order in which they were on. */
  readonly #played = $derived.by(() => {
    if (!tonight.active) return [];
    return [...tonight.games].sort((a, b) => a.played_at.localeCompare(b.played_at) || a.id - b.id).map(({ game_id }) => game_id);
  });

  /** What matches, but for how many play, whether it can come or not. */
  readonly #matching = $derived(suitable(this.games, this.filters, new Set(this.filters.excludePlayed ? this.#played : [])));
  readonly #held = $derived(new Set([...this.seen, ...this.declined, ...this.#played.slice(-JUST_PLAYED)]));
  readonly #suitable = $derived(this.#matching.filter(({ id }) => !this.#held.has(id)));
  /** How many match, with those that cannot come: rolled already, not wanted, or just played. */
  readonly matches = $derived(this.#seating(this.#matching, this.filters.playerCount).length);
  /** What the next roll can bring. */
  readonly pool = $derived(this.matching(this.filters.playerCount));
  /** Both numbers in words. */
  readonly choice = $derived(
    this.pool.length === this.matches
      ? plural(this.matches, 'game matches', 'games match')
      : `${count(this.pool.length)} left of ${plural(this.matches, 'match', 'matches')}`,
  );
  readonly declinedGames = $derived(this.games.filter(({ id }) => this.declined.includes(id)));

  /** What the next roll could bring if so many played. */
  matching(playerCount: number | null): Game[] {
    return this.#seating(this.#suitable, playerCount);
  }

  #seating(games: readonly Game[], playerCount: number | null): Game[] {
    return playable(games, playerCount, this.filters.audienceOverflow);
  }

  async load(): Promise<void> {
    const [games, packs] = await Promise.all([api.get('/api/games'), api.get('/api/games/meta/packs')]);
    this.games = games;
    this.packs = [...packs].sort((one, other) => compareNames(one.name, other.name));
    const names = new Set(this.packs.map(({ name }) => name));
    if (this.filters.packs.some((name) => !names.has(name))) {
      this.filters.packs = this.filters.packs.filter((name) => names.has(name));
    }
    this.loaded = true;
  }

  ask(changes: Partial<Filters>): void {
    Object.assign(this.filters, changes);
    this.error = null;
    this.#keep();
  }

  /** Another night: what was not wanted in the last one is welcome again, and what was rolled in it is forgotten. */
  enter(night: number | null): void {
    if (night === this.#night) return;
    // What was rolled before a night has begun is what it begins with.
    const isOver = this.#night !== null;
    this.#night = night;
    this.declined = [];
    this.error = null;
    if (isOver) this.done();
    else this.#keepRolled();
    this.#keep();
  }

  startOver(): void {
    this.seen = [];
    this.error = null;
    this.#keepRolled();
  }

  decline(id: number): void {
    this.declined = [...this.declined.filter((other) => other !== id), id];
    this.#keep();
  }

  welcome(id: number): void {
    this.declined = this.declined.filter((other) => other !== id);
    this.error = null;
    this.#keep();
  }

  /** The options that the next roll or poll has. */
  options() {
    return { ...asOptions(this.filters), excludeGameIds: [...new Set([...this.seen, ...this.declined])] };
  }

  /** Rolls for a game that has not come yet; `moving` is what must be over before it is shown. */
  async next(moving: Promise<unknown>): Promise<void> {
    if (this.rolling) return;
    this.rolling = true;
    this.error = null;
    try {
      const options = this.options();
      const [filters, heldBack] = [$state.snapshot(this.filters), this.matches - this.pool.length];
      const sessionId = tonight.active ? (tonight.session?.id ?? null) : null;
      const [picked] = await Promise.all([api.post('/api/pick', { body: { ...options, sessionId } }), moving]);
      if (!('game' in picked)) return;
      this.roll = { ...picked, filters, heldBack };
      this.seen = [...this.seen, picked.game.id].slice(-SEEN_MAX);
      this.#keepRolled();
    } catch (error) {
      this.error = { message: messageOf(error), emptiedBy: error instanceof ApiError ? error.detail('emptiedBy') : undefined };
    } finally {
      this.rolling = false;
    }
  }

  /** A game is on: the search for it is over. */
  done(): void {
    this.roll = null;
    this.startOver();
  }

  #keep(): void {
    const kept: Kept = { filters: $state.snapshot(this.filters), night: this.#night, declined: this.declined };
    keep('localStorage', STORED, kept);
  }

  #keepRolled(): void {
    const rolled: Rolled = { night: this.#night, roll: this.roll, seen: this.seen };
    keep('sessionStorage', ROLLED, rolled);
  }
}

export const picker = new Picker();
