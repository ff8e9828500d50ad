// What was typed into forms and is not saved yet: it stays while one looks elsewhere, until it is saved or discarded.

interface Kept<Draft> {
  /** As the form was when it was opened. */
  begun: Draft;
  draft: Draft;
}

export class Drafts<Draft extends object> {
  #kept = new Map<string | number, Kept<Draft>>();

  /**
   * The draft to go on with. `now` is what the form would show if nobody had typed: fields that were left alone take
   * their value from it, as what the form is about may have changed since it was opened.
   */
  open(slot: string | number, now: Draft): Draft {
    const kept = this.#kept.get(slot);
    const draft = $state<Draft>(kept ? { ...now, ...typedIn(kept) } : now);
    this.#kept.set(slot, { begun: structuredClone(now), draft });
    return draft;
  }

  forget(slot: string | number): void {
    this.#kept.delete(slot);
  }
}

function typedIn<Draft extends object>({ begun, draft }: Kept<Draft>): Partial<Draft> {
  const names = Object.keys(draft) as (keyof Draft)[];
  const typed = names.filter((name) => JSON.stringify(draft[name]) !== JSON.stringify(begun[name]));
  return Object.fromEntries(typed.map((name) => [name, draft[name]])) as Partial<Draft>;
}

/** What a number field holds, which hands out numbers, and null when it is empty. */
export const numberIn = (value: string | number | null): number | null => (value === '' || value === null ? null : Number(value));
