// Dark or light: what the system prefers, unless the visitor chose.

export type Theme = 'auto' | 'dark' | 'light';

const STORED = 'fanfare.theme';
const prefersLight = matchMedia('(prefers-color-scheme: light)');

class ThemeChoice {
  choice = $state<Theme>(read());
  /** What is on show, whoever decided it. */
  shown = $state<'dark' | 'light'>('dark');

  constructor() {
    prefersLight.addEventListener('change', () => this.#apply());
    this.#apply();
  }

  choose(theme: Theme): void {
    this.choice = theme;
    try {
      localStorage.setItem(STORED, theme);
    } catch {
      // It holds for as long as the page is open.
    }
    this.#apply();
  }

  #apply(): void {
    const light = this.choice === 'auto' ? prefersLight.matches : this.choice === 'light';
    this.shown = light ? 'light' : 'dark';
    document.documentElement.dataset.theme = this.shown;
  }
}

function read(): Theme {
  try {
    const stored = localStorage.getItem(STORED);
    return stored === 'dark' || stored === 'light' ? stored : 'auto';
  } catch {
    return 'auto';
  }
}

export const theme = new ThemeChoice();
