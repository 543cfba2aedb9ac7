// The view of a study in the URL: what is written can be read, and what cannot be read does no harm.
import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { navigate, placeOf } from './place';
import { parseView, useView, type View, writeView } from './view';

describe('the query of a view', () => {
  test('reads back as the view that was written', () => {
    const view: View = {
      tab: 'figures',
      filter: [
        { column: 'params.learning rate', low: 1e-4, high: 0.1 },
        { column: 'state', values: ['Complete', true, 3] },
      ],
      x: 'params.a,b',
      y: 'metrics.c&d=e',
      color: 'state',
      metric: 'val_accuracy',
      axes: ['params.a,b', 'params.100%', 'metrics.c'],
      columns: ['number'],
      sort: '-metrics.c',
      page: 3,
      compare: [1, 22, 333],
      trial: 7,
    };
    expect(parseView(writeView(view))).toEqual(view);
  });

  test('is empty for the view that a study opens with', () => {
    expect(writeView(parseView(''))).toBe('');
  });

  test('is understood as far as possible when it is broken', () => {
    const view = parseView('?tab=nonsense&filter=[{"column"&page=-1&compare=1,x,2&trial=1e9');
    expect(view).toEqual({ tab: 'overview', filter: [], compare: [1, 2] });
    expect(parseView('?filter=[{"column":3},{"column":"state"},null]').filter).toEqual([
      { column: 'state' },
    ]);
  });
});

describe('useView', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(window, 'scrollTo').mockImplementation(() => undefined);
  });
  afterEach(() => vi.useRealTimers());

  test('changes at once, while the URL follows a little later', () => {
    const { result } = renderHook(useView);
    act(() => result.current[1]({ x: 'params.a' }));
    act(() => result.current[1]({ x: 'params.b', page: 2 }));
    expect(result.current[0]).toMatchObject({ x: 'params.b', page: 2 });
    expect(window.location.search).toBe('');
    vi.advanceTimersByTime(300);
    expect(parseView(window.location.search)).toMatchObject({ x: 'params.b', page: 2 });
    expect(result.current[0]).toMatchObject({ x: 'params.b', page: 2 });
  });

  test('makes a step of the history of each tab, and none of a filter', () => {
    const { result } = renderHook(useView);
    const before = window.history.length;
    act(() => result.current[1]({ filter: [{ column: 'state', values: ['Failed'] }] }));
    vi.advanceTimersByTime(300);
    expect(window.history.length).toBe(before);
    act(() => result.current[1]({ tab: 'trials' }));
    expect(window.history.length).toBe(before + 1);
    expect(parseView(window.location.search)).toMatchObject({
      tab: 'trials',
      filter: [{ column: 'state', values: ['Failed'] }],
    });
  });

  test('takes a part of the view away when it is set to undefined', () => {
    const { result } = renderHook(useView);
    act(() => result.current[1]({ sort: 'number' }));
    act(() => result.current[1]({ sort: undefined }));
    vi.advanceTimersByTime(300);
    expect(window.location.search).toBe('');
  });

  test('writes what is pending into the place that is left, not into the next', () => {
    const { result } = renderHook(useView);
    const replaced = vi.spyOn(window.history, 'replaceState');
    act(() => result.current[1]({ x: 'params.a' }));
    act(() => navigate('/studies/2'));
    expect(replaced).toHaveBeenLastCalledWith(null, '', '/?x=params.a');
    vi.advanceTimersByTime(300);
    expect(window.location.pathname + window.location.search).toBe('/studies/2');
    expect(result.current[0].x).toBeUndefined();
  });
});

test('paths name pages', () => {
  expect(placeOf('/')).toEqual({ page: 'studies' });
  expect(placeOf('/studies/12')).toEqual({ page: 'study', study: 12 });
  expect(placeOf('/studies/12/trials/0')).toEqual({ page: 'trial', study: 12, trial: 0 });
  expect(placeOf('/api/studies/12').page).toBe('unknown');
  expect(placeOf('/studies/x').page).toBe('unknown');
});
