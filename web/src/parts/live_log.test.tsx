// The log: lines as they come, held while somebody reads, and what happened before.
import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { TrialEvent } from '../api/types';
import { LiveLog } from './live_log';

const line = (number: number, what: TrialEvent['what'] = 'ended'): TrialEvent => ({
  study: 1,
  number,
  state: 'Complete',
  what,
  text: `line ${number} ${what}`,
  at_ms: 1e12 + number,
  revision: number,
});

const rows = [
  [4, 'Failed', 1e12 - 1000],
  [3, 'Complete', 1e12 - 2000],
  [5, 'Running', null],
];

beforeEach(() =>
  vi.stubGlobal('fetch', async () =>
    Response.json({
      revision: 1,
      total: 3,
      offset: 0,
      columns: ['number', 'state', 'ended_ms'],
      rows,
    }),
  ),
);
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const texts = () =>
  [...document.querySelectorAll('.log-line .log-text')].map((found) => found.textContent);

test('shows how trials ended before the page was opened, then what happens', async () => {
  const { rerender } = render(<LiveLog study={1} log={[]} />);
  await screen.findByText('Trial 4 failed');
  rerender(<LiveLog study={1} log={[line(5)]} />);
  expect(texts()).toEqual(['Trial 3 is complete', 'Trial 4 failed', 'line 5 ended']);
});

test('stands still while it is paused, and shows what came when it goes on', async () => {
  const user = userEvent.setup();
  const { rerender } = render(<LiveLog study={1} log={[line(7)]} />);
  await screen.findByText('Trial 4 failed');
  await user.click(screen.getByRole('button', { name: 'Pause' }));
  rerender(<LiveLog study={1} log={[line(7), line(8)]} />);
  expect(texts()).not.toContain('line 8 ended');
  await user.click(screen.getByRole('button', { name: 'Go on' }));
  expect(texts()).toContain('line 8 ended');
});

test('can leave out the reports of steps', async () => {
  const user = userEvent.setup();
  render(<LiveLog study={1} log={[line(7, 'reported'), line(8)]} />);
  await user.click(screen.getByLabelText('Reports'));
  expect(texts()).not.toContain('line 7 reported');
  expect(texts()).toContain('line 8 ended');
});

test('is read out at most once in five seconds', async () => {
  vi.useFakeTimers();
  const { rerender } = render(<LiveLog study={1} log={[line(1)]} />);
  const spoken = () => document.querySelector('[aria-live=polite]')?.textContent;
  await act(() => vi.advanceTimersByTimeAsync(5000));
  expect(spoken()).toBe('line 1 ended');
  rerender(<LiveLog study={1} log={[line(1), line(2), line(3)]} />);
  await act(() => vi.advanceTimersByTimeAsync(4000));
  expect(spoken()).toBe('line 1 ended');
  await act(() => vi.advanceTimersByTimeAsync(1000));
  expect(spoken()).toBe('line 3 ended');
});
