// An app as it is in its form, where everything is text or a switch.
import type { App } from '../../api/types';

export const LIMITS = [
  { name: 'connections_max', label: 'Connections at once' },
  { name: 'channels_max_per_connection', label: 'Channels of a connection' },
  { name: 'members_max', label: 'Members of a presence channel' },
  { name: 'messages_per_second', label: 'Messages a second' },
  { name: 'client_events_per_second', label: 'Client events a second' },
  { name: 'data_max_bytes', label: 'Bytes of an event' },
] as const;

type Limit = (typeof LIMITS)[number]['name'];

export interface Draft {
  name: string;
  id: string;
  limits: Record<Limit, string | number | null>;
  client_events: boolean;
  subscription_counts: boolean;
}

/** What was typed and is not saved yet, by the app's id or `new app`. */
export const drafts = $state<Record<string, Draft>>({});

export function draftOf(app: App | null): Draft {
  return {
    name: app?.name ?? '',
    id: '',
    limits: Object.fromEntries(LIMITS.map(({ name }) => [name, app?.[name] ?? ''])) as Draft['limits'],
    client_events: app?.client_events ?? true,
    subscription_counts: app?.subscription_counts ?? false,
  };
}

export function bodyOf(draft: Draft) {
  const limit = (name: Limit) => (draft.limits[name] === '' || draft.limits[name] === null ? null : Number(draft.limits[name]));
  const limits = Object.fromEntries(LIMITS.map(({ name }) => [name, limit(name)])) as Record<Limit, number | null>;
  return { name: draft.name, ...limits, client_events: draft.client_events, subscription_counts: draft.subscription_counts };
}
