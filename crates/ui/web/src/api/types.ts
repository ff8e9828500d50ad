// Short names for the rows of the API.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Game = Schemas['GameRow'];
export type Session = Schemas['SessionRow'];
export type SessionGame = Schemas['SessionGameRow'];
export type SessionVotes = Schemas['SessionVotesRow'];
export type Poll = Schemas['PollRow'];
export type PollOption = Schemas['OptionRow'];
export type Pack = Schemas['PackFiguresRow'];
export type Stats = Schemas['Stats'];
export type Webhook = Schemas['Webhook'];
export type Delivery = Schemas['Delivery'];
export type Attempt = Schemas['WebhookLog'];
export type App = Schemas['App'];

/** An event as sockets and streams tell it; `seq` is missing where it belongs to no session. */
export interface LiveEvent {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
  seq?: number;
  id?: string;
}
