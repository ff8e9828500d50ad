// The two ways to hear of a session: the public event stream, and the socket for those who are signed in.
import type { LiveEvent } from '../api/types';
import { readStream, StreamRefused } from './stream';

export interface Heard {
  /** The connection stands and nothing will be missed from here on. */
  opened(): void;
  /** Something came, be it only a sign of life. */
  alive(): void;
  /** Events up to this position need not be asked for again. */
  position(seq: number): void;
  event(event: LiveEvent): void;
  /** What was missed is no longer kept: fetch everything again. */
  resync(seq: number): void;
  /** The session is not there. */
  gone(): void;
  /** The token is not taken. */
  refused(): void;
  /** It is over; another one must be opened. Called once. */
  closed(): void;
}

export interface Transport {
  close(): void;
}

/** What is followed: a session from a position on, or nothing but what every socket hears. */
export interface Wanted {
  sessionId: number | null;
  after: number | null;
}

export function openStream({ sessionId, after }: Wanted, heard: Heard): Transport {
  const abort = new AbortController();
  let opened = false;
  const handlers = {
    alive() {
      if (!opened) heard.opened();
      opened = true;
      heard.alive();
    },
    message({ id, data }: { id: string | null; data: string }) {
      if (data) receive(JSON.parse(data) as Message, heard);
      if (id !== null && /^\d+$/.test(id)) heard.position(Number(id));
    },
  };
  readStream(`/api/sessions/${sessionId}/events`, { lastEventId: after, signal: abort.signal }, handlers)
    .catch((error: unknown) => {
      if (error instanceof StreamRefused && error.status === 404) heard.gone();
    })
    .finally(() => heard.closed());
  return { close: () => abort.abort() };
}

const PING_MS = 15_000;
/** How long a socket may take to open, once nobody wants it any more. */
const CONNECTING_MS = 5_000;
/** A position that no session reaches: asked for it, the server says where the session stands. */
const FUTURE = Number.MAX_SAFE_INTEGER;

export function openSocket({ sessionId, after }: Wanted, token: string, heard: Heard): Transport {
  const url = new URL('/api/sessions/live', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url);
  const startedAt = Date.now();
  const send = (message: object) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  const pinging = setInterval(() => send({ type: 'ping' }), PING_MS);

  socket.onopen = () => send({ type: 'auth', token });
  socket.onmessage = ({ data }) => {
    heard.alive();
    const message = JSON.parse(String(data)) as Message;
    switch (message.type) {
      case 'auth_success':
        if (sessionId === null) heard.opened();
        else send({ type: 'subscribe', sessionId, after: after ?? FUTURE });
        break;
      case 'auth_error':
        heard.refused();
        socket.close();
        break;
      case 'subscribed':
        heard.opened();
        break;
      case 'error':
        if (message.message === 'Session not found') heard.gone();
        break;
      case 'pong':
        break;
      case 'resync':
        // Whoever opens it fetches everything anyway; with the position nothing is missed after the first break.
        if (after === null) heard.position(message.seq ?? 0);
        else receive(message, heard);
        break;
      default:
        receive(message, heard);
    }
  };
  socket.onclose = () => {
    clearInterval(pinging);
    heard.closed();
  };
  return {
    close() {
      // Browsers complain of a socket that is closed before it is open; but one that hangs keeps the next from opening.
      const left = startedAt + CONNECTING_MS - Date.now();
      if (socket.readyState !== WebSocket.CONNECTING || left <= 0) return socket.close();
      socket.onopen = () => socket.close();
      setTimeout(() => socket.close(), left);
    },
  };
}

type Message = Partial<LiveEvent> & { type: string; message?: string };

function receive(message: Message, heard: Heard): void {
  if (message.type === 'resync') heard.resync(message.seq ?? 0);
  else if (message.data) {
    heard.event(message as LiveEvent);
    if (message.seq !== undefined) heard.position(message.seq);
  }
}
