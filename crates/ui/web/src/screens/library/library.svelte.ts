// The games and packs of this house, and what is done with them.
import { api, messageOf } from '../../api/client';
import type { Game, LiveEvent, Pack } from '../../api/types';
import { compareNames } from '../../lib/format';
import { keepCurrent } from '../../live/current';

export type Bias = -1 | 0 | 1;

const SETTLE_MS = 800;
/** No event tells of what another host changes in the library. */
export const LOOK_MS = 15_000;

export class Library {
  games = $state.raw<Game[]>([]);
  packs = $state.raw<Pack[]>([]);
  loaded = $state(false);
  error = $state<string | null>(null);
  /** Counts questions and changes, so that an answer that comes late replaces nothing newer. */
  #turn = 0;
  #changes = 0;

  /** Fetches, and follows plays, votes and what another host changes, until the returned function is called. */
  follow(): () => void {
    const concerns = ({ type }: LiveEvent) => /^(game\.added|game\.removed|vote\.recorded)$/.test(type);
    return keepCurrent(this.refresh, { concerns, settleMs: SETTLE_MS, everyMs: LOOK_MS });
  }

  refresh = async (): Promise<void> => {
    const turn = ++this.#turn;
    const changes = this.#changes;
    try {
      const [games, packs] = await Promise.all([api.get('/api/games'), api.get('/api/games/meta/packs')]);
      if (turn !== this.#turn) return;
      // A game was changed while the answer was on its way, which may not have it.
      if (changes !== this.#changes) return await this.refresh();
      this.games = games;
      this.packs = [...packs].sort((one, other) => compareNames(one.name, other.name));
      this.loaded = true;
      this.error = null;
    } catch (error) {
      if (turn === this.#turn) this.error = messageOf(error);
    }
  };

  /** Says how it is to be, not that it is to be otherwise: somebody else may have turned it since. */
  async turn(game: Game, enabled: boolean): Promise<void> {
    await this.#do(async () => this.#put(await api.put('/api/games/{id}', { path: { id: game.id }, body: { enabled } })));
  }

  async favour(game: Game, favor_bias: Bias): Promise<void> {
    await this.#do(async () => this.#put(await api.patch('/api/games/{id}/favor', { path: { id: game.id }, body: { favor_bias } })));
  }

  async togglePacks(names: string[], enabled: boolean): Promise<void> {
    await this.#do(async () => {
      for (const name of names) await api.patch('/api/games/packs/{name}/toggle', { path: { name }, body: { enabled } });
      await this.refresh();
    });
  }

  async favourPack(name: string, favor_bias: Bias): Promise<void> {
    await this.#do(async () => {
      await api.patch('/api/games/packs/{name}/favor', { path: { name }, body: { favor_bias } });
      await this.refresh();
    });
  }

  /** What fails is told above the list, and the list shows again what the server has. */
  async #do(change: () => Promise<unknown>): Promise<void> {
    this.error = null;
    try {
      await change();
    } catch (error) {
      await this.refresh();
      this.error = messageOf(error);
    }
  }

  #put(game: Game): void {
    this.#changes++;
    this.games = this.games.map((other) => (other.id === game.id ? game : other));
    const enabled_count = this.games.filter(({ pack_name, enabled }) => pack_name === game.pack_name && enabled === 1).length;
    this.packs = this.packs.map((pack) => (pack.name === game.pack_name ? { ...pack, enabled_count } : pack));
  }
}
