// Short notes of success, and of what others did to one's work. Errors are never told here: they stay where they happened.

interface Note {
  id: number;
  text: string;
  warning: boolean;
}

const SHOWN_MS = 4_000;
/** Nobody waits for a warning, so there is more time to notice it. */
const WARNED_MS = 15_000;
let last = 0;

export const toasts = $state<Note[]>([]);

export function toast(text: string): void {
  show(text, false);
}

/** For what somebody else has done, with what that does to the work of whoever reads it. */
export function warn(text: string): void {
  show(text, true);
}

function show(text: string, warning: boolean): void {
  if (warning && toasts.some((note) => note.text === text)) return;
  const id = ++last;
  toasts.push({ id, text, warning });
  setTimeout(
    () => {
      const at = toasts.findIndex((note) => note.id === id);
      if (at >= 0) toasts.splice(at, 1);
    },
    warning ? WARNED_MS : SHOWN_MS,
  );
}
