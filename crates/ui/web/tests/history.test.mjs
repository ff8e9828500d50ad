// Looking back: nights by day, their votes, and the figures, each readable as a table.
import { THEMES, pastNight, play, scenario, startNight, vote } from './support/index.mjs';

scenario('nights are found by day, with their games and votes', async ({ host, open }) => {
  await pastNight(host, ['Fibbage 4'], 'The first one');
  const session = await startNight(host, 'The second one');
  await play(host, session, 'Quiplash 3');
  await vote(host, 'Zoë', 'up');
  await host.post(`/api/sessions/${session.id}/close`);
  const visitor = await open('/history', { device: 'phone' });
  await visitor.see('The first one');
  await visitor.page.getByRole('link', { name: /The second one/ }).click();
  await visitor.see(visitor.page.getByRole('region', { name: 'Games' }).getByText('Quiplash 3'));
  await visitor.see(visitor.page.getByRole('region', { name: 'Votes' }).getByText('Zoë'));
  await visitor.check();
});

scenario('what the chat chose is told of a night, and follows while it is on', async ({ host, open }) => {
  const session = await startNight(host);
  const visitor = await open(`/history/${session.id}`, { device: 'phone' });
  await visitor.ready();
  await visitor.badge('Live');
  const poll = await host.post(`/api/sessions/${session.id}/polls`, { count: 3, seconds: 300 });
  const polls = visitor.page.getByRole('region', { name: 'What the chat chose' });
  await visitor.see(polls.getByText('still open'));
  await host.post(`/api/polls/${poll.id}/votes`, { username: 'ann', option: 'B' });
  await host.post(`/api/polls/${poll.id}/close`);
  await visitor.see(polls.getByText('1 vote', { exact: false }).first());
  await visitor.see(polls.getByRole('listitem').filter({ hasText: 'Chosen:' }).getByText(poll.options[1].game.title).first());
  await visitor.check();
});

scenario('who reads older votes is not thrown back by a new one', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  for (let at = 1; at <= 51; at++) await vote(host, `voter ${at}`, 'up');
  const visitor = await open(`/history/${session.id}`);
  await (await visitor.see(visitor.page.getByRole('button', { name: 'Older' }))).click();
  await visitor.see(visitor.page.getByText('voter 1', { exact: true }));
  await visitor.see('2 of 2 pages');
  await visitor.badge('Live');
  await vote(host, 'zoë', 'up');
  await visitor.see('52 votes, the newest first');
  await visitor.see(visitor.page.getByText('voter 2', { exact: true }));
  await visitor.see('2 of 2 pages');
});

scenario('a night that is on changes under the eyes of who looks back at it', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  const visitor = await open(`/history/${session.id}`);
  await visitor.ready();
  await visitor.see('Nobody voted');
  await vote(host, 'ann', 'up');
  await visitor.see(visitor.page.getByRole('img', { name: '1 for it, 0 against it' }));
});

scenario('many votes are turned over page by page', async ({ host, open }) => {
  const session = await startNight(host);
  const row = await play(host, session, 'Quiplash 3');
  const at = (seconds) => new Date(Date.parse(row.played_at) + seconds * 1000).toISOString();
  const chatData = Array.from({ length: 60 }, (_, number) => ({ username: `voter ${number}`, message: 'thisgame++', timestamp: at(number) }));
  await host.post(`/api/sessions/${session.id}/chat-import`, { chatData });
  const visitor = await open(`/history/${session.id}`, { device: 'phone' });
  await visitor.see(visitor.page.getByText('voter 59', { exact: true }));
  await visitor.page.getByRole('button', { name: 'Older' }).click();
  await visitor.see(visitor.page.getByText('voter 0', { exact: true }));
  await visitor.gone(visitor.page.getByText('voter 59', { exact: true }));
});

scenario('every plot can be read as a table', async ({ host, open }) => {
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  await vote(host, 'ann', 'up');
  await play(host, session, 'Fibbage 4');
  await vote(host, 'bob', 'down');
  await host.post(`/api/sessions/${session.id}/close`);
  for (const theme of THEMES) {
    const visitor = await open('/statistics', { device: theme === 'dark' ? 'phone' : 'desktop', theme });
    await visitor.see(visitor.page.getByRole('img', { name: /^Votes: For from 1 to 1, Against from 1 to 1/ }));
    await visitor.check();
    const toggles = visitor.page.getByRole('button', { name: /As a table/ });
    for (let left = await toggles.count(); left > 0; left--) await toggles.first().click();
    for (const caption of ['Most played', 'Liked best', 'Liked least', 'By pack', 'Never played']) {
      await visitor.see(visitor.page.getByRole('table', { name: caption }));
    }
    await visitor.see(visitor.page.getByRole('table', { name: 'Liked least' }).getByText('Fibbage 4'));
    await visitor.check();
  }
});

scenario('figures follow what happens', async ({ host, open }) => {
  const visitor = await open('/statistics', { signedIn: true });
  await visitor.see('No night to count yet');
  await visitor.badge('Live');
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  await visitor.see(visitor.page.getByRole('region', { name: 'Most played' }).getByText('Quiplash 3'));
});
