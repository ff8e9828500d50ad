import { api } from '../../api/client';
import { router } from '../../lib/router.svelte';
import { tonight } from '../../live/session.svelte';
import { toast } from '../../ui/toast.svelte';
import { picker } from './picker.svelte';

/**
 * Puts a game on and goes to where it is run, unless one has gone elsewhere meanwhile; starts a night for it where none
 * is on.
 */
export async function putOn(game: { id: number; title: string }, chosenByHand: boolean): Promise<void> {
  const { visit } = router;
  const night = tonight.active && tonight.session ? tonight.session : await api.post('/api/sessions', { body: {} });
  await api.post('/api/sessions/{id}/games', {
    path: { id: night.id },
    body: { game_id: game.id, manually_added: chosenByHand },
  });
  picker.done();
  // What events tell comes a moment later than the answer; the next screen is to show the game at once.
  await tonight.refresh().catch(() => undefined);
  toast(`${game.title} is on`);
  if (router.visit === visit) await router.go('/session');
}
