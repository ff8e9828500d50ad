// The night as everybody sees it: a phone and a TV in step with what the host does.
import assert from 'node:assert/strict';
import { ODD_TEXTS, addGame, play, scenario, startNight, vote } from './support/index.mjs';

/** The room code, as it is read out. */
const code = (visitor, letters) => visitor.page.getByRole('img', { name: `Room code ${[...letters].join(' ')}` });

function votes(visitor, up, down) {
  const tally = visitor.page.getByRole('group', { name: 'Votes tonight' });
  return tally.filter({ hasText: new RegExp(`^\\s*${up}\\s*for it\\s*${down}\\s*against it\\s*$`) });
}

scenario('a phone and a TV follow the host through the night', async ({ host, open }) => {
  const [phone, tv] = [await open('/', { device: 'phone' }), await open('/tv', { device: 'tv' })];
  const both = (look) => Promise.all([phone, tv].map(look));
  await both((visitor) => visitor.see('No game night is on'));

  const session = await startNight(host, 'Birthday');
  await both((visitor) => visitor.see('The night is young'));
  await both((visitor) => visitor.see('Birthday'));

  const first = await play(host, session, 'Quiplash 3', { room_code: 'KWIP' });
  await both((visitor) => visitor.see(visitor.page.getByRole('heading', { name: 'Quiplash 3' })));
  await both((visitor) => visitor.see(code(visitor, 'KWIP')));
  await host.patch(`/api/sessions/${session.id}/games/${first.id}/player-count`, { player_count: 5 });
  await both((visitor) => visitor.see(/5 of 8 players/));
  await host.patch(`/api/sessions/${session.id}/games/${first.id}/room-code`, { room_code: 'NEWR' });
  await both((visitor) => visitor.see(code(visitor, 'NEWR')));

  await both((visitor) => visitor.see(votes(visitor, 0, 0)));
  await vote(host, 'ann', 'up');
  await vote(host, 'bob', 'up');
  await vote(host, 'cem', 'down');
  await both((visitor) => visitor.see(votes(visitor, 2, 1)));

  const { title } = await addGame(host, { title: ODD_TEXTS.markup });
  await play(host, session, title);
  await both((visitor) => visitor.see(visitor.page.getByRole('heading', { name: title })));
  await both((visitor) => visitor.gone(code(visitor, 'NEWR')));
  await both((visitor) => visitor.see(visitor.page.getByRole('listitem').filter({ hasText: 'Quiplash 3' })));

  const poll = await host.post(`/api/sessions/${session.id}/polls`, { count: 3, seconds: 300 });
  for (const { game } of poll.options) await both((visitor) => visitor.see(game.title));
  await host.delete(`/api/polls/${poll.id}`);
  await both((visitor) => visitor.gone(visitor.page.getByText(poll.options[0].game.title).first()));

  await host.post(`/api/sessions/${session.id}/close`);
  await phone.see('The night is over');
  await tv.see('That was tonight');
  await both((visitor) => visitor.badge('Live'));
});

scenario('the host starts a night on the phone, and the TV sees it', async ({ open, host }) => {
  const [phone, tv] = [await open('/', { device: 'phone', signedIn: true }), await open('/tv')];
  await (await phone.see(phone.page.getByRole('button', { name: 'Start a night' }))).click();
  await phone.see('The night is young');
  await tv.see('The night is young');
  const active = await host.get('/api/sessions/active');
  assert.equal(active.is_active, 1);
});

scenario('the TV view shows the whole room code on a phone', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3', { room_code: 'WMWM' });
  for (const width of [320, 360, 412]) {
    const visitor = await open('/tv', { device: 'phone', viewport: { width, height: 740 } });
    await visitor.see(code(visitor, 'WMWM'));
    await visitor.check();
    const last = await code(visitor, 'WMWM').locator('.tile').last().boundingBox();
    assert.ok(last.x + last.width <= width, `the last letter ends at ${last.x + last.width} of ${width} px`);
  }
});
