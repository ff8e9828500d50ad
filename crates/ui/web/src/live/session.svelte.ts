// The night that is on: the session, its games, votes and poll, kept current event by event.
import { api, ApiError } from '../api/client';
import { auth } from '../api/auth.svelte';
import type { LiveEvent, Poll, Session, SessionGame } from '../api/types';
import { connection } from './connection.svelte';

export interface Votes {
  up: number;
  down: number;
}

const NONE: Votes = { up: 0, down: 0 };
const LOOK_MS = 5_000;
/** Votes come in bursts; once they pause for this long, what is shown is compared with the server's. */
const SETTLE_MS = 1_500;
/** How often an answer that events overtook is asked for again at once. */
const ATTEMPTS = 3;

class CurrentSession {
  /** False until the first answer has come. */
  loaded = $state(false);
  /** The active session, or the one that has just ended; null when there is none. */
  session = $state.raw<Session | null>(null);
  games = $state.raw<SessionGame[]>([]);
  /** The poll that is open, or the last one that ended. */
  poll = $state.raw<Poll | null>(null);
  #votes = $state.raw<ReadonlyMap<number, Votes>>(new Map());
  #settle: ReturnType<typeof setTimeout> | undefined;
  #voteEvents = 0;
  #gameEvents = 0;
  #pollEvents = 0;
  #only: number | null = null;
  /** Counts what was asked for, so that an answer that comes late replaces nothing newer. */
  #turn = 0;
  #latest: Promise<void> = Promise.resolve();

  readonly active = $derived(this.session?.is_active === 1);
  readonly playing = $derived([...this.games].reverse().find((game) => game.status === 'playing') ?? null);
  /** The poll while it is open. */
  readonly openPoll = $derived(this.poll?.status === 'open' ? this.poll : null);

  /** Starts to follow the night that is on, or one session whatever becomes of it. */
  start({ session = null }: { session?: number | null } = {}): void {
    this.#only = session;
    const follower = {
      refresh: (signal: AbortSignal) => this.refresh(signal),
      event: (event: LiveEvent) => this.#apply(event),
      gone: () => this.#forget(),
    };
    connection.start(follower);
    setInterval(() => void this.#lookForSession(), LOOK_MS);
  }

  /** The votes of tonight for a game of the library. */
  votesFor(gameId: number): Votes {
    return this.#votes.get(gameId) ?? NONE;
  }

  /** Fetches everything again. One that a later one has overtaken changes nothing, and ends with that. */
  refresh(signal?: AbortSignal): Promise<void> {
    const turn = ++this.#turn;
    this.#latest = this.#fetchAll(signal).then((night) => {
      if (turn !== this.#turn) return this.#latest;
      if (night) this.#showNight(night);
      else this.#clear();
      connection.follow(this.session?.id ?? null);
      this.loaded = true;
    });
    return this.#latest;
  }

  /**
   * The night that is on, or the one on show as it ended: that is followed on, since it can still change, and the open
   * connection tells how things stand.
   */
  async #fetchAll(signal?: AbortSignal): Promise<Night | null> {
    const active = await this.#find(signal);
    const id = active?.id ?? this.session?.id;
    if (id === undefined) return null;
    try {
      const [sessionAndGames, votes, poll] = await Promise.all([
        this.#fetchGames(id, signal),
        this.#fetchVotes(id, signal),
        this.#fetchPoll(id, signal),
      ]);
      return { ...sessionAndGames, votes, poll };
    } catch (error) {
      if (active === null && error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  async #find(signal?: AbortSignal): Promise<Session | null> {
    if (this.#only === null) {
      const active = await api.get('/api/sessions/active', { signal });
      return 'id' in active ? active : null;
    }
    try {
      return await api.get('/api/sessions/{id}', { path: { id: this.#only }, signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  /** Without a token nobody tells that a session has started. */
  async #lookForSession(): Promise<void> {
    const told = auth.token !== null;
    const following = this.active || (this.#only !== null && this.session !== null);
    if (following || !this.loaded || told || document.visibilityState === 'hidden') return;
    try {
      const session = await this.#find();
      connection.answered();
      if (session && !this.active) await this.refresh();
    } catch {
      connection.unanswered();
    }
  }

  #forget(): void {
    this.#clear();
    connection.follow(null);
  }

  #clear(): void {
    this.session = null;
    this.games = [];
    this.poll = null;
    this.#votes = new Map();
  }

  #apply(event: LiveEvent): void {
    if (event.type === 'session.started') {
      const { id } = (event.data as { session: { id: number } }).session;
      if (id === this.session?.id) return;
      // From this event on nothing of the new night is missed.
      if (this.#only === null) connection.follow(id, event.seq);
      void this.#again();
      return;
    }
    if (!event.type.startsWith('vote.') && !event.type.startsWith('poll.')) this.#gameEvents++;
    switch (event.type) {
      case 'session.ended':
        void this.#again();
        break;
      case 'game.added':
        void this.#updateGames();
        break;
      case 'game.status':
      case 'room.updated':
        this.#put(event.data as unknown as SessionGame);
        break;
      case 'game.removed':
        this.#remove((event.data as unknown as SessionGame).id);
        break;
      case 'player-count.updated':
        this.#countPlayers(event.data as unknown as PlayerCount);
        break;
      case 'vote.recorded':
        this.#countVote(event.data as unknown as VoteRecorded);
        break;
      case 'poll.started':
      case 'poll.updated':
      case 'poll.ended':
        this.#putPoll(event.data as unknown as Poll);
        break;
    }
  }

  async #again(): Promise<void> {
    await this.refresh().catch(() => connection.reconnect());
  }

  /** A game was added: its row is not in the event. */
  async #updateGames(): Promise<void> {
    const id = this.session?.id;
    if (id === undefined) return;
    try {
      const { session, games } = await this.#fetchGames(id);
      if (id !== this.session?.id) return;
      this.session = session;
      this.games = games;
    } catch {
      connection.reconnect();
    }
  }

  /**
   * The session and its games. What an event told while the answer was on its way may be missing from the answer, so
   * it is asked for again; should the events not pause, once more when it is quiet.
   */
  async #fetchGames(id: number, signal?: AbortSignal): Promise<Pick<Night, 'session' | 'games'>> {
    const request = { path: { id }, signal };
    for (let attempt = 1; ; attempt++) {
      const seen = this.#gameEvents;
      const [session, games] = await Promise.all([
        api.get('/api/sessions/{id}', request),
        api.get('/api/sessions/{id}/games', request),
      ]);
      if (seen === this.#gameEvents) return { session, games };
      if (attempt < ATTEMPTS) continue;
      this.#settleLater();
      return { session, games };
    }
  }

  async #fetchVotes(id: number, signal?: AbortSignal): Promise<Night['votes']> {
    const seen = this.#voteEvents;
    const { votes } = await api.get('/api/sessions/{id}/votes', { path: { id }, signal });
    // A vote that was told meanwhile may or may not be counted in it: ask once more when it is quiet.
    if (seen !== this.#voteEvents) this.#settleLater();
    return new Map(votes.map((row) => [row.game_id, { up: row.upvotes, down: row.downvotes }]));
  }

  /** The session's latest poll; `undefined` when an event told of a newer state meanwhile. */
  async #fetchPoll(id: number, signal?: AbortSignal): Promise<Night['poll']> {
    const seen = this.#pollEvents;
    const [latest] = await api.get('/api/sessions/{id}/polls', { path: { id }, signal });
    return seen === this.#pollEvents ? (latest ?? null) : undefined;
  }

  #showNight({ session, games, votes, poll }: Night): void {
    this.session = session;
    this.games = games;
    this.#votes = votes;
    if (poll !== undefined) this.poll = poll;
    else if (this.poll?.session_id !== session.id) this.poll = null;
  }

  #settleLater(): void {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      const id = this.session?.id;
      if (id === undefined) return;
      void this.#updateGames();
      this.#fetchVotes(id)
        .then((votes) => {
          if (id === this.session?.id) this.#votes = votes;
        })
        .catch(() => connection.reconnect());
    }, SETTLE_MS);
  }

  #put(row: SessionGame): void {
    this.games = this.games.map((game) => {
      if (game.id === row.id) return row;
      // At most one game is playing; the one before is over without an event of its own.
      return row.status === 'playing' && game.status === 'playing' ? { ...game, status: 'played' } : game;
    });
  }

  #remove(sessionGameId: number): void {
    this.games = this.games.filter((game) => game.id !== sessionGameId);
    if (this.session) this.session = { ...this.session, games_played: this.games.length };
  }

  #countPlayers({ gameId, playerCount, status }: PlayerCount): void {
    this.games = this.games.map((game) =>
      game.id === gameId ? { ...game, player_count: playerCount, player_count_check_status: status } : game,
    );
  }

  #countVote({ game: { id }, vote, totals }: VoteRecorded): void {
    this.#voteEvents++;
    const before = this.votesFor(id);
    const after = vote.type === 'up' ? { ...before, up: before.up + 1 } : { ...before, down: before.down + 1 };
    this.#votes = new Map(this.#votes).set(id, after);
    this.games = this.games.map((game) => (game.game_id === id ? { ...game, ...totals } : game));
    this.#settleLater();
  }

  #putPoll(poll: Poll): void {
    this.#pollEvents++;
    if ((poll.status as string) !== 'deleted') this.poll = poll;
    else if (poll.id === this.poll?.id) this.poll = null;
  }
}

interface PlayerCount {
  gameId: number;
  playerCount: number | null;
  status: SessionGame['player_count_check_status'];
}

interface VoteRecorded {
  game: { id: number };
  vote: { type: 'up' | 'down' };
  totals: Pick<SessionGame, 'upvotes' | 'downvotes' | 'popularity_score'>;
}

interface Night {
  session: Session;
  games: SessionGame[];
  votes: ReadonlyMap<number, Votes>;
  poll: Poll | null | undefined;
}

/** The night that is on, for every screen. */
export const tonight = new CurrentSession();
