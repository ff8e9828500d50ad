// Nothing is lost when the server dies or the network is gone: pages come back by themselves, and show what happened
// meanwhile.
import assert from 'node:assert/strict';
import { play, scenario, startNight, vote } from './support/index.mjs';

/** Fails later when the page was loaded anew. */
const mark = (visitor) => visitor.page.evaluate(() => (window.neverReloaded = true));
const wasReloaded = (visitor) => visitor.page.evaluate(() => window.neverReloaded !== true);

async function three(open) {
  const everybody = [
    await open('/', { device: 'phone' }),
    await open('/', { device: 'phone', signedIn: true }),
    await open('/tv', { device: 'tv' }),
  ];
  await Promise.all(everybody.map((visitor) => visitor.badge('Live')));
  await Promise.all(everybody.map(mark));
  return everybody;
}

scenario('a server that is killed in the middle and started again is no reason to reload', async ({ server, host, open, outage }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  const everybody = await three(open);
  const all = (look) => Promise.all(everybody.map(look));
  await all((visitor) => visitor.see(visitor.page.getByRole('heading', { name: 'Quiplash 3' })));

  for (const [round, title] of ['Fibbage 4', 'Champ\'d Up'].entries()) {
    await outage(async () => {
      await server.kill();
      await all((visitor) => visitor.badge('Offline'));
      await server.start();
      // Before anybody is back.
      await play(host, session, title, { room_code: 'BACK' });
      await vote(host, `ann ${round}`, 'up');
      await all((visitor) => visitor.badge('Live'));
    });
    await all((visitor) => visitor.see(visitor.page.getByRole('heading', { name: title })));
    await all((visitor) => visitor.see(visitor.page.getByRole('group', { name: 'Votes tonight' }).filter({ hasText: /1\s*for it/ })));
  }
  await vote(host, 'bob', 'down');
  await all((visitor) => visitor.see(visitor.page.getByRole('group', { name: 'Votes tonight' }).filter({ hasText: /1\s*against it/ })));
  for (const title of ['Quiplash 3', 'Fibbage 4']) {
    await all((visitor) => visitor.see(visitor.page.getByRole('listitem').filter({ hasText: title })));
  }
  assert.deepEqual(await Promise.all(everybody.map(wasReloaded)), [false, false, false]);
});

scenario('a night that ended while the server was away is over', async ({ server, host, open, outage }) => {
  const session = await startNight(host);
  const everybody = await three(open);
  const all = (look) => Promise.all(everybody.map(look));
  await outage(async () => {
    await server.kill();
    await all((visitor) => visitor.badge('Offline'));
    await server.start();
    await host.post(`/api/sessions/${session.id}/close`);
    const next = await startNight(host, 'The second half');
    await play(host, next, 'Quiplash 3');
    await all((visitor) => visitor.badge('Live'));
  });
  await all((visitor) => visitor.see('The second half'));
  await all((visitor) => visitor.see(visitor.page.getByRole('heading', { name: 'Quiplash 3' })));
  assert.deepEqual(await Promise.all(everybody.map(wasReloaded)), [false, false, false]);
});

scenario('who was without a network catches up', async ({ host, open, outage }) => {
  const session = await startNight(host);
  const everybody = await three(open);
  const all = (look) => Promise.all(everybody.map(look));
  await outage(async () => {
    await all((visitor) => visitor.page.context().setOffline(true));
    await all((visitor) => visitor.badge('Offline'));
    await play(host, session, 'Quiplash 3');
    await all((visitor) => visitor.page.context().setOffline(false));
    await all((visitor) => visitor.badge('Live'));
  });
  await all((visitor) => visitor.see(visitor.page.getByRole('heading', { name: 'Quiplash 3' })));
  assert.deepEqual(await Promise.all(everybody.map(wasReloaded)), [false, false, false]);
});
