// Trials side by side.
import { render, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useState } from 'react';
import { afterEach, expect, it, vi } from 'vitest';

import { flagship, large, type MockStudy } from '../../mock/study';
import { bestOf } from '../parts/trial_texts';
import type { View } from '../state/view';
import { serve, studyOf } from '../test_server';
import { ComparePage } from './compare';

afterEach(() => vi.unstubAllGlobals());

let seen: View;

function Held({ study, compare }: { study: MockStudy; compare: number[] }) {
  const [view, setView] = useState<View>({ tab: 'compare', filter: [], compare });
  seen = view;
  const change = (part: Partial<View>) => setView((before) => ({ ...before, ...part }));
  return <ComparePage study={studyOf(study)} view={view} setView={change} revision={1} />;
}

function show(study: MockStudy, compare: number[]) {
  serve([study]);
  render(<Held study={study} compare={compare} />);
  return userEvent.setup();
}

const group = (title: string) =>
  within(screen.getByRole('rowheader', { name: title }).closest('tbody') as HTMLElement);

it('shows the parameters that differ apart from those that are the same', async () => {
  show(flagship(1), [2, 3]); // a pair: the same learning rate, with and without batch normalization
  await screen.findByRole('link', { name: 'trial 3' });
  expect(group('Parameters that differ').getByText('batch_norm')).toBeTruthy();
  expect(group('Parameters that are the same').getByText('learning_rate')).toBeTruthy();
});

it('marks the best of an objective in words', async () => {
  const study = flagship(1);
  show(study, [0, 1, 2]);
  const row = await screen.findByRole('row', { name: /^val_accuracy/ });
  const cells = within(row).getAllByRole('cell');
  const values = [0, 1, 2].map((number) => study.trials[number]?.metrics.val_accuracy ?? 0);
  const best = values.indexOf(Math.max(...values));
  expect(cells.map((one) => one.textContent?.includes('best'))).toEqual(
    values.map((_, i) => i === best),
  );
});

it('shows the objective before the other metrics', async () => {
  show(flagship(1), [0, 1]);
  await screen.findByRole('link', { name: 'trial 1' });
  const names = group('Metrics')
    .getAllByRole('rowheader')
    .map((one) => one.textContent);
  expect(names.slice(0, 2)).toEqual(['Metrics', 'val_accuracy']);
});

it('knows which way an objective is good, and leaves out what did not complete', () => {
  const trial = (number: number, value: number, state: 'Complete' | 'Pruned' = 'Complete') =>
    ({ number, state, metrics: { loss: value } }) as unknown as Parameters<
      typeof bestOf
    >[0][number];
  const trials = [trial(0, 0.5), trial(1, 0.1, 'Pruned'), trial(2, 0.4)];
  expect(bestOf(trials, { metric: 'loss', direction: 'minimize' })).toBe(2);
  expect(bestOf(trials, { metric: 'loss', direction: 'maximize' })).toBe(0);
  expect(bestOf(trials.slice(0, 2), { metric: 'loss', direction: 'minimize' })).toBeUndefined();
});

it('lays the learning curves over each other', async () => {
  show(flagship(1), [0, 2]);
  const charts = await screen.findAllByRole('img');
  expect(charts).toHaveLength(2);
  const lines = [...(charts[0]?.querySelectorAll(':scope > path.line') ?? [])];
  expect(lines).toHaveLength(2);
  const dashes = lines.map((line) => line.getAttribute('stroke-dasharray'));
  expect(new Set(dashes).size).toBe(2);
  expect(within(charts[0] as HTMLElement).getByText('trial 2')).toBeTruthy();
});

it('takes a trial away and adds one by its number', async () => {
  const user = show(flagship(1), [0, 2]);
  await user.click(await screen.findByRole('button', { name: 'Remove trial 0' }));
  expect(seen.compare).toEqual([2]);
  await user.type(screen.getByLabelText('Trial'), '4{Enter}');
  expect(seen.compare).toEqual([2, 4]);
  expect(await screen.findByRole('link', { name: 'trial 4' })).toBeTruthy();
  await user.type(screen.getByLabelText('Trial'), 'four{Enter}');
  expect(screen.getByRole('alert').textContent).toContain('Type the number of a trial');
});

it('says which number has no trial, and shows the others', async () => {
  show(flagship(1), [2, 99]);
  expect((await screen.findByRole('alert')).textContent).toBe('There is no trial 99.');
  expect(await screen.findByRole('link', { name: 'trial 2' })).toBeTruthy();
});

it('finds the best trials by itself', async () => {
  const study = large(1, 40);
  const user = show(study, []);
  await user.click(await screen.findByRole('button', { name: 'The best 4' }));
  await waitFor(() => expect(seen.compare).toHaveLength(4));
  expect(seen.compare?.[0]).toBe(studyOf(study).summary.best?.number);
});

it('shows eight trials at most', async () => {
  const user = show(large(1, 20), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await screen.findByText('No more than 8 fit.')).toBeTruthy();
  await waitFor(() => expect(screen.getAllByRole('link')).toHaveLength(8));
  await user.click(screen.getByRole('button', { name: 'Clear' }));
  expect(seen.compare).toBeUndefined();
});
