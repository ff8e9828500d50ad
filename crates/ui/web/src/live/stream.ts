// Reads a stream of server-sent events by hand: unlike EventSource it shows the comments that the server sends to
// keep the connection open, which is how a dead connection is told from a quiet one.

export interface StreamHandlers {
  /** Anything at all arrived. */
  alive(): void;
  message(message: { id: string | null; data: string }): void;
}

/** Reads until the stream ends or the signal aborts; a status other than 200 is thrown. */
export async function readStream(
  url: string,
  options: { lastEventId?: number | string | null; token?: string | null; signal: AbortSignal },
  handlers: StreamHandlers,
): Promise<void> {
  const headers: Record<string, string> = { Accept: 'text/event-stream' };
  if (options.lastEventId !== null && options.lastEventId !== undefined) headers['Last-Event-ID'] = String(options.lastEventId);
  if (options.token) headers['Authorization'] = `Bearer ${options.token}`;
  const response = await fetch(url, { headers, signal: options.signal, cache: 'no-store' });
  if (!response.ok || !response.body) throw new StreamRefused(response.status);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new StreamParser(handlers.message);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    handlers.alive();
    parser.push(value);
  }
}

export class StreamRefused extends Error {
  constructor(readonly status: number) {
    super(`The stream was refused with status ${status}`);
  }
}

/** Takes the text of a stream in pieces of any size and hands out whole messages. */
export class StreamParser {
  #rest = '';
  #id: string | null = null;
  #data: string[] = [];

  constructor(private readonly emit: (message: { id: string | null; data: string }) => void) {}

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
  }

  #line(line: string): void {
    if (line === '') {
      // A message without data still tells the position.
      if (this.#id !== null || this.#data.length > 0) this.emit({ id: this.#id, data: this.#data.join('\n') });
      this.#id = null;
      this.#data = [];
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') this.#id = value;
    else if (field === 'data') this.#data.push(value);
  }
}
