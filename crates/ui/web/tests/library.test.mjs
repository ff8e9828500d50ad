// The library: finding, changing, favouring and turning off games, packs, and lists.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { ODD_TEXTS, addGame, eventually, fillLibrary, gameNamed, pastNight, scenario } from './support/index.mjs';

const row = (visitor, title) => visitor.page.getByRole('row').filter({ hasText: title });
const titles = (visitor) => visitor.page.getByRole('rowheader').allTextContents();

scenario('games are found by words of title, pack or type, and put in order', async ({ host, open }) => {
  await fillLibrary(host, 500);
  await addGame(host, { title: ODD_TEXTS.unbroken, pack_name: ODD_TEXTS.rightToLeft });
  await pastNight(host, ['Quiplash 3']);
  const visitor = await open('/library', { signedIn: true });
  await visitor.see('564 games in');
  const search = visitor.page.getByLabel('Search');
  await search.fill('kapitansmutzen');
  await visitor.see(row(visitor, 'Donaudampf'));
  await eventually('the others are gone', async () => (await titles(visitor)).length === 1);
  await search.fill('499 SHELF');
  await eventually('a game by its number and its pack', async () => {
    const found = await titles(visitor);
    return found.length === 1 && found[0].includes('Game 499');
  });
  await search.fill('no such game');
  await visitor.see('No game fits');
  await visitor.page.getByRole('button', { name: 'Add a game' }).click();
  await visitor.page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
  await visitor.see(visitor.page.locator('button:focus').filter({ hasText: 'Add a game' }));
  await visitor.page.getByRole('button', { name: 'Show all games' }).click();
  await visitor.page.getByLabel('Order').selectOption('Most played');
  await eventually('the game that was played comes first', async () => (await titles(visitor))[0]?.startsWith('Quiplash 3'));
  await visitor.page.getByRole('button', { name: 'Title', exact: true }).click();
  await eventually('the order of titles', async () => (await titles(visitor))[0]?.startsWith('Bidiots'));
  // A long list grows as one scrolls.
  await visitor.page.keyboard.press('End');
  await eventually('more rows', async () => {
    await visitor.page.mouse.wheel(0, 4000);
    return (await visitor.page.getByRole('button', { name: /^Show more/ }).count()) === 0 && (await titles(visitor)).at(-1)?.startsWith('Zeeple');
  });
  await eventually('the rows far above are gone', async () => (await titles(visitor)).length < 300);
  // What is looked for begins with few rows again, and so does all of it afterwards.
  await search.fill('499 SHELF');
  await eventually('the one game', async () => (await titles(visitor)).length === 1);
  await visitor.page.evaluate(() => scrollTo(0, 0));
  const rows = () => visitor.page.getByRole('rowheader').count();
  await search.fill('');
  await eventually('all of it, in part', async () => (await rows()) > 1);
  assert.ok((await rows()) < 300, 'only what is near is made');
  // It is in the address, so a reload keeps it.
  await visitor.page.getByLabel('Show').selectOption('Never played');
  await visitor.page.reload();
  await visitor.see(row(visitor, 'Bidiots'));
  assert.equal(await visitor.page.getByLabel('Show').inputValue(), 'never');
  await visitor.check();
});

scenario('the link to the library itself shows all of it again, and going back what was looked for', async ({ open }) => {
  const visitor = await open('/library', { signedIn: true });
  const { page } = visitor;
  const own = page.getByRole('link', { name: 'Library' }).first();
  await (await visitor.see(page.getByLabel('Search'))).fill('bidiots');
  await page.getByLabel('Order').selectOption('Pack');
  await page.getByLabel('Show').selectOption('On');
  await eventually('the one game', async () => (await titles(visitor)).length === 1);
  await own.click();
  await eventually('all games', async () => (await titles(visitor)).length > 30);
  const fields = () => Promise.all(['Search', 'Show', 'Order'].map((label) => page.getByLabel(label, { exact: true }).inputValue()));
  assert.deepEqual(await fields(), ['', 'all', 'title']);
  assert.equal(new URL(page.url()).search, '');
  await page.goBack();
  await eventually('what was looked for', async () => (await titles(visitor)).length === 1);
  assert.deepEqual(await fields(), ['bidiots', 'enabled', 'pack']);
  await page.getByRole('tab', { name: 'Packs you own' }).click();
  await visitor.see('Tick none');
  await own.click();
  await visitor.see(page.getByRole('tab', { name: 'Games', selected: true }));
});

scenario('a long library loses the rows far from what one sees, and they are back when one is', async ({ host, open }) => {
  await fillLibrary(host, 240);
  for (const device of ['phone', 'desktop']) {
    const visitor = await open('/library?search=shelf', { signedIn: true, device });
    const { page } = visitor;
    const game = (number) => page.getByText(`Game ${number}`, { exact: true });
    const to = (place) => page.evaluate((place) => scrollTo(0, place === 'end' ? document.documentElement.scrollHeight : place), place);
    await visitor.see(game(1));
    await eventually('the end', async () => {
      await to('end');
      return game(240).isVisible();
    });
    await eventually('the rows far away are gone', async () => (await page.getByRole('switch').count()) < 200);
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await to(height / 2);
    await visitor.see(game(120));
    await page.getByRole('switch', { name: 'Game 120 may be picked', exact: true }).click();
    await eventually('it is off', async () => (await gameNamed(host, 'Game 120')).enabled === 0);
    await host.patch(`/api/games/${(await gameNamed(host, 'Game 120')).id}/toggle`);
    const after = await page.evaluate(() => document.documentElement.scrollHeight);
    assert.ok(Math.abs(after - height) < 40, `the page keeps its height: ${height} and ${after}`);
    await visitor.check();
  }
});

scenario('a game is turned off, favoured and changed, and what was typed is not lost', async ({ host, open }) => {
  const visitor = await open('/library?search=Quiplash+3', { signedIn: true });
  const quiplash = await gameNamed(host, 'Quiplash 3');
  const state = () => host.get(`/api/games/${quiplash.id}`);
  await row(visitor, 'Quiplash 3').getByRole('switch').click();
  await eventually('it is off', async () => (await state()).enabled === 0);
  await row(visitor, 'Quiplash 3').getByRole('button', { name: 'Pick more often' }).click();
  await eventually('it is favoured', async () => (await state()).favor_bias === 1);
  await visitor.see(row(visitor, 'Quiplash 3').getByRole('button', { name: 'Pick more often', pressed: true }));

  await row(visitor, 'Quiplash 3').getByRole('button', { name: 'Change Quiplash 3' }).click();
  const dialog = visitor.page.getByRole('dialog');
  await dialog.getByLabel('Title').fill(ODD_TEXTS.emoji);
  await dialog.getByLabel('Players from').fill('9');
  await visitor.page.keyboard.press('Escape');
  await row(visitor, 'Quiplash 3').getByRole('switch').click();
  await eventually('it is on again', async () => (await state()).enabled === 1);
  await row(visitor, 'Quiplash 3').getByRole('button', { name: 'Change Quiplash 3' }).click();
  assert.equal(await dialog.getByLabel('Title').inputValue(), ODD_TEXTS.emoji, 'closing the form keeps what was typed');
  assert.ok(await dialog.getByRole('switch', { name: 'May be picked' }).isChecked(), 'what was not typed is as it is now');
  visitor.watch.expect(/status of 400/);
  await dialog.getByRole('button', { name: 'Save' }).click();
  const refusal = await host.send('PUT', `/api/games/${quiplash.id}`, { min_players: 9 });
  await visitor.see(dialog.getByRole('alert').filter({ hasText: refusal.body.error }));
  await visitor.check();
  await dialog.getByLabel('Players from').fill('2');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await visitor.gone(dialog);
  const changed = await state();
  assert.deepEqual([changed.title, changed.min_players, changed.enabled], [ODD_TEXTS.emoji, 2, 1]);
});

scenario('who turns a game off turns it off, also when somebody else has done so', async ({ host, open }) => {
  const { id } = await gameNamed(host, 'Quiplash 3');
  for (const device of ['phone', 'desktop']) {
    const visitor = await open('/library?search=Quiplash+3', { signedIn: true, device });
    const toggle = await visitor.see(visitor.page.getByRole('switch', { name: 'Quiplash 3 may be picked' }));
    await host.put(`/api/games/${id}`, { enabled: false });
    assert.ok(await toggle.isChecked(), 'nobody has told this page');
    const answer = visitor.page.waitForResponse((response) => response.url().includes(`/api/games/${id}`));
    await toggle.click();
    await answer;
    assert.equal((await gameNamed(host, 'Quiplash 3')).enabled, 0);
    await eventually('the switch as it is', async () => !(await toggle.isChecked()));
    await host.put(`/api/games/${id}`, { enabled: true });
  }
});

scenario('a change that is refused is told, and the list shows what the server has', async ({ host, open }) => {
  for (const device of ['phone', 'desktop']) {
    const visitor = await open('/library?search=Quiplash+3', { signedIn: true, device });
    const error = 'the disk is full';
    await visitor.page.route('**/api/games/*', (route) => (route.request().method() === 'PUT' ? route.fulfill({ status: 503, json: { error } }) : route.continue()));
    visitor.watch.expect(/status of 503/);
    const toggle = await visitor.see(visitor.page.getByRole('switch', { name: 'Quiplash 3 may be picked' }));
    await toggle.click();
    await visitor.see(visitor.page.getByRole('alert').filter({ hasText: error }));
    await eventually('the switch as it was', () => toggle.isChecked());
  }
  assert.equal((await gameNamed(host, 'Quiplash 3')).enabled, 1);
});

scenario('a game is added on the phone, and deleted', async ({ host, open }) => {
  const visitor = await open('/library', { signedIn: true, device: 'phone' });
  await (await visitor.see(visitor.page.getByRole('button', { name: 'Add a game' }))).click();
  const dialog = visitor.page.getByRole('dialog').first();
  await dialog.getByLabel('Title').fill(ODD_TEXTS.rightToLeft);
  await dialog.getByLabel('Pack').fill('House Games');
  await visitor.check();
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await visitor.gone(dialog);
  await visitor.page.getByLabel('Search').fill('house');
  await (await visitor.see(visitor.page.getByRole('button', { name: `Change ${ODD_TEXTS.rightToLeft}` }))).click();
  assert.equal((await gameNamed(host, ODD_TEXTS.rightToLeft)).pack_name, 'House Games');
  await visitor.page.getByRole('button', { name: 'Delete' }).click();
  await visitor.page.getByRole('dialog', { name: 'Delete this game?' }).getByRole('button', { name: 'Delete' }).click();
  await visitor.see('No game fits');
  assert.ok(!(await host.get('/api/games')).some(({ title }) => title === ODD_TEXTS.rightToLeft));
});

scenario('packs are ticked and favoured', async ({ host, open }) => {
  const visitor = await open('/library?tab=packs', { signedIn: true, device: 'phone' });
  const pack = (name) => host.get('/api/games/meta/packs').then((packs) => packs.find((pack) => pack.name === name));
  const box = visitor.page.getByRole('checkbox', { name: 'Standalone' });
  await visitor.see(box);
  await visitor.check();
  await box.uncheck();
  await eventually('the pack is off', async () => (await pack('Standalone')).enabled_count === 0);
  await visitor.page.getByRole('group', { name: /likes Standalone/ }).getByRole('button', { name: 'Pick less often' }).click();
  await eventually('the pack is liked less', async () => (await pack('Standalone')).favor_bias === -1);
  await visitor.page.getByRole('button', { name: 'Tick none' }).click();
  await visitor.see(/^0 of \d+ packs/);
  assert.deepEqual(await host.get('/api/games?enabled=true'), []);
  // One game alone is on: the tick of its pack is neither one nor the other.
  const { id } = await gameNamed(host, 'Quiplash 3');
  await host.patch(`/api/games/${id}/toggle`);
  await visitor.page.reload();
  await visitor.see(/1 of \d games on/);
  const mixed = visitor.page.getByRole('checkbox', { name: /Party Pack 7/ });
  assert.ok(await mixed.evaluate((input) => input.indeterminate));
});

const LIST = `pack_name,title,min_players,max_players
House Games,Charades,4,12
House Games,Upside Down,9,2
House Games,"Guess, the cat",2,6
House Games,,2,6
`;

scenario('a list with faulty lines says which, and is mended or imported without them', async ({ host, open }) => {
  const visitor = await open('/library', { signedIn: true });
  await (await visitor.see(visitor.page.getByRole('button', { name: 'Import' }))).click();
  const dialog = visitor.page.getByRole('dialog', { name: 'Import a list' });
  await dialog.locator('input[type=file]').setInputFiles({ name: 'games.csv', mimeType: 'text/csv', buffer: Buffer.from(LIST) });
  await visitor.see(dialog.getByText('2 new'));
  await visitor.see(dialog.getByText('2 faulty lines'));
  const { body: refusal } = await host.send('POST', '/api/games/import/csv', { csvData: LIST });
  assert.deepEqual(refusal.errors.map(({ line }) => line), [3, 5]);
  for (const { line, error } of refusal.errors) {
    await visitor.see(dialog.getByRole('listitem').filter({ hasText: `Line ${line}` }).filter({ hasText: error }));
  }
  await visitor.check();
  assert.equal(await dialog.getByLabel('The list', { exact: true }).inputValue(), LIST, 'the list is still there');
  visitor.watch.expect(/status of 400/);
  const list = dialog.getByLabel('The list', { exact: true });
  await list.fill('title\nCharades');
  const { body: headless } = await host.send('POST', '/api/games/import/csv', { csvData: 'title\nCharades' });
  await visitor.see(dialog.getByText(headless.error));
  await visitor.see(dialog.getByText(headless.errors[0].error));
  assert.equal(await dialog.getByRole('button', { name: 'Import', exact: true }).isDisabled(), true);
  await list.fill(LIST);
  await visitor.see(dialog.getByText('2 new'));
  assert.equal((await host.get('/api/games')).length, 63, 'nothing has happened yet');
  await dialog.getByRole('button', { name: 'Import without them' }).click();
  await visitor.gone(dialog);
  await gameNamed(host, 'Charades');
  await gameNamed(host, 'Guess, the cat');
});

scenario('an export is imported again, and replaces the library', async ({ host, open }) => {
  const visitor = await open('/library', { signedIn: true });
  const waiting = visitor.page.waitForEvent('download');
  await (await visitor.see(visitor.page.getByRole('button', { name: 'Export' }))).click();
  const saved = await (await waiting).path();
  const csv = await readFile(saved, 'utf8');
  assert.match(csv, /^pack_name,title,/);
  const shorter = csv.split('\n').slice(0, 11).join('\n');
  await visitor.page.getByRole('button', { name: 'Import' }).click();
  const dialog = visitor.page.getByRole('dialog', { name: 'Import a list' });
  await dialog.getByLabel('The list', { exact: true }).fill(shorter);
  await visitor.see(dialog.getByText('10 left as they are'));
  await dialog.getByLabel('What to do with it').selectOption('replace');
  await visitor.see(dialog.getByText('53 leave'));
  await visitor.see(dialog.getByText('10 replaced'));
  await dialog.getByRole('button', { name: 'Replace the library' }).click();
  await visitor.see('10 games in');
  assert.equal((await host.get('/api/games')).length, 10);
});

scenario('an empty library says what to do', async ({ host, open }) => {
  for (const { id } of await host.get('/api/games')) await host.delete(`/api/games/${id}`);
  const visitor = await open('/library', { signedIn: true, device: 'phone' });
  await visitor.see('The library is empty');
  await visitor.check();
});

scenario('a list is exported once, however often one presses meanwhile', async ({ open }) => {
  const visitor = await open('/library', { signedIn: true, device: 'phone' });
  let asked = 0;
  let answer;
  const answered = new Promise((resolve) => (answer = resolve));
  await visitor.page.route('**/api/games/export/csv', async (route) => {
    asked += 1;
    await answered;
    await route.continue();
  });
  const waiting = visitor.page.waitForEvent('download');
  await (await visitor.see(visitor.page.getByRole('button', { name: 'Export' }))).dblclick();
  await eventually('the question', () => asked > 0);
  answer();
  await waiting;
  assert.equal(asked, 1);
});

scenario('going back comes to where the list was, and so does a reload', async ({ host, open }) => {
  await fillLibrary(host, 240);
  const visitor = await open('/library', { signedIn: true, device: 'phone' });
  const { page } = visitor;
  const place = () => page.evaluate(() => Math.round(scrollY));
  await visitor.see(page.getByRole('switch').first());
  await eventually('far down', async () => {
    await page.evaluate(() => scrollTo(0, 6000));
    return (await place()) === 6000;
  });
  await page.getByRole('link', { name: 'Tonight' }).click();
  await visitor.see('No game night is on');
  await eventually('the top', async () => (await place()) === 0);
  await page.goBack();
  await eventually('where the list was', async () => (await place()) === 6000);
  await page.goForward();
  await visitor.see('No game night is on');
  await eventually('the top', async () => (await place()) === 0);
  await page.goBack();
  await eventually('where the list was', async () => (await place()) === 6000);
  await page.reload();
  await eventually('where the list was', async () => (await place()) === 6000);
  // What one then looks for is no other place.
  await page.getByRole('link', { name: 'Library' }).first().click();
  await page.getByRole('link', { name: 'Tonight' }).click();
  await visitor.see('No game night is on');
  assert.equal(await place(), 0);
});
