// What parallel coordinates are drawn from: axes, brushes and the paths of lines.
import type { Column, FilterTerm } from '../api/types';
import { formatNumber, formatValue } from '../format';
import { extent } from './columns';
import { outward } from './filter_terms';
import { categoryScale, linearScale, logScale, type Scale } from './scales';

export interface Axis {
  column: Column;
  scale: Scale;
}

/** A part of an axis, places from 0 (below) to 1. */
export interface Brush {
  low: number;
  high: number;
}

/** The axis of a column, over the values that are drawn or `range`. */
export function makeAxis(column: Column, range?: readonly [number, number]): Axis {
  if (column.kind === 'category') return { column, scale: categoryScale(column.labels) };
  const [low, high] = range ?? extent(column.values) ?? [0, 1];
  const log = column.log && low > 0;
  return { column, scale: log ? logScale(low, high) : linearScale(low, high) };
}

/** The places that a term of the filter spans; several for separate categories. */
export function brushesOf(axis: Axis, term: FilterTerm | undefined): Brush[] {
  if (!term) return [];
  const { column, scale } = axis;
  if (column.kind === 'category') {
    const count = column.labels.length;
    const brushes: Brush[] = [];
    column.labels.forEach((label, i) => {
      if (!term.values?.includes(label)) return;
      const last = brushes.at(-1);
      if (last && Math.abs(last.high - i / count) < 1e-9) last.high = (i + 1) / count;
      else brushes.push({ low: i / count, high: (i + 1) / count });
    });
    return brushes;
  }
  const place = (value: number) => {
    const at = scale.place(value);
    return Number.isNaN(at) ? 0 : Math.min(1, Math.max(0, at));
  };
  if (term.low === undefined && term.high === undefined) return [];
  return [
    {
      low: term.low === undefined ? 0 : place(term.low),
      high: term.high === undefined ? 1 : place(term.high),
    },
  ];
}

/** The term of a brush; undefined when it spans the whole axis. */
export function termOfBrush(
  { column, scale }: Axis,
  brush: Brush,
): Omit<FilterTerm, 'column'> | undefined {
  if (brush.low <= 0 && brush.high >= 1) return undefined;
  if (column.kind === 'category') {
    const count = column.labels.length;
    const inside = (i: number) =>
      (i + 1) / count > brush.low + 1e-9 && i / count < brush.high - 1e-9;
    const values = column.labels.filter((_, i) => inside(i));
    return values.length === 0 || values.length === count ? undefined : { values };
  }
  const ends = outward(scale.value(brush.low), scale.value(brush.high));
  return {
    ...(brush.low > 0 ? { low: ends.low } : {}),
    ...(brush.high < 1 ? { high: ends.high } : {}),
  };
}

/** One step of the keyboard: a category, or a fiftieth of the axis. */
export function stepOf({ column }: Axis): number {
  return column.kind === 'category' ? 1 / Math.max(1, column.labels.length) : 0.02;
}

/** The brush with one end moved, never through the other end. */
export function movedEnd(brush: Brush, end: 'low' | 'high', to: number, least: number): Brush {
  const place = Math.min(1, Math.max(0, to));
  // Steps add up with rounding errors; an end that is all but reached is reached.
  const snapped = place < 1e-6 ? 0 : place > 1 - 1e-6 ? 1 : place;
  return end === 'low'
    ? { ...brush, low: Math.min(snapped, brush.high - least) }
    : { ...brush, high: Math.max(snapped, brush.low + least) };
}

/** What stands at a place of the axis, for people. */
export function textAt({ column, scale }: Axis, place: number, end: 'low' | 'high'): string {
  if (column.kind !== 'category') return formatNumber(scale.value(place));
  const count = column.labels.length;
  const index = Math.round(place * count) - (end === 'high' ? 1 : 0);
  return formatValue(column.labels[Math.min(count - 1, Math.max(0, index))]);
}

/** Place of each point on an axis; NaN where it has no value. Categories are spread a little. */
export function placesOf({ column, scale }: Axis, numbers: readonly (number | null)[]): number[] {
  const spread = column.kind === 'category' ? 0.6 / Math.max(1, column.labels.length) : 0;
  return column.values.map((value, i) => {
    if (value === null) return NaN;
    const fraction = (Math.imul((numbers[i] ?? i) + 1, 2654435761) >>> 0) / 2 ** 32 - 0.5;
    return scale.place(value) + spread * fraction;
  });
}

/** The path of point i: a gap where it has no value. */
export function linePath(
  places: readonly number[][],
  i: number,
  x: (axis: number) => number,
  y: (place: number) => number,
): string {
  let path = '';
  let drawing = false;
  places.forEach((axis, a) => {
    const place = axis[i]!;
    if (Number.isNaN(place)) {
      drawing = false;
      return;
    }
    path += `${drawing ? 'L' : 'M'}${x(a).toFixed(1)},${y(place).toFixed(1)}`;
    drawing = true;
  });
  return path;
}

/** The list with the item moved by some places. */
export function moved<T>(list: readonly T[], from: number, by: number): T[] {
  const to = Math.min(list.length - 1, Math.max(0, from + by));
  const rest = list.filter((_, i) => i !== from);
  return [...rest.slice(0, to), list[from]!, ...rest.slice(to)];
}
