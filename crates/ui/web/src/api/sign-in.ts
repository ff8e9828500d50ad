import { auth } from './auth.svelte';
import { api } from './client';

/** Trades the key for a token; throws the server's text when it is not taken. */
export async function signIn(key: string): Promise<void> {
  const { token } = await api.post('/api/auth/login', { body: { key } });
  auth.accept(token);
}
