// Every screen by its own address: at each size, in both themes, signed in and not.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DEVICES, ODD_TEXTS, THEMES, addGame, addWebhook, pastNight, play, scenario, startNight, vote } from './support/index.mjs';

const routes = readFileSync(new URL('../src/routes.ts', import.meta.url), 'utf8');
const PATHS = [...routes.matchAll(/path: '([^']+)'/g)].map(([, path]) => path);

/** A house where something is on every screen, with texts that layouts break on. Returns the ids of what is there. */
async function furnish({ host, receiver }) {
  const odd = await Promise.all(Object.values(ODD_TEXTS).map((title) => addGame(host, { title })));
  const past = await pastNight(host, ['Quiplash 3', odd[0].title], ODD_TEXTS.rightToLeft);
  const webhook = await addWebhook(host, receiver, { name: ODD_TEXTS.unbroken, events: ['*'] });
  const session = await startNight(host, ODD_TEXTS.long);
  await play(host, session, odd[1].title);
  await play(host, session, odd[3].title, { room_code: 'ABCD' });
  for (const name of ['ann', 'bob', 'cem']) await vote(host, name, 'up');
  await host.post(`/api/sessions/${session.id}/polls`, { gameIds: odd.slice(0, 3).map(({ id }) => id), seconds: 300 });
  return { session: session.id, history: past.id, webhooks: webhook.id };
}

scenario('there are screens to be looked at', ({ server }) => {
  assert.ok(PATHS.includes('/') && PATHS.includes('/tv'), `${PATHS}`);
  return Promise.all(PATHS.map(async (path) => {
    const { status } = await server.visitor().send('GET', path.replace(/\{\w+\}/, '1'));
    assert.equal(status, 200, `${path} is a screen that the server does not know`);
  }));
});

for (const path of PATHS) {
  scenario(`${path} opens by its address at every size, in both themes`, { receiver: true }, async (stage) => {
    const ids = await furnish(stage);
    const address = path.replace(/\{\w+\}/, () => ids[path.split('/')[1]]);
    for (const device of Object.keys(DEVICES)) {
      const visitor = await stage.open(address, { device, theme: THEMES[0], signedIn: true });
      await visitor.ready();
      for (const theme of THEMES) {
        await visitor.theme(theme);
        await visitor.check();
      }
      await visitor.close();
    }
    const stranger = await stage.open(address, { device: 'phone', theme: 'light' });
    await stranger.ready();
    await stranger.check();
  });

  scenario(`${path} says what to do when there is nothing yet`, async ({ open }) => {
    const visitor = await open(path.replace(/\{\w+\}/, '1'), { device: 'phone', signedIn: true });
    // What its number names is not there.
    if (path.includes('{')) visitor.watch.expect(/status of 404/);
    await visitor.ready();
    await visitor.check();
  });
}

scenario('an address that is no screen is refused', async ({ server }) => {
  const { status, body } = await server.visitor().send('GET', '/no-such-screen');
  assert.equal(status, 404);
  assert.equal(typeof body.error, 'string');
});

scenario('who goes to an address that is no screen is told so, and helped on', async ({ server, open }) => {
  for (const address of ['/no-such-screen', '/history/abc']) {
    const visitor = await open('/', { device: 'phone' });
    await visitor.ready();
    visitor.watch.expect(/status of 404/);
    await visitor.page.goto(server.url + address);
    await visitor.see('There is no such page');
    await visitor.check();
    await visitor.page.getByRole('link', { name: 'Back to Tonight' }).click();
    await visitor.see('No game night is on');
  }
});
