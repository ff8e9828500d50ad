// Short notes of success. Errors are never told here: they stay where they happened.

interface Note {
  id: number;
  text: string;
}

const SHOWN_MS = 4_000;
let last = 0;

export const toasts = $state<Note[]>([]);

export function toast(text: string): void {
  const id = ++last;
  toasts.push({ id, text });
  setTimeout(() => {
    const at = toasts.findIndex((note) => note.id === id);
    if (at >= 0) toasts.splice(at, 1);
  }, SHOWN_MS);
}
