// How much the first screen costs, and that it comes once.
import assert from 'node:assert/strict';
import { play, scenario, startNight, vote } from './support/index.mjs';

const FIRST_SCREEN_MAX_BYTES = 150_000;

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
