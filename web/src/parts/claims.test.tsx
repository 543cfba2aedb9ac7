// Claims: verdicts, estimates and intervals in words and drawn.
import { render, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Claim, Claims } from '../api/types';
import { ClaimsPanel, drawnRange, estimateText, IntervalBar } from './claims';

const claim: Claim = {
  text: 'Accuracy stays high',
  estimand: 'mean of accuracy',
  expect: '>= 0.8',
  expect_low: 0.8,
  expect_high: null,
  estimate: 0.91,
  low: 0.88,
  high: 0.94,
  n: 5,
  method: 'Student t',
  note: '',
  verdict: 'supported',
  trials_begun: 0,
};

const answer = (part: Partial<Claims>) =>
  vi.stubGlobal('fetch', async () =>
    Response.json({ revision: 1, complete: 5, open: 0, claims: [claim], ...part }),
  );

beforeEach(() => answer({}));
afterEach(() => vi.unstubAllGlobals());

test('an estimate is said with its interval, and open ends are said', () => {
  expect(estimateText(claim)).toBe('0.91, 95 % interval 0.88 to 0.94');
  expect(estimateText({ ...claim, low: null })).toBe('0.91, 95 % interval up to 0.94');
  expect(estimateText({ ...claim, high: null })).toBe('0.91, 95 % interval from 0.88');
  expect(estimateText({ ...claim, low: null, high: null })).toBe('0.91, no interval yet');
  expect(estimateText({ ...claim, estimate: null })).toBe('no estimate yet');
});

test('the drawing has room for estimate, interval and expectation', () => {
  const [from, to] = drawnRange(claim);
  expect(from).toBeLessThan(0.8);
  expect(to).toBeGreaterThan(0.94);
  const nothing = { estimate: null, low: null, high: null, expect_low: null, expect_high: null };
  expect(drawnRange({ ...claim, ...nothing })).toEqual([0, 1]);
  const [low, high] = drawnRange({ ...claim, ...nothing, expect_low: 0 });
  expect(low).toBeLessThan(0);
  expect(high).toBeGreaterThan(0);
});

test('the interval bar has a text for those who do not see it', () => {
  render(<IntervalBar claim={claim} />);
  const bar = screen.getByRole('img');
  expect(bar.getAttribute('aria-label')).toContain('0.88 to 0.94');
  expect(bar.getAttribute('aria-label')).toContain('≥ 0.8');
});

test('a verdict is a word and a sign, and final when no trial is open', async () => {
  render(<ClaimsPanel study={1} revision={1} />);
  const row = await screen.findByRole('listitem');
  expect(within(row).getByText('Supported')).toBeTruthy();
  expect(within(row).getByText('✓')).toBeTruthy();
  expect(within(row).queryByText('so far')).toBeNull();
  expect(row.textContent).toContain('n = 5');
});

test('while trials are open a verdict is one so far', async () => {
  answer({ open: 3 });
  render(<ClaimsPanel study={1} revision={1} />);
  const row = await screen.findByRole('listitem');
  expect(row.textContent).toContain('Supported so far');
  expect(screen.getByText(/3 are still open/)).toBeTruthy();
});

test('a study without claims has no panel of claims', async () => {
  answer({ claims: [] });
  const { container } = render(<ClaimsPanel study={1} revision={1} />);
  await new Promise((resolve) => setTimeout(resolve));
  expect(container.innerHTML).toBe('');
});
