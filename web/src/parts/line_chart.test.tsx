// Small line charts: paths, words, and reading values by keyboard.
import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';

import { describeSeries, LineChart, type Series } from './line_chart';

const accuracy: Series = {
  name: 'accuracy',
  color: 0,
  points: [
    [1, 0.25],
    [2, null],
    [3, 0.75],
    [4, 1],
  ],
};

const readout = (text: string) =>
  screen.getByText(
    (_, element) => element?.tagName === 'P' && element.textContent?.trim() === text,
  );

const path = () => document.querySelector('path.line')?.getAttribute('d') ?? '';

it('breaks the line where a value is missing', () => {
  render(<LineChart title="accuracy" series={[accuracy]} study="s" />);
  expect(path().match(/M/g)).toHaveLength(2);
  expect(path().match(/L/g)).toHaveLength(1);
});

it('says in words where the curve begins and ends', () => {
  expect(describeSeries('accuracy', [accuracy])).toBe(
    'accuracy: from 0.25 at step 1 to 1 at step 4',
  );
  expect(describeSeries('loss', [{ ...accuracy, points: [[1, null]] }])).toBe('loss: no values');
});

it('is read step by step with the arrow keys', () => {
  render(<LineChart title="accuracy" series={[accuracy]} study="s" />);
  const chart = screen.getByRole('img');
  expect(readout('last: 1')).toBeTruthy();
  fireEvent.keyDown(chart, { key: 'ArrowRight' });
  expect(readout('step 1: 0.25')).toBeTruthy();
  fireEvent.keyDown(chart, { key: 'ArrowRight' });
  expect(readout('step 2: –')).toBeTruthy();
  fireEvent.keyDown(chart, { key: 'End' });
  expect(readout('step 4: 1')).toBeTruthy();
  fireEvent.keyDown(chart, { key: 'Escape' });
  expect(readout('last: 1')).toBeTruthy();
});

it('has a logarithmic axis where values lie three powers of ten apart', () => {
  const loss: Series = {
    name: 'loss',
    color: 0,
    points: [
      [1, 1e-3],
      [2, 1e3],
    ],
  };
  render(<LineChart title="loss" series={[loss]} study="s" />);
  expect(screen.getByText(/log scale/)).toBeTruthy();
});

it('says so when there is nothing finite to draw', () => {
  render(<LineChart title="loss" series={[{ ...accuracy, points: [[1, null]] }]} study="s" />);
  expect(screen.getByText('Nothing finite was reported.')).toBeTruthy();
  expect(screen.queryByRole('img')).toBeNull();
});
