// Keys that let the server tell a repeated request from a new one. A key stays with its request until an answer
// has come, so that pressing the button once more after a lost answer does not do it twice.

const KEPT_MS = 120_000;
const HEEDED = [
  /^\/api\/games(\/import\/csv)?$/,
  /^\/api\/sessions(\/\d+\/(games|chat-import|polls))?$/,
  /^\/api\/polls\/\d+\/votes$/,
  /^\/api\/votes\/live$/,
  /^\/api\/(webhooks|apps)$/,
];

const waiting = new Map<string, { key: string; since: number }>();

/** The key for a request, or none where the server heeds none. */
export function keyFor(url: string, body: string | undefined): string | undefined {
  const path = url.split('?')[0] ?? url;
  if (!HEEDED.some((pattern) => pattern.test(path))) return undefined;
  const name = nameOf(url, body);
  const known = waiting.get(name);
  if (known && Date.now() - known.since < KEPT_MS) return known.key;
  const key = randomKey();
  waiting.set(name, { key, since: Date.now() });
  return key;
}

/** An answer has come: the next such request is a new one. */
export function settled(url: string, body: string | undefined): void {
  waiting.delete(nameOf(url, body));
}

function nameOf(url: string, body: string | undefined): string {
  return `${url}\n${body ?? ''}`;
}

// Not crypto.randomUUID: pages that came over plain HTTP from the local network do not have it.
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
