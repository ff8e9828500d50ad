// Running a night and setting it right: players, rooms, a chat log, files.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { ODD_TEXTS, addGame, eventually, pastNight, play, scenario, startNight, vote } from './support/index.mjs';

const button = (visitor, name) => visitor.page.getByRole('button', { name, exact: true });

/** A log with votes of every kind for a session's first game, cast from a given time on. */
function chatLog(from) {
  const at = (seconds) => new Date(Date.parse(from) + seconds * 1000).toISOString();
  return [
    { username: 'Ann', message: 'ThisGame++ !!', timestamp: at(1) },
    { username: 'ann ', message: 'thisgame++', timestamp: at(1.5) },
    { username: 'Bob', message: 'thisgame—', timestamp: at(2) },
    { username: 'Zoë', message: 'love it, thisgame++', timestamp: at(3) },
    { username: 'relay', message: '[irc] thisgame++', timestamp: at(4) },
    { username: 'early', message: 'thisgame++', timestamp: at(-3600) },
    { username: 'talker', message: 'who is next?', timestamp: at(5) },
    { username: 'nobody' },
  ];
}

scenario('a chat log is shown for what it would do before it does anything', async ({ host, open }) => {
  const session = await pastNight(host, ['Quiplash 3']);
  const [row] = await host.get(`/api/sessions/${session.id}/games`);
  const log = JSON.stringify(chatLog(row.played_at));
  const visitor = await open(`/session/${session.id}`, { device: 'phone', signedIn: true });
  const dialog = visitor.page.getByRole('dialog', { name: 'Votes from a chat log' });

  await button(visitor, 'Import a chat log').click();
  await dialog.getByLabel('Or paste it').fill('{"chatData": 3}');
  visitor.watch.expect(/status of 400/);
  await visitor.see(dialog.getByText('chatData must be an array'));
  await dialog.getByLabel('Or paste it').fill('[{"username":');
  await visitor.see(dialog.getByText('This is no JSON'));
  await button(visitor, 'Start over').click();
  await dialog.getByLabel('Choose a log file').setInputFiles({ name: 'log.json', mimeType: 'application/json', buffer: Buffer.from(log) });
  const tried = dialog.getByRole('region', { name: 'What would count' });
  await visitor.see(tried.getByText('3 votes would count'));
  await visitor.see(tried.getByRole('listitem').filter({ hasText: /Quiplash 3\s*then \+1/ }));
  const figure = (label, value) => visitor.see(tried.locator('div').filter({ has: visitor.page.getByText(label, { exact: true }) }).getByText(value, { exact: true }).first());
  for (const [label, value] of [['messages', '8'], ['votes found', '5'], ['duplicates', '1'], ['before the first game', '1'], ['not readable', '1']]) await figure(label, value);
  await visitor.check();
  assert.deepEqual((await host.get(`/api/sessions/${session.id}/votes`)).votes, [], 'a dry run changes nothing');

  await button(visitor, 'Import 3 votes').click();
  await visitor.see('Chat log imported: 3 new votes');
  await visitor.check();
  const [votes] = (await host.get(`/api/sessions/${session.id}/votes`)).votes;
  assert.deepEqual([votes.upvotes, votes.downvotes], [2, 1], 'as the dry run said');

  // Once more, and nothing counts twice.
  await button(visitor, 'Another log').click();
  await dialog.getByLabel('Or paste it').fill(log);
  await visitor.see(tried.getByText('0 votes would count'));
  assert.equal(await button(visitor, 'Import 0 votes').isDisabled(), true);
  await dialog.getByRole('button', { name: 'Close' }).click();
  await visitor.see(visitor.page.getByRole('button', { name: /Quiplash 3.*\+1/ }));
});

scenario('a room is watched, and what it says is shown', { rooms: true }, async ({ host, rooms, open }) => {
  rooms.has('KWIP', { maxPlayers: 8, full: true, locked: true });
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3', { room_code: 'KWIP' });
  const visitor = await open('/session', { device: 'phone', signedIn: true });
  await button(visitor, 'Watch the room').click();
  await visitor.see('The game has begun');
  await visitor.see(visitor.page.getByRole('group', { name: 'Players of Quiplash 3' }).getByText('of 8'));
  await button(visitor, 'Stop watching').click();
  await visitor.see('No longer watched');
  await visitor.check();
});

scenario('a number set by hand is kept until it is cleared', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  const visitor = await open('/session', { signedIn: true });
  await visitor.see('Not counted');
  await button(visitor, 'One player more').click();
  await visitor.see('Set by hand');
  const count = async () => (await host.get(`/api/sessions/${session.id}/games`))[0].player_count;
  assert.equal(await count(), 3);
  await button(visitor, 'Clear the number').click();
  await eventually('no number', async () => (await count()) === null);
});

scenario('a wrong room code is refused in the words of the server, and stays to be mended', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  const visitor = await open('/session', { device: 'phone', signedIn: true });
  visitor.watch.expect(/status of 400/);
  await visitor.page.getByLabel('Room code').fill('AB1');
  await button(visitor, 'Save').click();
  await visitor.see('room_code must be four letters');
  await visitor.check();
  assert.equal(await visitor.page.getByLabel('Room code').inputValue(), 'AB1');
  await visitor.page.getByLabel('Room code').fill('ABCD');
  await button(visitor, 'Save').click();
  await visitor.gone('room_code must be four letters');
});

scenario('games are marked and removed, and a night of odd names stays readable', async ({ host, open }) => {
  const session = await startNight(host, ODD_TEXTS.unbroken);
  for (const title of Object.values(ODD_TEXTS)) {
    await addGame(host, { title, pack_name: ODD_TEXTS.unbroken });
    await play(host, session, title);
  }
  const visitor = await open('/session', { device: 'phone', signedIn: true });
  const fold = visitor.page.getByRole('button', { name: ODD_TEXTS.emoji });
  await fold.click();
  await visitor.page.getByRole('group', { name: `Where ${ODD_TEXTS.emoji} stands` }).getByRole('button', { name: 'Skipped' }).click();
  await visitor.see(fold.getByText('Skipped'));
  await visitor.check();
  await button(visitor, 'Remove').last().click();
  await visitor.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await visitor.gone(fold);
  const left = await host.get(`/api/sessions/${session.id}/games`);
  assert.equal(left.length, Object.keys(ODD_TEXTS).length - 1);
});

scenario('a night that is over is taken home as a file, and deleted', async ({ host, open }) => {
  const session = await pastNight(host, ['Quiplash 3', 'Fibbage 4'], 'Friday');
  const visitor = await open(`/session/${session.id}`, { signedIn: true });
  const [file] = await Promise.all([visitor.page.waitForEvent('download'), button(visitor, 'Export JSON').click()]);
  const content = JSON.parse(await readFile(await file.path(), 'utf8'));
  assert.equal(content.games.length, 2);
  await visitor.check();
  await button(visitor, 'Delete the night').click();
  await visitor.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await visitor.see('No night yet');
  assert.equal((await host.send('GET', `/api/sessions/${session.id}`)).status, 404);
});

scenario('the host and a vote on the way do not disturb each other', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  const visitor = await open('/session', { device: 'phone', signedIn: true });
  await visitor.page.getByLabel('Room code').fill('HALF');
  await vote(host, 'ann', 'up');
  await visitor.see(visitor.page.getByRole('group', { name: 'Votes tonight' }).filter({ hasText: /1\s*for it/ }));
  assert.equal(await visitor.page.getByLabel('Room code').inputValue(), 'HALF');
});
