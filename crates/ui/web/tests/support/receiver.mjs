// Where webhooks are sent to: it keeps every request, and answers as a test wants.
import { createServer } from 'node:http';
import { eventually } from './patience.mjs';

export class Receiver {
  /** `{method, path, headers, text}` of each request, in order. */
  requests = [];
  #server;
  #answer = { status: 200, body: 'ok' };
  #read = 0;

  static async open() {
    const receiver = new Receiver();
    receiver.#server = createServer((request, response) => receiver.#receive(request, response));
    await new Promise((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/hook`;
  }

  /** From now on every request is answered so. */
  answerWith(status, body = '') {
    this.#answer = { status, body };
  }

  /** The next request that nobody has asked for yet; its body is in `json`. */
  async next() {
    const request = await eventually('a request to the webhook', () => this.requests[this.#read]);
    this.#read += 1;
    return { ...request, json: JSON.parse(request.text) };
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  async #receive(request, response) {
    const chunks = await request.toArray();
    const { method, url: path, headers } = request;
    this.requests.push({ method, path, headers, text: Buffer.concat(chunks).toString() });
    response.writeHead(this.#answer.status).end(this.#answer.body);
  }
}
