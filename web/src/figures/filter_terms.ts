// Changes of the filter that all figures share.
import type { Column, FilterTerm } from '../api/types';

/** The filter with this term in place of those about the same column; undefined removes them. */
export function withTerm(
  filter: readonly FilterTerm[],
  column: string,
  term: Omit<FilterTerm, 'column'> | undefined,
): FilterTerm[] {
  const others = filter.filter((each) => each.column !== column);
  return term === undefined ? others : [...others, { column, ...term }];
}

export function termOf(filter: readonly FilterTerm[], column: string): FilterTerm | undefined {
  return filter.find((term) => term.column === column);
}

/** To five digits, rounded outward so that the values at the ends stay inside. */
export function outward(low: number, high: number): { low: number; high: number } {
  const round = (x: number, direction: (y: number) => number) => {
    if (x === 0 || !Number.isFinite(x)) return x;
    const unit = 10 ** (Math.floor(Math.log10(Math.abs(x))) - 4);
    return Number((direction(Number((x / unit).toPrecision(12))) * unit).toPrecision(12));
  };
  return { low: round(low, Math.floor), high: round(high, Math.ceil) };
}

/** The term for a range of drawn positions: labels of a category, else a range of numbers. */
export function termOfRange(
  column: Pick<Column, 'kind' | 'labels'>,
  low: number,
  high: number,
): Omit<FilterTerm, 'column'> {
  if (column.kind === 'category') {
    return { values: column.labels.filter((_, i) => i >= low - 0.25 && i <= high + 0.25) };
  }
  return outward(low, high);
}

/** Whether point i satisfies every term whose column is among these. */
export function satisfies(
  columns: ReadonlyMap<string, Column>,
  filter: readonly FilterTerm[],
  i: number,
): boolean {
  return filter.every((term) => {
    const column = columns.get(term.column);
    if (!column) return true;
    const value = column.values[i];
    if (value === null || value === undefined) return false;
    const shown = column.kind === 'category' ? column.labels[value] : value;
    if (term.values && term.values.length > 0) {
      return shown !== undefined && term.values.includes(shown);
    }
    if (typeof shown !== 'number') return term.low === undefined && term.high === undefined;
    return (term.low ?? -Infinity) <= shown && shown <= (term.high ?? Infinity);
  });
}
