// A web application's server side on Pusher's own SDK, driven by a test:
// `node backend.mjs URL APP_ID KEY SECRET`.
//
// Signs channels and users over HTTP at a port that it prints first, for anybody: the parameter `user` says
// who it is, as JSON (`"ann"`, `7`). Publishes and asks with the SDK's methods, and prints their answers.
import express from 'express';
import Pusher from 'pusher';
import { obey, report } from './commands.mjs';

const [url, appId, key, secret] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const encryptionMasterKeyBase64 = Buffer.alloc(32, 7).toString('base64');
const pusher = new Pusher({ appId, key, secret, host: hostname, port, useTLS: false, encryptionMasterKeyBase64 });

const app = express();
app.use(express.urlencoded({ extended: false }));
app.post(['/pusher/auth', '/broadcasting/auth'], (request, response) => {
  const { socket_id, channel_name, user } = request.body;
  if (user === undefined) return response.status(403).send('Forbidden');
  const user_id = JSON.parse(user);
  const member = channel_name.startsWith('presence-') ? { user_id, user_info: { name: `user ${user_id}` } } : undefined;
  return response.send(pusher.authorizeChannel(socket_id, channel_name, member));
});
app.post('/pusher/user-auth', (request, response) => {
  const id = JSON.parse(request.body.user);
  response.send(pusher.authenticateUser(request.body.socket_id, { id, name: `user ${id}` }));
});
const server = app.listen(0, '127.0.0.1', () => report({ port: server.address().port }));

await obey({
  // The SDK refuses by throwing, or by an error that has the server's answer.
  async call({ method, args }) {
    try {
      const response = await pusher[method](...args);
      report({ status: response.status, body: await response.json() });
    } catch (error) {
      report({ status: error.status ?? null, body: error.body ?? error.message });
    }
  },
});
