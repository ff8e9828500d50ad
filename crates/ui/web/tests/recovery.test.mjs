// Nothing is lost when the server dies or the network is gone: pages come back by themselves, and show what happened
// meanwhile.
import assert from 'node:assert/strict';
import { Hole } from './support/hole.mjs';
import { addGame, eventually, pastNight, play, scenario, startNight, vote } from './support/index.mjs';

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

/** Screens that nothing but the connection keeps current, and what must be seen on each after the break. */
const AWAY = [
  ['/library', 'Brand new game'],
  ['/history', 'While you were away'],
  ['/statistics', 'Brand new game'],
  ['/pick', '64 games match'],
];

async function happenElsewhere(host, past) {
  await addGame(host, { title: 'Brand new game' });
  const night = await startNight(host, 'While you were away');
  await play(host, night, 'Brand new game');
  await host.post(`/api/sessions/${night.id}/close`);
  const [row] = await host.get(`/api/sessions/${past.id}/games`);
  await host.delete(`/api/sessions/${past.id}/games/${row.id}`);
}

scenario('every screen is current before the badge says so', async ({ host, open, outage }) => {
  const past = await pastNight(host, ['Quiplash 3', 'Drawful 2'], 'Long ago');
  const screens = [...AWAY, [`/history/${past.id}`, null], [`/session/${past.id}`, null]];
  const everybody = [];
  for (const [path, text] of screens) everybody.push({ visitor: await open(path, { signedIn: true }), text });
  for (const { visitor } of everybody) await visitor.badge('Live');
  for (const { visitor } of everybody.slice(-2)) await visitor.see(visitor.page.getByText('Quiplash 3'));
  await outage(async () => {
    for (const { visitor } of everybody) await visitor.page.context().setOffline(true);
    for (const { visitor } of everybody) await visitor.badge('Offline');
    await happenElsewhere(host, past);
    for (const { visitor } of everybody) await visitor.page.context().setOffline(false);
  });
  for (const { visitor, text } of everybody) {
    await visitor.badge('Live');
    if (text) assert.ok(await visitor.page.getByText(text).first().isVisible(), `${visitor.name} shows ${text}`);
    else assert.equal(await visitor.page.getByText('Quiplash 3').count(), 0, `${visitor.name} shows what is gone`);
  }
});

scenario('a screen that was opened while the server was away comes by itself', async ({ host, server, open, outage }) => {
  await pastNight(host, ['Quiplash 3'], 'Long ago');
  const visitor = await open('/history', { signedIn: true });
  await visitor.see('Long ago');
  const to = (name) => visitor.page.getByRole('link', { name, exact: true }).first().click();
  await to('Library');
  await visitor.see('Bidiots');
  await outage(async () => {
    await server.kill();
    await visitor.badge('Offline');
    await to('History');
    await visitor.see('The server cannot be reached');
    await server.start();
    await visitor.badge('Live');
  });
  await visitor.see('Long ago');
  await visitor.gone('The server cannot be reached');
});

scenario('connections that swallow everything are given up', async ({ host, server, open, outage }) => {
  const session = await startNight(host);
  const hole = await Hole.before(server);
  try {
    const visitor = await open('/', { signedIn: true, at: hole, clock: true });
    await visitor.badge('Live');
    await outage(async () => {
      hole.swallow();
      await visitor.page.clock.runFor(26_000);
      await visitor.badge('Offline');
      await play(host, session, 'Quiplash 3');
      // An attempt that hangs.
      await visitor.page.clock.runFor(2_000);
      hole.mend();
      // What the browser keeps for its next request is lost as well.
      let seconds = 0;
      await eventually('a live page', async () => {
        await visitor.page.clock.runFor(1_000);
        seconds++;
        return visitor.page.getByLabel('Connection: Live').isVisible();
      });
      assert.ok(seconds < 120, `it took ${seconds} s`);
    });
    await visitor.see(visitor.page.getByRole('heading', { name: 'Quiplash 3' }));
  } finally {
    await hole.close();
  }
});
