// A bot on the WebSocket: `node bot.mjs URL TOKEN [SESSION_ID]`, URL being the server's http address.
//
// Authenticates, subscribes to the session (without an id: to the active one, asked over HTTP),
// and prints every message of the server as one JSON line. Ends when its standard input closes,
// or with a line {"type":"bot.closed","code":N} when the server closes the socket.
import WebSocket from 'ws';

const HEARTBEAT_MS = 30_000;

const [url, token, sessionId] = process.argv.slice(2);
if (!url || token === undefined) {
  process.stderr.write('usage: node bot.mjs URL TOKEN [SESSION_ID]\n');
  process.exit(64);
}

const base = url.replace(/\/$/, '');
const socket = new WebSocket(`${base.replace(/^http/, 'ws')}/api/sessions/live`);

function report(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function send(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

async function activeSession() {
  const response = await fetch(`${base}/api/sessions/active`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  return response.ok ? (await response.json())?.id : undefined;
}

async function subscribe() {
  const id = sessionId === undefined ? await activeSession() : Number(sessionId);
  if (id !== undefined) send({ type: 'subscribe', sessionId: id });
}

socket.on('open', () => {
  send({ type: 'auth', token });
  setInterval(() => send({ type: 'ping' }), HEARTBEAT_MS).unref();
});
socket.on('message', (data) => {
  const message = JSON.parse(data);
  report(message);
  if (message.type === 'auth_success') {
    subscribe().catch((error) => report({ type: 'bot.error', message: error.message }));
  }
});
socket.on('error', (error) => report({ type: 'bot.error', message: error.message }));
socket.on('close', (code) => {
  report({ type: 'bot.closed', code });
  process.exit(0);
});
process.stdin.resume().on('end', () => socket.terminate());
