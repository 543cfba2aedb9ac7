// The page of a study: its head, its tabs by keyboard, and the filter that all tabs share.
import { act, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { answer, Refused } from '../../mock/answers';
import { flagship } from '../../mock/study';
import { parseView } from '../state/view';
import { StudyPage } from './study';

// Plotly needs a browser; what the figures draw has tests of its own.
vi.mock('../figures/scatter', () => ({ ScatterFigure: () => <p>the scatter</p> }));
vi.mock('../figures/figures_page', () => ({ FiguresPage: () => <p>the figures</p> }));
vi.mock('../figures/timeline', () => ({ TimelineFigure: () => <p>the timeline</p> }));
vi.mock('./compare', () => ({ ComparePage: () => <p>the comparison</p> }));

beforeEach(() => {
  const mock = flagship(1);
  vi.stubGlobal('fetch', async (path: string) => {
    try {
      const url = new URL(path, 'http://localhost');
      return Response.json(answer([mock], 'GET', url, undefined, undefined));
    } catch (error) {
      const status = error instanceof Refused ? error.status : 500;
      return Response.json({ error: { message: (error as Error).message } }, { status });
    }
  });
});
afterEach(() => vi.unstubAllGlobals());

async function open(search = '', id = 1) {
  window.history.replaceState(null, '', `/studies/${id}${search}`);
  render(<StudyPage id={id} />);
  await act(async () => undefined);
  return userEvent.setup();
}

test('shows what is asked, how far it is, and the verdicts before the scatter', async () => {
  await open();
  await screen.findByRole('heading', { name: 'Batch normalization and the learning rate' });
  expect(screen.getByText(/collapses to chance/)).toBeTruthy();
  expect(screen.getByText('10 of 20')).toBeTruthy();
  expect(screen.getByRole('link', { name: 'trial 8' })).toBeTruthy();
  const claims = await screen.findByRole('heading', { name: 'Claims' });
  const scatter = screen.getByText('the scatter');
  expect(claims.compareDocumentPosition(scatter)).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
});

test('goes through the tabs by arrow keys, one of which is in the order of Tab', async () => {
  const user = await open();
  const overview = await screen.findByRole('tab', { name: 'Overview' });
  act(() => overview.focus());
  await user.keyboard('{ArrowRight}');
  const figures = screen.getByRole('tab', { name: 'Figures' });
  expect(document.activeElement).toBe(figures);
  expect(figures.getAttribute('aria-selected')).toBe('true');
  expect(await screen.findByText('the figures')).toBeTruthy();
  expect(screen.getAllByRole('tab').filter((tab) => tab.tabIndex === 0)).toEqual([figures]);
  await user.keyboard('{End}');
  expect(document.activeElement).toBe(screen.getByRole('tab', { name: 'Log' }));
  await user.keyboard('{ArrowRight}');
  expect(document.activeElement).toBe(overview);
  expect(window.location.search).toBe('');
});

test('opens with the tab and the filter of the URL', async () => {
  await open(
    `?tab=timeline&filter=${encodeURIComponent('[{"column":"params.learning_rate","low":0.01,"high":0.1},{"column":"state","values":["Complete","Failed"]}]')}`,
  );
  expect(await screen.findByText('the timeline')).toBeTruthy();
  expect(screen.getByText('learning_rate from 0.01 to 0.1')).toBeTruthy();
  expect(screen.getByText('state is Complete or Failed')).toBeTruthy();
});

test('takes away one term of the filter, or all', async () => {
  const terms = [
    { column: 'state', values: ['Complete'] },
    { column: 'number', low: 3 },
    { column: 'metrics.val_loss', high: 1 },
  ];
  const user = await open(`?filter=${encodeURIComponent(JSON.stringify(terms))}`);
  const remove = await screen.findByRole('button', { name: 'Remove the filter trial at least 3' });
  await user.click(remove);
  await waitFor(() => expect(parseView(window.location.search).filter).toHaveLength(2));
  await user.click(screen.getByRole('button', { name: 'Clear all' }));
  expect(screen.getByText('All trials are shown.')).toBeTruthy();
  await waitFor(() => expect(window.location.search).toBe(''));
});

test('says why a study cannot be shown', async () => {
  await open('', 9);
  expect((await screen.findByRole('alert')).textContent).toContain('There is no study 9');
});
