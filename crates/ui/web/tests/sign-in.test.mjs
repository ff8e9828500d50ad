// Signing in, with the wrong key and the right one.
import assert from 'node:assert/strict';
import { addWebhook, scenario, startNight } from './support/index.mjs';

scenario('a wrong key is refused in the words of the server, and the right one opens', async ({ server, open }) => {
  const refusal = await server.visitor().send('POST', '/api/auth/login', { key: 'a guess' });
  const visitor = await open('/sign-in', { device: 'phone' });
  visitor.watch.expect(/status of 401/);
  const field = visitor.page.getByLabel('Key');
  await field.fill('a guess');
  await field.press('Enter');
  const alert = await visitor.see(visitor.page.getByRole('alert'));
  assert.equal((await alert.innerText()).trim(), refusal.body.error);
  assert.equal(await field.inputValue(), 'a guess', 'what was typed is still there');
  await visitor.check();

  await field.fill(server.key);
  await field.press('Enter');
  await visitor.see(visitor.page.getByRole('button', { name: 'Start a night' }));
  assert.equal(new URL(visitor.page.url()).pathname, '/');
  await visitor.badge('Live');
  // It is kept over a reload, and until one signs out.
  await visitor.page.reload();
  await visitor.see(visitor.page.getByRole('button', { name: 'Start a night' }));
  await visitor.page.goto(`${server.url}/sign-in`);
  await (await visitor.see(visitor.page.locator('main').getByRole('button', { name: 'Sign out' }))).click();
  await visitor.see(visitor.page.getByLabel('Key'));
  assert.equal(await visitor.page.evaluate(() => localStorage.getItem('fanfare.token')), null);
});

scenario('a token that has run out in one tab takes nothing away in another', async ({ server, host, open }) => {
  await startNight(host);
  const visitor = await open('/session', { signedIn: true });
  await (await visitor.see(visitor.page.getByRole('button', { name: 'End the night' }))).click();
  const notes = visitor.page.getByRole('dialog').getByLabel('Notes');
  await notes.fill('It was a good one');
  const told = visitor.page.evaluate(() => new Promise((told) => addEventListener('storage', () => told(true))));
  const other = await visitor.page.context().newPage();
  await other.routeWebSocket('**/api/sessions/live', (socket) => socket.onMessage(() => socket.send('{"type":"auth_error","message":"Invalid token"}')));
  await other.goto(`${server.url}/session`);
  await other.getByRole('dialog', { name: 'Sign in to go on' }).waitFor();
  await told;
  assert.equal(await notes.inputValue(), 'It was a good one');
});

scenario('the key that the first start printed opens', { env: { FANFARE_ADMIN_KEY: undefined } }, async ({ server, open }) => {
  const visitor = await open('/sign-in');
  await visitor.page.getByLabel('Key').fill(server.key);
  await visitor.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await visitor.see(visitor.page.getByRole('button', { name: 'Start a night' }));
});

scenario('a dialog that was dismissed comes back for what somebody does, not for what a page looks up', { receiver: true }, async ({ open, receiver, host }) => {
  await addWebhook(host, receiver, { name: 'Announcer' });
  const visitor = await open('/webhooks', { signedIn: true, clock: true });
  await visitor.see('Announcer');
  visitor.watch.expect(/status of 403/);
  await visitor.page.route('**/api/webhooks**', (route) => route.fulfill({ status: 403, json: { error: 'Invalid or expired token' } }));
  const dialog = visitor.page.getByRole('dialog', { name: 'Sign in to go on' });
  await visitor.see(dialog);
  await visitor.page.keyboard.press('Escape');
  await visitor.gone(dialog);
  for (let looks = 0; looks < 2; looks++) {
    const looked = visitor.page.waitForResponse('**/api/webhooks');
    await visitor.page.clock.runFor(5_000);
    await looked;
  }
  await visitor.see('Invalid or expired token');
  assert.equal(await dialog.count(), 0);
  await visitor.page.getByRole('link', { name: /Announcer/ }).click();
  await visitor.see(dialog);
});

scenario('signing in leads on within the dashboard, and nowhere else', async ({ server, open }) => {
  for (const [to, path] of [['/%5Cevil.example', '/'], ['//evil.example', '/'], ['http://%5B', '/'], ['/library?search=quiplash', '/library']]) {
    const visitor = await open(`/sign-in?to=${to}`);
    await visitor.page.getByLabel('Key').fill(server.key);
    await visitor.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await visitor.gone(visitor.page.getByLabel('Key'));
    await visitor.see(visitor.page.getByRole('heading', { level: 1 }));
    assert.equal(new URL(visitor.page.url()).pathname, path, to);
  }
});

scenario('signing out on a phone closes what it was in', async ({ open }) => {
  const visitor = await open('/', { device: 'phone', signedIn: true });
  await (await visitor.see(visitor.page.getByRole('button', { name: 'More' }))).click();
  const sheet = visitor.page.getByRole('dialog', { name: 'More' });
  await sheet.getByRole('button', { name: 'Sign out' }).click();
  await visitor.gone(sheet);
});
