// Takes the pictures in the documents anew, with the program as it is: `npm run pictures`. With an argument, of every
// screen into that folder, for whoever wants to look at them all.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeBrowser, Visitor } from './support/browser.mjs';
import { addWebhook, gameNamed, pastNight, play, Server, startNight, vote } from './support/index.mjs';
import { Receiver } from './support/receiver.mjs';

const DOCUMENTS = fileURLToPath(new URL('../../../../docs/images', import.meta.url));
/** What is looked at of a long page, in CSS pixels. */
const LONGEST = 2400;
const PHONE = { device: 'phone', deviceScaleFactor: 2 };

/** Three nights, of which one is on. */
async function furnish(host, receiver) {
  const webhook = await addWebhook(host, receiver, { name: 'Discord announcer', events: ['*'] });
  const past = [];
  for (const [titles, notes] of [
    [['Quiplash 3', 'Fibbage 4', 'Drawful 2', 'Trivia Murder Party 2'], 'Game night at Cem’s'],
    [['Tee K.O.', 'Quiplash 3', 'Fibbage 4'], 'The rainy Friday'],
  ]) {
    past.push(await pastNight(host, titles, notes));
  }
  const session = await startNight(host, 'Season finale');
  for (const [title, ups] of [['Drawful 2', ['fay', 'gus']], ['Fibbage 4', ['hal', 'ida', 'jon']]]) {
    await play(host, session, title);
    for (const name of ups) await vote(host, name, 'up');
  }
  const row = await play(host, session, 'Quiplash 3', { room_code: 'KWXZ' });
  await host.patch(`/api/sessions/${session.id}/games/${row.id}/player-count`, { player_count: 6 });
  for (const [name, direction] of [['ann', 'up'], ['bob', 'up'], ['cem', 'up'], ['dee', 'up'], ['eli', 'down']]) {
    await vote(host, name, direction);
  }
  return { past: past[0].id, session: session.id, webhook: webhook.id };
}

async function openPoll(host, { session }) {
  const options = await Promise.all(['Trivia Murder Party 2', 'Tee K.O.', 'Fibbage 4'].map((title) => gameNamed(host, title)));
  const poll = await host.post(`/api/sessions/${session}/polls`, { gameIds: options.map(({ id }) => id), seconds: 300 });
  for (const [username, option] of [['ann', 'A'], ['bob', 'B'], ['cem', 'A']]) {
    await host.post(`/api/polls/${poll.id}/votes`, { username, option });
  }
}

/** The whole page, be it longer than the screen, but no longer than a few screens. */
async function extent({ page }, isWhole) {
  if (!isWhole) return {};
  const { width, height } = await page.evaluate(() => ({ width: innerWidth, height: document.documentElement.scrollHeight }));
  return { fullPage: true, clip: { x: 0, y: 0, width, height: Math.min(height, LONGEST) } };
}

async function picture(server, { path, name, act, isWhole, ...options }, folder) {
  const visitor = await Visitor.open(server, path, options);
  if (!path.startsWith('/overlay')) await visitor.ready();
  else await visitor.see('KWXZ');
  await act?.(visitor);
  await visitor.page.waitForFunction(() => !document.querySelector('[aria-busy="true"], .skeleton'));
  await visitor.page.screenshot({ path: join(folder, `${name}.png`), ...(await extent(visitor, isWhole)) });
  await visitor.close();
}

const roll = async (visitor) => {
  await visitor.page.getByRole('button', { name: /^6 players/ }).click();
  await visitor.page.getByRole('button', { name: 'Roll', exact: true }).click();
  await visitor.see(visitor.page.getByRole('region', { name: 'What was rolled' }).getByRole('heading'));
};

function documents({ token }, { webhook }) {
  return [
    { name: 'tonight', path: '/', ...PHONE },
    { name: 'pick', path: '/pick', act: roll, token, ...PHONE },
    { name: 'session', path: '/session', token, ...PHONE },
    { name: 'tv', path: '/tv' },
    { name: 'statistics', path: '/statistics', theme: 'light' },
    { name: 'webhook', path: `/webhooks/${webhook}`, token },
    { name: 'overlay', path: '/overlay', viewport: { width: 1280, height: 400 } },
  ];
}

/** Each screen on a phone and on a desk, dark and light. */
function everywhere(screens, prefix = '') {
  const name = ({ path }) => path.replaceAll('/', '-');
  return screens.flatMap((screen) => [
    { ...screen, name: `${prefix}phone-dark${name(screen)}`, ...PHONE },
    { ...screen, name: `${prefix}phone-light${name(screen)}`, theme: 'light', ...PHONE },
    { ...screen, name: `${prefix}desktop-dark${name(screen)}` },
    { ...screen, name: `${prefix}desktop-light${name(screen)}`, theme: 'light' },
  ]).map((picture) => ({ ...picture, isWhole: true }));
}

const PATHS = ['/', '/tv', '/pick', '/session', '/library', '/history', '/statistics', '/webhooks', '/live', '/connections', '/welcome', '/sign-in'];

/** Before anything has happened, for the host and for whoever is not signed in. */
function empty({ token }) {
  const forHost = everywhere(PATHS.map((path) => ({ path, token })), 'empty-');
  return [...forHost, ...everywhere(['/', '/welcome', '/sign-in', '/session'].map((path) => ({ path })), 'stranger-')];
}

function full(host, { past, webhook, session }) {
  let votes = 0;
  const happen = async (visitor) => {
    // Votes of the same person within a second are one.
    const round = votes++;
    await visitor.see('Listening');
    for (const name of ['kim', 'lea']) await vote(host, `${name}${round}`, 'up');
    await visitor.see(visitor.page.getByRole('listitem').filter({ hasText: 'vote.recorded' }).first());
  };
  const paths = [...PATHS, `/session/${past}`, `/history/${session}`, `/webhooks/${webhook}`];
  return everywhere(paths.map((path) => ({ path, token: host.token, act: path === '/live' ? happen : undefined })));
}

const [elsewhere] = process.argv.slice(2);
const folder = elsewhere ?? DOCUMENTS;
await mkdir(folder, { recursive: true });
const receiver = await Receiver.open();
const server = await Server.start();
try {
  const host = await server.host();
  const take = async (pictures) => {
    for (const one of pictures) await picture(server, one, folder);
  };
  if (elsewhere) await take(empty(host));
  const ids = await furnish(host, receiver);
  if (elsewhere) await openPoll(host, ids);
  await take(elsewhere ? full(host, ids) : documents(host, ids));
} finally {
  await closeBrowser();
  await server.close();
  await receiver.close();
}
