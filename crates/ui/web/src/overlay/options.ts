// What the address of the overlay can ask for, all of it in the query string: no key, nothing secret.

const PARTS = ['title', 'code', 'players', 'votes', 'poll'] as const;
const ALIGNMENTS = ['top-left', 'top', 'top-right', 'left', 'center', 'right', 'bottom-left', 'bottom', 'bottom-right'] as const;

export type Part = (typeof PARTS)[number];
export type Alignment = (typeof ALIGNMENTS)[number];

export interface Options {
  /** `show=code,votes`: what is to be seen; everything without it. */
  show: ReadonlySet<Part>;
  /** `align=top-right`: where it stands; `bottom-left` without it. */
  align: Alignment;
  /** `scale=1.5`: how large, from 0.25 to 4. */
  scale: number;
  /** `session=3`: that session; the active one without it. */
  session: number | null;
  /** `plate=none`: without a plate behind it, outlined instead. */
  plate: 'dark' | 'light' | 'none';
  /** `hold=60`: for how many seconds the end of a game stays; 0 keeps it until the next one. */
  hold: number;
}

export function optionsFrom(search: string): Options {
  const query = new URLSearchParams(search);
  const asked = (query.get('show') ?? '').split(',').map((part) => part.trim());
  const show = PARTS.filter((part) => asked.includes(part));
  return {
    show: new Set(show.length > 0 ? show : PARTS),
    align: oneOf(ALIGNMENTS, query.get('align')) ?? 'bottom-left',
    scale: numberIn(query.get('scale'), 0.25, 4) ?? 1,
    session: numberIn(query.get('session'), 1, Number.MAX_SAFE_INTEGER),
    plate: oneOf(['dark', 'light', 'none'] as const, query.get('plate')) ?? 'dark',
    hold: numberIn(query.get('hold'), 0, 86_400) ?? 60,
  };
}

function oneOf<T extends string>(values: readonly T[], value: string | null): T | undefined {
  return values.find((known) => known === value);
}

function numberIn(text: string | null, least: number, most: number): number | null {
  if (text === null || text.trim() === '') return null;
  const value = Number(text);
  return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : null;
}
