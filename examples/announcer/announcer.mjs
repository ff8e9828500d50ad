// Says which game comes next, from Fanfare's game socket. README.md says how to run it.
//
// Standard output carries the announcements and nothing else; what goes on behind them is told on
// standard error. Replace `announce` to speak in your own chat.
import WebSocket from 'ws';

const HEARTBEAT_MS = 30_000;
// Nothing heard for so long, pongs counted: the connection is dead though nobody closed it.
const SILENCE_MAX_MS = 75_000;
const RECONNECT_MIN_MS = 1_000;
const RECONNECT_MAX_MS = 30_000;

const base = (process.env.FANFARE_URL ?? 'http://127.0.0.1:5000').replace(/\/+$/, '');
const key = process.env.FANFARE_ADMIN_KEY;
if (!key && !process.env.FANFARE_TOKEN) {
  process.stderr.write('set FANFARE_ADMIN_KEY (or FANFARE_TOKEN); README.md says more\n');
  process.exit(64);
}

const say = (text) => process.stderr.write(`${text}\n`);
const announce = (title) => process.stdout.write(`🎮 Coming up next: ${title}!\n`);

// Asking for what comes after the end: the answer, `resync`, says where the session stands.
const FROM_NOW_ON = Number.MAX_SAFE_INTEGER;

// The session that is followed, and the `seq` of the last event heard of it: after a broken
// connection the server sends what came after that.
let session = null;
let lastSeq = 0;
let reconnectMs = RECONNECT_MIN_MS;

async function ask(path, options) {
  const response = await fetch(`${base}${path}`, { ...options, signal: AbortSignal.timeout(10_000) });
  const body = await response.json();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${body.error}`);
  return body;
}

// A token lasts 24 hours, a connection may last longer: with the key each connection gets a new one.
async function freshToken() {
  if (!key) return process.env.FANFARE_TOKEN;
  const headers = { 'Content-Type': 'application/json' };
  return (await ask('/api/auth/login', { method: 'POST', headers, body: JSON.stringify({ key }) })).token;
}

async function run() {
  const token = await freshToken();
  const socket = new WebSocket(`${base.replace(/^http/, 'ws')}/api/sessions/live`, { handshakeTimeout: 10_000 });
  const send = (message) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  let asked = null;
  const subscribe = () => {
    if (session === null || session === asked) return;
    if (asked !== null) send({ type: 'unsubscribe', sessionId: asked });
    asked = session;
    send({ type: 'subscribe', sessionId: session, after: lastSeq });
  };
  let heardAt = Date.now();
  const heartbeat = setInterval(() => {
    if (Date.now() - heardAt > SILENCE_MAX_MS) socket.terminate();
    else send({ type: 'ping' });
  }, HEARTBEAT_MS);

  // Games that were added before the bot ever came are no news; those it missed meanwhile are.
  async function followActive() {
    const active = await ask('/api/sessions/active');
    if (typeof active.id === 'number' && active.id > (session ?? 0)) {
      lastSeq = session === null ? FROM_NOW_ON : 0;
      session = active.id;
    }
    subscribe();
  }

  function heard(message) {
    const { data, seq } = message;
    if (seq !== undefined && message.type !== 'resync') {
      const of = data.session?.id ?? data.sessionId ?? data.session_id ?? session;
      if (of === session && seq <= lastSeq) return;
      if (of === session) lastSeq = seq;
    }
    switch (message.type) {
      case 'auth_success':
        reconnectMs = RECONNECT_MIN_MS;
        followActive().catch((error) => {
          say(error.message);
          socket.close();
        });
        break;
      case 'auth_error':
        say(`not signed in: ${message.message}`);
        socket.close();
        break;
      case 'session.started':
        say(`session ${data.session.id} has started`);
        if (data.session.id !== session) {
          session = data.session.id;
          lastSeq = seq;
          subscribe();
        }
        break;
      case 'subscribed':
        say(`listening to session ${message.sessionId}`);
        break;
      case 'resync':
        if (lastSeq !== FROM_NOW_ON) say(`events of session ${message.sessionId} were missed and are gone`);
        lastSeq = seq;
        break;
      case 'game.added':
        announce(data.game.title);
        break;
      case 'session.ended':
        say(`session ${data.session.id} has ended`);
        break;
      case 'error':
        say(`the server says: ${message.message}`);
        break;
    }
  }

  await new Promise((resolve) => {
    socket.on('open', () => send({ type: 'auth', token }));
    socket.on('message', (data) => {
      heardAt = Date.now();
      heard(JSON.parse(data));
    });
    socket.on('error', (error) => say(`socket: ${error.message}`));
    socket.on('close', (code) => {
      clearInterval(heartbeat);
      say(`disconnected (${code})`);
      resolve();
    });
  });
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
for (;;) {
  await run().catch((error) => say(error.message));
  await new Promise((resolve) => setTimeout(resolve, reconnectMs));
  reconnectMs = Math.min(reconnectMs * 2, RECONNECT_MAX_MS);
}
