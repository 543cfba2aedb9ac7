// Terms of the filter that figures set.
import { describe, expect, it } from 'vitest';

import type { Column } from '../api/types';
import { outward, satisfies, termOfRange, withTerm } from './filter_terms';

const rate: Column = {
  name: 'params.rate',
  kind: 'number',
  log: true,
  labels: [],
  values: [0.001, 0.1, null],
};
const norm: Column = {
  name: 'params.norm',
  kind: 'category',
  log: false,
  labels: [true, false],
  values: [0, 1, 1],
};

describe('filter terms', () => {
  it('replaces the term about a column and keeps those about others', () => {
    const filter = [
      { column: 'a', low: 1 },
      { column: 'b', high: 2 },
    ];
    expect(withTerm(filter, 'a', { low: 5 })).toEqual([
      { column: 'b', high: 2 },
      { column: 'a', low: 5 },
    ]);
    expect(withTerm(filter, 'a', undefined)).toEqual([{ column: 'b', high: 2 }]);
  });

  it('rounds a range outward, so that what stands at its ends is inside', () => {
    const { low, high } = outward(0.0012345678, 98.7654321);
    expect([low, high]).toEqual([0.0012345, 98.766]);
    expect(outward(-0.5, 0.25)).toEqual({ low: -0.5, high: 0.25 });
  });

  it('turns a range over categories into their labels', () => {
    expect(termOfRange(norm, -0.3, 0.4)).toEqual({ values: [true] });
  });

  it('holds for trials within all terms, and for none without a value', () => {
    const columns = new Map([rate, norm].map((column) => [column.name, column]));
    const low = [{ column: 'params.rate', high: 0.01 }];
    expect([0, 1, 2].map((i) => satisfies(columns, low, i))).toEqual([true, false, false]);
    const off = [{ column: 'params.norm', values: [false] }];
    expect([0, 1, 2].map((i) => satisfies(columns, off, i))).toEqual([false, true, true]);
    expect(satisfies(columns, [...low, ...off], 1)).toBe(false);
  });
});
