// The name of the page, for the browser's tab: that of the route, unless the screen knows better.

class PageTitle {
  own = $state<string | null>(null);

  /** Names the page after what it shows, until the visitor goes elsewhere. */
  set(title: string): void {
    this.own = title;
  }

  reset(): void {
    this.own = null;
  }
}

export const pageTitle = new PageTitle();
