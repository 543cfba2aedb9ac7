// The scatter of any two columns, with color and mark by a third: the first look at a study.
import { useMemo, useRef, useState } from 'react';
import type { Layout, Trace } from 'plotly.js-cartesian-dist-min';

import { nameList } from '../api/client';
import type { Column, Points } from '../api/types';
import { columnTitle, formatNumber } from '../format';
import { colorOf, type Palette, symbolOf, usePalette } from './colors';
import {
  axisColumns,
  axisOf,
  cellOf,
  chosen,
  colorBar,
  emptyText,
  extent,
  type FigureProps,
  find,
  kBarMargin,
  openTrial,
  options,
  positions,
  scaled,
  statesOf,
  stateSymbol,
  useFigure,
} from './columns';
import { csvOfColumns } from './csv';
import { termOfRange, withTerm } from './filter_terms';
import { Choose, FigureFrame } from './frame';
import type { Picture } from './picture';
import { axis, baseLayout, hoverLines, kHover, plainText, Plot, type Selection } from './plot';

/** What each point says when it is pointed at, and its trial. */
function customdata(columns: readonly Column[]): [string, number][] {
  const numbers = find(columns, 'number')?.values ?? [];
  return numbers.map((number, i) => [
    hoverLines(columns.map((column) => [columnTitle(column.name), cellOf(column, i)])),
    number ?? -1,
  ]);
}

interface Drawing {
  traces: Trace[];
  layout: Layout;
}

/** Traces by the categories of `color`, or one along a color scale. */
export function drawScatter(
  points: Points,
  [x, y, color]: [Column, Column, Column | undefined],
  palette: Palette,
): Drawing {
  const numbers = find(points.columns, 'number')?.values ?? [];
  const states = statesOf(points.columns);
  const hover = customdata(points.columns);
  const xs = positions(x, numbers);
  const ys = positions(y, numbers);
  const pick = <T,>(all: readonly T[], which: number[]) => which.map((i) => all[i]!);
  const all = numbers.map((_, i) => i);
  const drawn = all.filter((i) => xs[i] != null && ys[i] != null);
  const opacity = drawn.length > 400 ? 0.7 : 0.9;
  const trace = (which: number[], symbol: string, marker: Trace, more: Trace = {}): Trace => ({
    type: 'scatter',
    mode: 'markers',
    ...kHover,
    x: pick(xs, which),
    y: pick(ys, which),
    customdata: pick(hover, which),
    marker: {
      size: drawn.length > 400 ? 6 : 9,
      opacity,
      symbol: which.map((i) => stateSymbol(symbol, states[i])),
      line: { width: 1 },
      ...marker,
    },
    // A selection becomes the filter; what is left does not fade.
    unselected: { marker: { opacity } },
    ...more,
  });
  const layout = baseLayout(palette, {
    xaxis: axis(palette, columnTitle(x.name), axisOf(x)),
    yaxis: axis(palette, columnTitle(y.name), axisOf(y)),
    uirevision: `${x.name} ${y.name}`,
  });
  const range = color?.kind === 'number' ? extent(color.values) : undefined;
  const traces: Trace[] = [];
  if (color?.kind === 'category') {
    color.labels.forEach((label, c) => {
      const which = drawn.filter((i) => color.values[i] === c);
      traces.push(
        trace(
          which,
          symbolOf(c),
          { color: colorOf(palette, c) },
          { name: plainText(`${columnTitle(color.name)} = ${String(label)}`), showlegend: true },
        ),
      );
    });
    const others = drawn.filter((i) => color.values[i] == null);
    if (others.length > 0) traces.push(trace(others, 'circle', { color: palette.muted }));
    Object.assign(layout, { showlegend: true, margin: { l: 56, r: 12, t: 34, b: 44 } });
  } else if (color && range) {
    const [low, high] = range;
    const log = color.log && low > 0;
    const map = (value: number | null) => (value !== null && log ? Math.log10(value) : value);
    const scale = scaled(palette, pick(color.values, drawn).map(map), map(low)!, map(high)!);
    traces.push(trace(drawn, 'circle', scale));
    const bar = colorBar(palette, columnTitle(color.name), low, high, log);
    Object.assign(layout, bar, { margin: kBarMargin });
  } else {
    traces.push(trace(drawn, 'circle', { color: colorOf(palette, 0) }));
  }
  addWithoutValue(traces, layout, { xs, ys, hover, states, palette });
  return { traces, layout };
}

/** Trials that ended without a value of y stand on the lower edge, as crosses at their x. */
function addWithoutValue(
  traces: Trace[],
  layout: Layout,
  from: {
    xs: (number | null)[];
    ys: (number | null)[];
    hover: [string, number][];
    states: ReturnType<typeof statesOf>;
    palette: Palette;
  },
): void {
  const { xs, ys, hover, states, palette } = from;
  const ended = (i: number) => states[i] === 'Failed' || states[i] === 'Pruned';
  const which = xs.map((_, i) => i).filter((i) => xs[i] != null && ys[i] == null && ended(i));
  if (which.length === 0) return;
  traces.push({
    type: 'scatter',
    mode: 'markers',
    ...kHover,
    x: which.map((i) => xs[i]),
    y: which.map(() => 0.015),
    yaxis: 'y2',
    cliponaxis: false,
    customdata: which.map((i) => hover[i]),
    marker: { symbol: 'x-thin-open', size: 8, color: palette.muted, line: { width: 1.5 } },
    name: 'ended without a value',
    showlegend: layout.showlegend === true,
  });
  layout.yaxis2 = { overlaying: 'y', range: [0, 1], visible: false, fixedrange: true };
}

/** A sentence about the points. */
export function sayScatter(x: Column, y: Column, color?: Column): string {
  const range = extent(y.values);
  const both = x.values.filter((value, i) => value !== null && y.values[i] !== null).length;
  if (!range || both === 0)
    return `No trial has both ${columnTitle(x.name)} and ${columnTitle(y.name)}.`;
  const head = `${columnTitle(y.name)} against ${columnTitle(x.name)} of ${both} trials`;
  if (color?.kind !== 'category' || y.kind !== 'number') {
    return `${head}: ${formatNumber(range[0])} to ${formatNumber(range[1])}.`;
  }
  const medians = color.labels.flatMap((label, c) => {
    const values = y.values.filter((v, i) => v !== null && color.values[i] === c) as number[];
    if (values.length === 0) return [];
    return [`${formatNumber(median(values))} with ${columnTitle(color.name)} = ${String(label)}`];
  });
  return medians.length > 6 ? `${head}.` : `${head}; median ${medians.join(', ')}.`;
}

function median(values: number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle];
  if (high === undefined) return undefined;
  return sorted.length % 2 === 1 ? high : (high + sorted[middle - 1]!) / 2;
}

/** Values of an axis that a selection spans, as numbers; times back from local to UTC. */
function spanned(column: Column, range: [number | string, number | string]): [number, number] {
  const ms = column.name === 'started_ms' || column.name === 'ended_ms';
  const [a, b] = range.map((end) => (ms ? new Date(end).getTime() : Number(end)));
  return [Math.min(a!, b!), Math.max(a!, b!)];
}

export function ScatterFigure(props: FigureProps) {
  const { study, view, setView } = props;
  const palette = usePalette();
  const picture = useRef<Picture>(null);
  const [selecting, setSelecting] = useState(false);
  const columns = axisColumns(study);
  const names = {
    x: chosen(columns, view.x, study.view.x, 'number'),
    y: chosen(columns, view.y, study.view.y, `metrics.${study.summary.objectives[0]?.metric}`),
    color:
      view.color === 'none'
        ? ''
        : chosen([...columns, { name: '' }], view.color, study.view.color, ''),
  };
  const asked = [...new Set(['number', 'state', names.x, names.y, names.color])].filter(Boolean);
  const { data, error, loading } = useFigure<Points>(
    props,
    'points',
    columns.length > 0 ? { columns: nameList(asked) } : null,
  );
  const x = data && find(data.columns, names.x);
  const y = data && find(data.columns, names.y);
  const color = data && find(data.columns, names.color);
  const drawing = useMemo(() => {
    if (!data || !x || !y) return undefined;
    const { traces, layout } = drawScatter(data, [x, y, color], palette);
    const dragmode = selecting ? 'select' : 'zoom';
    // Once it is the filter, the selection's frame goes: with the answer, for a drawing before it
    // would only make that one wait.
    const selectionrevision = JSON.stringify(view.filter);
    return { traces, layout: { ...layout, dragmode, selections: [], selectionrevision } };
  }, [data, x, y, color, palette, selecting]);

  const select = (selection: Selection) => {
    if (!x || !y) return;
    const first = withTerm(view.filter, x.name, termOfRange(x, ...spanned(x, selection.x)));
    setView({ filter: withTerm(first, y.name, termOfRange(y, ...spanned(y, selection.y))) });
  };
  const by = color ? ` by ${columnTitle(names.color)}` : '';
  const title = `${columnTitle(names.y)} against ${columnTitle(names.x)}${by}`;
  const list = options(columns);
  return (
    <FigureFrame
      title={title}
      actions={
        <>
          <Choose label="x" value={names.x} options={list} onChange={(v) => setView({ x: v })} />
          <Choose label="y" value={names.y} options={list} onChange={(v) => setView({ y: v })} />
          <Choose
            label="color"
            value={names.color || 'none'}
            options={[['none', 'none'], ...list]}
            onChange={(v) => setView({ color: v })}
          />
          <button type="button" aria-pressed={selecting} onClick={() => setSelecting(!selecting)}>
            Drag filters
          </button>
        </>
      }
      csv={data && (() => csvOfColumns(data.columns))}
      plot={picture}
      study={study.summary.name}
      summary={data && x && y && sayScatter(x, y, color)}
      loading={loading}
      error={error}
      empty={data?.total === 0 ? emptyText(view.filter) : undefined}
      counts={data}
    >
      {drawing && (
        <Plot
          {...drawing}
          height={340}
          label={title}
          handle={picture}
          onTrial={(number) => openTrial(study, number)}
          onSelect={select}
        />
      )}
    </FigureFrame>
  );
}
