// Numbers, times and odds in words.

const number = new Intl.NumberFormat('en');
const day = new Intl.DateTimeFormat('en', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
const hour = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const moment = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** Orders names as people do: Pack 2 before Pack 10. */
export const compareNames = (one: string, other: string): number => names.compare(one, other);

export const count = (value: number): string => number.format(value);
export const dayOf = (time: string): string => day.format(new Date(time));
export const hourOf = (time: string): string => hour.format(new Date(time));
export const momentOf = (time: string): string => moment.format(new Date(time));

/** `12 ms`, `< 1 ms`: the server counts whole milliseconds. */
export const took = (milliseconds: number): string => (milliseconds === 0 ? '< 1 ms' : `${count(milliseconds)} ms`);

/** `1 game`, `3 games`. */
export const plural = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

/** `+4`, `−1`, `0`. */
export const signed = (value: number): string => (value > 0 ? `+${count(value)}` : value < 0 ? `−${count(-value)}` : '0');

/** A probability as a person would say it: `1 in 14`, or per cent when it is likely. */
export function odds(probability: number): string {
  if (probability >= 0.1) return `${Math.round(probability * 100)} %`;
  return `1 in ${count(Math.round(1 / probability))}`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600_000],
  ['month', 2_629_800_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** `3 minutes ago`, `in 2 hours`, `just now`. */
export function ago(time: string, now: number): string {
  const distance = Date.parse(time) - now;
  for (const [unit, length] of STEPS) {
    if (Math.abs(distance) >= length) return relative.format(Math.trunc(distance / length), unit);
  }
  return 'just now';
}

/** `1:05`, for what is left of a countdown. */
export function countdown(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** `3–8 players`; `4 players` where it takes exactly so many. */
export const players = (min: number, max: number): string => (min === max ? plural(min, 'player') : `${min}–${max} players`);
