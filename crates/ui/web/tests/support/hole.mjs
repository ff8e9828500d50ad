// A network before the server that can swallow everything, as a phone's does between two cells: connections stay open and
// nothing comes through.
import { connect, createServer } from 'node:net';

export class Hole {
  #listener;
  #sockets = new Set();
  #swallows = false;

  /** Opens a way to `server`. */
  static async before(server) {
    const hole = new Hole();
    const { hostname, port } = new URL(server.url);
    hole.#listener = createServer((client) => hole.#join(client, connect(Number(port), hostname)));
    await new Promise((resolve) => hole.#listener.listen(0, '127.0.0.1', resolve));
    return hole;
  }

  get url() {
    return `http://127.0.0.1:${this.#listener.address().port}`;
  }

  /** From now on nothing comes through, on whichever connection. */
  swallow() {
    this.#swallows = true;
    for (const socket of this.#sockets) socket.isLost = true;
  }

  /** New connections work again; those that were lost stay so. */
  mend() {
    this.#swallows = false;
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#listener.close(resolve));
  }

  #join(client, server) {
    for (const [from, to] of [[client, server], [server, client]]) {
      from.isLost = this.#swallows;
      this.#sockets.add(from);
      from.on('data', (bytes) => client.isLost || to.write(bytes));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        if (!client.isLost) to.destroy();
      });
    }
  }
}
