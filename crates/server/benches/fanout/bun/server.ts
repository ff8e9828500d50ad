// A broadcasting server as small as it gets on Bun: `server.publish` is Bun's own, native fan-out, and the
// messages are those that clients of Fanfare's `/ws` know. Authorisation, presence and limits are left out,
// which is in its favour.

interface Message {
  event: string;
  channel?: string;
}

interface Publication {
  event: string;
  channel: string;
  data: unknown;
}

const MEBIBYTE = 1 << 20;
/** What may wait for one socket. Bun drops what comes on top of it. */
const BACKPRESSURE_MAX_BYTES = 64 * MEBIBYTE;
const IDLE_TIMEOUT_S = 900;
const ACTIVITY_TIMEOUT_S = 120;

const server = Bun.serve<{ id: string }>({
  hostname: "127.0.0.1",
  port: 0,
  maxRequestBodySize: MEBIBYTE,

  async fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === "/ws") {
      if (server.upgrade(request, { data: { id: crypto.randomUUID() } })) return;
      return new Response("a WebSocket is expected", { status: 426 });
    }
    if (pathname === "/publish" && request.method === "POST") {
      const { event, channel, data } = (await request.json()) as Publication;
      server.publish(channel, JSON.stringify({ event, channel, data }));
      return new Response("{}", { headers: { "content-type": "application/json" } });
    }
    return new Response("not found", { status: 404 });
  },

  websocket: {
    backpressureLimit: BACKPRESSURE_MAX_BYTES,
    idleTimeout: IDLE_TIMEOUT_S,

    open(socket) {
      const data = { socket_id: socket.data.id, activity_timeout: ACTIVITY_TIMEOUT_S };
      socket.send(JSON.stringify({ event: "connection_established", data }));
    },

    message(socket, text) {
      const { event, channel } = JSON.parse(String(text)) as Message;
      if (event === "subscribe" && channel) {
        socket.subscribe(channel);
        socket.send(JSON.stringify({ event: "subscription_succeeded", channel }));
      } else if (event === "unsubscribe" && channel) {
        socket.unsubscribe(channel);
      } else if (event === "ping") {
        socket.send(JSON.stringify({ event: "pong" }));
      }
    },
  },
});

console.log(`listening on http://${server.hostname}:${server.port}`);
