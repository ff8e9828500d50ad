// The events that a webhook can ask for, in words.

export const NIGHT_EVENTS = [
  { name: 'session.started', about: 'a night starts' },
  { name: 'session.ended', about: 'a night ends' },
  { name: 'game.added', about: 'a game is put on' },
  { name: 'game.status', about: 'a game is played or skipped' },
  { name: 'game.removed', about: 'a game is taken out' },
  { name: 'room.updated', about: 'a room code or its state changes' },
  { name: 'player-count.updated', about: 'the number of players changes' },
  { name: 'vote.recorded', about: 'somebody votes' },
  { name: 'poll.started', about: 'a poll opens' },
  { name: 'poll.updated', about: 'a poll has new votes' },
  { name: 'poll.ended', about: 'a poll is over' },
  { name: 'webhook.disabled', about: 'a webhook is given up' },
];

export const FORMATS = [
  { value: 'json', label: 'JSON, the event as it is' },
  { value: 'discord', label: 'A message for Discord' },
  { value: 'slack', label: 'A message for Slack' },
  { value: 'pusher', label: 'As Pusher’s webhooks tell it' },
  { value: 'template', label: 'A template of your own' },
];

export const ORDERINGS = [
  { value: 'none', label: 'Side by side, in any order' },
  { value: 'session', label: 'Those of one session one after the other' },
  { value: 'fifo', label: 'All of them one after the other' },
];
