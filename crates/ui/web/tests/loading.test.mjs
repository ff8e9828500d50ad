// How much the first screen costs, and that it comes once.
import assert from 'node:assert/strict';
import { play, scenario, startNight, vote } from './support/index.mjs';

const FIRST_SCREEN_MAX_BYTES = 150_000;

scenario('a screen whose files are gone is there again after a reload', async ({ open }) => {
  const visitor = await open('/');
  await visitor.ready();
  const files = /\/assets\/History-/;
  await visitor.page.route(files, (route) => route.fulfill({ status: 404, body: 'a newer server has other files' }));
  visitor.watch.expect(/status of 404/);
  await visitor.page.getByRole('link', { name: 'History' }).first().click();
  await visitor.see('This part of the dashboard could not be loaded.');
  await visitor.check();
  await visitor.page.unroute(files);
  await visitor.page.getByRole('button', { name: 'Try again' }).click();
  await visitor.see('No night yet');
});

scenario('the first screen is small', async ({ host, open, note }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3', { room_code: 'KWIP' });
  await vote(host, 'ann', 'up');
  for (const [path, device] of [['/', 'phone'], ['/tv', 'tv'], ['/overlay', 'desktop']]) {
    const visitor = await open(path, { device });
    await visitor.see(visitor.page.getByRole('heading', { name: 'Quiplash 3' }));
    const { bytes, answers } = await visitor.traffic.complete(visitor.page);
    note(`${path}: ${bytes} bytes in ${answers.length} answers`);
    assert.ok(bytes > 10_000 && bytes < FIRST_SCREEN_MAX_BYTES, `${path}: ${bytes} bytes`);
    const assets = answers.filter(({ path }) => path.startsWith('/assets/'));
    assert.ok(assets.length > 1);
    for (const { path, encoding } of assets) assert.equal(encoding, 'br', path);
  }
});
