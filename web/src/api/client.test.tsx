// How the page asks: what it asks anew, when, and how changes are sent.
import { act, renderHook, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ApiError, nameList, query, refreshAll, send, useApi } from './client';

interface Asked {
  path: string;
  options: RequestInit;
  answer: (body: unknown, status?: number) => Promise<void>;
  fail: () => Promise<void>;
}

let asked: Asked[] = [];

beforeEach(() => {
  asked = [];
  vi.stubGlobal('fetch', (path: string, options: RequestInit) => {
    return new Promise<Response>((resolve, reject) => {
      const answer = (body: unknown, status = 200) =>
        act(async () => {
          resolve(new Response(JSON.stringify(body), { status }));
          await Promise.resolve();
        });
      const fail = () =>
        act(async () => {
          reject(new TypeError('Failed to fetch'));
          await Promise.resolve();
        });
      options.signal?.addEventListener('abort', () =>
        reject(new DOMException('aborted', 'AbortError')),
      );
      asked.push({ path, options, answer, fail });
    });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  act(() => refreshAll()); // forgets the session
});

const last = () => asked[asked.length - 1];

describe('useApi', () => {
  test('asks once and gives the answer', async () => {
    const { result } = renderHook(() => useApi<{ a: number }>('/api/x'));
    expect(result.current.loading).toBe(true);
    await last()?.answer({ a: 1 });
    await waitFor(() => expect(result.current.data).toEqual({ a: 1 }));
    expect(result.current.loading).toBe(false);
    expect(asked).toHaveLength(1);
  });

  test('asks nothing for null', () => {
    const { result } = renderHook(() => useApi(null));
    expect(asked).toHaveLength(0);
    expect(result.current).toEqual({ data: undefined, error: undefined, loading: false });
  });

  test('keeps the old data while another path is loading, and drops the stale request', async () => {
    const { result, rerender } = renderHook(({ path }) => useApi<string>(path), {
      initialProps: { path: '/api/a' },
    });
    await last()?.answer('a');
    await waitFor(() => expect(result.current.data).toBe('a'));
    rerender({ path: '/api/b' });
    rerender({ path: '/api/c' });
    expect(asked.map(({ path }) => path)).toEqual(['/api/a', '/api/b', '/api/c']);
    expect(asked[1]?.options.signal?.aborted).toBe(true);
    expect(result.current).toMatchObject({ data: 'a', loading: true });
    await last()?.answer('c');
    await waitFor(() => expect(result.current.data).toBe('c'));
  });

  test('asks at most once a second when only the revision changes, and not twice at a time', async () => {
    vi.useFakeTimers();
    const { rerender } = renderHook(({ revision }) => useApi<string>('/api/a', revision), {
      initialProps: { revision: 1 },
    });
    for (let revision = 2; revision < 10; revision++) rerender({ revision });
    await act(() => vi.advanceTimersByTimeAsync(5000));
    expect(asked).toHaveLength(1); // it has not been answered
    await asked[0]?.answer('first');
    await act(() => vi.advanceTimersByTimeAsync(0));
    expect(asked).toHaveLength(2);
    await asked[1]?.answer('second');
    rerender({ revision: 10 });
    await act(() => vi.advanceTimersByTimeAsync(900));
    expect(asked).toHaveLength(2);
    await act(() => vi.advanceTimersByTimeAsync(100));
    expect(asked).toHaveLength(3);
  });

  test('asks again by itself when there was no answer at all', async () => {
    vi.useFakeTimers();
    const { result } = renderHook(() => useApi<string>('/api/a'));
    await asked[0]?.fail();
    await act(() => vi.advanceTimersByTimeAsync(0));
    expect(result.current.error).toContain('does not answer');
    await act(() => vi.advanceTimersByTimeAsync(5000));
    expect(asked).toHaveLength(2);
    await asked[1]?.answer('there');
    await act(() => vi.advanceTimersByTimeAsync(20_000));
    expect(result.current).toMatchObject({ data: 'there', error: undefined });
    expect(asked).toHaveLength(2);
  });

  test('shows the words of the server when it refuses, and asks anew after a refresh', async () => {
    const { result } = renderHook(() => useApi<string>('/api/a'));
    await last()?.answer({ error: { message: 'There is no study 7.' } }, 404);
    await waitFor(() => expect(result.current.error).toBe('There is no study 7.'));
    act(() => refreshAll());
    await last()?.answer('there');
    await waitFor(() => expect(result.current).toMatchObject({ data: 'there', error: undefined }));
  });
});

describe('send', () => {
  test('carries the token of the session', async () => {
    const sent = send<{ number: number }>('POST', '/api/studies/1/trials', { params: {} });
    await last()?.answer({ csrf: 'one' });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(last()?.options).toMatchObject({
      method: 'POST',
      body: '{"params":{}}',
      headers: { 'X-CSRF-Token': 'one', 'Content-Type': 'application/json' },
    });
    await last()?.answer({ number: 3 });
    expect(await sent).toEqual({ number: 3 });
  });

  test('asks for the token again when the server was started anew', async () => {
    const sent = send('PUT', '/api/x', {});
    await last()?.answer({ csrf: 'old' });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    await last()?.answer({ error: { message: 'wrong token' } }, 403);
    await vi.waitFor(() => expect(asked).toHaveLength(3));
    await last()?.answer({ csrf: 'new' });
    await vi.waitFor(() => expect(asked).toHaveLength(4));
    expect(last()?.options.headers).toMatchObject({ 'X-CSRF-Token': 'new' });
    await last()?.answer({ done: true });
    expect(await sent).toEqual({ done: true });
  });

  test('throws the status and the reason of a refusal', async () => {
    const sent = send('PUT', '/api/x', {}).catch((error: unknown) => error);
    await last()?.answer({ csrf: 'one' });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    await last()?.answer({ error: { message: 'changed meanwhile' } }, 409);
    const error = await sent;
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, message: 'changed meanwhile' });
  });
});

test('names of columns are a list of JSON where one has a comma', () => {
  expect(nameList(['number', 'params.a'])).toBe('number,params.a');
  expect(nameList(['number', 'params.a, b'])).toBe('["number","params.a, b"]');
});

test('a query leaves out what is undefined or empty and writes filters as JSON', () => {
  expect(query({})).toBe('');
  expect(query({ a: undefined, b: '', filter: [] })).toBe('');
  const text = query({
    columns: 'number,state',
    points: 0,
    filter: [{ column: 'params.a&b', low: 1 }],
  });
  const args = new URLSearchParams(text);
  expect(args.get('columns')).toBe('number,state');
  expect(args.get('points')).toBe('0');
  expect(JSON.parse(args.get('filter') ?? '')).toEqual([{ column: 'params.a&b', low: 1 }]);
});
