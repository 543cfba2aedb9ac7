// Notes are shown, edited where that is allowed, and never overwrite what others wrote.
import { render, screen, waitFor } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { Refused } from '../../mock/answers';
import { flagship } from '../../mock/study';
import { serve } from '../test_server';
import { Note } from './note';

afterEach(() => vi.unstubAllGlobals());

const kPath = '/api/studies/1/note';
const noControl = { version: '1', storage: 'study.db', control: false, csrf: 'x' };

describe('a note', () => {
  it('is shown as Markdown', async () => {
    serve([flagship(1)]);
    render(<Note path={kPath} />);
    await waitFor(() => expect(screen.getByText('above 0.005').tagName).toBe('STRONG'));
  });
  it('cannot be edited where changes are not allowed', async () => {
    const study = { ...flagship(1), note: { text: '', version: 0 } };
    serve([study], ({ url }) => (url.pathname === '/api/session' ? noControl : undefined));
    render(<Note path={kPath} />);
    expect(await screen.findByText(/--allow-control/)).toBeTruthy();
    expect(screen.queryByRole('button')).toBeNull();
  });
  it('is saved with the version that it was opened with', async () => {
    const study = flagship(1);
    const asked = serve([study]);
    const user = userEvent.setup();
    render(<Note path={kPath} />);
    await user.click(await screen.findByRole('button', { name: 'Edit' }));
    const field = screen.getByLabelText<HTMLTextAreaElement>('Note, in Markdown');
    await user.clear(field);
    await user.type(field, 'Quite new');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText('Quite new')).toBeTruthy();
    expect(asked.find(({ method }) => method === 'PUT')?.body).toEqual({
      text: 'Quite new',
      version: 1,
    });
    expect(study.note.text).toBe('Quite new');
    await waitFor(() =>
      expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Edit' })),
    );
  });
  it('is left alone by Cancel', async () => {
    const study = flagship(1);
    serve([study]);
    const user = userEvent.setup();
    render(<Note path={kPath} />);
    await user.click(await screen.findByRole('button', { name: 'Edit' }));
    await user.type(screen.getByLabelText('Note, in Markdown'), 'lost');
    await user.click(screen.getByRole('button', { name: 'Cancel' }));
    await waitFor(() => expect(screen.getByText('above 0.005').tagName).toBe('STRONG'));
    expect(study.note.version).toBe(1);
  });
});

describe('a note that somebody else changed meanwhile', () => {
  async function openConflict() {
    const study = flagship(1);
    serve([study]);
    const user = userEvent.setup();
    render(<Note path={kPath} />);
    await user.click(await screen.findByRole('button', { name: 'Edit' }));
    const field = screen.getByLabelText<HTMLTextAreaElement>('Note, in Markdown');
    await user.clear(field);
    await user.type(field, 'mine');
    study.note = { text: 'theirs', version: 2 };
    await user.click(screen.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText('theirs')).toBeTruthy();
    return { study, user, field };
  }
  it('is not overwritten', async () => {
    const { study } = await openConflict();
    expect(study.note.text).toBe('theirs');
  });
  it('is merged from both texts, then saved over the newer version', async () => {
    const { study, user, field } = await openConflict();
    await user.click(screen.getByRole('button', { name: 'Theirs, then mine' }));
    expect(field.value).toBe('theirs\n\nmine');
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(study.note).toEqual({ text: 'theirs\n\nmine', version: 3 }));
  });
  it('gives way to mine when that is chosen', async () => {
    const { study, user } = await openConflict();
    await user.click(screen.getByRole('button', { name: 'Mine' }));
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(study.note).toEqual({ text: 'mine', version: 3 }));
  });
});

it('keeps the draft and says why when it could not be saved', async () => {
  serve([flagship(1)], ({ method }) => {
    if (method === 'PUT') throw new Refused(503, 'The store is busy; try again.');
    return undefined;
  });
  const user = userEvent.setup();
  render(<Note path={kPath} />);
  await user.click(await screen.findByRole('button', { name: 'Edit' }));
  await user.click(screen.getByRole('button', { name: 'Save' }));
  expect((await screen.findByRole('alert')).textContent).toContain('The store is busy; try again.');
  expect(screen.getByLabelText<HTMLTextAreaElement>('Note, in Markdown').value).toContain(
    'Seen so far',
  );
});
