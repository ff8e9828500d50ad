// The page that a streaming program shows over the picture.
import assert from 'node:assert/strict';
import { play, scenario, startNight, vote } from './support/index.mjs';

const inState = (overlay, state) => overlay.page.locator(`[data-state="${state}"]`).waitFor({ state: 'attached' });

scenario('the overlay goes from idle to lobby, playing and ended', { rooms: true }, async ({ host, rooms, open }) => {
  const overlay = await open('/overlay?hold=0');
  const brief = await open('/overlay?hold=1');
  await inState(overlay, 'idle');
  assert.equal((await overlay.page.locator('body').innerText()).trim(), '');

  const session = await startNight(host);
  const row = await play(host, session, 'Quiplash 3', { room_code: 'KWIP' });
  await inState(overlay, 'lobby');
  await overlay.see(overlay.page.getByRole('img', { name: 'Room code K W I P' }));
  await overlay.see('Quiplash 3');

  rooms.has('KWIP', { locked: true, full: true });
  await host.post(`/api/sessions/${session.id}/games/${row.id}/start-player-check`);
  await inState(overlay, 'playing');
  await overlay.gone(overlay.page.getByRole('img', { name: /Room code/ }));
  await overlay.see('8/8');

  await inState(brief, 'playing');
  await host.patch(`/api/sessions/${session.id}/games/${row.id}/status`, { status: 'played' });
  await inState(overlay, 'ended');
  await overlay.see('Quiplash 3');
  // One was asked to keep the end for a second only.
  await inState(brief, 'idle');
  await inState(overlay, 'ended');

  await play(host, session, 'Fibbage 4');
  await inState(overlay, 'playing');
  await inState(brief, 'playing');
});

scenario('the overlay is transparent, and has no use for a key', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3', { room_code: 'KWIP' });
  const overlay = await open('/overlay', { signedIn: true });
  const keys = [];
  overlay.page.on('request', (request) => keys.push(request.headers().authorization));
  overlay.page.on('websocket', () => keys.push('a socket'));
  await overlay.page.reload();
  await inState(overlay, 'lobby');
  const colours = await overlay.page.evaluate(() =>
    [document.documentElement, document.body, document.querySelector('main')].map((element) => getComputedStyle(element).backgroundColor),
  );
  assert.deepEqual(colours, Array(3).fill('rgba(0, 0, 0, 0)'));
  assert.ok(keys.length > 3, 'requests were seen');
  assert.deepEqual(keys.filter((key) => key !== undefined), []);
});

scenario('the address says what the overlay shows', async ({ host, open }) => {
  const old = await startNight(host);
  await play(host, old, 'Fibbage 4');
  await host.post(`/api/sessions/${old.id}/close`);
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3', { room_code: 'KWIP' });

  const codeOnly = await open('/overlay?show=code&align=top-right&scale=2');
  const tile = await codeOnly.see(codeOnly.page.getByRole('img', { name: 'Room code K W I P' }));
  assert.equal(await codeOnly.page.getByText('Quiplash 3').count(), 0);
  const box = await tile.boundingBox();
  assert.ok(box.x > 640 && box.y < 400, `top right of 1280×800, not at ${box.x}, ${box.y}`);

  const titleOnly = await open('/overlay?show=title');
  await titleOnly.see('Quiplash 3');
  assert.equal(await titleOnly.page.getByRole('img', { name: /Room code/ }).count(), 0);

  const other = await open(`/overlay?session=${old.id}&hold=0`);
  await inState(other, 'ended');
  await other.see('Fibbage 4');
});

scenario('the overlay survives the server', async ({ server, host, open, outage }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  const overlay = await open('/overlay');
  await inState(overlay, 'playing');
  await outage(async () => {
    await server.kill();
    await overlay.page.locator('[data-connection="offline"]').waitFor();
    await overlay.see('Quiplash 3');
    await server.start();
    await play(host, session, 'Fibbage 4');
    await overlay.page.locator('[data-connection="live"]').waitFor();
  });
  await overlay.see('Fibbage 4');
});

scenario('the end of a game that was hidden stays hidden, whatever is told of it later', async ({ server, host, open, outage }) => {
  const session = await startNight(host);
  const row = await play(host, session, 'Quiplash 3');
  const overlay = await open('/overlay?hold=1');
  await inState(overlay, 'playing');
  await host.patch(`/api/sessions/${session.id}/games/${row.id}/status`, { status: 'played' });
  await inState(overlay, 'ended');
  await inState(overlay, 'idle');
  // Every state that it has from now on.
  await overlay.page.evaluate(() => {
    const main = document.querySelector('main');
    window.states = [];
    new MutationObserver(() => window.states.push(main.dataset.state)).observe(main, { attributeFilter: ['data-state'] });
  });
  const refreshed = overlay.page.waitForResponse((response) => response.url().endsWith('/games'));
  await host.patch(`/api/sessions/${session.id}/games/${row.id}/player-count`, { player_count: 5 });
  await vote(host, 'ann', 'up');
  await refreshed;
  await outage(async () => {
    await server.kill();
    await overlay.page.locator('[data-connection="offline"]').waitFor();
    await server.start();
    await overlay.page.locator('[data-connection="live"]').waitFor();
  });
  assert.deepEqual(await overlay.page.evaluate(() => window.states), []);
  await play(host, session, 'Fibbage 4');
  await inState(overlay, 'playing');
});
