// What every test relies on: that a page that misbehaves is noticed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Visitor } from './support/browser.mjs';
import { Server, eventually } from './support/index.mjs';

const ELSEWHERE = 'http://127.0.0.2:9/picture.png';

/** What a page does, and what is noticed of it. */
const SINS = [
  ['writes an error', () => console.error('oh no'), /console error: oh no/],
  ['writes a warning', () => console.warn('beware'), /console warning: beware/],
  ['throws', () => void setTimeout(() => { throw new Error('thrown'); }), /page error: Error: thrown/],
  ['rejects', () => void Promise.reject(new Error('rejected')), /page error: Error: rejected/],
  ['has an inline style', () => document.body.insertAdjacentHTML('beforeend', '<p style="color: red">x</p>'), /content policy: style-src-attr/],
  ['asks another host', (url) => void fetch(url).catch(() => {}), /content policy: connect-src/],
  ['shows a picture of another host', (url) => (document.createElement('img').src = url), /content policy: img-src/],
  ['goes to another host', (url) => void location.assign(url), /request to another host: http:\/\/127\.0\.0\.2/],
];

test('whatever a page does wrong fails its test', async (t) => {
  const server = await Server.start();
  t.after(() => server.close());
  for (const [what, sin, noticed] of SINS) {
    const visitor = await Visitor.open(server, '/');
    await visitor.ready();
    visitor.watch.judge('before');
    await visitor.page.evaluate(sin, ELSEWHERE).catch(() => {});
    await eventually(`a page that ${what} being noticed`, () => {
      try {
        visitor.watch.judge('after');
      } catch (error) {
        return noticed.test(error.message);
      }
      return false;
    });
    await visitor.close();
  }
});

test('what is not for everybody to read or reach fails its test', async (t) => {
  const server = await Server.start();
  t.after(() => server.close());
  const visitor = await Visitor.open(server, '/', { device: 'phone' });
  t.after(() => visitor.close());
  await visitor.ready();
  await visitor.check();
  const worse = async (change, complaint) => {
    await visitor.page.evaluate(change);
    await assert.rejects(visitor.check(), complaint);
    await visitor.page.evaluate(() => document.querySelector('#worse').remove());
    await visitor.check();
  };
  await worse(() => document.querySelector('main').insertAdjacentHTML('beforeend', '<div id="worse"><input type="text"></div>'), /axe on/);
  await worse(() => {
    const wide = Object.assign(document.createElement('div'), { id: 'worse', textContent: 'wide' });
    wide.style.width = '500px';
    document.querySelector('main').append(wide);
  }, /500|sticks out|px wide/);
  await worse(() => {
    const cut = Object.assign(document.createElement('div'), { id: 'worse' });
    cut.style.cssText = 'overflow: hidden';
    const wide = Object.assign(document.createElement('div'), { textContent: 'cut off' });
    wide.style.width = '500px';
    cut.append(wide);
    document.querySelector('main').append(cut);
  }, /sticks out/);
  await worse(() => {
    const small = Object.assign(document.createElement('button'), { id: 'worse', textContent: 'x' });
    small.style.cssText = 'width: 20px; height: 20px; min-height: 0; min-width: 0; padding: 0';
    document.querySelector('main').append(small);
  }, /too small for a thumb/);
});
