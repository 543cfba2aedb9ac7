// Columns of trials as figures need them: titles, axes, positions and labels of points.
import type { Layout, Trace } from 'plotly.js-cartesian-dist-min';

import type { Column, ColumnInfo, FilterTerm, Objective, State, Study } from '../api/types';
import { query, useApi } from '../api/client';
import { columnTitle, formatCell, formatNumber } from '../format';
import { navigate } from '../state/place';
import type { View } from '../state/view';
import { colorScale, type Palette, shade } from './colors';
import { plainText } from './plot';

export interface FigureProps {
  study: Study;
  view: View;
  setView: (change: Partial<View>) => void;
  revision: number;
}

/** Asks for figures/NAME; null arguments ask for nothing. */
export function useFigure<T>(
  props: FigureProps,
  name: string,
  args: Record<string, string | number | undefined> | null,
  filter: FilterTerm[] = props.view.filter,
) {
  const base = `/api/studies/${props.study.summary.id}/figures/${name}`;
  return useApi<T>(args && `${base}${query({ ...args, filter })}`, props.revision);
}

export function openTrial(study: Study, number: number): void {
  navigate(`/studies/${study.summary.id}/trials/${number}`);
}

/** Where the server has the trials of the filter as CSV. */
export function csvUrl(study: Study, filter: FilterTerm[]): string {
  return `/api/studies/${study.summary.id}/trials.csv${query({ filter })}`;
}

/** Why a figure of trials has none. */
export function emptyText(filter: readonly FilterTerm[]): string {
  return filter.length > 0 ? 'No trial satisfies the filter.' : 'No trial yet.';
}

/** Columns that are worth an axis: parameters, and all that has values. */
export function axisColumns(study: Study): ColumnInfo[] {
  return study.columns.filter((column) => column.present > 0 || column.name.startsWith('params.'));
}

export function options(columns: readonly { name: string }[]): [string, string][] {
  return columns.map(({ name }) => [name, columnTitle(name)]);
}

/** The first wish that is a column, else the first column. */
export function chosen(
  columns: readonly { name: string }[],
  ...wishes: (string | undefined)[]
): string {
  const wish = wishes.find((each) => columns.some(({ name }) => name === each));
  return wish ?? columns[0]?.name ?? '';
}

/** Metrics that can be looked at: objectives first. Names without `metrics.`. */
export function metricNames(study: Study): string[] {
  const objectives = study.summary.objectives.map(({ metric }) => metric);
  const others = study.columns
    .filter(({ name, kind }) => name.startsWith('metrics.') && kind === 'number')
    .map(({ name }) => name.slice('metrics.'.length));
  return [...new Set([...objectives, ...others])];
}

export function objectiveOf(study: Study, metric: string): Objective | undefined {
  return study.summary.objectives.find((objective) => objective.metric === metric);
}

/** Columns of parameters that vary. */
export function varyingParameters(study: Study): ColumnInfo[] {
  const constant = new Set(
    study.parameters.filter(({ role }) => role === 'constant').map(({ name }) => name),
  );
  return study.columns.filter(
    ({ name, kind, labels, low, high }) =>
      name.startsWith('params.') &&
      !constant.has(name.slice('params.'.length)) &&
      (kind === 'category' ? labels.length > 1 : low !== high || low === null),
  );
}

export function find(columns: readonly Column[], name: string): Column | undefined {
  return columns.find((column) => column.name === name);
}

/** The value of a point for people. */
export function cellOf(column: Column, i: number): string {
  const value = column.values[i] ?? null;
  if (value === null) return formatCell(column.name, null);
  return formatCell(column.name, column.kind === 'category' ? column.labels[value] : value);
}

const isTime = (name: string) => name === 'started_ms' || name === 'ended_ms';

// Plotly shows milliseconds as UTC; people read their clocks.
export const localTime = (ms: number) => ms - new Date(ms).getTimezoneOffset() * 60_000;

/** A number in [-0.5, 0.5), always the same for a trial. */
function jitter(number: number): number {
  const mixed = Math.imul(number + 1, 2654435761) >>> 0;
  return mixed / 2 ** 32 - 0.5;
}

/** Where points stand along an axis; trials of one category are spread a little. */
export function positions(column: Column, numbers: readonly (number | null)[]): (number | null)[] {
  if (isTime(column.name)) return column.values.map((ms) => (ms === null ? null : localTime(ms)));
  if (column.kind === 'number') return column.values;
  return column.values.map((value, i) =>
    value === null ? null : value + 0.35 * jitter(numbers[i] ?? i),
  );
}

// A longer label would lie over the figure beside it; all of it is in the text of the points.
const kLongestLabel = 16;
const shortened = (label: string) =>
  label.length <= kLongestLabel ? label : `${label.slice(0, kLongestLabel - 1)}…`;

/** Plotly's axis for the column: logarithmic, of time, or with the names of categories. */
export function axisOf(column: Column): Layout {
  if (isTime(column.name)) return { type: 'date' };
  if (column.kind === 'category') {
    return {
      type: 'linear',
      tickvals: column.labels.map((_, i) => i),
      ticktext: column.labels.map((label) => plainText(shortened(String(label)))),
      range: [-0.5, Math.max(0, column.labels.length - 1) + 0.5],
      showgrid: false,
    };
  }
  const [low, high] = extent(column.values) ?? [1, 1];
  // Four zeros are read at a glance; more are counted.
  const long = Math.max(Math.abs(low), Math.abs(high)) >= 1e7 || (column.log && low < 1e-5);
  const type = column.log && low > 0 ? 'log' : 'linear';
  return { type, exponentformat: long ? 'e' : 'none', nticks: type === 'log' ? 7 : 0 };
}

/** Smallest and largest finite value; undefined where there is none. */
export function extent(values: readonly (number | null)[]): [number, number] | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : undefined;
}

/** Filled where the trial is Complete, open where it failed, was pruned or has not ended. */
export function stateSymbol(symbol: string, state: State | undefined): string {
  return state === 'Complete' || state === undefined ? symbol : `${symbol}-open`;
}

/** States of points, from the column `state`. */
export function statesOf(columns: readonly Column[]): (State | undefined)[] {
  const column = find(columns, 'state');
  return column?.values.map((value) => (value === null ? undefined : column.labels[value])) as (
    State | undefined
  )[];
}

/**
 * A color scale beside the plot, in the right margin: shapes and annotations of a layout. Plotly's
 * own sets style attributes, which the page's Content-Security-Policy forbids.
 */
export function colorBar(
  palette: Palette,
  title: string,
  low: number,
  high: number,
  log = false,
): { shapes: Layout[]; annotations: Layout[] } {
  const steps = 32;
  const paper = { xref: 'paper', yref: 'paper' };
  const shapes = Array.from({ length: steps }, (_, i) => ({
    ...paper,
    type: 'rect',
    xsizemode: 'pixel',
    xanchor: 1,
    x0: 10,
    x1: 20,
    y0: (0.85 * i) / steps,
    y1: (0.85 * (i + 1.1)) / steps,
    fillcolor: shade((i + 0.5) / steps, palette.dark),
    line: { width: 0 },
  }));
  const note = { ...paper, showarrow: false, x: 1, xanchor: 'left', font: { size: 11 } };
  const annotations = [0, 0.25, 0.5, 0.75, 1].map((at) => ({
    ...note,
    xshift: 23,
    y: 0.85 * at,
    yanchor: 'middle',
    text: formatNumber(log ? low * (high / low) ** at : low + (high - low) * at, 3),
  }));
  const head = { ...note, xshift: 8, y: 1, yanchor: 'top', text: plainText(title) };
  return { shapes, annotations: [...annotations, { ...head, align: 'left' }] };
}

/** Room for a color scale at the right. */
export const kBarMargin = { l: 56, r: 84, t: 8, b: 44 };

/** Markers colored along the scale, without Plotly's own bar. */
export function scaled(
  palette: Palette,
  values: readonly (number | null)[],
  low: number,
  high: number,
): Trace {
  return { color: values, colorscale: colorScale(palette.dark), cmin: low, cmax: high };
}
