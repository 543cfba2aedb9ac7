// Everybody can use the page: by keyboard alone, on a narrow screen, in both themes.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { Page } from 'playwright-core';
import { expect } from 'vitest';

import { args, eventually, figure, it, points, tab } from './browser';
import { runStudy } from './studies';

const kAxe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const kTabs = ['overview', 'figures', 'trials', 'compare', 'timeline', 'log'];
const kViews = [
  '/',
  ...kTabs.map((name) => `/studies/1?tab=${name}${name === 'compare' ? '&compare=0,1,2' : ''}`),
  '/studies/1/trials/0',
];

interface Axe {
  run(): Promise<{
    violations: {
      id: string;
      impact: string;
      nodes: { html: string; failureSummary: string }[];
    }[];
  }>;
}

/** Presses Tab until the focus is on what has the name; it must come. */
async function tabTo(page: Page, name: RegExp, key = 'Tab'): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 80; ++presses) {
    await page.keyboard.press(key);
    const text = await page.evaluate(() => {
      const at = document.activeElement as HTMLElement | null;
      const label = at instanceof HTMLSelectElement ? at.labels[0]?.firstElementChild : undefined;
      return at?.getAttribute('aria-label') ?? label?.textContent ?? at?.innerText ?? '';
    });
    if (name.test(text)) return;
    seen.push(text.slice(0, 40));
  }
  throw new Error(`no ${name} among ${seen.join(' | ')}`);
}

/** Waits until what the view shows at first is there. */
async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await eventually(() => page.locator('[aria-busy=true]').count()).toBe(0);
  const plots = page.locator('.plot-place');
  for (let i = 0; i < (await plots.count()); ++i) {
    await plots.nth(i).scrollIntoViewIfNeeded();
    await plots.nth(i).locator('svg').first().waitFor();
  }
}

it('is used by keyboard alone', async ({ place, reader }) => {
  const { origin } = await place.serve(runStudy(place));
  const page = await reader.open(origin);
  await page.getByRole('link', { name: 'small' }).waitFor();
  await tabTo(page, /^Skip to content/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^small$/);
  await page.keyboard.press('Enter');
  await tab(page, 'Overview').waitFor();

  const scatter = figure(page, /against/);
  await eventually(() => points(scatter)).toBe(24);
  await tabTo(page, /^x$/);
  await page.keyboard.press('l'); // a select goes to what begins with it
  await page.keyboard.press('a');
  await eventually(() => args(page).get('x')).toBe('params.layers');
  await tabTo(page, /^Overview$/, 'Shift+Tab');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await eventually(() => tab(page, 'Trials').getAttribute('aria-selected')).toBe('true');

  await page.getByRole('columnheader', { name: 'accuracy' }).waitFor();
  await tabTo(page, /^accuracy/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await eventually(() => args(page).get('sort')).toBe('-metrics.accuracy');
  await tabTo(page, /^Compare trial/);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press(' ');
  await eventually(() => args(page).get('compare')).toMatch(/^\d+$/);
  const number = args(page).get('compare');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: `Trial ${number}`, exact: true }).waitFor();
  await page.goBack(); // its key belongs to the browser's window, which a headless one lacks
  await eventually(() => args(page).get('sort')).toBe('-metrics.accuracy');
  await eventually(() => tab(page, 'Trials').getAttribute('aria-selected')).toBe('true');
});

it('fits on a narrow screen', async ({ place, readerWith }) => {
  const { origin } = await place.serve(runStudy(place), '--allow-control');
  const narrow = await readerWith({ viewport: { width: 390, height: 844 }, hasTouch: true });
  const page = await narrow.open(origin);
  for (const view of kViews) {
    await page.goto(origin + view);
    await settled(page);
    const beyond = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    expect([view, beyond[0]]).toEqual([view, beyond[1]]);
  }
});

for (const colorScheme of ['light', 'dark'] as const) {
  it(`has no serious fault in the eyes of axe, ${colorScheme}`, async ({ place, readerWith }) => {
    const { origin } = await place.serve(runStudy(place), '--allow-control');
    const reader = await readerWith({ colorScheme });
    const page = await reader.open('about:blank');
    // Brought in by the debugger, to which the page's Content-Security-Policy does not apply.
    await page.addInitScript({ content: kAxe });
    for (const view of kViews) {
      await page.goto(origin + view);
      await settled(page);
      expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(colorScheme);
      const faults = await page.evaluate(async () => {
        const { violations } = await (window as unknown as { axe: Axe }).axe.run();
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .flatMap(({ id, nodes }) =>
            nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
          );
      });
      expect([view, ...faults]).toEqual([view]);
    }
  });
}
