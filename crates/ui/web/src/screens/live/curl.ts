// Commands that do what the page does; the token is left to the reader's shell.

const quoted = (text: string): string => `'${text.replace(/'/g, "'\\''")}'`;
const AUTH = '-H "Authorization: Bearer $TOKEN"';

/** Follows all events. */
export const tailCommand = (origin: string): string => `curl -N ${AUTH} ${quoted(`${origin}/api/events`)}`;

/** Tells the webhooks of an event once more. */
export function fireCommand(origin: string, event: string, data: unknown): string {
  const body = JSON.stringify({ event, data });
  return `curl -X POST ${AUTH} -H 'Content-Type: application/json' -d ${quoted(body)} ${quoted(`${origin}/api/events/fire`)}`;
}
