// The one way to the API: typed by openapi.json, errors as values that people can read, and nothing lost when
// the token has run out or an answer got lost on its way.
import { untrack } from 'svelte';
import { auth } from './auth.svelte';
import { keyFor, settled } from './idempotency';
import type { paths } from './schema';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

type Success<Responses> = {
  [Status in keyof Responses]: Status extends 200 | 201 | 202
    ? Responses[Status] extends { content: infer Content }
      ? Content[keyof Content]
      : undefined
    : never;
}[keyof Responses];

type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;

/** What the API answers to a request. */
export type Answer<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: infer Responses } ? Success<Responses> : never;

type Part<Op, Name extends string> = Op extends { parameters: { [N in Name]?: infer Value } } ? NonNullable<Value> : never;

type Body<Op> = Op extends { requestBody?: { content: infer Content } } ? Content[keyof Content] : never;

/** The paths that have a method. */
export type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends undefined ? never : M extends keyof paths[P] ? P : never;
}[keyof paths];

type Given<Name extends string, Value> = [Value] extends [never] ? { [N in Name]?: undefined } : { [N in Name]: Value };
type Offered<Name extends string, Value> = [Value] extends [never] ? { [N in Name]?: undefined } : { [N in Name]?: Value };

export type Options<P extends keyof paths, M extends Method> = Given<'path', Part<Operation<P, M>, 'path'>> &
  Offered<'query', Part<Operation<P, M>, 'query'>> &
  Offered<'body', Body<Operation<P, M>>> & { signal?: AbortSignal; quiet?: boolean };

/** A request that failed. `status` is 0 when no answer came; `message` is the server's own text. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** What else the server said, such as which filter left nothing. */
  detail(name: string): string | undefined {
    const value = this.details[name];
    return value === undefined || value === null ? undefined : String(value);
  }
}

/** The text to show for whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Args<P extends keyof paths, M extends Method> =
  Record<string, never> extends Options<P, M> ? [options?: Options<P, M>] : [options: Options<P, M>];

async function call<P extends keyof paths, M extends Method>(
  method: M,
  path: P,
  options: Partial<Options<P, M>> = {},
): Promise<Answer<P, M>> {
  const response = await request(method, urlOf(path, options.path, options.query), options);
  const text = await textOf(response);
  return (isJson(response) ? JSON.parse(text) : text) as Answer<P, M>;
}

export const api = {
  get: <P extends PathsWith<'get'>>(path: P, ...[options]: Args<P, 'get'>) => call('get', path, options),
  post: <P extends PathsWith<'post'>>(path: P, ...[options]: Args<P, 'post'>) => call('post', path, options),
  put: <P extends PathsWith<'put'>>(path: P, ...[options]: Args<P, 'put'>) => call('put', path, options),
  patch: <P extends PathsWith<'patch'>>(path: P, ...[options]: Args<P, 'patch'>) => call('patch', path, options),
  delete: <P extends PathsWith<'delete'>>(path: P, ...[options]: Args<P, 'delete'>) => call('delete', path, options),
};

/** So long a browser may take to begin saving a file. */
const SAVING_MS = 60_000;

/** Fetches an export and hands it to the browser as a file. */
export async function download(url: string, fallbackName: string): Promise<void> {
  const response = await request('get', url, {});
  const named = /filename="?([^";]+)"?/.exec(response.headers.get('content-disposition') ?? '')?.[1];
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = named ?? fallbackName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVING_MS);
}

interface Sending {
  body?: unknown;
  signal?: AbortSignal;
  /** Does not ask for a sign-in when the token is missing or no good. */
  quiet?: boolean;
}

/** Sends a request until it has an answer or was refused; asks for a sign-in where one is needed, then goes on. */
async function request(method: Method, url: string, options: Sending): Promise<Response> {
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const key = method === 'post' ? keyFor(url, body) : undefined;
  const startedAt = performance.now();
  for (;;) {
    const response = await send(method, url, body, key, options.signal);
    if (key) settled(url, body);
    if (response.ok) return response;
    const error = await errorOf(response);
    const tokenRefused = (response.status === 401 || response.status === 403) && url !== '/api/auth/login';
    if (tokenRefused && !options.quiet && (await auth.ask(startedAt))) continue;
    throw error;
  }
}

const RETRY_AFTER_MS = [300, 1200];
/** How long an answer may take, with what the slowest line needs for what is sent. What is only read is asked again. */
const ANSWER_MS = 15_000;
const READING_MS = 10_000;
const SLOWEST_BYTES_PER_MS = 10;

async function send(method: Method, url: string, body: string | undefined, key: string | undefined, signal?: AbortSignal) {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined || method === 'post') headers['Content-Type'] = 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  // An effect that fetches something is not to fetch it again with every new token.
  const token = untrack(() => auth.token);
  if (token) headers['Authorization'] = `Bearer ${token}`;
  const repeatable = method === 'get' || key !== undefined;
  for (let attempt = 0; ; attempt++) {
    try {
      return await answered(url, { method: method.toUpperCase(), headers, body, cache: 'no-store' }, signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      const wait = repeatable ? RETRY_AFTER_MS[attempt] : undefined;
      if (wait === undefined) throw unreachable();
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}

/** A request that is given up in time: a connection that died without a word would keep one waiting for ever. */
async function answered(url: string, init: RequestInit & { body?: string | undefined }, signal?: AbortSignal): Promise<Response> {
  signal?.throwIfAborted();
  const abort = new AbortController();
  const end = () => abort.abort();
  const allowance = init.method === 'GET' ? READING_MS : ANSWER_MS + (init.body?.length ?? 0) / SLOWEST_BYTES_PER_MS;
  const timer = setTimeout(end, allowance);
  signal?.addEventListener('abort', end);
  try {
    return await fetch(url, { ...init, signal: abort.signal });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
  }
}

/** The rest of an answer that has begun. */
async function textOf(response: Response): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, fail) => (timer = setTimeout(() => fail(unreachable()), ANSWER_MS)));
  return Promise.race([response.text(), late]).finally(() => clearTimeout(timer));
}

const unreachable = () => new ApiError(0, 'The server cannot be reached. Nothing is lost: try again.');

async function errorOf(response: Response): Promise<ApiError> {
  const text = await textOf(response).catch(() => '');
  if (isJson(response)) {
    const { error, ...details } = JSON.parse(text) as Record<string, unknown>;
    if (typeof error === 'string') return new ApiError(response.status, error, details);
  }
  return new ApiError(response.status, text.slice(0, 300) || `The server answered with status ${response.status}`);
}

function isJson(response: Response): boolean {
  return (response.headers.get('content-type') ?? '').startsWith('application/json');
}

function urlOf(path: string, parameters: unknown, query: unknown): string {
  const values = (parameters ?? {}) as Record<string, string | number>;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
  }
  return search.size > 0 ? `${filled}?${search}` : filled;
}
