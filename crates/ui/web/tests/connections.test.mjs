// Apps with their keys, and who is connected.
import assert from 'node:assert/strict';
import { eventually, scenario, soon } from './support/index.mjs';

const card = (visitor, name) => visitor.page.getByRole('region').or(visitor.page.locator('section')).filter({ has: visitor.page.getByRole('heading', { name, exact: true }) }).last();

/** Has the page subscribe to a channel of an app, as a client beside the dashboard. */
function subscribe({ page }, key, channel) {
  const subscribed = page.evaluate(
    ([key, channel]) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://${location.host}/app/${key}?protocol=7`);
        window.clients = [...(window.clients ?? []), socket];
        socket.onerror = () => reject(new Error('the socket was refused'));
        socket.onmessage = ({ data }) => {
          const { event } = JSON.parse(data);
          if (event === 'pusher:connection_established') socket.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel } }));
          if (event === 'pusher_internal:subscription_succeeded') resolve();
        };
      }),
    [key, channel],
  );
  return soon(`a subscription to ${channel}`, subscribed);
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

scenario('sockets and channels are counted, and looked into with the secret', async ({ host, open }) => {
  const { key, secret } = await host.post('/api/apps', { name: 'Shop', id: 'shop' });
  const visitor = await open('/connections', { signedIn: true, device: 'phone' });
  const shop = card(visitor, 'Shop');
  await (await visitor.see(shop.getByRole('button', { name: 'Look at its channels' }))).click();
  await shop.getByLabel('Secret of Shop').fill('a guess');
  visitor.watch.expect(/status of 401/);
  await shop.getByRole('button', { name: 'Look', exact: true }).click();
  await visitor.see(shop.getByRole('alert').filter({ hasText: 'auth_signature is wrong' }));
  await shop.getByLabel('Secret of Shop').fill(secret);
  await shop.getByRole('button', { name: 'Look', exact: true }).click();
  await visitor.see('Nobody is subscribed to a channel of this app');
  await subscribe(visitor, key, 'orders');
  await subscribe(visitor, key, 'orders');
  await visitor.see(shop.getByText('orders'));
  await visitor.see(shop.getByText('2 subscriptions'));
  await visitor.gone('Nobody is connected to a channel');
  await visitor.check();
  await visitor.page.evaluate(() => window.clients.forEach((socket) => socket.close()));
  await visitor.see('Nobody is subscribed to a channel of this app');
});
