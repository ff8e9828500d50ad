// What was typed into forms and is not saved yet: it stays while one looks elsewhere and over a reload of the tab, until
// it is saved or discarded, or one signs out.

type Slot = string | number;

interface Kept<Draft> {
  /** As the form was when it was opened. */
  begun: Draft;
  draft: Draft;
}

const PREFIX = 'fanfare.draft.';
/** What is larger, such as the log of a busy chat, is kept in memory alone: a reload loses it. */
const DRAFT_MAX_CHARS = 1_000_000;
/** All drafts together take no more than this of what the browser keeps for a tab. */
const TOTAL_MAX_CHARS = 2_000_000;

const everyForm: { forgetAll(): void }[] = [];

/** Forgets the drafts of all forms: who has signed out leaves nothing behind. */
export function forgetDrafts(): void {
  everyForm.forEach((drafts) => drafts.forgetAll());
  storedKeys().forEach((key) => store(key, null));
}

export class Drafts<Draft extends object> {
  #kept = new Map<string, Kept<Draft>>();
  #prefix: string;
  #unstored: (keyof Draft)[];

  /** `form` names the form within the tab; the fields of `unstored`, such as secrets, stay in memory. */
  constructor(form: string, unstored: (keyof Draft)[] = []) {
    this.#prefix = `${PREFIX}${form}.`;
    this.#unstored = unstored;
    everyForm.push(this);
  }

  /**
   * The draft to go on with. `now` is what the form would show if nobody had typed: fields that were left alone take
   * their value from it, as what the form is about may have changed since it was opened. A slot has one draft, wherever
   * it is open. To be called while a component is made.
   */
  open(slot: Slot, now: Draft): Draft {
    const key = this.#prefix + slot;
    const fresh = $state<Draft>(structuredClone(now));
    const draft = this.#kept.get(key)?.draft ?? fresh;
    Object.assign(draft, { ...structuredClone(now), ...this.typed(slot, now) });
    this.#kept.set(key, { begun: structuredClone(now), draft });
    $effect(() => {
      const typed = this.typed(slot, now);
      this.#unstored.forEach((name) => delete typed[name]);
      store(key, Object.keys(typed).length > 0 ? JSON.stringify(typed) : null);
    });
    return draft;
  }

  /** The fields of a slot that were typed into. */
  typed(slot: Slot, now: Draft): Partial<Draft> {
    const key = this.#prefix + slot;
    const kept = this.#kept.get(key);
    if (!kept) return restored(key, now);
    const { begun, draft } = kept;
    return picked(draft, (name) => JSON.stringify(draft[name]) !== JSON.stringify(begun[name]));
  }

  /** It is saved or discarded. Where the form is still open, it is as it was when it was opened. */
  forget(slot: Slot): void {
    const key = this.#prefix + slot;
    const kept = this.#kept.get(key);
    if (kept) Object.assign(kept.draft, structuredClone(kept.begun));
    store(key, null);
  }

  forgetAll(): void {
    this.slots().forEach((slot) => this.forget(slot));
  }

  /** Every slot that may have something typed into it. */
  slots(): string[] {
    const keys = new Set([...this.#kept.keys(), ...storedKeys()]);
    return [...keys].filter((key) => key.startsWith(this.#prefix)).map((key) => key.slice(this.#prefix.length));
  }
}

/** The fields that differ from how they were: only those are sent, so that nobody else's change is undone. */
export function changes<Body extends object>(before: Body, after: Body): Partial<Body> {
  return picked(after, (name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]));
}

function picked<Fields extends object>(fields: Fields, wanted: (name: keyof Fields) => boolean): Partial<Fields> {
  const names = (Object.keys(fields) as (keyof Fields)[]).filter(wanted);
  return Object.fromEntries(names.map((name) => [name, fields[name]])) as Partial<Fields>;
}

/** What the tab has kept over a reload, as far as it fits the form: another version of the page may have kept it. */
function restored<Draft extends object>(key: string, now: Draft): Partial<Draft> {
  try {
    const typed = JSON.parse(sessionStorage.getItem(key) ?? '{}') as Draft;
    const kind = (value: unknown) => (Array.isArray(value) ? 'array' : typeof value);
    return picked(typed, (name) => name in now && (now[name] === null || kind(typed[name]) === kind(now[name])));
  } catch {
    return {};
  }
}

function store(key: string, text: string | null): void {
  try {
    sessionStorage.removeItem(key);
    if (text === null || text.length > DRAFT_MAX_CHARS) return;
    const taken = storedKeys().reduce((sum, key) => sum + (sessionStorage.getItem(key)?.length ?? 0), 0);
    if (taken + text.length <= TOTAL_MAX_CHARS) sessionStorage.setItem(key, text);
  } catch {
    // A browser that keeps nothing, or has no room left, has the draft for as long as the page is open.
  }
}

function storedKeys(): string[] {
  try {
    return Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
  } catch {
    return [];
  }
}

/** What a number field holds, which hands out numbers, and null when it is empty. */
export const numberIn = (value: string | number | null): number | null => (value === '' || value === null ? null : Number(value));
