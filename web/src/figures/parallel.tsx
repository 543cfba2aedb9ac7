// Parallel coordinates: a line for each trial through all axes. Brushing an axis sets the filter of
// the view, which all other figures and the table follow.
import { type PointerEvent, type RefObject, useEffect, useMemo, useRef, useState } from 'react';

import { nameList } from '../api/client';
import type { Column, FilterTerm, Points } from '../api/types';
import { columnTitle, formatNumber } from '../format';
import { shade, usePalette } from './colors';
import {
  cellOf,
  chosen,
  emptyText,
  extent,
  type FigureProps,
  find,
  metricNames,
  objectiveOf,
  openTrial,
  useFigure,
  varyingParameters,
} from './columns';
import { csvOfColumns } from './csv';
import { satisfies, termOf, withTerm } from './filter_terms';
import { Choose, FigureFrame } from './frame';
import { useSvgPicture } from './importance';
import { type Axis, linePath, makeAxis, moved, placesOf } from './parallel_axes';
import { ParallelAxis } from './parallel_axis';
import type { Picture } from './picture';
import { useWidth } from './plot';

const kMostLines = 1500;
const kMostAxes = 14;
const kShades = 16; // a path for each shade is far quicker than one for each line
const kTop = 40;
const kHeight = 270;
const kBottom = 14;
const kLeft = 46;
const kRight = 70; // for the ticks of the last axis
const kLeastGap = 96;

/** Calls at most once in `ms`, the last call surely. */
export function useThrottled<T>(act: (value: T) => void, ms: number): (value: T) => void {
  const state = useRef<{
    act: (value: T) => void;
    timer?: ReturnType<typeof setTimeout>;
    next?: { value: T };
  }>({ act });
  state.current.act = act;
  return (value: T) => {
    const now = state.current;
    if (now.timer !== undefined) {
      now.next = { value };
      return;
    }
    const run = (each: T) => {
      now.act(each);
      now.timer = setTimeout(() => {
        delete now.timer;
        const { next } = now;
        delete now.next;
        if (next) run(next.value);
      }, ms);
    };
    run(value);
  };
}

/** Columns of the default view: what varies, then the objectives. */
function usualAxes({ study, view }: FigureProps, metric: string): string[] {
  const parameters = varyingParameters(study).map(({ name }) => name);
  const objectives = study.summary.objectives.map((each) => `metrics.${each.metric}`);
  const known = new Set(study.columns.map(({ name }) => name));
  const usual = [...new Set([...parameters.slice(0, kMostAxes - 2), ...objectives, metric])];
  return (view.axes ?? usual).filter((name) => known.has(name)).slice(0, kMostAxes);
}

export function ParallelFigure(props: FigureProps) {
  const { study, view, setView } = props;
  const picture = useRef<Picture>(null);
  const names = metricNames(study).map((name) => ({ name }));
  const metric = names.length > 0 ? `metrics.${chosen(names, view.metric)}` : 'number';
  const axes = usualAxes(props, metric);
  const filtering = view.filter.map(({ column }) => column);
  const columns = nameList([...new Set(['number', 'state', metric, ...axes, ...filtering])]);
  const enough = axes.length > 1;
  const args = { columns, points: kMostLines };
  const all = useFigure<Points>(props, 'points', enough ? args : null, []);
  // Where all trials are here the filter is applied here; else those that satisfy it are asked for.
  const thinned = all.data !== undefined && all.data.total > all.data.shown;
  const some = useFigure<Points>(props, 'points', thinned && filtering.length > 0 ? args : null);
  // Until they come, and while a brush moves, those of all trials that satisfy it are shown.
  const answer = some.loading ? undefined : some.data;
  const inFilter = useMemo(
    () => matching(answer ?? all.data, view.filter).length,
    [answer, all.data, view.filter],
  );
  const title = 'Parallel coordinates of the trials';
  const { data } = all;
  const total = data?.total ?? 0;
  const left = answer?.total ?? inFilter;
  return (
    <FigureFrame
      title={title}
      subtitle={
        `Color: ${columnTitle(metric)}. Drag along an axis to filter, drag its name to move it; ` +
        'by keyboard, arrow keys on an end or a name.'
      }
      actions={
        <>
          {names.length > 1 && (
            <Choose
              label="color"
              value={columnTitle(metric)}
              options={names.map(({ name }) => [name, name])}
              onChange={(value) => setView({ metric: value })}
            />
          )}
          <button
            type="button"
            disabled={view.filter.length === 0}
            onClick={() => setView({ filter: [] })}
          >
            Clear filter
          </button>
          {view.axes && (
            <button type="button" onClick={() => setView({ axes: undefined })}>
              Usual order
            </button>
          )}
        </>
      }
      csv={data && (() => csvOfColumns((answer ?? data).columns))}
      plot={picture}
      study={study.summary.name}
      summary={
        data &&
        (filtering.length > 0
          ? `${thinned && !answer ? '…' : left.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} trials satisfy the filter.`
          : `${total.toLocaleString('en-US')} trials over ${axes.length} axes.`)
      }
      loading={all.loading || some.loading}
      error={all.error ?? some.error}
      empty={
        !enough
          ? 'It takes two columns that vary.'
          : total === 0 && data
            ? emptyText([])
            : undefined
      }
      counts={data}
    >
      {data && <Lines {...props} data={data} answer={answer} {...{ axes, metric, picture }} />}
    </FigureFrame>
  );
}

/** Indices of the points that satisfy the filter. */
export function matching(data: Points | undefined, filter: readonly FilterTerm[]): number[] {
  if (!data) return [];
  const columns = new Map(data.columns.map((column) => [column.name, column]));
  const numbers = find(data.columns, 'number')?.values ?? [];
  return numbers.map((_, i) => i).filter((i) => satisfies(columns, filter, i));
}

interface LinesProps extends FigureProps {
  /** Trials without the filter, and those that satisfy the view's where they were asked for. */
  data: Points;
  answer: Points | undefined;
  axes: string[];
  metric: string;
  picture: RefObject<Picture | null>;
}

const heightAt = (place: number) => kTop + (1 - place) * kHeight;

/** The points of an answer as they are drawn: places on every axis, paths, shades by the metric. */
function useDrawn(data: Points, axes: readonly Axis[], metric: Axis | undefined, gap: number) {
  return useMemo(() => {
    const numbers = find(data.columns, 'number')?.values ?? [];
    const of = (axis: Axis): Axis => ({
      ...axis,
      column: find(data.columns, axis.column.name) ?? axis.column,
    });
    const places = axes.map((axis) => placesOf(of(axis), numbers));
    const values = metric ? of(metric).column.values : [];
    const shades = numbers.map((_, i) => {
      const value = values[i];
      if (value === null || value === undefined || !metric) return -1;
      return Math.min(kShades - 1, Math.max(0, Math.floor(metric.scale.place(value) * kShades)));
    });
    const paths = numbers.map((_, i) => linePath(places, i, (a) => kLeft + gap * a, heightAt));
    return { numbers, places, shades, paths };
  }, [data, axes, metric, gap]);
}

function Lines(props: LinesProps) {
  const { study, view, setView, data, answer, metric, picture } = props;
  const palette = usePalette();
  const place = useRef<HTMLDivElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const room = useWidth(place);
  useSvgPicture(svg, picture, palette.panel);

  // The filter while a brush moves: seen in the next frame, told to the rest of the page after it.
  const [draft, setDraft] = useState<FilterTerm[]>();
  useEffect(() => setDraft(undefined), [view.filter]);
  const filter = draft ?? view.filter;
  const focus = (draft === undefined ? answer : undefined) ?? data;
  const tell = useThrottled((next: FilterTerm[]) => setView({ filter: next }), 80);
  const brush = (name: string, term: Omit<FilterTerm, 'column'> | undefined) => {
    const next = withTerm(filter, name, term);
    setDraft(next);
    tell(next);
  };

  const key = props.axes.join('\n');
  const axes = useMemo(() => {
    const infos = new Map(study.columns.map((info) => [info.name, info]));
    const columns = key.split('\n').map((name) => find(data.columns, name));
    return columns
      .filter((column) => column !== undefined)
      .map((column: Column) => {
        const info = infos.get(column.name);
        const range = info && info.low !== null && info.high !== null;
        return makeAxis(column, range ? [info.low!, info.high!] : undefined);
      });
  }, [data, key, study.columns]);
  const colored = useMemo(() => {
    const column = find(data.columns, metric);
    return column && column.kind === 'number' && extent(column.values)
      ? makeAxis(column)
      : undefined;
  }, [data, metric]);
  const gap = Math.max(kLeastGap, (room - kLeft - kRight) / Math.max(1, axes.length - 1));
  const width = kLeft + kRight + gap * Math.max(0, axes.length - 1);
  const x = (axis: number) => kLeft + gap * axis;
  const y = heightAt;
  const behind = useDrawn(data, axes, colored, gap);
  const front = useDrawn(focus, axes, colored, gap);
  const shown = useMemo(() => matching(focus, filter), [focus, filter]);
  const whole = filter.length === 0;
  const faint = useMemo(() => (whole ? '' : behind.paths.join('')), [behind, whole]);
  const paths = useMemo(() => {
    const byShade = new Map<number, string>();
    for (const i of shown) {
      const s = front.shades[i]!;
      byShade.set(s, (byShade.get(s) ?? '') + front.paths[i]!);
    }
    // The best are drawn last, over all others.
    const sign = objectiveOf(study, columnTitle(metric))?.direction === 'minimize' ? -1 : 1;
    const rank = (s: number) => (s < 0 ? -kShades : sign * s);
    return [...byShade].sort(([a], [b]) => rank(a) - rank(b));
  }, [front, shown, study, metric]);
  // An index means a trial among the points that it was looked up in, and no others.
  const [found, setFound] = useState<{ of: Points; i: number }>();
  const near = found?.of === focus ? found.i : undefined;
  const trial = near === undefined ? null : (front.numbers[near] ?? null);

  const lookUp = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = { x: event.clientX - box.left, y: event.clientY - box.top };
    const i = event.buttons === 0 ? nearest(front.places, shown, at, x, y) : undefined;
    setFound(i === undefined ? undefined : { of: focus, i });
  };
  const opacity =
    shown.length > 800 ? 0.2 : shown.length > 300 ? 0.35 : shown.length > 60 ? 0.55 : 0.85;
  return (
    <div ref={place} className="plot parallel parallel-scroll">
      <svg
        ref={svg}
        className="figure-svg"
        viewBox={`0 0 ${width} ${kTop + kHeight + kBottom}`}
        width={width}
        height={kTop + kHeight + kBottom}
        style={{ width }}
        role="group"
        aria-label={`Parallel coordinates of ${shown.length} trials`}
        onPointerMove={lookUp}
        onPointerLeave={() => setFound(undefined)}
        onClick={() => trial !== null && openTrial(study, trial)}
      >
        <g aria-hidden="true" fill="none">
          {faint && <path d={faint} stroke={palette.muted} strokeOpacity={0.12} />}
          {paths.map(([s, d]) => (
            <path
              key={s}
              d={d}
              stroke={s < 0 ? palette.muted : shade((s + 0.5) / kShades, palette.dark)}
              strokeOpacity={opacity}
              strokeWidth={1.3}
              strokeDasharray={s < 0 ? '3 3' : undefined}
            />
          ))}
          {near !== undefined && (
            <path data-screen-only d={front.paths[near]} stroke={palette.text} strokeWidth={2.5} />
          )}
        </g>
        <Legend axes={axes} metric={metric} colored={colored} x={x} y={y} dark={palette.dark} />
        {axes.map((axis, a) => (
          <ParallelAxis
            key={axis.column.name}
            axis={axis}
            term={termOf(filter, axis.column.name)}
            x={x(a)}
            top={kTop}
            height={kHeight}
            room={a === 0 ? 2 * kLeft - 8 : gap - 8}
            position={a}
            count={axes.length}
            gap={gap}
            onBrush={(term) => brush(axis.column.name, term)}
            onMove={(by) => setView({ axes: moved(props.axes, a, by) })}
          />
        ))}
      </svg>
      <p className="figure-note parallel-hover" aria-hidden="true">
        {near === undefined ? '\u00a0' : describe(focus.columns, near)}
      </p>
    </div>
  );
}

/** The trial in a line of text. */
function describe(columns: readonly Column[], i: number): string {
  return columns.map((column) => `${columnTitle(column.name)} ${cellOf(column, i)}`).join(' · ');
}

interface LegendProps {
  axes: readonly Axis[];
  metric: string;
  colored: Axis | undefined;
  x: (axis: number) => number;
  y: (place: number) => number;
  dark: boolean;
}

/** The shades stand along the metric's own axis, which so is their legend. */
function Legend({ axes, metric, colored, x, y, dark }: LegendProps) {
  const a = axes.findIndex(({ column }) => column.name === metric);
  const axis = axes[a];
  if (!axis || !colored) return null;
  return (
    <g aria-hidden="true">
      {Array.from({ length: kShades }, (_, s) => {
        const low = y(axis.scale.place(colored.scale.value(s / kShades)));
        const high = y(axis.scale.place(colored.scale.value((s + 1) / kShades)));
        return (
          <rect
            key={s}
            x={x(a) - 3}
            width={6}
            y={high}
            height={Math.max(0, low - high) + 0.5}
            fill={shade((s + 0.5) / kShades, dark)}
          >
            <title>{formatNumber(colored.scale.value((s + 0.5) / kShades))}</title>
          </rect>
        );
      })}
    </g>
  );
}

/** The line under the pointer: the nearest within some pixels. */
export function nearest(
  places: readonly number[][],
  candidates: readonly number[],
  at: { x: number; y: number },
  x: (axis: number) => number,
  y: (place: number) => number,
): number | undefined {
  const gap = x(1) - x(0);
  const place = (at.x - x(0)) / gap;
  const a = Math.floor(place);
  const left = places[a];
  const right = places[a + 1];
  // On an axis the pointer means the axis.
  if (!left || !right || Math.abs(place - Math.round(place)) * gap < 12) return undefined;
  let best: number | undefined;
  let least = 6;
  for (const i of candidates) {
    const distance = Math.abs(y(left[i]! + (right[i]! - left[i]!) * (place - a)) - at.y);
    if (distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}
