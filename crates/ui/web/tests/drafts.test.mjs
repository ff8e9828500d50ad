// What was typed is not lost: by a reload, by looking elsewhere, by a slow answer, or by what another host does.
import assert from 'node:assert/strict';
import { addWebhook, eventually, gameNamed, pastNight, play, scenario, startNight } from './support/index.mjs';

const button = (visitor, name) => visitor.page.getByRole('button', { name, exact: true });
const dialogOf = (visitor, name) => visitor.page.getByRole('dialog', { name });
const stored = (visitor) =>
  visitor.page.evaluate(() => Object.entries(sessionStorage).filter(([key]) => key.startsWith('fanfare.draft.')).join('\n'));
const kept = (visitor, text) => eventually(`${text} in the storage of the tab`, async () => (await stored(visitor)).includes(text));

/** Holds the answers to requests of a method back until the returned function is called. */
async function holdBack(visitor, method, url, answer = (route) => route.continue()) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await visitor.page.route(url, async (route) => {
    if (route.request().method() !== method) return route.fallback();
    await released;
    await answer(route);
  });
  return release;
}

scenario('a reload keeps what was typed, and signing out does not', async ({ server, open }) => {
  const visitor = await open('/library', { signedIn: true });
  const { page } = visitor;
  const form = dialogOf(visitor, 'Add a game');
  await button(visitor, 'Add a game').click();
  await form.getByLabel('Title').fill('Charades');
  await kept(visitor, 'Charades');
  await page.reload();
  await button(visitor, 'Add a game').click();
  assert.equal(await form.getByLabel('Title').inputValue(), 'Charades');
  await form.getByLabel('Pack').fill('House Games');
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await visitor.gone(form);
  assert.equal(await stored(visitor), '', 'what is saved is no draft');

  await page.goto(`${server.url}/session`);
  await page.getByLabel('Notes').fill('Birthday');
  await kept(visitor, 'Birthday');
  await page.reload();
  await visitor.see('Start a night');
  assert.equal(await page.getByLabel('Notes').inputValue(), 'Birthday');
  await page.goto(`${server.url}/welcome?step=start`);
  const occasion = await visitor.see(page.getByLabel('What is the occasion?'));
  assert.equal(await occasion.inputValue(), 'Birthday', 'the guide starts the same night');
  await occasion.fill('Friday');
  await kept(visitor, 'Friday');
  await page.reload();
  await visitor.see(occasion);
  assert.equal(await occasion.inputValue(), 'Friday');

  await page.goto(`${server.url}/library`);
  const list = dialogOf(visitor, 'Import a list').getByLabel('The list', { exact: true });
  const games = Array.from({ length: 1_000 }, (_, at) => `House Games,Game number ${at} of a large house,2,8`);
  const csv = ['pack_name,title,min_players,max_players', ...games].join('\n');
  await button(visitor, 'Import').click();
  await list.fill(csv);
  await kept(visitor, 'Game number 999');
  await page.reload();
  await button(visitor, 'Import').click();
  assert.equal(await list.inputValue(), csv);

  await page.goto(`${server.url}/sign-in`);
  await visitor.page.locator('main').getByRole('button', { name: 'Sign out' }).click();
  await visitor.see(page.getByLabel('Key'));
  assert.equal(await stored(visitor), '');
});

scenario('a secret is never kept in the browser, and a storage that is full breaks nothing', async ({ open }) => {
  const visitor = await open('/webhooks', { signedIn: true });
  const { page } = visitor;
  const form = dialogOf(visitor, 'Add a webhook');
  await button(visitor, 'Add a webhook').click();
  await form.getByLabel('Secret', { exact: true }).fill('hush-hush-1');
  await form.getByLabel('URL').fill('https://chat.example/hush-hush-2');
  await form.getByText('Order, pace, retries and headers').click();
  await form.getByRole('button', { name: 'Add a header' }).click();
  await form.getByLabel('Value 1').fill('Bearer hush-hush-3');
  await form.getByLabel('Name', { exact: true }).fill('Announcer');
  await kept(visitor, 'Announcer');
  assert.doesNotMatch(await stored(visitor), /hush-hush/);
  await page.keyboard.press('Escape');
  await button(visitor, 'Add a webhook').click();
  assert.equal(await form.getByLabel('Value 1').inputValue(), 'Bearer hush-hush-3', 'looking elsewhere keeps all of it');

  await page.evaluate(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
  });
  await form.getByLabel('Name', { exact: true }).fill('Another name');
  await page.keyboard.press('Escape');
  await button(visitor, 'Add a webhook').click();
  assert.equal(await form.getByLabel('Name', { exact: true }).inputValue(), 'Another name');
});

scenario('going elsewhere and back keeps codes, notes, logs and lists', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  const visitor = await open('/session', { device: 'phone', signedIn: true });
  const { page } = visitor;
  const elsewhere = async (path) => {
    await page.getByRole('link', { name: 'Tonight' }).first().click();
    await page.waitForURL((url) => url.pathname === '/');
    await page.goBack();
    await page.waitForURL((url) => url.pathname === path);
  };
  /** As a phone's button does it, with a dialog open. */
  const backAndForth = async (path) => {
    await page.goBack();
    await page.waitForURL((url) => url.pathname !== path);
    await page.goForward();
    await page.waitForURL((url) => url.pathname === path);
  };

  await page.getByLabel('Room code').fill('HALF');
  await elsewhere('/session');
  await visitor.see(page.getByLabel('Room code'));
  assert.equal(await page.getByLabel('Room code').inputValue(), 'HALF');

  await page.getByRole('link', { name: 'Tonight' }).first().click();
  await page.getByRole('link', { name: 'Session' }).first().click();
  await button(visitor, 'End the night').click();
  const notes = dialogOf(visitor, 'End the night?').getByLabel('Notes');
  await notes.fill('It was a good one');
  await backAndForth('/session');
  await button(visitor, 'End the night').click();
  assert.equal(await notes.inputValue(), 'It was a good one');
  await button(visitor, 'Play on').click();

  await button(visitor, 'Import a chat log').click();
  const log = dialogOf(visitor, 'Votes from a chat log').getByLabel('Or paste it');
  // More than is kept over a reload.
  const long = JSON.stringify([{ username: 'ann', message: 'x'.repeat(1_000_000), timestamp: new Date().toISOString() }]);
  await log.fill(long);
  await backAndForth('/session');
  await button(visitor, 'Import a chat log').click();
  assert.equal(await log.inputValue(), long);
  await dialogOf(visitor, 'Votes from a chat log').getByRole('button', { name: 'Close' }).click();

  await page.evaluate(() => history.pushState(null, '', '/library'));
  await page.reload();
  await button(visitor, 'Import').click();
  const list = dialogOf(visitor, 'Import a list').getByLabel('The list', { exact: true });
  await list.fill('pack_name,title');
  await backAndForth('/library');
  await button(visitor, 'Import').click();
  assert.equal(await list.inputValue(), 'pack_name,title');
});

scenario('who is writing when another host ends the night is told, and keeps the text', async ({ host, open }) => {
  const session = await startNight(host);
  const visitor = await open('/session', { device: 'phone', signedIn: true });
  await button(visitor, 'End the night').click();
  await dialogOf(visitor, 'End the night?').getByLabel('Notes').fill('It was a good one');
  await host.post(`/api/sessions/${session.id}/close`);
  await visitor.see('Another host has ended the night');
  await visitor.see(visitor.page.getByRole('region', { name: 'Notes', exact: true }).getByText('It was a good one'));
  await visitor.check();
  await visitor.page.reload();
  await visitor.see('It was a good one');
  await button(visitor, 'Discard').click();
  await visitor.gone('It was a good one');
  assert.equal(await stored(visitor), '');

  // Who ends it himself is told nothing of the kind.
  await startNight(host);
  await button(visitor, 'End the night').click();
  await dialogOf(visitor, 'End the night?').getByLabel('Notes').fill('And another one');
  await dialogOf(visitor, 'End the night?').getByRole('button', { name: 'End the night' }).click();
  await visitor.see('The night is over');
  assert.equal(await visitor.page.getByText('Another host').count(), 0);
  assert.equal(await stored(visitor), '');
});

scenario('who types a room code when another host removes the game is told, and has it again with the game', async ({ host, open }) => {
  const session = await startNight(host);
  const row = await play(host, session, 'Quiplash 3');
  const visitor = await open('/session', { device: 'phone', signedIn: true });
  await visitor.page.getByLabel('Room code').fill('half');
  await host.delete(`/api/sessions/${session.id}/games/${row.id}`);
  await visitor.see('Another host has removed Quiplash 3. The room code HALF was not saved');
  await play(host, session, 'Quiplash 3');
  await eventually('the code in the field', async () => (await visitor.page.getByLabel('Room code').inputValue()) === 'half');
  await button(visitor, 'Save').click();
  await eventually('the code', async () => (await host.get(`/api/sessions/${session.id}/games`))[0].room_code === 'HALF');
});

scenario('a room code typed during a slow save stays, and typing in its middle keeps the caret', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  const visitor = await open('/session', { signedIn: true });
  const { page } = visitor;
  const field = page.getByLabel('Room code');
  const release = await holdBack(visitor, 'PATCH', '**/room-code');
  await field.fill('ABCD');
  await button(visitor, 'Save').click();
  await field.fill('WXYZ');
  const saved = page.waitForResponse((response) => response.url().endsWith('/room-code'));
  release();
  await saved;
  await visitor.see(page.locator('form button:not([aria-busy])').filter({ hasText: 'Save' }));
  assert.equal(await field.inputValue(), 'WXYZ');
  await button(visitor, 'Save').click();
  await eventually('the newer code', async () => (await host.get(`/api/sessions/${session.id}/games`))[0].room_code === 'WXYZ');
  await visitor.gone(button(visitor, 'Save'));

  await field.fill('acd');
  await field.press('Home');
  await field.press('ArrowRight');
  await field.press('b');
  assert.equal(await field.evaluate((input) => input.selectionStart), 2);
});

scenario('Escape during a save does not swallow the refusal', async ({ open }) => {
  const visitor = await open('/library?search=Quiplash+3', { signedIn: true });
  const { page } = visitor;
  const refuse = (route) => route.fulfill({ status: 409, json: { error: 'No, not now' } });
  visitor.watch.expect(/status of 409/);
  const form = dialogOf(visitor, 'Change a game');
  await button(visitor, 'Change Quiplash 3').click();
  await form.getByLabel('Title').fill('Quiplash III');
  for (const [method, within, action] of [['PUT', form, 'Save'], ['DELETE', dialogOf(visitor, 'Delete this game?'), 'Delete']]) {
    const release = await holdBack(visitor, method, '**/api/games/*', refuse);
    if (method === 'DELETE') await form.getByRole('button', { name: 'Delete' }).click();
    await within.getByRole('button', { name: action }).click();
    // Twice, as some browsers take the second one for good.
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    release();
    await visitor.see(within.getByRole('alert').filter({ hasText: 'No, not now' }));
  }
  await page.keyboard.press('Escape');
  await visitor.gone(dialogOf(visitor, 'Delete this game?'));
});

scenario('saving a game changes only what was changed in its form', async ({ host, open }) => {
  const { id } = await gameNamed(host, 'Quiplash 3');
  const visitor = await open('/library?search=Quiplash+3', { signedIn: true });
  const form = dialogOf(visitor, 'Change a game');
  await button(visitor, 'Change Quiplash 3').click();
  await form.getByLabel('Players up to').fill('7');
  await host.put(`/api/games/${id}`, { title: 'Quiplash III', length_minutes: 25 });
  await form.getByRole('button', { name: 'Save' }).click();
  await visitor.gone(form);
  const { title, length_minutes, max_players } = await host.get(`/api/games/${id}`);
  assert.deepEqual([title, length_minutes, max_players], ['Quiplash III', 25, 7]);
  // Saving an untouched form changes nothing, and is no mistake.
  await visitor.page.getByLabel('Search').fill('Quiplash III');
  await button(visitor, 'Change Quiplash III').click();
  await form.getByRole('button', { name: 'Save' }).click();
  await visitor.gone(form);
});

scenario('saving a webhook changes only what was changed in its form', { receiver: true }, async ({ host, open, receiver }) => {
  const { id } = await addWebhook(host, receiver, { headers: { 'X-Room': 'kitchen' } });
  const visitor = await open(`/webhooks/${id}`, { signedIn: true });
  const form = dialogOf(visitor, 'Change the webhook');
  await button(visitor, 'Change').click();
  await form.getByLabel('What is sent').selectOption('discord');
  await host.patch(`/api/webhooks/${id}`, { name: 'Announcer', events: ['session.started'] });
  await form.getByRole('button', { name: 'Save' }).click();
  await visitor.gone(form);
  const { name, events, format, headers } = await host.get(`/api/webhooks/${id}`);
  assert.deepEqual([name, events, format, headers], ['Announcer', ['session.started'], 'discord', { 'X-Room': '***' }]);
});

scenario('a log that was mended is chosen again, and a dry run that failed is tried again', async ({ host, open }) => {
  const session = await pastNight(host, ['Quiplash 3']);
  const [row] = await host.get(`/api/sessions/${session.id}/games`);
  const visitor = await open(`/session/${session.id}`, { signedIn: true });
  const { page } = visitor;
  const dialog = dialogOf(visitor, 'Votes from a chat log');
  const log = (votes) => JSON.stringify(votes.map((username) => ({ username, message: 'thisgame++', timestamp: new Date(Date.parse(row.played_at) + 1000).toISOString() })));
  // A browser chooses the same file again without an event, unless the field was emptied.
  const choose = async (text) => {
    const file = dialog.locator('input[type=file]');
    assert.equal(await file.evaluate((input) => input.value), '');
    await file.setInputFiles({ name: 'log.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  };
  await button(visitor, 'Import a chat log').click();
  await choose('[{');
  await visitor.see(dialog.getByText('This is no JSON'));
  await choose(log(['ann']));
  await visitor.see(button(visitor, 'Import 1 vote'));
  await button(visitor, 'Start over').click();
  await page.route('**/chat-import?**', (route) => route.fulfill({ status: 503, json: { error: 'Busy, come back' } }), { times: 1 });
  visitor.watch.expect(/status of 503/);
  await choose(log(['ann', 'bob']));
  await visitor.see(dialog.getByRole('alert').filter({ hasText: 'Busy, come back' }));
  await button(visitor, 'Try again').click();
  await button(visitor, 'Import 2 votes').click();
  await visitor.see('Chat log imported: 2 new votes');
  await eventually('no draft of what is counted', async () => (await stored(visitor)) === '');
});

scenario('a list whose dry run failed is tried again, and replacing is chosen anew each time', async ({ open }) => {
  const visitor = await open('/library', { signedIn: true });
  const { page } = visitor;
  const dialog = dialogOf(visitor, 'Import a list');
  const mode = dialog.getByLabel('What to do with it');
  await button(visitor, 'Import').click();
  await page.route('**/import/csv?**', (route) => route.fulfill({ status: 503, json: { error: 'Busy, come back' } }), { times: 1 });
  visitor.watch.expect(/status of 503/);
  await dialog.getByLabel('The list', { exact: true }).fill('pack_name,title,min_players,max_players\nHouse Games,Charades,4,12\n');
  await visitor.see(dialog.getByRole('alert').filter({ hasText: 'Busy, come back' }));
  await button(visitor, 'Try again').click();
  await visitor.see(dialog.getByText('1 new'));
  await mode.selectOption('replace');
  await button(visitor, 'Cancel').click();
  await page.locator('main').getByRole('button', { name: 'Import' }).click();
  assert.equal(await mode.inputValue(), 'append');
});
