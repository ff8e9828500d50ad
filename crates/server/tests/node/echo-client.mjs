// laravel-echo on pusher-js, both as they come from npm, driven by a test:
// `node echo-client.mjs BROADCASTER URL KEY AUTH_URL USER [TOKEN]`.
//
// BROADCASTER is `pusher` or `reverb`; AUTH_URL is where channels are signed, USER is sent there as the
// parameter `user`, TOKEN as a bearer token. Prints what its callbacks are told, one JSON line each.
import Echo from 'laravel-echo';
import Pusher from 'pusher-js';
import { obey, report } from './commands.mjs';

const [broadcaster, url, key, authUrl, user, bearerToken] = process.argv.slice(2);
const { hostname, port } = new URL(url);

const echo = new Echo({
  broadcaster,
  Pusher,
  key,
  cluster: '',
  wsHost: hostname,
  wsPort: Number(port),
  forceTLS: false,
  enabledTransports: ['ws'],
  authEndpoint: `${authUrl}/broadcasting/auth`,
  auth: { params: user ? { user } : {}, headers: {} },
  ...(bearerToken ? { bearerToken } : {}),
});

const channels = new Map();

function follow(name, channel, { events = [], whispers = [] }) {
  channels.set(name, channel);
  channel.subscribed(() => report({ channel: name, subscribed: true }));
  channel.error((error) => report({ channel: name, error }));
  for (const event of events) channel.listen(event, (data) => report({ channel: name, event, data }));
  for (const whisper of whispers) {
    channel.listenForWhisper(whisper, (data) => report({ channel: name, whisper, data }));
  }
}

await obey({
  channel: ({ name, ...rest }) => follow(name, echo.channel(name), rest),
  private: ({ name, ...rest }) => follow(name, echo.private(name), rest),
  join({ name, ...rest }) {
    const channel = echo.join(name);
    channel.here((members) => report({ channel: name, here: members }));
    channel.joining((member) => report({ channel: name, joining: member }));
    channel.leaving((member) => report({ channel: name, leaving: member }));
    follow(name, channel, rest);
  },
  whisper: ({ name, whisper, data }) => channels.get(name).whisper(whisper, data),
  leave: ({ name }) => echo.leave(name),
  disconnect: () => echo.disconnect(),
});
