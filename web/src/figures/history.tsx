// Optimization history: a metric over the trials, and the best so far.
import { useMemo, useRef } from 'react';

import type { History } from '../api/types';
import { formatCount, formatNumber } from '../format';
import { colorOf, type Palette, usePalette } from './colors';
import {
  chosen,
  emptyText,
  extent,
  type FigureProps,
  metricNames,
  openTrial,
  stateSymbol,
  useFigure,
} from './columns';
import { csvText } from './csv';
import { Choose, FigureFrame } from './frame';
import type { Picture } from './picture';
import { axis, baseLayout, hoverLines, kHover, Plot } from './plot';

export function drawHistory(data: History, palette: Palette) {
  const last = extent(data.numbers)?.[1];
  const best = data.best_values.at(-1);
  const extended = last !== undefined && best !== undefined;
  const traces = [
    {
      type: 'scatter',
      mode: 'markers',
      name: 'trial',
      ...kHover,
      x: data.numbers,
      y: data.values,
      customdata: data.numbers.map((number, i) => [
        hoverLines([
          ['trial', String(number)],
          [data.metric, formatNumber(data.values[i])],
          ['state', data.states[i] ?? ''],
        ]),
        number,
      ]),
      marker: {
        size: data.numbers.length > 400 ? 5 : 7,
        color: colorOf(palette, 0),
        opacity: 0.7,
        symbol: data.states.map((state) => stateSymbol('circle', state)),
      },
    },
    {
      type: 'scatter',
      mode: 'lines',
      name: 'best so far',
      // The best stands until the last trial that is shown.
      x: extended ? [...data.best_numbers, last] : data.best_numbers,
      y: extended ? [...data.best_values, best] : data.best_values,
      line: { shape: 'hv', width: 2, color: colorOf(palette, 3) },
      hovertemplate: 'best so far: <b>%{y}</b><br>from trial %{x}<extra></extra>',
    },
  ];
  const layout = baseLayout(palette, {
    xaxis: axis(palette, 'trial'),
    yaxis: axis(palette, data.metric),
    showlegend: true,
    margin: { l: 56, r: 12, t: 34, b: 44 },
    uirevision: data.metric,
  });
  return { traces, layout };
}

export function sayHistory(data: History): string {
  const best = data.best_values.at(-1);
  const number = data.best_numbers.at(-1);
  if (best === undefined || number === undefined) return `No Complete trial has ${data.metric}.`;
  const steps = data.best_numbers.length;
  return (
    `The ${data.direction === 'minimize' ? 'smallest' : 'largest'} ${data.metric} is ` +
    `${formatNumber(best)}, of trial ${number}, after ${formatCount(steps - 1, 'improvement')}.`
  );
}

export function HistoryFigure(props: FigureProps) {
  const { study, view, setView } = props;
  const palette = usePalette();
  const picture = useRef<Picture>(null);
  const names = metricNames(study).map((name) => ({ name }));
  const metric = chosen(names, view.metric);
  const { data, error, loading } = useFigure<History>(props, 'history', metric ? { metric } : null);
  const drawing = useMemo(() => data && drawHistory(data, palette), [data, palette]);
  const title = `${metric || 'Objective'} over the trials`;
  return (
    <FigureFrame
      title={title}
      actions={
        names.length > 1 && (
          <Choose
            label="metric"
            value={metric}
            options={names.map(({ name }) => [name, name])}
            onChange={(value) => setView({ metric: value })}
          />
        )
      }
      csv={
        data &&
        (() =>
          csvText(
            ['number', data.metric, 'state'],
            data.numbers.map((number, i) => [number, data.values[i], data.states[i]]),
          ))
      }
      plot={picture}
      study={study.summary.name}
      summary={data && sayHistory(data)}
      loading={loading}
      error={error}
      empty={data && data.numbers.length === 0 ? emptyText(view.filter) : undefined}
      counts={data}
    >
      {drawing && (
        <Plot
          {...drawing}
          height={340}
          label={title}
          handle={picture}
          onTrial={(number) => openTrial(study, number)}
        />
      )}
    </FigureFrame>
  );
}
