// Rolling for the next game: the counts, the odds, no repeats, and the other ways to choose.
import assert from 'node:assert/strict';
import { ODD_TEXTS, addGame, eventually, gameNamed, play, scenario, startNight } from './support/index.mjs';

const button = (visitor, name) => visitor.page.getByRole('button', { name, exact: true });
const rolled = (visitor) => visitor.page.getByRole('region', { name: 'What was rolled' });

/** A library of nothing but so many games of one pack. */
async function houseOf(host, count, fields = {}) {
  const packs = await host.get('/api/games/packs');
  for (const { name } of packs) await host.patch(`/api/games/packs/${encodeURIComponent(name)}/toggle`, { enabled: false });
  const games = [];
  for (let at = 1; at <= count; at++) games.push(await addGame(host, { title: `House Game ${at}`, ...fields }));
  return games;
}

/** Presses a button that rolls; returns the title that came. */
async function roll(visitor, name) {
  const before = await rolled(visitor).getByRole('heading').allTextContents();
  await button(visitor, name).click();
  return eventually('another game', async () => {
    const [title] = await rolled(visitor).getByRole('heading').allTextContents();
    return title && title !== before[0] && title;
  });
}

scenario('each button says how many games so many can play', async ({ host, open }) => {
  const visitor = await open('/pick', { device: 'phone', signedIn: true });
  const enabled = await host.get('/api/games?enabled=true');
  await visitor.see(`${enabled.length} games match`);
  for (const number of [1, 4, 8]) {
    const matches = await host.get(`/api/games?enabled=true&playerCount=${number}`);
    const name = `${number} ${number === 1 ? 'player' : 'players'}, ${matches.length} ${matches.length === 1 ? 'match' : 'matches'}`;
    await visitor.see(button(visitor, name));
  }
  await button(visitor, 'No drawing').click();
  await visitor.page.getByRole('button', { name: /^5 players/ }).click();
  const wanted = await host.get('/api/games?enabled=true&playerCount=5&drawing=exclude');
  await visitor.see(`${wanted.length} games match`);

  await visitor.page.getByRole('button', { name: /^9\+ players/ }).click();
  await button(visitor, 'One more').click();
  const ten = await host.get('/api/games?enabled=true&playerCount=10&drawing=exclude');
  await visitor.see('10 players');
  await visitor.see(new RegExp(`^${ten.length} games? match(es)?$`));
});

scenario('the server rolls among as many as the screen counts, and the card says the odds and why', async ({ host, open }) => {
  const [favoured] = await houseOf(host, 4);
  await host.patch(`/api/games/${favoured.id}/favor`, { favor_bias: 1 });
  const visitor = await open('/pick', { signedIn: true });
  await visitor.see('4 games match');
  const odds = new Map();
  for (const name of ['Roll', 'Reroll', 'Reroll', 'Reroll']) {
    const title = await roll(visitor, name);
    odds.set(title, await rolled(visitor).innerText());
    await visitor.check();
  }
  assert.match(odds.get(favoured.title), /You favour this game, which makes it three times as likely/);
  const [first] = odds.values();
  assert.match(first, /4 of 67 games could have come|Any of the 4 games in the library could have come/);
  // Three in six for the favoured one, one in six for each of the others.
  assert.match(first, odds.keys().next().value === favoured.title ? /50 %/ : /17 %/);
});

scenario('rerolling repeats nothing, and says when all have come', async ({ host, open }) => {
  const games = await houseOf(host, 5);
  const visitor = await open('/pick', { device: 'phone', signedIn: true });
  await visitor.see('5 games match');
  const came = [await roll(visitor, 'Roll')];
  await visitor.see('4 left of 5 matches');
  while (came.length < games.length) came.push(await roll(visitor, 'Reroll'));
  await visitor.see('0 left of 5 matches');
  assert.deepEqual([...came].sort(), games.map(({ title }) => title).sort());

  visitor.watch.expect(/status of 404/);
  await button(visitor, 'Reroll').click();
  await visitor.see('No games match the current filters');
  await visitor.check();
  await button(visitor, 'Start over with all that match').click();
  await visitor.gone('No games match the current filters');
  await visitor.see('4 left of 5 matches');
});

scenario('what is not wanted tonight does not come, until it is welcome again', async ({ host, open }) => {
  const games = await houseOf(host, 2);
  const visitor = await open('/pick', { device: 'phone', signedIn: true });
  const unwanted = await roll(visitor, 'Roll');
  const other = await roll(visitor, 'Not tonight');
  assert.deepEqual([unwanted, other].sort(), games.map(({ title }) => title).sort());
  await visitor.page.reload();
  await visitor.see('0 left of 2 matches');
  await button(visitor, 'Start over').click();
  await visitor.see('1 left of 2 matches');
  await button(visitor, 'Reroll').click();
  await visitor.see('0 left of 2 matches');
  await visitor.see(rolled(visitor).getByRole('heading', { name: other }));
  await button(visitor, unwanted).click();
  assert.equal(await roll(visitor, 'Reroll'), unwanted);
});

scenario('what was asked for is still there after a look at another screen, and after a reload', async ({ open }) => {
  const visitor = await open('/pick', { signedIn: true });
  await visitor.page.getByRole('button', { name: /^6 players/ }).click();
  await button(visitor, 'Short').click();
  const pressed = async () => {
    await visitor.see(visitor.page.getByRole('button', { name: /^6 players/, pressed: true }));
    await visitor.see(visitor.page.getByRole('button', { name: 'Short', exact: true, pressed: true }));
  };
  await visitor.page.getByRole('link', { name: 'Tonight' }).first().click();
  await visitor.see('No game night is on');
  await visitor.page.getByRole('link', { name: 'Pick' }).first().click();
  await pressed();
  await visitor.page.reload();
  await pressed();
});

scenario('a game is chosen by hand, which starts the night', async ({ host, open }) => {
  const { id, title } = await addGame(host, { title: ODD_TEXTS.rightToLeft, max_players: 3 });
  await addGame(host, { title: 'Kapitän' });
  const visitor = await open('/pick', { device: 'phone', signedIn: true });
  await button(visitor, 'Choose by hand').click();
  await visitor.page.getByLabel('Search').fill('no such game at all');
  await visitor.see('No game is called that');
  await visitor.page.getByLabel('Search').fill('kapitan');
  await visitor.see(button(visitor, 'Play Kapitän'));
  await visitor.page.getByLabel('Search').fill('الليلة');
  await visitor.see(button(visitor, `Play ${title}`));
  await visitor.check();
  await button(visitor, `Play ${title}`).click();
  await visitor.see(visitor.page.getByRole('heading', { name: 'Session' }));
  const session = await host.get('/api/sessions/active');
  const [row] = await host.get(`/api/sessions/${session.id}/games`);
  assert.deepEqual([row.game_id, row.manually_added, row.status], [id, 1, 'playing']);
});

scenario('a roll may be asked for from some packs only, with motion or without', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Fibbage 4');
  const visitor = await open('/pick', { device: 'phone', signedIn: true, motion: true });
  await button(visitor, 'All packs').click();
  await visitor.page.getByRole('checkbox', { name: 'Standalone' }).check();
  await visitor.check();
  const packs = visitor.page.getByRole('dialog', { name: 'From which packs?' });
  await visitor.see(packs.getByText(/^4 games match\./));
  await packs.getByRole('button', { name: 'Done' }).click();
  await button(visitor, 'Roll').click();
  const title = await eventually('the end of the roll', async () => (await rolled(visitor).getByRole('heading').allTextContents())[0]);
  assert.equal((await gameNamed(host, title)).pack_name, 'Standalone');
});

scenario('what the chat has chosen is there after a reload, until a game is on', async ({ host, open }) => {
  const session = await startNight(host);
  const gameIds = await Promise.all(['Quiplash 3', 'Fibbage 4'].map(async (title) => (await gameNamed(host, title)).id));
  const poll = await host.post(`/api/sessions/${session.id}/polls`, { gameIds, seconds: 300 });
  await host.post(`/api/polls/${poll.id}/votes`, { username: 'ann', option: 'B' });
  await host.post(`/api/polls/${poll.id}/close`);
  const visitor = await open('/pick', { device: 'phone', signedIn: true });
  await visitor.see('The chat has chosen');
  await button(visitor, 'Play Fibbage 4').click();
  await visitor.see(visitor.page.getByRole('heading', { name: 'Session' }));
  await visitor.page.getByRole('link', { name: 'Pick the next game' }).click();
  await visitor.see(button(visitor, 'Roll'));
});

scenario('an empty library says what to do', async ({ host, open }) => {
  await houseOf(host, 0);
  const visitor = await open('/pick', { device: 'phone', signedIn: true });
  await visitor.see('There is nothing to roll yet');
  await visitor.check();
});

scenario('what was rolled is still there after a reload, and does not come again until the night changes', async ({ host, open }) => {
  const session = await startNight(host);
  const games = await houseOf(host, 4);
  const visitor = await open('/pick', { device: 'phone', signedIn: true });
  await visitor.see('4 games match');
  const came = [await roll(visitor, 'Roll'), await roll(visitor, 'Reroll')];
  await visitor.page.reload();
  await visitor.see(rolled(visitor).getByRole('heading', { name: came[1] }));
  await visitor.see('2 left of 4 matches');
  came.push(await roll(visitor, 'Reroll'), await roll(visitor, 'Reroll'));
  assert.deepEqual([...came].sort(), games.map(({ title }) => title).sort());
  await visitor.page.goto('about:blank');
  await host.post(`/api/sessions/${session.id}/close`);
  await startNight(host);
  await visitor.page.goBack();
  await visitor.see('4 games match');
  await visitor.see(button(visitor, 'Roll'));
  await visitor.gone(rolled(visitor));
  await visitor.page.reload();
  await visitor.see('4 games match');
  assert.equal(await rolled(visitor).count(), 0);
});

scenario('a roll is told to who does not see it, and the keyboard goes on from there', async ({ host, open }) => {
  await startNight(host);
  await houseOf(host, 3);
  for (const motion of [false, true]) {
    const visitor = await open('/pick', { signedIn: true, motion });
    const focused = (name) => visitor.see(visitor.page.locator('button:focus').filter({ hasText: name }));
    await (await visitor.see(button(visitor, 'Roll'))).focus();
    await visitor.page.keyboard.press('Enter');
    const title = await eventually('a game', async () => (await rolled(visitor).getByRole('heading').allTextContents())[0]);
    await visitor.see(visitor.page.getByRole('status').filter({ hasText: new RegExp(`^${title}, odds 33 %$`) }));
    await focused('Play it');
    for (const name of ['Not tonight', 'Reroll']) {
      await button(visitor, name).focus();
      await visitor.page.keyboard.press('Enter');
      await visitor.see(visitor.page.getByRole('status').filter({ hasText: /odds (50|100) %$/ }));
      await focused(name);
    }
    await visitor.check();
  }
});

/** Holds back the answer to a question that puts a game on, until it is let go. */
async function holdBack(visitor) {
  let asked = 0;
  let letGo;
  const gone = new Promise((resolve) => (letGo = resolve));
  await visitor.page.route('**/api/sessions/*/games', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    asked += 1;
    await gone;
    await route.continue();
  });
  return { asked: () => asked, letGo };
}

scenario('a late answer leaves the host where he has gone meanwhile', async ({ host, open }) => {
  await startNight(host);
  const visitor = await open('/pick', { signedIn: true });
  await roll(visitor, 'Roll');
  const put = await holdBack(visitor);
  await button(visitor, 'Play it').click();
  await eventually('the question', () => put.asked() === 1);
  await visitor.page.getByRole('link', { name: 'Library' }).first().click();
  await visitor.see(visitor.page.getByRole('heading', { name: 'Library' }));
  put.letGo();
  await visitor.see(/ is on$/);
  await visitor.see(visitor.page.getByRole('heading', { name: 'Library' }));
  assert.equal(new URL(visitor.page.url()).pathname, '/library');
});

scenario('of two games chosen by hand the first is put on, and no other', async ({ host, open }) => {
  const session = await startNight(host);
  const visitor = await open('/pick', { signedIn: true });
  await (await visitor.see(button(visitor, 'Choose by hand'))).click();
  const put = await holdBack(visitor);
  await button(visitor, 'Play Bidiots').click();
  await eventually('the question', () => put.asked() === 1);
  await visitor.see(visitor.page.getByRole('button', { name: 'Play Drawful 2', exact: true, disabled: true }));
  await button(visitor, 'Play Drawful 2').dispatchEvent('click');
  put.letGo();
  await visitor.see(visitor.page.getByRole('heading', { name: 'Session' }));
  const titles = (await host.get(`/api/sessions/${session.id}/games`)).map(({ title }) => title);
  assert.deepEqual(titles, ['Bidiots']);
});
