// A webhook as it is in its form, where everything is text or a switch.
import type { Webhook } from '../../api/types';
import { Drafts, numberIn } from '../../lib/drafts.svelte';
import { randomSecret } from '../../lib/secret';
import { NIGHT_EVENTS } from './events';

type Header = { name: string; value: string };
type Format = Webhook['format'];
type Ordering = Webhook['ordering'];

export interface Draft {
  name: string;
  url: string;
  secret: string;
  all: boolean;
  events: string[];
  /** Names that are not in the list, with commas. */
  others: string;
  method: string;
  format: string;
  template: string;
  ordering: string;
  headers: Header[];
  timeout: string;
  inFlight: string;
  rate: string;
  /** Waits between attempts in seconds, with commas; empty: what the configuration says. */
  retries: string;
  app: string;
}

/** By the webhook's id, or `new`. Headers may hold a token, and the address of a chat's webhook is a secret itself. */
export const drafts = new Drafts<Draft>('webhook', ['secret', 'url', 'headers']);

const KNOWN = new Set(NIGHT_EVENTS.map(({ name }) => name));
const text = (value: number | null | undefined) => (value === null || value === undefined ? '' : String(value));

export function draftOf(webhook: Webhook | null): Draft {
  const events = webhook?.events ?? ['game.added'];
  return {
    name: webhook?.name ?? '',
    url: webhook?.url ?? '',
    secret: webhook ? '' : randomSecret(),
    all: events.includes('*'),
    events: events.filter((name) => KNOWN.has(name)),
    others: events.filter((name) => !KNOWN.has(name) && name !== '*').join(', '),
    method: webhook?.method ?? 'POST',
    format: webhook?.format ?? 'json',
    template: webhook?.template ?? '{"text":"{{ event }}"}',
    ordering: webhook?.ordering ?? 'none',
    headers: Object.entries(webhook?.headers ?? {}).map(([name, value]) => ({ name, value })),
    timeout: webhook?.timeout_ms ? String(webhook.timeout_ms / 1000) : '',
    inFlight: text(webhook?.max_in_flight),
    rate: text(webhook?.rate_limit),
    retries: webhook?.retry_schedule_ms ? webhook.retry_schedule_ms.map((wait) => wait / 1000).join(', ') || 'none' : '',
    app: webhook?.app ?? '',
  };
}

/** `1, 5, 60` in milliseconds; `none` never tries again. What is no number is left for the server to refuse. */
function scheduleOf(retries: string): number[] | null {
  const words = retries.split(/[\s,;]+/).filter(Boolean);
  if (words.length === 0) return null;
  if (words.length === 1 && words[0] === 'none') return [];
  return words.map((word) => Math.round(Number(word) * 1000));
}

export function bodyOf(draft: Draft) {
  const others = draft.others.split(/[\s,]+/).filter(Boolean);
  const timeout = numberIn(draft.timeout);
  return {
    name: draft.name,
    url: draft.url.trim(),
    events: [...(draft.all ? ['*'] : draft.events), ...others],
    method: draft.method as 'POST' | 'PUT',
    format: draft.format as Format,
    template: draft.format === 'template' ? draft.template : null,
    ordering: draft.ordering as Ordering,
    headers: Object.fromEntries(draft.headers.filter(({ name }) => name.trim() !== '').map(({ name, value }) => [name.trim(), value])),
    timeout_ms: timeout === null ? null : Math.round(timeout * 1000),
    max_in_flight: numberIn(draft.inFlight),
    rate_limit: numberIn(draft.rate),
    retry_schedule_ms: scheduleOf(draft.retries),
    app: draft.app.trim() || null,
  };
}
