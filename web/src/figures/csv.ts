// Text of CSV files (RFC 4180) from what a figure shows.
import type { Column } from '../api/types';

export type CsvCell = boolean | number | string | null | undefined;

function cellText(cell: CsvCell): string {
  if (cell === null || cell === undefined) return '';
  let text = String(cell);
  // A spreadsheet would run a text that begins like a formula.
  if (typeof cell === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export function csvText(header: readonly string[], rows: readonly (readonly CsvCell[])[]): string {
  return [header, ...rows].map((row) => row.map(cellText).join(',') + '\r\n').join('');
}

/** Columns of figures/points, one row for each point, categories by their labels. */
export function csvOfColumns(columns: readonly Column[]): string {
  const length = columns[0]?.values.length ?? 0;
  const rows = Array.from({ length }, (_, i) =>
    columns.map((column) => {
      const value = column.values[i];
      if (value === null || value === undefined) return null;
      return column.kind === 'category' ? column.labels[value] : value;
    }),
  );
  return csvText(
    columns.map((column) => column.name),
    rows,
  );
}
