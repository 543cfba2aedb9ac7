// The form that plans a trial: what it accepts, what it refuses, what it sends.
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { answer, kToken } from '../../mock/answers';
import { flagship, type MockStudy } from '../../mock/study';
import { refreshAll } from '../api/client';
import type { Study } from '../api/types';
import { check, EnqueueForm } from './controls';

let mock: MockStudy;
let sent: { path: string; options: RequestInit }[];

beforeEach(() => {
  mock = flagship(1);
  sent = [];
  refreshAll();
  vi.stubGlobal('fetch', async (path: string, options: RequestInit) => {
    if (options.method) sent.push({ path, options });
    const body: unknown = options.body ? JSON.parse(String(options.body)) : undefined;
    const url = new URL(path, 'http://localhost');
    return Response.json(answer([mock], options.method ?? 'GET', url, body, kToken));
  });
});
afterEach(() => vi.unstubAllGlobals());

const study = () =>
  answer([mock], 'GET', new URL('http://localhost/api/studies/1'), undefined, undefined) as Study;

async function open() {
  const user = userEvent.setup();
  render(<EnqueueForm study={study()} />);
  await user.click(screen.getByText('Plan a trial'));
  return user;
}

describe('what is typed for a parameter', () => {
  const rate = () => flagship(1).parameters[1]!;

  test('is left to the sampler when it is empty', () => {
    expect(check(rate(), '  ')).toEqual({});
  });

  test('is a number inside of the range', () => {
    expect(check(rate(), ' 1e-3 ')).toEqual({ value: 0.001 });
    expect(check(rate(), '0.2').error).toContain('between');
    expect(check(rate(), 'fast').error).toContain('number');
    expect(check(rate(), 'Infinity').error).toContain('number');
    expect(check({ ...rate(), kind: 'int', low: 1, high: 8 }, '2.5').error).toContain('whole');
  });

  test('is one of the choices, with its type', () => {
    const norm = flagship(1).parameters[0]!;
    expect(check(norm, 'false')).toEqual({ value: false });
    expect(check(norm, 'maybe').error).toContain('choices');
  });
});

test('a planned trial is sent with the values that were typed, and linked to', async () => {
  const user = await open();
  await user.selectOptions(screen.getByLabelText('batch_norm'), 'true');
  await user.type(screen.getByLabelText('learning_rate'), '0.02');
  await user.click(screen.getByRole('button', { name: 'Plan the trial' }));
  const link = await screen.findByRole('link', { name: 'Trial 20' });
  expect(link.getAttribute('href')).toBe('/studies/1/trials/20');
  expect(sent.map(({ path }) => path)).toEqual(['/api/studies/1/trials']);
  expect(mock.trials[20]?.params).toEqual({ batch_norm: true, learning_rate: 0.02 });
});

test('a value that cannot be is named and focused, and nothing is sent', async () => {
  const user = await open();
  const field = screen.getByLabelText('learning_rate');
  await user.type(field, '7');
  await user.click(screen.getByRole('button', { name: 'Plan the trial' }));
  expect(field.getAttribute('aria-invalid')).toBe('true');
  expect(document.activeElement).toBe(field);
  expect(screen.getByText(/between 0.0001 and 0.1/)).toBeTruthy();
  expect(sent).toEqual([]);
});

test('the reason of a refusal is shown', async () => {
  const user = await open();
  vi.stubGlobal('fetch', async (path: string) =>
    path === '/api/session'
      ? Response.json({ csrf: 'x' })
      : Response.json({ error: { message: 'The study has ended.' } }, { status: 400 }),
  );
  await user.click(screen.getByRole('button', { name: 'Plan the trial' }));
  expect(await screen.findByText(/The study has ended\./)).toBeTruthy();
});
