// What is handed to Plotly.
import { describe, expect, it } from 'vitest';

import type { Column, Curves, History, Points } from '../api/types';
import type { Palette } from './colors';
import { axisOf, positions } from './columns';
import { drawCurves, sayCurves } from './curves';
import { drawHistory, sayHistory } from './history';
import { hoverLines } from './plot';
import { drawScatter, sayScatter } from './scatter';
import { laneTitles, rowsOf } from './timeline';

const palette: Palette = {
  text: '#000',
  muted: '#777',
  line: '#ddd',
  panel: '#fff',
  accent: '#00f',
  categories: ['#0072b2', '#e69f00'],
  dark: false,
};
const column = (
  name: string,
  values: (number | null)[],
  labels: Column['labels'] = [],
): Column => ({
  name,
  kind: labels.length > 0 ? 'category' : 'number',
  log: name === 'params.learning_rate',
  labels,
  values,
});
const states = ['Complete', 'Failed', 'Pruned'];
const points: Points = {
  revision: 1,
  total: 4,
  shown: 4,
  columns: [
    column('number', [0, 1, 2, 3]),
    column('state', [0, 0, 2, 1], states),
    column('params.learning_rate', [0.001, 0.01, 0.1, 0.1]),
    column('metrics.val_accuracy', [0.8, 0.9, 0.4, null]),
    column('params.batch_norm', [0, 1, 0, 1], [true, false]),
  ],
};
const [, , x, y, color] = points.columns as [Column, Column, Column, Column, Column];

describe('the scatter', () => {
  const { traces, layout } = drawScatter(points, [x, y, color], palette);

  it('has a trace with its own color and mark for each category', () => {
    const [first, second] = traces as {
      name: string;
      marker: { color: string; symbol: string[] };
    }[];
    expect([first!.name, second!.name]).toEqual(['batch_norm = true', 'batch_norm = false']);
    expect(first!.marker.color).not.toBe(second!.marker.color);
    expect(first!.marker.symbol[0]).not.toBe(second!.marker.symbol[0]);
  });

  it('draws a pruned trial open', () => {
    expect((traces[0] as { marker: { symbol: string[] } }).marker.symbol).toEqual([
      'circle',
      'circle-open',
    ]);
  });

  it('shows trials that ended without a value on the lower edge', () => {
    const last = traces.at(-1) as { name: string; x: number[]; customdata: [string, number][] };
    expect(last.name).toBe('ended without a value');
    expect(last.x).toEqual([0.1]);
    expect(last.customdata[0]![1]).toBe(3);
  });

  it('has a logarithmic axis for a logarithmic column', () => {
    expect((layout.xaxis as { type: string }).type).toBe('log');
    expect(axisOf(column('params.learning_rate', [0, 1])).type).toBe('linear');
  });

  it('colors by a number along a scale that is drawn beside it', () => {
    const drawn = drawScatter(points, [x, y, x], palette);
    expect(drawn.traces[0]).toMatchObject({ marker: { cmin: -3, cmax: -1 } });
    expect((drawn.layout.shapes as unknown[]).length).toBeGreaterThan(8);
  });

  it('says in a sentence what it shows', () => {
    expect(sayScatter(x, y, color)).toBe(
      'val_accuracy against learning_rate of 3 trials; median 0.6 with batch_norm = true, ' +
        '0.9 with batch_norm = false.',
    );
    const more = { ...color, labels: [...color.labels, 'nobody'] };
    expect(sayScatter(x, y, more)).not.toContain('nobody');
  });
});

describe('points of a category', () => {
  it('are spread within it, always alike', () => {
    const spread = positions(color, [0, 1, 2, 3]) as number[];
    expect(spread).toEqual(positions(color, [0, 1, 2, 3]));
    expect(spread.map(Math.round).map(Math.abs)).toEqual([0, 1, 0, 1]);
  });
});

describe('the label of a point', () => {
  it('shows names as they are, also those that look like HTML', () => {
    expect(hoverLines([['<a>', 'x & y']])).toBe('&lt;a&gt;: <b>x &amp; y</b>');
  });
});

describe('the history', () => {
  const data: History = {
    revision: 1,
    total: 3,
    shown: 3,
    metric: 'loss',
    direction: 'minimize',
    numbers: [0, 1, 7],
    values: [3, 1, 2],
    states: ['Complete', 'Complete', 'Complete'],
    best_numbers: [0, 1],
    best_values: [3, 1],
  };

  it('draws the best so far up to the last trial', () => {
    const [, best] = drawHistory(data, palette).traces;
    expect(best).toMatchObject({ x: [0, 1, 7], y: [3, 1, 1], line: { shape: 'hv' } });
  });

  it('names the best trial', () => {
    expect(sayHistory(data)).toBe('The smallest loss is 1, of trial 1, after 1 improvement.');
    expect(sayHistory({ ...data, best_numbers: [], best_values: [] })).toBe(
      'No Complete trial has loss.',
    );
  });
});

describe('the curves', () => {
  const data: Curves = {
    revision: 1,
    total: 2,
    shown: 2,
    metric: 'loss',
    group_by: 'params.optimizer',
    groups: ['adam', 'sgd'],
    curves: [
      { number: 4, state: 'Complete', group: 0, steps: [1, 2], values: [3, 2] },
      { number: 5, state: 'Pruned', group: 0, steps: [1], values: [4] },
      { number: 6, state: 'Complete', group: 1, steps: [1], values: [5] },
    ],
    bands: [{ step: 1, n: 3, low: 3, median: 4, high: 5 }],
  };

  it('are one trace for each group, with a gap after each trial and a dash of its own', () => {
    const groups = drawCurves(data, palette).traces.filter(({ name }) =>
      String(name).startsWith('optimizer'),
    );
    expect(groups[0]).toMatchObject({ x: [1, 2, null, 1, null], y: [3, 2, null, 4, null] });
    expect(groups.map(({ line }) => (line as { dash: string }).dash)).toEqual(['solid', 'dash']);
  });

  it('say where the quartiles end', () => {
    expect(sayCurves(data)).toBe(
      'At step 1 the median loss of 3 trials is 4, the quartiles 3 and 5.',
    );
  });
});

describe('the timeline', () => {
  it('names workers without what all of them share', () => {
    expect(laneTitles(['vm/b/p:7:1:0', 'vm/b/p:7:1:1'])).toEqual(['worker 0', 'worker 1']);
    expect(laneTitles(['vm/b/p:7:1:0', 'vm/b/p:8:1:0'])).toEqual([
      'process 7, worker 0',
      'process 8, worker 0',
    ]);
    expect(laneTitles(['', 'node-7'])).toEqual(['unknown', 'node-7']);
    expect(laneTitles([])).toEqual([]);
  });

  it('gives a worker as many rows as it has lanes', () => {
    const span = (number: number, worker: number, lane: number) =>
      ({ number, worker, lane, from_ms: 0, to_ms: 1, state: 'Complete' }) as const;
    const { rows, firsts, rowOf } = rowsOf({
      workers: ['a', 'b'],
      spans: [span(0, 0, 0), span(1, 0, 1), span(2, 1, 0)],
    });
    expect([rows, firsts, rowOf(span(2, 1, 0))]).toEqual([3, [0, 2], 2]);
  });
});
