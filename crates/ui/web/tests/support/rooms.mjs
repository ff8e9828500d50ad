// A room service in the place of Jackbox's, which says what a test wants of each room.
import { createServer } from 'node:http';

export class RoomService {
  #server;
  #rooms = new Map();

  static async open() {
    const service = new RoomService();
    service.#server = createServer((request, response) => service.#answer(request, response));
    await new Promise((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  /** Settings of a server that asks this service. */
  get env() {
    return { FANFARE_ROOMS_BASE_URL: `http://127.0.0.1:${this.#server.address().port}/` };
  }

  /** From now on there is a room: `{locked, full, maxPlayers}`. */
  has(code, fields = {}) {
    this.#rooms.set(code, { code, host: '127.0.0.1', locked: false, full: false, maxPlayers: 8, ...fields });
  }

  /** The room has closed. */
  loses(code) {
    this.#rooms.delete(code);
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request, response) {
    const room = this.#rooms.get(request.url.split('/').at(-1));
    const said = room ? { ok: true, body: room } : { ok: false, error: 'no such room' };
    response.writeHead(room ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  }
}
