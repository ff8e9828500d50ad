// pusher-js as it comes from npm, driven by a test: `node pusher-client.mjs URL KEY [AUTH_URL [USER [TOKEN]]]`.
//
// AUTH_URL is where channels and users are signed, with the paths /pusher/auth and /pusher/user-auth; USER is
// sent there as the parameter `user`, TOKEN as a bearer token. Prints every change of state, every error of
// the connection and every event of the channels, one JSON line each.
import Pusher from 'pusher-js';
import { obey, report } from './commands.mjs';

const [url, key, authUrl = url, user, token] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const params = user ? { user } : {};
const headers = token ? { Authorization: `Bearer ${token}` } : {};
const asking = (path) => ({ endpoint: `${authUrl}${path}`, transport: 'ajax', params, headers });

const pusher = new Pusher(key, {
  cluster: '',
  wsHost: hostname,
  wsPort: Number(port),
  forceTLS: false,
  enabledTransports: ['ws'],
  channelAuthorization: asking('/pusher/auth'),
  userAuthentication: asking('/pusher/user-auth'),
});

pusher.connection.bind('state_change', ({ current }) => {
  report(current === 'connected' ? { state: current, id: pusher.connection.socket_id } : { state: current });
});
pusher.connection.bind('error', ({ type, data, error }) => report({ error: data ?? error?.data ?? type }));
pusher.connection.bind('message', ({ event, data }) => {
  if (event === 'pusher:pong') report({ pong: true });
  if (event === 'pusher:signin_success') report({ signed_in: JSON.parse(data.user_data) });
});
pusher.user.bind_global((event, data) => report({ user: event, data }));

function heard(channel, event, data, { user_id } = {}) {
  if (event === 'pusher:subscription_succeeded' && channel.members) {
    const { members, count, myID } = channel.members;
    report({ channel: channel.name, event, members, count, me: myID });
  } else {
    report({ channel: channel.name, event, data, ...(user_id === undefined ? {} : { user_id }) });
  }
}

// An event's metadata reaches only callbacks of that event.
function listen(channel, events) {
  channel.bind_global((event, data) => {
    if (!events.includes(event)) heard(channel, event, data);
  });
  for (const event of events) channel.bind(event, (data, metadata) => heard(channel, event, data, metadata));
}

await obey({
  subscribe: ({ channel, events = [] }) => listen(pusher.subscribe(channel), events),
  unsubscribe: ({ channel }) => pusher.unsubscribe(channel),
  trigger: ({ channel, event, data }) => pusher.channel(channel).trigger(event, data),
  // The answer comes behind everything that was on its way.
  ping: () => pusher.connection.send_event('pusher:ping', {}),
  signin: () => pusher.signin(),
  disconnect: () => pusher.disconnect(),
});
