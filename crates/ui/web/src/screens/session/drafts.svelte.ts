// What is typed on the screens of a night and is not saved yet, also when somebody else takes its form away.
import { SvelteSet } from 'svelte/reactivity';
import type { Session, SessionGame } from '../../api/types';
import { Drafts } from '../../lib/drafts.svelte';
import { warn } from '../../ui/toast.svelte';

/** A text that stands in the place of the one that is saved; null while nothing is typed. */
interface Typed {
  text: string | null;
}

export const NOTHING: Typed = { text: null };

/** The notes of a night to come, in the slot `new`. */
export const newNight = new Drafts<{ notes: string }>('night');
/** The notes with which a night is to end, by the session's id. */
export const closing = new Drafts<Typed>('closing');
/** A chat's log, by the session's id. */
export const logs = new Drafts<{ text: string; file: string | null }>('log');
/** Room codes, by the id of the game in the night. */
export const codes = new Drafts<Typed>('code');

/** What this page ends and removes itself, of which its host needs not be told. */
export const own = { ended: new SvelteSet<number>(), removed: new SvelteSet<number>() };

/** Where the code of a removed game waits, should the game be put on again in the same night. */
const removedSlot = ({ session_id, game_id }: SessionGame) => `removed ${session_id} ${game_id}`;

/** The room code that is typed for a game. To be called while a component is made. */
export function codeOf(game: SessionGame): Typed {
  const draft = codes.open(game.id, NOTHING);
  if (game.room_code || game.status !== 'playing') return draft;
  const removed = codes.open(removedSlot(game), NOTHING);
  $effect(() => {
    if (removed.text === null || draft.text !== null) return;
    draft.text = removed.text;
    codes.forget(removedSlot(game));
  });
  return draft;
}

/** Tells what becomes of closing notes when another host has ended the night. */
export function tellEnded(session: number): void {
  const { text } = closing.typed(session, NOTHING);
  if (!text?.trim() || own.ended.has(session)) return;
  warn('Another host has ended the night. Your notes were not saved with it; they are kept on this page.');
}

/** Tells what becomes of room codes whose games another host has removed. To be called in an effect. */
export function tellRemoved(before: SessionGame[], now: SessionGame[], session: Session | null): void {
  const removed = before.filter(({ id, session_id }) => (!session || session.id === session_id) && !now.some((game) => game.id === id));
  for (const game of removed) {
    const { text } = codes.typed(game.id, NOTHING);
    if (!text || own.removed.has(game.id)) continue;
    codes.open(removedSlot(game), NOTHING).text = text;
    codes.forget(game.id);
    warn(`Another host has removed ${game.title}. The room code ${text.toUpperCase()} was not saved; it is there again when the game is.`);
  }
}
