// An app as it is in its form, where everything is text or a switch.
import type { App } from '../../api/types';
import { Drafts, numberIn } from '../../lib/drafts.svelte';

export const LIMITS = [
  { name: 'connections_max', label: 'Connections at once' },
  { name: 'channels_max_per_connection', label: 'Channels of a connection' },
  { name: 'members_max', label: 'Members of a presence channel' },
  { name: 'messages_per_second', label: 'Messages a second' },
  { name: 'client_events_per_second', label: 'Client events a second' },
  { name: 'data_max_bytes', label: 'Bytes of an event' },
] as const;

type Limit = (typeof LIMITS)[number]['name'];

export interface Draft extends Record<Limit, string | number | null> {
  name: string;
  id: string;
  client_events: boolean;
  subscription_counts: boolean;
}

/** By the app's id or `new app`. */
export const drafts = new Drafts<Draft>('app');

export function draftOf(app: App | null): Draft {
  return {
    name: app?.name ?? '',
    id: '',
    ...(Object.fromEntries(LIMITS.map(({ name }) => [name, app?.[name] ?? ''])) as Record<Limit, string | number>),
    client_events: app?.client_events ?? true,
    subscription_counts: app?.subscription_counts ?? false,
  };
}

export function bodyOf(draft: Draft) {
  const limits = Object.fromEntries(LIMITS.map(({ name }) => [name, numberIn(draft[name])])) as Record<Limit, number | null>;
  return { name: draft.name, ...limits, client_events: draft.client_events, subscription_counts: draft.subscription_counts };
}
