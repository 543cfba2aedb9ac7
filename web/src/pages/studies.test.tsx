// The list of studies: what is found, in which order, and how it is told.
import { act, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { empty, flagship, large, summaryOf } from '../../mock/study';
import { chosen, StudiesPage } from './studies';

const studies = [flagship(1), large(2, 40), empty(3)].map(summaryOf);

beforeEach(() => vi.stubGlobal('fetch', async () => Response.json({ studies })));
afterEach(() => vi.unstubAllGlobals());

const names = () =>
  within(screen.getByRole('table'))
    .getAllByRole('rowheader')
    .map((cell) => within(cell).getByRole('link').textContent);

test('a search wants every word, and a state leaves out the others', () => {
  const choose = (search: string, state: '' | 'done' = '') =>
    chosen(studies, { search, state, sort: 'name' }).map(({ id }) => id);
  expect(choose('RATE batch')).toEqual([1]);
  expect(choose('rate nothing')).toEqual([]);
  expect(choose('', 'done')).toEqual([2]);
  expect(choose('')).toEqual([3, 1, 2]);
});

test('lists name, state, best trial and counts, with names as plain text', async () => {
  render(<StudiesPage />);
  await screen.findByRole('table');
  expect(names()).toContain('a study with a rather long name of another program <b>not bold</b>');
  const row = screen.getByRole('row', { name: /batchnorm-vs-learning-rate/ });
  expect(row.textContent).toContain('running');
  expect(within(row).getByRole('img').getAttribute('aria-label')).toBe(
    '10 complete, 2 running, 8 waiting',
  );
  expect(within(row).getByTitle('Trial 8').getAttribute('href')).toBe('/studies/1/trials/8');
});

test('is searched and sorted by the keyboard', async () => {
  const user = userEvent.setup();
  render(<StudiesPage />);
  await screen.findByRole('table');
  await user.selectOptions(screen.getByLabelText('Sort by'), 'Trials');
  expect(names()[0]).toBe('wide-search');
  await user.type(screen.getByLabelText('Search'), 'batch');
  expect(names()).toEqual(['batchnorm-vs-learning-rate']);
  expect(screen.getByText('1 of 3 studies')).toBeTruthy();
});

test('says how to begin when there is no study', async () => {
  vi.stubGlobal('fetch', async () => Response.json({ studies: [] }));
  render(<StudiesPage />);
  expect(await screen.findByText(/no study in this store yet/)).toBeTruthy();
});

test('shows the reason when the studies cannot be read', async () => {
  vi.stubGlobal('fetch', async () =>
    Response.json({ error: { message: 'disk full' } }, { status: 503 }),
  );
  render(<StudiesPage />);
  expect((await screen.findByRole('alert')).textContent).toContain('disk full');
  await act(async () => undefined);
});
