// CSV files of what figures show.
import { describe, expect, it } from 'vitest';

import { csvOfColumns, csvText } from './csv';

describe('CSV', () => {
  it('quotes commas, quotes and line breaks', () => {
    expect(csvText(['a,b', 'c'], [['x"y', 'two\nlines']])).toBe(
      '"a,b",c\r\n"x""y","two\nlines"\r\n',
    );
  });

  it('keeps negative numbers and disarms texts that a spreadsheet would run', () => {
    expect(csvText(['v'], [[-1.5], ['=1+1'], [null], [true]])).toBe(
      "v\r\n-1.5\r\n'=1+1\r\n\r\ntrue\r\n",
    );
  });

  it('writes categories by their labels', () => {
    const number = {
      name: 'number',
      kind: 'number' as const,
      log: false,
      labels: [],
      values: [0, 1],
    };
    const choice = {
      name: 'params.optimizer',
      kind: 'category' as const,
      log: false,
      labels: ['adam', 'sgd'],
      values: [1, null],
    };
    expect(csvOfColumns([number, choice])).toBe('number,params.optimizer\r\n0,sgd\r\n1,\r\n');
  });
});
