// What a reader chooses to look at: filters, axes, tabs, kept in the URL; and what can be downloaded.
import { readFileSync } from 'node:fs';

import { JSDOM } from 'jsdom';
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

import { args, eventually, figure, it, points, tab } from './browser';
import { runStudy } from './studies';

const kTrials = 24;

const rows = (page: Page) => page.locator('.trial-table tbody tr').count();
const total = (page: Page) => page.locator('.table-tools').innerText();

/** Drags along an axis of the parallel coordinates: places from 0 (below) to 1 (above). */
async function brush(page: Page, axis: Locator, from: number, to: number): Promise<void> {
  const bar = axis.locator('.axis-bar');
  await bar.scrollIntoViewIfNeeded();
  const box = await bar.boundingBox();
  if (!box) throw new Error('the axis is not on the screen');
  const at = (place: number) => [box.x + box.width / 2, box.y + (1 - place) * box.height] as const;
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at((from + to) / 2), { steps: 3 });
  await page.mouse.move(...at(to), { steps: 3 });
  await page.mouse.up();
}

it('filters everything by a brush of the pointer', async ({ place, reader }) => {
  const { origin } = await place.serve(runStudy(place));
  const page = await reader.open(`${origin}/studies/1?tab=figures`);
  const scatter = figure(page, /^accuracy against learning_rate/);
  await eventually(() => points(scatter)).toBe(kTrials);
  const parallel = figure(page, /^Parallel/);
  const axis = parallel.locator('svg g', {
    has: page.getByRole('slider', { name: /^learning_rate/ }),
  });
  await brush(page, axis, 0.6, 0.95);

  await eventually(() => args(page).get('filter') ?? '').toContain('params.learning_rate');
  const [term] = JSON.parse(args(page).get('filter') ?? '') as { low: number; high: number }[];
  expect(term?.low).toBeGreaterThan(1e-3);
  expect(term?.high).toBeLessThan(0.1);
  await page.getByRole('group', { name: 'Filter' }).getByText('learning_rate from').waitFor();
  await eventually(() => points(scatter)).toBeLessThan(kTrials);
  const left = await points(scatter);
  expect(left).toBeGreaterThan(0);
  await eventually(() => parallel.innerText()).toContain(`${left} of ${kTrials} trials`);
  await tab(page, 'Trials').click();
  await eventually(() => total(page)).toContain(`${left} trials`);
  await eventually(() => rows(page)).toBe(left);
  await page.getByRole('button', { name: /^Remove the filter/ }).click();
  await eventually(() => total(page)).toContain(`${kTrials} trials`);
  await eventually(() => args(page).get('filter')).toBe(null);
});

it('filters everything by a brush of the keyboard', async ({ place, reader }) => {
  const { origin } = await place.serve(runStudy(place));
  const page = await reader.open(`${origin}/studies/1?tab=figures`);
  const end = page.getByRole('slider', { name: 'batch_norm: lower end' });
  await end.focus();
  await page.keyboard.press('ArrowUp');
  await eventually(() => args(page).get('filter') ?? '').toContain('params.batch_norm');
  const scatter = figure(page, /^accuracy against learning_rate/);
  await scatter.scrollIntoViewIfNeeded(); // what nobody sees is not drawn
  await eventually(() => points(scatter)).toBe(kTrials / 2);
  await page.keyboard.press('Escape');
  await eventually(() => args(page).get('filter')).toBe(null);
  await scatter.scrollIntoViewIfNeeded();
  await eventually(() => args(page).get('filter')).toBe(null);
  await eventually(() => points(scatter)).toBe(kTrials);
});

it('keeps the view over a reload, and opens it from a copied address', async ({
  place,
  reader,
  readerWith,
}) => {
  const { origin } = await place.serve(runStudy(place));
  const page = await reader.open(`${origin}/studies/1`);
  await figure(page, /against/)
    .getByRole('combobox', { name: 'x', exact: true })
    .selectOption('params.layers');
  await figure(page, /against/)
    .getByRole('combobox', { name: 'color' })
    .selectOption('params.optimizer');
  await tab(page, 'Trials').click();
  await page.getByRole('columnheader', { name: 'accuracy' }).getByRole('button').click();
  await page.getByLabel('layers from').fill('4');
  await page.getByLabel('layers from').press('Enter');
  await eventually(() => [...args(page).keys()].sort()).toEqual([
    'color',
    'filter',
    'sort',
    'tab',
    'x',
  ]);
  const first = page.locator('.trial-table tbody tr').first();
  await eventually(() => rows(page)).toBeLessThan(kTrials);
  const seen = [await first.innerText(), await rows(page)];

  const same = async (other: Page) => {
    expect(await tab(other, 'Trials').getAttribute('aria-selected')).toBe('true');
    const header = other.getByRole('columnheader', { name: 'accuracy' });
    await eventually(() => header.getAttribute('aria-sort')).toBe('ascending');
    await eventually(async () => [
      await other.locator('.trial-table tbody tr').first().innerText(),
      await rows(other),
    ]).toEqual(seen);
    expect(await other.getByLabel('layers from').inputValue()).toBe('4');
    await tab(other, 'Overview').click();
    await figure(other, 'accuracy against layers by optimizer').waitFor();
    await eventually(() => points(figure(other, /against/))).toBe(seen[1]);
  };
  const copied = page.url();
  await page.reload();
  await same(page);
  await page.goBack();
  await eventually(() => tab(page, 'Trials').getAttribute('aria-selected')).toBe('true');
  await same(await (await readerWith({})).open(copied));
});

it('lets a selection in the scatter be the filter', async ({ place, reader }) => {
  const { origin } = await place.serve(runStudy(place));
  const page = await reader.open(`${origin}/studies/1`);
  const scatter = figure(page, /^accuracy against learning_rate/);
  await eventually(() => points(scatter)).toBe(kTrials);
  await scatter.getByRole('button', { name: 'Drag filters' }).click();
  const box = await scatter.locator('.nsewdrag').first().boundingBox();
  if (!box) throw new Error('the scatter is not on the screen');
  await page.mouse.move(box.x + box.width / 2, box.y + 5);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 5, box.y + box.height - 5, { steps: 5 });
  await page.mouse.up();
  await eventually(() => args(page).get('filter') ?? '').toMatch(/learning_rate.*accuracy/);
  await eventually(() => points(scatter)).toBeLessThan(kTrials);
});

it('saves figures as SVG and PNG, and data as CSV', async ({ place, reader }) => {
  const { origin } = await place.serve(runStudy(place));
  const page = await reader.open(`${origin}/studies/1?tab=figures`);
  const saved = async (button: Locator) => {
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  for (const title of [/^accuracy against learning_rate/, /^Parallel/]) {
    const at = figure(page, title);
    await at.scrollIntoViewIfNeeded();
    await at.locator('svg path').first().waitFor({ state: 'attached' });
    const svg = await saved(at.getByRole('button', { name: /^Download as SVG/ }));
    expect(svg.name).toMatch(/^small.*\.svg$/);
    const parsed = new JSDOM(svg.bytes.toString(), { contentType: 'image/svg+xml' });
    expect(parsed.window.document.documentElement.nodeName).toBe('svg');
    const png = await saved(at.getByRole('button', { name: /^Download as PNG/ }));
    expect(png.name).toMatch(/\.png$/);
    expect(png.bytes.subarray(0, 8)).toEqual(Buffer.from('89504e470d0a1a0a', 'hex'));
    expect(png.bytes.readUInt32BE(16)).toBeGreaterThan(400); // its width
    const csv = (await saved(at.getByRole('button', { name: /^Download data as CSV/ }))).bytes
      .toString()
      .trim()
      .split(/\r?\n/);
    expect(csv[0]).toContain('learning_rate');
    expect(csv).toHaveLength(1 + kTrials);
  }
  await tab(page, 'Trials').click();
  const table = await saved(page.getByRole('link', { name: 'Download CSV' }));
  expect(table.name).toMatch(/\.csv$/);
  expect(table.bytes.toString().trim().split(/\r?\n/)).toHaveLength(1 + kTrials);
});
