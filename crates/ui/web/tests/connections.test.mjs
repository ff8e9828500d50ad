// Apps with their keys, and who is there.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { eventually, scenario, soon } from './support/index.mjs';

const card = (visitor, name) => visitor.page.getByRole('region').or(visitor.page.locator('section')).filter({ has: visitor.page.getByRole('heading', { name, exact: true }) }).last();

/** Has the page subscribe to a channel of an app, as a client beside the dashboard; `signed` is what goes with a socket's id. */
async function subscribe({ page }, key, channel, signed = () => ({})) {
  const id = await soon('a socket', page.evaluate(
    (key) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://${location.host}/app/${key}?protocol=7`);
        window.clients = [...(window.clients ?? []), socket];
        const at = window.clients.length - 1;
        window.codes ??= [];
        socket.onclose = ({ code }) => (window.codes[at] = code);
        socket.onerror = () => reject(new Error('the socket was refused'));
        socket.onmessage = ({ data }) => resolve(JSON.parse(JSON.parse(data).data).socket_id);
      }),
    key,
  ));
  const data = { channel, ...signed(id) };
  await soon(`a subscription to ${channel}`, page.evaluate(
    (data) =>
      new Promise((resolve) => {
        const socket = window.clients.at(-1);
        socket.onmessage = (message) => JSON.parse(message.data).event === 'pusher_internal:subscription_succeeded' && resolve();
        socket.send(JSON.stringify({ event: 'pusher:subscribe', data }));
      }),
    data,
  ));
}

scenario('an app is made, its key and secret shown, changed, rotated and deleted', async ({ host, open }) => {
  const visitor = await open('/connections', { signedIn: true });
  await visitor.see('Nobody is connected to a channel');
  await visitor.page.getByRole('button', { name: 'Add an app' }).click();
  const form = visitor.page.getByRole('dialog', { name: 'Add an app' });
  await form.getByLabel('Name').fill('Chat 🏠');
  await form.getByLabel('Id', { exact: true }).fill('no good id');
  visitor.watch.expect(/status of 400/);
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  const refusal = await host.send('POST', '/api/apps', { name: 'Chat', id: 'no good id' });
  await visitor.see(form.getByRole('alert').filter({ hasText: refusal.body.error }));
  await visitor.check();
  await form.getByLabel('Id', { exact: true }).fill('chat');
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  const app = await eventually('the app', async () => (await host.get('/api/apps')).find(({ id }) => id === 'chat'));
  const secret = card(visitor, 'Chat 🏠').getByRole('group', { name: /The secret of/ });
  await visitor.see(secret);
  await visitor.see(card(visitor, 'Chat 🏠').getByText(app.key));
  const first = await secret.locator('code').innerText();
  await visitor.check();

  await card(visitor, 'Chat 🏠').getByRole('button', { name: 'Rotate secret' }).click();
  await visitor.page.getByRole('dialog', { name: 'Rotate the secret?' }).getByRole('button', { name: 'Rotate' }).click();
  await eventually('another secret', async () => (await secret.locator('code').innerText()) !== first);
  await visitor.see(/taken as well until/);

  await card(visitor, 'Chat 🏠').getByRole('button', { name: 'Change' }).click();
  const change = visitor.page.getByRole('dialog', { name: 'Change the app' });
  await change.getByLabel('Connections at once').fill('500');
  await change.getByRole('switch', { name: /Client events/ }).click();
  await change.getByRole('button', { name: 'Save' }).click();
  await visitor.see('Connections at once: 500');
  const changed = await host.get('/api/apps/chat');
  assert.deepEqual([changed.connections_max, changed.client_events], [500, false]);

  await card(visitor, 'Chat 🏠').getByRole('button', { name: 'Delete' }).click();
  await visitor.page.getByRole('dialog', { name: 'Delete this app?' }).getByRole('button', { name: 'Delete' }).click();
  await visitor.gone(visitor.page.getByRole('heading', { name: 'Chat 🏠' }));
  assert.equal((await host.get('/api/apps')).length, 1);
});

scenario('channels, members and sockets are seen without a secret', async ({ host, open }) => {
  const { key, secret } = await host.post('/api/apps', { name: 'Shop', id: 'shop' });
  const visitor = await open('/connections', { signedIn: true, device: 'phone' });
  const shop = card(visitor, 'Shop');
  await (await visitor.see(shop.getByRole('button', { name: 'Look who is there' }))).click();
  await visitor.see('Nobody is subscribed to a channel of this app');
  await visitor.see('No socket of this app is open');
  await subscribe(visitor, key, 'orders');
  await subscribe(visitor, key, 'orders');
  await subscribe(visitor, key, 'presence-room', (id) => {
    const channel_data = JSON.stringify({ user_id: 'ann', user_info: { name: 'Ann <i>' } });
    return { auth: `${key}:${createHmac('sha256', secret).update(`${id}:presence-room:${channel_data}`).digest('hex')}`, channel_data };
  });
  const channels = shop.getByRole('region', { name: 'Channels of Shop' });
  await visitor.see(channels.getByText('orders'));
  await visitor.see(channels.getByText('2 subscriptions'));
  await visitor.gone('Nobody is connected to a channel');
  await (await visitor.see(channels.getByRole('button', { name: '1 member' }))).click();
  const members = channels.getByRole('list', { name: 'Members of presence-room' });
  await visitor.see(members.getByText('ann', { exact: true }));
  await visitor.see(members.getByText('{"name":"Ann <i>"}'));

  const sockets = shop.getByRole('region', { name: 'Sockets of Shop' });
  const { connections } = await host.get('/api/apps/shop/connections');
  assert.equal(connections.length, 3);
  for (const { socket_id } of connections) await visitor.see(sockets.getByText(socket_id));
  await visitor.see(sockets.getByText(new URL(visitor.page.url()).origin).first());
  await visitor.check();

  const [newest, ...others] = connections;
  await sockets.getByRole('button', { name: `Close ${newest.socket_id}` }).click();
  await visitor.page.getByRole('dialog', { name: 'Close this socket?' }).getByRole('button', { name: 'Close it' }).click();
  await visitor.gone(sockets.getByText(newest.socket_id));
  await visitor.gone(channels.getByText('presence-room'));
  assert.equal(await visitor.page.evaluate(() => window.codes[2]), 4009);
  for (const { socket_id } of others) await visitor.see(sockets.getByText(socket_id));
  await visitor.page.evaluate(() => window.clients.forEach((socket) => socket.close()));
  await visitor.see('Nobody is subscribed to a channel of this app');
  await visitor.see('No socket of this app is open');
});
