// Somebody who talks to the public API, with or without a token.
import { PATIENCE_MS } from './patience.mjs';

export class Client {
  constructor(url, token = null) {
    this.url = url;
    this.token = token;
  }

  /** The same person after signing in with the admin key. */
  async signIn(key) {
    const { token } = await this.post('/api/auth/login', { key });
    return new Client(this.url, token);
  }

  /** Status and body of an answer, whatever they are. */
  async send(method, path, body) {
    const headers = {};
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(this.url + path, { method, headers, body: text, signal: AbortSignal.timeout(PATIENCE_MS) });
    return answerOf(response);
  }

  async #expectSuccess(method, path, body) {
    const answer = await this.send(method, path, body);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  get(path) {
    return this.#expectSuccess('GET', path);
  }

  post(path, body = {}) {
    return this.#expectSuccess('POST', path, body);
  }

  put(path, body) {
    return this.#expectSuccess('PUT', path, body);
  }

  patch(path, body = {}) {
    return this.#expectSuccess('PATCH', path, body);
  }

  delete(path) {
    return this.#expectSuccess('DELETE', path);
  }
}

async function answerOf(response) {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
