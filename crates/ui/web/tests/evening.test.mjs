// The whole evening by the host's own presses on a phone, with a friend looking at the TV.
import assert from 'node:assert/strict';
import { eventually, scenario, soon, vote } from './support/index.mjs';

scenario('the host runs the whole evening with one thumb', async ({ host, open }) => {
  const [phone, tv] = [await open('/session', { device: 'phone', signedIn: true }), await open('/tv', { device: 'tv' })];
  const { page } = phone;
  const press = (name) => page.getByRole('button', { name, exact: true }).click();

  // The night begins.
  await page.getByLabel('Notes').fill('Birthday 🎂');
  await press('Start a night');
  await phone.see('The night is young');
  await tv.see('Birthday 🎂');
  await phone.check();

  // A game is rolled and put on.
  await page.getByRole('link', { name: 'Pick the next game' }).click();
  await page.getByRole('button', { name: /^5 players/ }).click();
  await press('Roll');
  const card = page.getByRole('region', { name: 'What was rolled' });
  await phone.see(card.getByText('Odds'));
  const first = await card.getByRole('heading').innerText();
  await phone.check();
  await press('Play it');
  await phone.see(page.getByRole('heading', { name: first, level: 2 }));
  await tv.see(tv.page.getByRole('heading', { name: first }));

  // Its room, its players, its votes.
  await page.getByLabel('Room code').fill('kwip');
  await press('Save');
  await tv.see(tv.page.getByRole('img', { name: 'Room code K W I P' }));
  const { id: night } = await host.get('/api/sessions/active');
  const rows = () => host.get(`/api/sessions/${night}/games`);
  const [{ min_players: fewest }] = await rows();
  for (let presses = 0; presses < 3; presses++) await press('One player more');
  await press('One player fewer');
  await eventually('the count', async () => (await rows())[0].player_count === fewest + 1);
  await tv.see(new RegExp(`${fewest + 1} of \\d+ players`));
  await vote(host, 'ann', 'up');
  await vote(host, 'bob', 'up');
  await vote(host, 'cem', 'down');
  const tally = page.getByRole('group', { name: 'Votes tonight' });
  await phone.see(tally.filter({ hasText: /2\s*for it\s*1\s*against it/ }));
  await phone.check();

  // The chat chooses the next one.
  await page.getByRole('link', { name: 'Pick the next game' }).click();
  await press('Roll three for the chat');
  await phone.check();
  await press('Roll 3 and open the vote');
  await phone.see('What next? Vote in the chat');
  const poll = await eventually('the poll', async () => (await host.get(`/api/sessions/${night}/export?format=json`)).polls[0]);
  assert.equal(poll.options.length, 3);
  assert.ok(poll.options.every(({ game }) => game.title !== first), 'what is on is held back');
  await host.post(`/api/polls/${poll.id}/votes`, { username: 'ann', option: 'B' });
  await phone.see(page.getByText('1 vote', { exact: true }));
  await phone.check();
  const winner = poll.options[1].game.title;
  await press('End the vote now');
  await phone.see('The chat has chosen');
  await press(`Play ${winner}`);
  await phone.see(page.getByRole('heading', { name: winner, level: 2 }));
  await tv.see(tv.page.getByRole('heading', { name: winner }));

  // The night ends, and can be looked back at.
  await press('End the night');
  const dialog = page.getByRole('dialog', { name: 'End the night?' });
  await dialog.getByLabel('Notes').fill('Birthday, a good one');
  await phone.check();
  await dialog.getByRole('button', { name: 'End the night' }).click();
  await phone.see('Birthday, a good one');
  await tv.see('That was tonight');
  const games = page.getByRole('region', { name: 'Games' });
  await phone.see(games.getByText(first, { exact: true }));
  await phone.see(games.getByText(winner, { exact: true }));
  await phone.see(games.getByRole('img', { name: '2 for it, 1 against it' }));
  await phone.see(page.getByRole('region', { name: 'Votes' }).getByText('cem'));
  await page.getByRole('link', { name: 'All nights' }).click();
  await phone.see(page.getByRole('link', { name: /Birthday, a good one/ }));

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('dialog', { name: 'More' }).getByRole('link', { name: 'Statistics' }).click();
  await phone.see(page.getByRole('region', { name: 'Liked best' }).getByText(first));
  await phone.see(page.getByRole('region', { name: 'Most played' }).getByText(winner));
  await phone.check();
});

scenario('what the server refuses is said in its own words, and nothing that was typed is lost', async ({ host, open }) => {
  const phone = await open('/session', { device: 'phone', signedIn: true });
  await phone.page.getByLabel('Notes').fill('Our night');
  await phone.badge('Live');
  phone.watch.expect(/status of 400/);
  // Somebody else is quicker; the page does not hear of it before the press, as its answer is held back.
  await phone.page.route('**/api/sessions', async (route) => {
    await soon('the other night', host.post('/api/sessions', {}));
    await route.continue();
  });
  await phone.page.getByRole('button', { name: 'Start a night' }).click();
  // The night of the other one appears by itself; what was written for one's own is kept for the next.
  await phone.see('The night is young');
  await host.post(`/api/sessions/${(await host.get('/api/sessions/active')).id}/close`);
  await phone.see(phone.page.getByLabel('Notes'));
  assert.equal(await phone.page.getByLabel('Notes').inputValue(), 'Our night');
});
