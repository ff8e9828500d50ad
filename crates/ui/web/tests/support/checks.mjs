// What holds for every page, looked at in the browser.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const GRAVE = ['serious', 'critical'];

/** Fails when axe finds anything serious or critical, best practices included. */
export async function checkAccessible(page) {
  // Evaluated rather than added as a script, which the page's policy would forbid.
  await page.evaluate(`if (!window.axe) { ${AXE} }`);
  // Colours are judged as they are in the end, not half-way through a transition.
  const violations = await page.evaluate(async () => {
    const passing = document.getAnimations().filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity);
    await Promise.allSettled(passing.map((animation) => animation.finished));
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, where: nodes.map((node) => `${node.target} ${node.failureSummary}`) }));
  });
  const grave = violations.filter(({ impact }) => GRAVE.includes(impact));
  assert.deepEqual(grave, [], `axe on ${page.url()}`);
}

/** Fails when the page can be scrolled sideways, or something sticks out of it or is cut off at its edge. */
export async function checkFits(page) {
  const found = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const visible = [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility?.() ?? true);
    // What is cut off is as lost as what sticks out, unless one can scroll to it or dots stand in its place.
    const reachable = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const { overflowX, textOverflow, position } = getComputedStyle(at);
        if (['auto', 'scroll'].includes(overflowX) || textOverflow === 'ellipsis' || position === 'fixed' || position === 'absolute') return true;
      }
      return false;
    };
    const out = visible.filter((element) => element.getBoundingClientRect().right > clientWidth + 1 && !reachable(element));
    return { scrollWidth, clientWidth, out: out.slice(0, 5).map((element) => element.outerHTML.slice(0, 200)) };
  });
  assert.ok(found.scrollWidth <= found.clientWidth, `${page.url()} is ${found.scrollWidth} px wide in ${found.clientWidth}: ${found.out.join('\n')}`);
  assert.deepEqual(found.out, [], `sticks out of ${page.url()}`);
}

/** What can be pressed and is smaller than a thumb needs; links within a text may be. */
export async function checkTargets(page, least = 44) {
  const small = await page.evaluate((least) => {
    const controls = document.querySelectorAll('button, [role="button"], nav a, input:not([type="hidden"]), select, textarea, summary');
    return [...controls]
      .filter((control) => control.checkVisibility?.({ visibilityProperty: true }) ?? true)
      .map((control) => ({ box: (control.closest('label') ?? control).getBoundingClientRect(), html: control.outerHTML.slice(0, 120) }))
      .filter(({ box }) => box.width > 1 && (box.height < least - 0.5 || box.width < least - 0.5))
      .map(({ box, html }) => `${Math.round(box.width)}×${Math.round(box.height)} ${html}`);
  }, least);
  assert.deepEqual(small, [], `too small for a thumb on ${page.url()}`);
}
