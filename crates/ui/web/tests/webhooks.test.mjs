// Webhooks: made, failing, mended and replayed, with what was sent and what came back.
import assert from 'node:assert/strict';
import { addWebhook, eventually, play, scenario, startNight } from './support/index.mjs';

const dialogOf = (visitor, name) => visitor.page.getByRole('dialog', { name });
const tab = (visitor, name) => visitor.page.getByRole('tab', { name }).click();
const attempts = (visitor) => visitor.page.getByRole('list', { name: 'Attempts, newest first' }).getByRole('listitem');

scenario('a webhook is made, its secret written once, and a test arrives', { receiver: true }, async ({ host, open, receiver }) => {
  const visitor = await open('/webhooks', { signedIn: true, device: 'phone' });
  await visitor.see('Nobody is called yet');
  await visitor.page.getByRole('button', { name: 'Add a webhook' }).click();
  const form = dialogOf(visitor, 'Add a webhook');
  await form.getByLabel('Name', { exact: true }).fill('Announcer');
  await form.getByLabel('URL').fill('ftp://bot.example/hook');
  visitor.watch.expect(/status of 400/);
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await visitor.see(form.getByRole('alert').filter({ hasText: 'Invalid URL format' }));
  await visitor.check();
  const secret = await form.getByLabel('Secret', { exact: true }).inputValue();
  await form.getByLabel('URL').fill(receiver.url);
  await form.getByRole('checkbox', { name: /session\.started/ }).check();
  await form.getByRole('button', { name: 'Add', exact: true }).click();

  await visitor.see(visitor.page.getByRole('heading', { name: 'Announcer', level: 1 }));
  await visitor.see(secret);
  await visitor.check();
  const [made] = await host.get('/api/webhooks');
  assert.deepEqual(made.events.sort(), ['game.added', 'session.started']);
  await visitor.see('Nothing was sent yet');
  await visitor.page.getByRole('button', { name: 'Send a test' }).click();
  const { headers, json } = await receiver.next();
  assert.equal(json.event, 'game.added');
  assert.ok(headers['webhook-signature'].length > 0);
  await visitor.see(attempts(visitor).filter({ hasText: '200' }));
  await visitor.page.reload();
  await visitor.see(attempts(visitor).filter({ hasText: '200' }));
  await visitor.gone(secret);
});

scenario('a webhook that fails is seen live, looked into and replayed', { receiver: true }, async ({ host, open, receiver }) => {
  const { id } = await addWebhook(host, receiver, { name: 'Sleepy bot', retry_attempts: 0 });
  const visitor = await open(`/webhooks/${id}`, { signedIn: true });
  await visitor.see('Nothing was sent yet');
  receiver.answerWith(500, 'the bot is asleep');
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  const failed = attempts(visitor).filter({ hasText: '500' });
  await visitor.see(failed);
  await visitor.see('1 failure in a row');
  await failed.getByRole('button').click();
  const look = visitor.page.getByRole('dialog', { name: /^Delivery/ });
  await visitor.see(look.getByText('Failed', { exact: true }));
  const request = look.getByRole('region', { name: 'Request' });
  await visitor.see(request.getByText(/"title":"Quiplash 3"/));
  const sent = receiver.requests.at(-1).headers;
  for (const name of ['webhook-id', 'x-webhook-event', 'x-webhook-signature', 'user-agent']) {
    await visitor.see(request.getByText(`${name}: ${sent[name]}`));
  }
  await visitor.see(look.getByRole('region', { name: 'Response to attempt 1' }).getByText('the bot is asleep'));
  await visitor.see(look.getByText(/took (< 1|\d+) ms/));
  await visitor.check();
  await look.getByRole('button', { name: 'Send it again' }).click();
  await visitor.see(look.getByRole('region', { name: 'Response to attempt 2' }));
  await visitor.see(look.getByText('Failed', { exact: true }));
  await look.getByRole('button', { name: 'Close' }).click();

  await tab(visitor, 'Failed');
  await visitor.see(visitor.page.getByRole('list', { name: 'Deliveries, newest first' }).getByText('game.added'));
  receiver.answerWith(200, 'good morning');
  await visitor.page.getByRole('button', { name: 'Replay' }).click();
  const replay = dialogOf(visitor, 'Replay');
  await visitor.see(replay.getByText('1 delivery', { exact: true }));
  await visitor.check();
  visitor.watch.expect(/status of 400/);
  await replay.getByLabel('From').fill('2099-01-01T00:00');
  await visitor.see(replay.getByRole('alert').filter({ hasText: 'since must not be later than until' }));
  await replay.getByLabel('From').fill('');
  await replay.getByRole('button', { name: 'Send 1 delivery again' }).click();
  await visitor.see('Nothing has failed');
  await tab(visitor, 'Attempts');
  await visitor.see(attempts(visitor).filter({ hasText: '200' }));
  await visitor.see(visitor.page.locator('main').getByText('On', { exact: true }));
});

scenario('what is held back while a webhook is off is replayed; what waits is called off', { receiver: true }, async ({ host, open, receiver }) => {
  const { id } = await addWebhook(host, receiver);
  const visitor = await open(`/webhooks/${id}?state=held`, { signedIn: true, device: 'phone' });
  const tab = await visitor.see(visitor.page.getByRole('tab', { name: 'Held back', selected: true }));
  const box = await tab.boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 360, `the chosen tab is within sight: ${JSON.stringify(box)}`);
  await visitor.see('Nothing is held back');
  await visitor.page.getByRole('switch', { name: 'Deliver' }).click();
  await visitor.see(visitor.page.locator('main').getByText('Off', { exact: true }));
  const session = await startNight(host);
  await play(host, session, 'Quiplash 3');
  await play(host, session, 'Drawful 2');
  const held = visitor.page.getByRole('list', { name: 'Deliveries, newest first' }).getByRole('listitem');
  await visitor.see(held.nth(1));
  await visitor.check();
  await held.first().getByRole('button').click();
  const look = visitor.page.getByRole('dialog', { name: /^Delivery/ });
  await look.getByRole('button', { name: 'Call it off' }).click();
  await visitor.see(look.getByText('Called off', { exact: true }));
  await look.getByRole('button', { name: 'Close' }).click();
  await visitor.page.getByRole('switch', { name: 'Deliver' }).click();
  await visitor.page.getByRole('button', { name: 'Replay' }).click();
  const replay = dialogOf(visitor, 'Replay');
  await replay.getByLabel('What is sent again').selectOption('held');
  await replay.getByRole('button', { name: 'Send 1 delivery again' }).click();
  assert.equal((await receiver.next()).json.data.game.title, 'Quiplash 3');
  assert.equal(receiver.requests.length, 1);
});

scenario('an answer that comes late replaces nothing newer', { receiver: true }, async ({ host, open, receiver }) => {
  const { id } = await addWebhook(host, receiver);
  const visitor = await open(`/webhooks/${id}`, { signedIn: true });
  const { page } = visitor;
  await visitor.see(page.locator('main').getByText('On', { exact: true }));
  let [release, late] = [null, null];
  await page.route(`**/api/webhooks/${id}`, async (route) => {
    if (late || route.request().method() !== 'GET') return route.continue();
    late = route.request();
    const response = await route.fetch();
    await new Promise((resolve) => (release = resolve));
    await route.fulfill({ response });
  });
  await eventually('a question whose answer is held back', () => release);
  await page.getByRole('switch', { name: 'Deliver' }).click();
  await visitor.see(page.locator('main').getByText('Off', { exact: true }));
  const arrived = page.waitForEvent('requestfinished', (request) => request === late);
  release();
  await arrived;
  await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
  assert.ok(await page.locator('main').getByText('Off', { exact: true }).isVisible());
});

scenario('a webhook is changed, its secret rotated, and deleted', { receiver: true }, async ({ host, open, receiver }) => {
  const { id } = await addWebhook(host, receiver, { headers: { 'X-Room': 'kitchen' } });
  const visitor = await open(`/webhooks/${id}`, { signedIn: true });
  await (await visitor.see(visitor.page.getByRole('button', { name: 'Change' }))).click();
  const form = dialogOf(visitor, 'Change the webhook');
  await form.getByLabel('Name', { exact: true }).fill('Renamed');
  await form.getByLabel('What is sent').selectOption('discord');
  await form.getByRole('button', { name: 'Show an example' }).click();
  await visitor.see(form.getByRole('region', { name: 'Example' }).getByText(/added to session/));
  await form.getByText('Order, pace, retries and headers').click();
  await form.getByLabel('Waits between attempts').fill('1, 5');
  await visitor.check();
  await form.getByRole('button', { name: 'Save' }).click();
  await visitor.see(visitor.page.getByRole('heading', { name: 'Renamed' }));
  const changed = await host.get(`/api/webhooks/${id}`);
  assert.deepEqual([changed.format, changed.retry_schedule_ms, changed.headers], ['discord', [1000, 5000], { 'X-Room': '***' }]);

  await visitor.page.getByRole('button', { name: 'Rotate secret' }).click();
  const rotate = dialogOf(visitor, 'Rotate the secret');
  const secret = await rotate.getByLabel('New secret').inputValue();
  await rotate.getByRole('button', { name: 'Rotate' }).click();
  await visitor.see(secret);
  await visitor.see(/signs as well until/);
  assert.ok((await host.get(`/api/webhooks/${id}`)).old_secrets_until);

  await visitor.page.getByRole('button', { name: 'Delete' }).click();
  await dialogOf(visitor, 'Delete this webhook?').getByRole('button', { name: 'Delete' }).click();
  await visitor.see('Nobody is called yet');
  await eventually('it is gone', async () => (await host.get('/api/webhooks')).length === 0);
});
