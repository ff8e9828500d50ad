// Long lists in parts: those far from what one sees keep their height and lose their rows, so that each change is quick.
import type { Attachment } from 'svelte/attachments';
import { SvelteMap } from 'svelte/reactivity';

/** How many rows a part has. */
export const PART = 40;
/** Long before it comes into sight, so that one scrolls on without a gap. */
const AHEAD = '1200px';

export function inParts<Row>(rows: readonly Row[]): Row[][] {
  return Array.from({ length: Math.ceil(rows.length / PART) }, (_, at) => rows.slice(at * PART, (at + 1) * PART));
}

export class Near {
  #far = new SvelteMap<number, number>();

  /** The height in px of a part that is far away; undefined where its rows are wanted. */
  height(part: number): number | undefined {
    return this.#far.get(part);
  }

  /** Attached to the element of a part. The first one always keeps its rows, and so does the one that has the focus. */
  watch(part: number): Attachment<HTMLElement> {
    return (element) => {
      if (part === 0) return;
      const observer = new IntersectionObserver(
        (changes) => {
          // A busy page tells of several changes at once; the last one is how it is.
          const entry = changes.at(-1);
          if (!entry || entry.isIntersecting) this.#far.delete(part);
          else if (!element.contains(document.activeElement)) this.#far.set(part, entry.boundingClientRect.height);
        },
        { rootMargin: AHEAD },
      );
      observer.observe(element);
      return () => {
        observer.disconnect();
        this.#far.delete(part);
      };
    };
  }
}
