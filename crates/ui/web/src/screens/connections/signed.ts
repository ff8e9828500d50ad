// Questions about the channels of an app, signed with its secret as its own server would.
import { ApiError } from '../../api/client';
import type { components } from '../../api/schema';
import type { App } from '../../api/types';
import { hmacSha256 } from './hmac';

type ChannelList = components['schemas']['ChannelList'];
type ChannelUsers = components['schemas']['ChannelUsers'];

export interface Channel {
  name: string;
  subscriptions: number;
  /** Who is on a presence channel; null on others. */
  members: string[] | null;
}

/** How many presence channels are asked who is on them: one question each. */
const ASKED = 20;

async function ask<T>(app: App, secret: string, path: string, query: Record<string, string>, signal: AbortSignal): Promise<T> {
  const parameters: Record<string, string> = {
    ...query,
    auth_key: app.key,
    auth_timestamp: String(Math.floor(Date.now() / 1000)),
    auth_version: '1.0',
  };
  const sorted = Object.keys(parameters).sort().map((name) => `${name}=${parameters[name]}`).join('&');
  parameters.auth_signature = hmacSha256(secret, `GET\n${path}\n${sorted}`);
  const response = await fetch(`${path}?${new URLSearchParams(parameters)}`, { signal, cache: 'no-store' }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw new ApiError(0, 'The server cannot be reached. Nothing is lost: try again.');
  });
  const body = (await response.json()) as T & { error?: string };
  if (!response.ok) throw new ApiError(response.status, body.error ?? `The server answered with status ${response.status}`);
  return body;
}

/** The channels of an app that somebody is subscribed to, the largest first. */
export async function channelsOf(app: App, secret: string, signal: AbortSignal): Promise<Channel[]> {
  const path = `/apps/${app.id}/channels`;
  const { channels } = await ask<ChannelList>(app, secret, path, { info: 'subscription_count' }, signal);
  const found = Object.entries(channels)
    .map(([name, counts]) => ({ name, subscriptions: counts.subscription_count ?? 0, members: null as string[] | null }))
    .sort((a, b) => b.subscriptions - a.subscriptions || a.name.localeCompare(b.name));
  const presence = found.filter(({ name }) => name.startsWith('presence-')).slice(0, ASKED);
  for (const channel of presence) {
    const { users } = await ask<ChannelUsers>(app, secret, `${path}/${channel.name}/users`, {}, signal);
    channel.members = users.map(({ id }) => String(id));
  }
  return found;
}
