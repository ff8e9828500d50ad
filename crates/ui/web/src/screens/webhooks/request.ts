// What a delivery asks of its receiver, as one reads it.
import type { Delivery, Webhook } from '../../api/types';

/** The request's head, and the event that its body tells. The signatures are not kept, so they are not shown. */
export function requestOf(webhook: Webhook, delivery: Delivery): string {
  const head = [
    `${webhook.method} ${webhook.url}`,
    'Content-Type: application/json',
    ...Object.entries(webhook.headers).map(([name, value]) => `${name}: ${value}`),
    `webhook-id: ${delivery.event_id}`,
    `X-Webhook-Event: ${delivery.event_type}`,
  ];
  const body = { event: delivery.event_type, timestamp: delivery.event_at, data: delivery.payload };
  return `${head.join('\n')}\n\n${JSON.stringify(body, null, 2)}`;
}
