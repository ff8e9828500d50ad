// The tail of all events.
import assert from 'node:assert/strict';
import { ODD_TEXTS, addGame, eventually, play, scenario, startNight, vote } from './support/index.mjs';

const lines = (visitor) => visitor.page.getByRole('list', { name: 'Events, newest first' }).getByRole('listitem');
const line = (visitor, text) => lines(visitor).filter({ hasText: text });

scenario('events are told as they happen, filtered and looked into', async ({ host, open, server }) => {
  const visitor = await open('/live', { signedIn: true, permissions: ['clipboard-read', 'clipboard-write'] });
  await visitor.see('Quiet so far');
  await visitor.see('Listening');
  const session = await startNight(host, 'Birthday');
  await visitor.see(line(visitor, 'session.started'));
  const { title } = await addGame(host, { title: ODD_TEXTS.rightToLeft });
  await play(host, session, title);
  await vote(host, ODD_TEXTS.emoji, 'up');
  await visitor.see(line(visitor, ODD_TEXTS.emoji));
  assert.equal(await lines(visitor).count(), 3);
  await visitor.check();

  await visitor.page.getByRole('button', { name: 'vote', exact: true }).click();
  await visitor.gone(line(visitor, 'session.started'));
  assert.equal(await lines(visitor).count(), 1);
  await visitor.page.getByRole('button', { name: 'All', exact: true }).click();
  await visitor.page.getByLabel('Search').fill('no such thing');
  await visitor.see('No event fits');
  await visitor.page.getByRole('link', { name: 'Live' }).first().click();
  assert.equal(await visitor.page.getByLabel('Search').inputValue(), '', 'the link to this page shows everything again');
  await visitor.see(line(visitor, 'session.started'));
  await visitor.page.getByLabel('Search').fill('no such thing');
  await visitor.page.getByRole('button', { name: 'Show all events' }).click();

  await line(visitor, 'game.added').getByText('game.added').click();
  await visitor.see(visitor.page.getByRole('region', { name: 'Event', exact: true }).getByText(/"pack_name": "House Games"/));
  await visitor.check();
  await line(visitor, 'game.added').getByRole('button', { name: 'Copy as curl' }).click();
  await visitor.see('The command is copied.');
  const command = await visitor.page.evaluate(() => navigator.clipboard.readText());
  assert.match(command, /^curl -X POST -H "Authorization: Bearer \$TOKEN" /);
  assert.ok(command.includes(`${server.url}/api/events/fire`) && command.includes('"event":"game.added"'), command);
});

scenario('a list that stands still counts what comes, and shows it afterwards', async ({ host, open }) => {
  const visitor = await open('/live', { signedIn: true, device: 'phone' });
  await visitor.see('Listening');
  const session = await startNight(host);
  await visitor.see(line(visitor, 'session.started'));
  await visitor.page.getByRole('button', { name: 'Pause' }).click();
  await visitor.see('Paused');
  await play(host, session, 'Quiplash 3');
  await play(host, session, 'Drawful 2');
  const goOn = await visitor.see(visitor.page.getByRole('button', { name: 'Go on (2 new)' }));
  assert.equal(await lines(visitor).count(), 1);
  await visitor.check();
  await goOn.click();
  await visitor.see(line(visitor, 'Drawful 2'));
  assert.equal(await lines(visitor).count(), 3);
});

scenario('another token is no reason to stop listening', async ({ host, open, server }) => {
  const visitor = await open('/live', { signedIn: true });
  await visitor.see('Listening');
  await visitor.badge('Live');
  // As when one signs in anew in another tab. A token is the same for whoever signs in within the same second.
  const token = await eventually('another token', async () => {
    const { token } = await server.host();
    return token !== host.token && token;
  });
  const other = await visitor.page.context().newPage();
  await other.goto(`${server.url}/overlay`);
  const socket = visitor.page.waitForEvent('websocket');
  await other.evaluate((token) => localStorage.setItem('fanfare.token', token), token);
  await socket;
  await visitor.badge('Live');
  await visitor.see('Listening');
  await startNight(host);
  await visitor.see(line(visitor, 'session.started'));
});

scenario('after a restart of the server nothing is missed, of whichever night', async ({ host, open, outage, server }) => {
  const old = await startNight(host);
  const { id: row } = await play(host, old, 'Drawful 2');
  await host.post(`/api/sessions/${old.id}/close`, {});
  const visitor = await open('/live', { signedIn: true });
  await visitor.see('Listening');
  const session = await startNight(host);
  await visitor.see(line(visitor, 'session.started'));
  await visitor.badge('Live');
  await outage(async () => {
    await visitor.page.route('**/api/events', (route) => route.abort('connectionrefused'));
    await server.kill();
    await visitor.badge('Offline');
    await server.start();
    await visitor.see('Connecting');
    await play(host, session, 'Quiplash 3');
    await host.patch(`/api/sessions/${old.id}/games/${row}/player-count`, { player_count: 5 });
    await visitor.badge('Live');
    assert.equal(await lines(visitor).count(), 1);
    await visitor.page.unroute('**/api/events');
    await visitor.see(line(visitor, 'Quiplash 3'));
    await visitor.see(line(visitor, `Session ${old.id}, no. `));
    await visitor.see('Listening');
  });
  await play(host, session, 'Drawful 2');
  await visitor.see(line(visitor, 'Drawful 2'));
  assert.equal(await line(visitor, 'game.added').count(), 2);
  assert.equal(await lines(visitor).count(), 4);
});

scenario('what happens while one looks at another screen is told afterwards, beside what was told before', async ({ host, open }) => {
  const visitor = await open('/live', { signedIn: true });
  const { page } = visitor;
  const to = (name) => page.getByRole('link', { name, exact: true }).first().click();
  await visitor.see('Listening');
  // Nothing has been told yet, and nothing is missed all the same.
  await to('Library');
  await visitor.see(page.getByRole('heading', { name: 'Library' }));
  const session = await startNight(host);
  await to('Live');
  await visitor.see(line(visitor, 'session.started'));
  await to('Library');
  await visitor.see(page.getByRole('heading', { name: 'Library' }));
  await play(host, session, 'Quiplash 3');
  await to('Live');
  await visitor.see(line(visitor, 'Quiplash 3'));
  assert.equal(await lines(visitor).count(), 2);

  await page.getByRole('button', { name: 'Sign out' }).first().click();
  await page.getByLabel('Key').fill('the key of the tests');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await visitor.see('Listening');
  await visitor.see('Quiet so far');
});
