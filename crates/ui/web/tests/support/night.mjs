// What happens in an evening, done through the public API by whoever has signed in.

/** Starts a night; returns the session. */
export function startNight(host, notes) {
  return host.post('/api/sessions', notes === undefined ? {} : { notes });
}

/** The game of the library with that title. */
export async function gameNamed(host, title) {
  const games = await host.get('/api/games');
  const game = games.find((game) => game.title === title);
  if (!game) throw new Error(`the library has no ${title}`);
  return game;
}

/** Puts a game of the library on; returns its row in the session. `fields` may have a `room_code`. */
export async function play(host, session, title, fields = {}) {
  const { id } = await gameNamed(host, title);
  return host.post(`/api/sessions/${session.id}/games`, { game_id: id, ...fields });
}

/** A vote in the chat, for the game that is on. */
export function vote(host, username, direction) {
  return host.post('/api/votes/live', { username, vote: direction, timestamp: new Date().toISOString() });
}

/** A whole evening that is over; returns the session. */
export async function pastNight(host, titles, notes) {
  const session = await startNight(host, notes);
  for (const title of titles) {
    const row = await play(host, session, title);
    await host.patch(`/api/sessions/${session.id}/games/${row.id}/status`, { status: 'played' });
  }
  return host.post(`/api/sessions/${session.id}/close`);
}

/** Adds a game; what is not said about it is plain. */
export function addGame(host, fields) {
  return host.post('/api/games', { pack_name: 'House Games', min_players: 2, max_players: 8, ...fields });
}

/** Adds so many games at once. */
export function fillLibrary(host, count) {
  const lines = Array.from({ length: count }, (_, at) => `Shelf ${1 + Math.floor(at / 20)},Game ${at + 1},2,8`);
  return host.post('/api/games/import/csv', { csvData: `pack_name,title,min_players,max_players\n${lines.join('\n')}\n` });
}

/** A webhook; what is not said about it is plain. */
export function addWebhook(host, receiver, fields = {}) {
  return host.post('/api/webhooks', { name: 'bot', url: receiver.url, secret: 'mysecret123', events: ['game.added'], ...fields });
}

/** Titles and names that no layout may break on. */
export const ODD_TEXTS = {
  long: `The ${'Very '.repeat(20)}Long Title`,
  unbroken: 'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen'.repeat(2),
  emoji: '🎮👩‍👩‍👧 Night of 🌶️🌶️🌶️',
  rightToLeft: 'لعبة الليلة (الجولة 2)',
  markup: '<b>bold</b> & "quoted" {braces}',
};
