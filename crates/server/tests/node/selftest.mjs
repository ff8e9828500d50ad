// Checks the receivers and the bot by themselves: `npm test`.
//
// Signs and posts to each mode, well and badly, and lets the bot talk to a small stand-in server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const SECRET = 'a secret with spaces, "quotes" and ü';
const TITLES = ['Quiplash 3', 'say "hi" \\ o/', '🎮 night', 'line\nbreak\ttab', 'sep\u2028ara\u2029tor', '\u0001\u007f</script>'];

// Starts a script of this folder; `next()` gives its next line as JSON.
function start(script, ...args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const line = await lines.next();
    assert.equal(line.done, false, `${script} ended early`);
    return JSON.parse(line.value);
  };
  const stop = () => {
    child.stdin.end();
    return ended;
  };
  return { next, stop };
}

function sign(body, { secret = SECRET, id = 'evt_1', at = Math.floor(Date.now() / 1000) } = {}) {
  const mac = (text, encoding) => createHmac('sha256', secret).update(text).digest(encoding);
  return {
    'content-type': 'application/json',
    'x-webhook-event': 'game.added',
    'x-webhook-signature': `sha256=${mac(body, 'hex')}`,
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': `v1,${mac(`${id}.${at}.${body}`, 'base64')}`,
  };
}

function bodyFor(title) {
  const timestamp = '2026-03-15T20:30:00.000Z';
  return JSON.stringify({ event: 'game.added', timestamp, data: { session: { id: 3 }, game: { id: 42, title } } });
}

async function post(receiver, port, body, headers) {
  const response = await fetch(`http://127.0.0.1:${port}/hook`, { method: 'POST', body, headers });
  await response.arrayBuffer();
  return { status: response.status, line: await receiver.next() };
}

async function checkMode(mode) {
  const receiver = start('receiver.mjs', mode, SECRET);
  const { port } = await receiver.next();
  for (const title of TITLES) {
    const body = bodyFor(title);
    const headers = sign(body);
    const { status, line } = await post(receiver, port, body, headers);
    assert.equal(status, 200, `${mode}: ${line.why}`);
    const signature_header = headers['x-webhook-signature'];
    assert.deepEqual(line, { ok: true, why: null, event: 'game.added', title, id: 'evt_1', signature_header });
  }
  const body = bodyFor('Fibbage 4');
  const bad = [
    ['another secret', body, sign(body, { secret: 'other' })],
    ['a changed body', body.replace('42', '43'), sign(body)],
    ['no signature', body, { 'content-type': 'application/json' }],
    ['not JSON', 'nonsense', sign('nonsense')],
  ];
  // Only a receiver that parses and writes again minds the body's exact spelling.
  if (mode === 'stringify') bad.push(['another spelling', `${body} `, sign(`${body} `)]);
  for (const [what, sent, headers] of bad) {
    const { status, line } = await post(receiver, port, sent, headers);
    assert.deepEqual([status, line.ok], [401, false], `${mode} took ${what}`);
    assert.ok(line.why, `${mode} gives no reason for ${what}`);
  }
  assert.equal(await receiver.stop(), 0);
}

// Stands in for the server: answers auth and subscribe, then closes as a server shutting down does.
async function checkBot() {
  const received = [];
  const http = createServer((_request, response) => response.end('{"id":7}'));
  const sockets = new WebSocketServer({ server: http, path: '/api/sessions/live' });
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      received.push(message);
      if (message.type === 'auth') socket.send('{"type":"auth_success"}');
      if (message.type === 'subscribe') {
        socket.send(JSON.stringify({ type: 'subscribed', sessionId: message.sessionId }));
        socket.close(1001);
      }
    });
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${http.address().port}`;
  for (const [given, subscribed] of [[['3'], 3], [[], 7]]) {
    const bot = start('bot.mjs', url, 'a.b.c', ...given);
    assert.deepEqual(await bot.next(), { type: 'auth_success' });
    assert.deepEqual(await bot.next(), { type: 'subscribed', sessionId: subscribed });
    assert.deepEqual(await bot.next(), { type: 'bot.closed', code: 1001 });
    await bot.stop();
    assert.deepEqual(received.splice(0), [
      { type: 'auth', token: 'a.b.c' },
      { type: 'subscribe', sessionId: subscribed },
    ]);
  }
  sockets.close();
  http.close();
}

for (const mode of ['standardwebhooks', 'raw', 'stringify']) await checkMode(mode);
await checkBot();
console.log('receivers and bot: ok');
