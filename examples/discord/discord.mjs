// Passes `game.added` webhooks of Fanfare on to a Discord channel. README.md says how to run it.
//
// Fanfare is answered after Discord has taken the message: if Discord is down or asks for patience,
// Fanfare keeps the event and tries again.
import { createHmac, timingSafeEqual } from 'node:crypto';
import express from 'express';

const BODY_MAX = '1mb';
const DISCORD_TIMEOUT_MS = 8_000;
// A delivery that is repeated (same `webhook-id`) is not posted twice; so many are remembered.
const REMEMBERED_MAX = 1_000;

const { WEBHOOK_SECRET: secret, DISCORD_WEBHOOK_URL: discordUrl } = process.env;
const host = process.env.HOST ?? '127.0.0.1';
const port = Number(process.env.PORT ?? 3001);
if (!secret || !discordUrl) {
  process.stderr.write('set WEBHOOK_SECRET and DISCORD_WEBHOOK_URL; README.md says more\n');
  process.exit(64);
}

const posted = new Set();

function isSigned(request) {
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(request.body).digest('hex')}`);
  const given = Buffer.from(request.get('X-Webhook-Signature') ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function discordLine({ session, game }) {
  return `🎮 **${game.title}** added to session #${session.id} (${game.min_players}-${game.max_players} players)`;
}

async function post(content) {
  const response = await fetch(discordUrl, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    // A title must not be able to call everybody.
    body: JSON.stringify({ content, allowed_mentions: { parse: [] } }),
    signal: AbortSignal.timeout(DISCORD_TIMEOUT_MS),
  });
  return { ok: response.ok, status: response.status, retryAfter: response.headers.get('retry-after') };
}

const app = express();
app.disable('x-powered-by');
app.post('/webhooks/jackbox', express.raw({ type: () => true, limit: BODY_MAX }), async (request, response) => {
  if (!Buffer.isBuffer(request.body) || !isSigned(request)) {
    return response.status(401).send('Invalid signature');
  }
  const { event, data } = JSON.parse(request.body);
  const id = request.get('webhook-id');
  if (event !== 'game.added' || posted.has(id)) return response.status(200).send('OK');
  const answer = await post(discordLine(data)).catch((error) => ({ ok: false, status: error.name }));
  if (!answer.ok) {
    // The address is a secret of its own, so only the status is told.
    process.stderr.write(`Discord did not take it: ${answer.status}\n`);
    if (answer.retryAfter) response.set('Retry-After', String(Math.ceil(Number(answer.retryAfter))));
    return response.status(503).send('Discord did not take it');
  }
  if (id) posted.add(id);
  if (posted.size > REMEMBERED_MAX) posted.delete(posted.values().next().value);
  process.stdout.write(`posted ${data.game.title}\n`);
  return response.status(200).send('OK');
});

const server = app.listen(port, host, (error) => {
  if (error) {
    process.stderr.write(`cannot listen: ${error.message}\n`);
    process.exit(1);
  }
  process.stdout.write(`listening on http://${host}:${server.address().port}/webhooks/jackbox\n`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
