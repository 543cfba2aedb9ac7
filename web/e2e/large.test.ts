// A study of 100,000 trials: its pictures, its table and its filter.
import { execFileSync } from 'node:child_process';

import { expect } from 'vitest';

import { args, eventually, figure, it, points, tab } from './browser';

const kTrials = 100_000;

it('opens, pages through and filters 100,000 trials', async ({ place, reader, skip }) => {
  const make = process.env.HYPERTUNE_MAKE_STUDY;
  if (!make) skip('the program that makes the study is not built');
  execFileSync(make as string, [place.path('large.db'), String(kTrials), '1'], { stdio: 'ignore' });
  const { origin } = await place.serve('large.db');
  const page = await reader.open(`${origin}/studies/1`);
  const scatter = figure(page, /against/);
  await eventually(() => points(scatter)).toBeGreaterThan(1000);
  await eventually(() => page.locator('.progress').innerText()).toContain('100,000 of 100,000');
  await eventually(() => page.getByText('of the trials read so far').count()).toBe(0);
  await eventually(() => scatter.innerText()).toMatch(/of 100,000 trials shown/);

  await tab(page, 'Trials').click();
  const pager = page.getByRole('navigation', { name: 'Pages of the table' });
  await eventually(() => pager.innerText()).toContain('1–50 of 100,000');
  await pager.getByRole('button', { name: 'Last' }).click();
  const first = page.locator('.trial-table tbody tr').first();
  await eventually(() => first.getByRole('link').innerText()).toContain('99950');
  await page.getByRole('columnheader', { name: 'learning_rate' }).getByRole('button').click();
  await eventually(() => args(page).get('page')).toBe(null);
  const low = page.getByLabel('learning_rate from');
  await low.fill('0.9');
  await low.press('Enter');
  await eventually(() => first.innerText()).toMatch(/0\.9/);
  const left = Number(
    /([\d,]+) trials/.exec(await page.locator('.table-tools').innerText())?.[1]?.replace(',', ''),
  );
  expect(left).toBeGreaterThan(500); // of a logarithmic draw 0.9 % are expected
  expect(left).toBeLessThan(1500);
  await tab(page, 'Overview').click();
  await eventually(() => points(scatter)).toBeLessThanOrEqual(left);
  await tab(page, 'Figures').click();
  await eventually(() => figure(page, /^Parallel/).innerText()).toContain(
    `of 100,000 trials satisfy`,
  );
});
