// Linear, logarithmic and categorical scales with round ticks, for figures in SVG of our own.
import { formatNumber, formatValue } from '../format';

export interface Scale {
  /** Place of a value, 0 to 1. */
  place(value: number): number;
  /** Value at a place. */
  value(place: number): number;
  ticks: { value: number; text: string }[];
}

/** Round numbers in [low, high], about `count` of them. */
export function linearTicks(low: number, high: number, count = 5): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // From whole multiples, so that 0.30000000000000004 does not come about.
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** Powers of ten in [low, high]; with 2 and 5 between them where there are few. */
export function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  const parts = decades > 2.5 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 5];
  const every = Math.max(1, Math.ceil(decades / 7));
  const ticks: number[] = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += every) {
    for (const part of parts) {
      const tick = Number(`${part}e${e}`);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return ticks.length > 1 ? ticks : [low, high];
}

export function linearScale(low: number, high: number): Scale {
  const from = low;
  const span = high > low ? high - low : 1;
  const shift = high > low ? 0 : 0.5; // a single value stands in the middle
  return {
    place: (value) => (value - from) / span + shift,
    value: (place) => from + (place - shift) * span,
    ticks: linearTicks(low, high).map((value) => ({ value, text: formatNumber(value) })),
  };
}

/** Requires 0 < low. */
export function logScale(low: number, high: number): Scale {
  const inner = linearScale(Math.log10(low), Math.log10(high));
  return {
    place: (value) => inner.place(Math.log10(value)),
    value: (place) => 10 ** inner.value(place),
    ticks: logTicks(low, high).map((value) => ({ value, text: formatNumber(value) })),
  };
}

/** Values are indices into labels; each has a band of its own. */
export function categoryScale(labels: readonly (boolean | number | string)[]): Scale {
  const count = Math.max(1, labels.length);
  return {
    place: (value) => (value + 0.5) / count,
    value: (place) => place * count - 0.5,
    ticks: labels.map((label, value) => ({ value, text: formatValue(label) })),
  };
}
