// What a page has fetched, as the browser counted it on the wire: headers included, compressed as it came.
import { eventually } from './patience.mjs';

export class Traffic {
  /** Bytes of every answer that is complete. */
  bytes = 0;
  /** `{path, encoding, bytes}` of each. */
  answers = [];

  /** Counts from now on; to be called before the page goes anywhere. */
  static async of(page) {
    const traffic = new Traffic();
    const session = await page.context().newCDPSession(page);
    const heads = new Map();
    session.on('Network.responseReceived', ({ requestId, response }) => heads.set(requestId, response));
    session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const { url, headers = {} } = heads.get(requestId) ?? {};
      traffic.bytes += encodedDataLength;
      const encoding = headers['content-encoding'] ?? null;
      traffic.answers.push({ path: url && new URL(url).pathname, encoding, bytes: encodedDataLength });
    });
    await session.send('Network.enable');
    return traffic;
  }

  /** The same when everything is counted that the page has fetched whole by now. */
  async complete(page) {
    const fetched = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname));
    const isCounted = (path) => this.answers.some((answer) => answer.path === path);
    return eventually('the end of all answers', () => fetched.every(isCounted) && this);
  }
}
