// The table of trials asks the server for what is to be shown, and keeps the choices in the view.
import { render, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useState } from 'react';
import { afterEach, expect, it, vi } from 'vitest';

import { empty, flagship, large, type MockStudy } from '../../mock/study';
import { serve, studyOf } from '../test_server';
import type { View } from '../state/view';
import { kPageSize, nextSort, TrialTable } from './trial_table';

afterEach(() => vi.unstubAllGlobals());

let seen: View;

function Held({ study, view = {} }: { study: MockStudy; view?: Partial<View> }) {
  const [now, setNow] = useState<View>({ tab: 'trials', filter: [], ...view });
  seen = now;
  const change = (part: Partial<View>) => setNow((before) => ({ ...before, ...part }));
  return <TrialTable study={studyOf(study)} view={now} setView={change} revision={1} />;
}

async function show(study: MockStudy, view: Partial<View> = {}) {
  const asked = serve([study]);
  render(<Held study={study} view={view} />);
  await waitFor(() => expect(asked.length).toBeGreaterThan(0));
  return { asked, user: userEvent.setup() };
}

const rows = () => screen.getAllByRole('row').slice(2);
const numbers = () => rows().map((row) => within(row).getByRole('link').textContent);

it('shows the objective and what was varied, and marks the best trial', async () => {
  const study = flagship(1);
  await show(study);
  await waitFor(() => expect(rows()).toHaveLength(20));
  const titles = screen.getAllByRole('columnheader').map((one) => one.textContent?.trim());
  expect(titles).toEqual([
    'compare',
    'trial',
    'state',
    'val_accuracy',
    'batch_norm',
    'learning_rate',
    'duration (s)',
  ]);
  const best = studyOf(study).summary.best?.number;
  expect(screen.getByTitle('best trial').closest('a')?.textContent).toBe(`★ ${best}`);
});

it('leads from a trial to its page', async () => {
  await show(flagship(1));
  const link = await screen.findByRole('link', { name: '3' });
  expect(link.getAttribute('href')).toBe('/studies/1/trials/3');
});

it('is sorted by its headers, which say so', async () => {
  const { user, asked } = await show(large(1, 10));
  await user.click(await screen.findByRole('button', { name: 'accuracy' }));
  expect(seen.sort).toBe('metrics.accuracy');
  await user.click(screen.getByRole('button', { name: 'accuracy' }));
  expect(seen.sort).toBe('-metrics.accuracy');
  const header = screen.getByRole('columnheader', { name: 'accuracy' });
  expect(header.getAttribute('aria-sort')).toBe('descending');
  await waitFor(() =>
    expect(asked.some(({ url }) => url.searchParams.get('sort') === '-metrics.accuracy')).toBe(
      true,
    ),
  );
  expect(nextSort('-metrics.accuracy', 'metrics.accuracy')).toBeUndefined();
});

it('shows one page at a time', async () => {
  const { user } = await show(large(1, 120));
  await waitFor(() => expect(rows()).toHaveLength(kPageSize));
  expect(screen.getByText('1–50 of 120')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Last' }));
  await waitFor(() => expect(numbers()[0]).toBe('100'));
  expect(rows()).toHaveLength(20);
  expect(seen.page).toBe(3);
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Next' }).disabled).toBe(true);
});

it('goes back to the first page when a filter from elsewhere leaves fewer', async () => {
  await show(large(1, 60), { page: 9 });
  await waitFor(() => expect(seen.page).toBeUndefined());
  await waitFor(() => expect(rows()).toHaveLength(kPageSize));
});

it('is filtered by a range, which takes effect on Enter', async () => {
  const { user } = await show(flagship(1));
  const low = await screen.findByLabelText('learning_rate from');
  await user.type(low, '1e-2');
  expect(seen.filter).toEqual([]);
  await user.type(low, '{Enter}');
  expect(seen.filter).toEqual([{ column: 'params.learning_rate', low: 0.01 }]);
  await waitFor(() => expect(rows().length).toBeLessThan(20));
  await user.clear(low);
  await user.tab();
  expect(seen.filter).toEqual([]);
});

it('marks what is no number and does not filter by it', async () => {
  const { user } = await show(flagship(1));
  const low = await screen.findByLabelText('learning_rate from');
  await user.type(low, 'much{Enter}');
  expect(low.getAttribute('aria-invalid')).toBe('true');
  expect(seen.filter).toEqual([]);
});

it('is filtered by some of the values of a category', async () => {
  const { user } = await show(flagship(1));
  await waitFor(() => expect(rows()).toHaveLength(20));
  await user.click(await screen.findByLabelText('Complete'));
  await user.click(screen.getByLabelText('Running'));
  expect(seen.filter).toEqual([{ column: 'state', values: ['Complete', 'Running'] }]);
  await waitFor(() => expect(rows()).toHaveLength(12));
  expect(screen.getByRole('button', { name: 'Filter state: 2 of 6' })).toBeTruthy();
});

it('shows the columns that were chosen, and the CSV holds the same trials', async () => {
  const filter = [{ column: 'state', values: ['Complete'] }];
  const { user } = await show(flagship(1), { filter });
  await user.click(await screen.findByLabelText('worker'));
  expect(seen.columns).toContain('worker');
  expect(screen.getByRole('columnheader', { name: 'worker' })).toBeTruthy();
  const link = screen.getByRole('link', { name: 'Download CSV' });
  const url = new URL(link.getAttribute('href') ?? '', 'http://localhost');
  expect(url.pathname).toBe('/api/studies/1/trials.csv');
  expect(url.searchParams.get('columns')?.split(',')).toContain('worker');
  expect(JSON.parse(url.searchParams.get('filter') ?? '')).toEqual(filter);
});

it('gathers trials to compare, eight at most', async () => {
  const { user } = await show(large(1, 20), { compare: [0, 1, 2, 3, 4, 5, 6] });
  await user.click(await screen.findByLabelText('Compare trial 9'));
  expect(seen.compare).toEqual([0, 1, 2, 3, 4, 5, 6, 9]);
  expect(screen.getByLabelText<HTMLInputElement>('Compare trial 10').disabled).toBe(true);
  await user.click(screen.getByLabelText('Compare trial 0'));
  expect(seen.compare).not.toContain(0);
  await user.click(screen.getByRole('button', { name: 'Compare 7 trials' }));
  expect(seen.tab).toBe('compare');
});

it('goes from row to row with the arrow keys', async () => {
  const { user } = await show(flagship(1));
  (await screen.findByLabelText('Compare trial 0')).focus();
  await user.keyboard('{ArrowDown}{ArrowDown}');
  expect(document.activeElement).toBe(screen.getByLabelText('Compare trial 2'));
  await user.keyboard(' {ArrowUp} ');
  expect(seen.compare).toEqual([2, 1]);
});

it('says why it is empty, and how to see more', async () => {
  const { user } = await show(flagship(1), { filter: [{ column: 'number', low: 1000 }] });
  await user.click(await screen.findByRole('button', { name: 'Remove the filter' }));
  expect(seen.filter).toEqual([]);
});

it('says that a new study has no trials', async () => {
  await show(empty(1));
  expect(await screen.findByText('No trials yet.')).toBeTruthy();
});

it('says what the server refused', async () => {
  await show(flagship(1), { filter: [] });
  serve([]); // the study is gone
  render(<Held study={flagship(1)} />);
  await waitFor(() =>
    expect(screen.getAllByRole('alert')[0]?.textContent).toContain('There is no study 1.'),
  );
});
