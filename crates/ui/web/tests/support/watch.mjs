// Notes everything that a page must not do, for as long as it is open.

/** What a browser says when a server does not answer, which no page can keep it from saying. */
const NO_ANSWER = /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED|INCOMPLETE_CHUNKED_ENCODING|INTERNET_DISCONNECTED|NETWORK_CHANGED)|WebSocket is closed before the connection is established/;

export class Watch {
  #faults = [];
  #expected = [];
  #isOut = false;

  /** Watches every page of a browser context that belongs to a server at `origin`. */
  static async over(context, origin) {
    const watch = new Watch();
    await context.exposeBinding('fanfareReportsViolation', (_, what) => watch.#note(`content policy: ${what}`));
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
        window.fanfareReportsViolation(`${violatedDirective} forbids ${blockedURI}`),
      );
    });
    context.on('page', (page) => watch.#follow(page, origin));
    context.on('request', (request) => watch.#look(request.url(), origin));
    return watch;
  }

  #follow(page, origin) {
    page.on('pageerror', (error) => this.#note(`page error: ${error.stack ?? error.message}`));
    page.on('websocket', (socket) => this.#look(socket.url(), origin));
    page.on('console', (message) => {
      if (!['error', 'warning', 'assert'].includes(message.type())) return;
      const text = `${message.text()} (${message.location().url ?? ''})`;
      if (this.#isOut && NO_ANSWER.test(text)) return;
      const expected = this.#expected.find(({ pattern }) => pattern.test(text));
      if (expected) expected.seen = true;
      else this.#note(`console ${message.type()}: ${text}`);
    });
  }

  #look(url, origin) {
    const { protocol, host } = new URL(url);
    if (['data:', 'blob:', 'about:'].includes(protocol) || host === new URL(origin).host) return;
    this.#note(`request to another host: ${url}`);
  }

  #note(fault) {
    this.#faults.push(fault);
  }

  /** The console will say this, and must: a refusal, which a browser reports for every status from 400 on. */
  expect(pattern) {
    this.#expected.push({ pattern, seen: false });
  }

  /** From now on the server may not answer, or it does again. */
  outage(isOut) {
    this.#isOut = isOut;
  }

  /** Fails when there was anything, or something expected did not come. */
  judge(name) {
    const missing = this.#expected.filter(({ seen }) => !seen).map(({ pattern }) => `the console never said ${pattern}`);
    const faults = [...this.#faults, ...missing];
    if (faults.length > 0) throw new Error(`${name}:\n  ${faults.join('\n  ')}`);
  }
}
