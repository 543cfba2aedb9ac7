// Scales and ticks.
import { describe, expect, it } from 'vitest';

import { categoryScale, linearScale, linearTicks, logScale, logTicks } from './scales';

describe('scales', () => {
  it('puts ticks on round numbers without rounding noise', () => {
    expect(linearTicks(0, 0.5)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5]);
    expect(linearTicks(-3, 17)).toEqual([0, 5, 10, 15]);
  });

  it('puts ticks of a logarithmic axis on powers of ten', () => {
    expect(logTicks(1e-4, 1e-1)).toEqual([1e-4, 1e-3, 1e-2, 1e-1]);
    expect(logTicks(16, 256)).toEqual([30, 100]);
  });

  it('gives back the value of each place', () => {
    for (const scale of [linearScale(-2, 5), logScale(1e-5, 1), categoryScale(['a', 'b', 'c'])]) {
      for (const value of [0.5, 1]) expect(scale.value(scale.place(value))).toBeCloseTo(value, 10);
    }
  });

  it('places a single value in the middle', () => {
    expect(linearScale(3, 3).place(3)).toBe(0.5);
    expect(logScale(3, 3).place(3)).toBeCloseTo(0.5);
  });

  it('gives each category a band of its own', () => {
    expect(categoryScale([true, false]).place(0)).toBe(0.25);
    expect(categoryScale([true, false]).ticks.map(({ text }) => text)).toEqual(['true', 'false']);
  });
});
