// What this browser keeps for the dashboard, or this tab. It may keep nothing: then all holds as long as the page is open.

type Place = 'localStorage' | 'sessionStorage';

export function keep(place: Place, name: string, what: unknown): void {
  try {
    window[place].setItem(name, JSON.stringify(what));
  } catch {
    // See above.
  }
}

export function recall<What>(place: Place, name: string): What | null {
  try {
    return JSON.parse(window[place].getItem(name) ?? 'null') as What | null;
  } catch {
    return null;
  }
}
