// Which worker ran which trial when: a lane for each, the state by color and pattern.
import { useMemo, useRef } from 'react';
import type { Trace } from 'plotly.js-cartesian-dist-min';

import type { Span, State, Timeline } from '../api/types';
import { formatDuration, formatTime, workerTitle } from '../format';
import { colorOf, type Palette, usePalette } from './colors';
import { emptyText, type FigureProps, localTime, openTrial, useFigure } from './columns';
import { csvText } from './csv';
import { FigureFrame } from './frame';
import type { Picture } from './picture';
import { axis, baseLayout, hoverLines, kHover, plainText, Plot } from './plot';

const kLooks: Record<State, { color: number; pattern: string }> = {
  Complete: { color: 0, pattern: '' },
  Pruned: { color: 1, pattern: '/' },
  Failed: { color: 3, pattern: 'x' },
  Running: { color: 2, pattern: '.' },
  Paused: { color: 7, pattern: '-' },
  Waiting: { color: 7, pattern: '|' },
};

/** The row of each span, from above, and where each worker's rows begin. */
export function rowsOf(data: Pick<Timeline, 'workers' | 'spans'>) {
  const lanes = data.workers.map(() => 1);
  for (const { worker, lane } of data.spans) lanes[worker] = Math.max(lanes[worker] ?? 1, lane + 1);
  const firsts: number[] = [];
  let rows = 0;
  for (const count of lanes) {
    firsts.push(rows);
    rows += count;
  }
  return { rows, lanes, firsts, rowOf: (span: Span) => (firsts[span.worker] ?? 0) + span.lane };
}

export function drawTimeline(data: Timeline, palette: Palette) {
  const { rows, lanes, firsts, rowOf } = rowsOf(data);
  const states = (Object.keys(kLooks) as State[]).filter((state) =>
    data.spans.some((span) => span.state === state),
  );
  const traces = states.map((state): Trace => {
    const spans = data.spans.filter((span) => span.state === state);
    const { color, pattern } = kLooks[state];
    const end = (span: Span) => span.to_ms ?? data.now_ms;
    return {
      type: 'bar',
      orientation: 'h',
      name: state,
      ...kHover,
      base: spans.map((span) => localTime(span.from_ms)),
      x: spans.map((span) => Math.max(1, end(span) - span.from_ms)),
      y: spans.map(rowOf),
      width: 0.78,
      customdata: spans.map((span) => [
        hoverLines([
          ['trial', String(span.number)],
          ['state', state],
          ['worker', workerTitle(data.workers[span.worker] ?? '')],
          ['began', formatTime(span.from_ms)],
          [
            span.to_ms === null ? 'runs for' : 'took',
            formatDuration((end(span) - span.from_ms) / 1000),
          ],
        ]),
        span.number,
      ]),
      marker: {
        color: colorOf(palette, color),
        line: { color: palette.panel, width: spans.length > 500 ? 0 : 1 },
        pattern: {
          // On bars of a few pixels a pattern hides the color.
          shape: data.spans.length > 400 ? '' : pattern,
          fillmode: 'overlay',
          fgcolor: palette.panel,
          fgopacity: 1,
          size: 6,
          solidity: 0.3,
        },
      },
    };
  });
  const layout = baseLayout(palette, {
    barmode: 'overlay',
    xaxis: axis(palette, 'time', { type: 'date' }),
    yaxis: axis(palette, '', {
      range: [rows - 0.5, -0.5],
      fixedrange: true,
      showgrid: false,
      tickvals: firsts.map((first, w) => first + ((lanes[w] ?? 1) - 1) / 2),
      ticktext: laneTitles(data.workers).map(plainText),
    }),
    showlegend: true,
    margin: { l: 56, r: 12, t: 34, b: 44 },
    uirevision: 'time',
  });
  return { traces, layout, rows };
}

/** Names of workers without what all of them share, which would take the room of the bars. */
export function laneTitles(workers: readonly string[]): string[] {
  let names = workers.map((worker) => workerTitle(worker || 'unknown').split(', '));
  const shared = () => names.every((name) => name.length > 1 && name[0] === names[0]?.[0]);
  while (names.length > 0 && shared()) names = names.map((name) => name.slice(1));
  return names.map((name) => shortened(name.join(', ')));
}

/** The end of a worker's name tells it apart. */
function shortened(name: string): string {
  return name.length <= 30 ? name : `…${name.slice(-29)}`;
}

export function sayTimeline(data: Timeline): string {
  const busy = data.spans.reduce((sum, s) => sum + (s.to_ms ?? data.now_ms) - s.from_ms, 0);
  const from = data.spans.reduce((min, s) => Math.min(min, s.from_ms), Infinity);
  const to = data.spans.reduce((max, s) => Math.max(max, s.to_ms ?? data.now_ms), -Infinity);
  if (data.spans.length === 0) return 'No trial has begun.';
  const workers = data.workers.length;
  return (
    `${data.spans.length} trials on ${workers} ${workers === 1 ? 'worker' : 'workers'} in ` +
    `${formatDuration((to - from) / 1000)}; together they ran for ${formatDuration(busy / 1000)}.`
  );
}

export function TimelineFigure(props: FigureProps) {
  const { study, view } = props;
  const palette = usePalette();
  const picture = useRef<Picture>(null);
  const { data, error, loading } = useFigure<Timeline>(props, 'timeline', {});
  const drawing = useMemo(() => data && drawTimeline(data, palette), [data, palette]);
  const title = 'Workers over time';
  return (
    <FigureFrame
      title={title}
      csv={
        data &&
        (() =>
          csvText(
            ['number', 'worker', 'lane', 'from_ms', 'to_ms', 'state'],
            data.spans.map((span) => [
              span.number,
              data.workers[span.worker],
              span.lane,
              span.from_ms,
              span.to_ms,
              span.state,
            ]),
          ))
      }
      plot={picture}
      study={study.summary.name}
      summary={data && sayTimeline(data)}
      loading={loading}
      error={error}
      empty={data?.spans.length === 0 ? emptyText(view.filter) : undefined}
      counts={data}
    >
      {drawing && (
        <Plot
          traces={drawing.traces}
          layout={drawing.layout}
          height={Math.min(900, Math.max(160, 90 + 26 * drawing.rows))}
          label={title}
          handle={picture}
          onTrial={(number) => openTrial(study, number)}
        />
      )}
    </FigureFrame>
  );
}
