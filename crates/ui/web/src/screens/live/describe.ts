// An event in a line.
import type { LiveEvent } from '../../api/types';

/** What it is about: the title, name or text that says most, if there is one. */
export function subjectOf({ data }: LiveEvent): string {
  const named = (value: unknown, ...names: string[]): string | undefined => {
    if (typeof value !== 'object' || value === null) return undefined;
    for (const name of names) {
      const found = (value as Record<string, unknown>)[name];
      if (typeof found === 'string' && found !== '') return found;
    }
    return undefined;
  };
  const parts = [
    named(data.vote, 'username'),
    named(data.vote, 'type'),
    named(data.game, 'title') ?? named(data, 'title'),
    named(data.webhook, 'name'),
    named(data, 'room_code', 'status', 'reason'),
    named(data.session, 'notes'),
    typeof data.playerCount === 'number' ? `${data.playerCount} players` : undefined,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

/** The session that it belongs to, if it belongs to one. */
export function sessionOf({ data }: LiveEvent): number | null {
  const session = data.session as { id?: unknown } | undefined;
  const id = session?.id ?? data.sessionId ?? data.session_id;
  return typeof id === 'number' ? id : null;
}
