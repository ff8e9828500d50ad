// One browser for all tests; each visitor has a profile of his own in it.
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { checkAccessible, checkFits, checkTargets } from './checks.mjs';
import { PATIENCE_MS } from './patience.mjs';
import { Traffic } from './traffic.mjs';
import { Watch } from './watch.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const DEVICES = {
  phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 800 } },
  tv: { viewport: { width: 3840, height: 2160 } },
};
export const THEMES = ['dark', 'light'];

let launched = null;

/** The browser, started when it is first needed. */
export function browser() {
  launched ??= chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  return launched;
}

export async function closeBrowser() {
  await (await launched)?.close();
}

/** Somebody in front of a page. `page` is Playwright's, with all that it can do. */
export class Visitor {
  constructor(page, watch, traffic, name) {
    this.page = page;
    this.watch = watch;
    this.traffic = traffic;
    this.name = name;
  }

  /**
   * Opens a path of the server. `device`: phone, desktop or tv; `theme`: dark or light; `token`: of who has signed in;
   * `motion`: whether the visitor wants to see things move; `clock`: whether the page's clock can be put forward.
   */
  static async open(server, path, { device = 'desktop', theme = 'dark', token = null, motion = false, clock = false, ...options } = {}) {
    const stored = token ? [{ origin: server.url, localStorage: [{ name: 'fanfare.token', value: token }] }] : [];
    const context = await (await browser()).newContext({
      ...DEVICES[device],
      colorScheme: theme,
      reducedMotion: motion ? 'no-preference' : 'reduce',
      locale: 'en-GB',
      timezoneId: 'Europe/Berlin',
      storageState: { cookies: [], origins: stored },
      ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    if (clock) await context.clock.install();
    const watch = await Watch.over(context, server.url);
    const page = await context.newPage();
    const visitor = new Visitor(page, watch, await Traffic.of(page), `${device}, ${theme}, ${path}`);
    await page.goto(server.url + path);
    return visitor;
  }

  /** Waits until it can be seen: a text, a pattern or a locator. Returns the locator. */
  async see(what) {
    const locator = this.#locate(what);
    await locator.waitFor({ state: 'visible' });
    return locator;
  }

  /** Waits until it cannot be seen. */
  async gone(what) {
    await this.#locate(what).waitFor({ state: 'hidden' });
  }

  #locate(what) {
    const isText = typeof what === 'string' || what instanceof RegExp;
    return isText ? this.page.getByText(what).first() : what.first();
  }

  /** Waits until the connection badge says `Live`, `Catching up` or `Offline`. */
  badge(state) {
    return this.see(this.page.getByLabel(`Connection: ${state}`));
  }

  /** Waits until the screen is there and what it shows is current. */
  async ready() {
    await this.see(this.page.locator('main h1, main [role="heading"]'));
    await this.badge('Live');
  }

  /** The visitor's system goes dark or light while the page is open. */
  async theme(theme) {
    await this.page.emulateMedia({ colorScheme: theme });
    await this.page.waitForFunction((theme) => getComputedStyle(document.documentElement).colorScheme === theme, theme);
  }

  /** Axe finds nothing serious, nothing sticks out, and on a phone everything is large enough for a thumb. */
  async check() {
    await checkAccessible(this.page);
    await checkFits(this.page);
    if (this.page.viewportSize().width < 500) await checkTargets(this.page);
  }

  /** Keeps what was seen, for whoever looks into a failure. */
  async keep(folder, name) {
    await this.page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }

  close() {
    return this.page.context().close();
  }
}
