// How a webhook and its deliveries do, in a word and a colour.
import type { Delivery, Webhook } from '../../api/types';
import { plural } from '../../lib/format';

type Tone = 'plain' | 'accent' | 'violet' | 'good' | 'bad';

export function healthOf(webhook: Webhook): { word: string; tone: Tone } {
  if (!webhook.enabled) return { word: webhook.disabled_reason ? 'Given up' : 'Off', tone: webhook.disabled_reason ? 'bad' : 'plain' };
  const { failures, held_until } = webhook.health;
  if (held_until) return { word: 'Resting', tone: 'bad' };
  if (failures > 0) return { word: `${plural(failures, 'failure')} in a row`, tone: 'accent' };
  return { word: 'On', tone: 'good' };
}

/** The states of what has not arrived, which are listed each by itself. */
export type Undelivered = Exclude<Delivery['state'], 'delivered'>;

export const STATES: Record<Delivery['state'], { word: string; tone: Tone }> = {
  pending: { word: 'Waiting', tone: 'accent' },
  delivered: { word: 'Delivered', tone: 'good' },
  failed: { word: 'Failed', tone: 'bad' },
  held: { word: 'Held back', tone: 'violet' },
  cancelled: { word: 'Called off', tone: 'plain' },
};
