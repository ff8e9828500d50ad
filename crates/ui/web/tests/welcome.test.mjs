// The first run: from the printed key to the first night.
import assert from 'node:assert/strict';
import { eventually, scenario } from './support/index.mjs';

scenario('the first run leads from the printed key to the first night', { env: { FANFARE_ADMIN_KEY: undefined } }, async ({ server, host, open }) => {
  const visitor = await open('/', { device: 'phone' });
  await (await visitor.see(visitor.page.getByRole('link', { name: 'Set up the first night' }))).click();
  await visitor.see('Welcome to Fanfare');
  await visitor.check();
  await visitor.page.getByLabel('Key').fill(server.key);
  await visitor.page.getByRole('button', { name: 'Sign in', exact: true }).click();

  await visitor.see('Which packs do you own?');
  await visitor.check();
  const packs = await visitor.page.getByRole('checkbox').evaluateAll((boxes) => boxes.map((box) => box.closest('label').textContent));
  const at = (pack) => packs.findIndex((text) => text.includes(pack));
  assert.ok(at('Party Pack 2') < at('Party Pack 10'), `as people count: ${packs}`);
  await visitor.page.getByRole('button', { name: 'Tick none' }).click();
  await visitor.see(/^0 of \d+ packs/);
  await visitor.page.getByRole('checkbox', { name: /Party Pack 7/ }).check();
  const on = await eventually('the games of the pack', async () => {
    const games = await host.get('/api/games?enabled=true');
    return games.length > 0 && games;
  });
  assert.ok(on.every(({ pack_name }) => pack_name.endsWith('Party Pack 7')));
  await visitor.page.getByRole('button', { name: `Go on with ${on.length} games` }).click();

  await visitor.see('Start the first night');
  await visitor.page.reload();
  await visitor.see('Start the first night');
  await visitor.check();
  await visitor.page.getByLabel('What is the occasion?').fill('Friday 🎉');
  await visitor.page.getByRole('button', { name: 'Start a night' }).click();
  await visitor.see('The night is young');
  await visitor.see('Friday 🎉');
  assert.equal((await host.get('/api/sessions/active')).notes, 'Friday 🎉');
});

scenario('the guide starts no second night beside one that is on', async ({ host, open }) => {
  await host.post('/api/sessions', {});
  const visitor = await open('/welcome?step=start', { signedIn: true });
  await visitor.see('A night is on already');
  await visitor.check();
  await visitor.page.locator('main').getByRole('link', { name: 'To Tonight' }).click();
  await visitor.see('The night is young');
});
