// Slices: a metric against each parameter that varies, side by side.
import { useMemo, useRef } from 'react';
import type { Layout, Trace } from 'plotly.js-cartesian-dist-min';

import { nameList } from '../api/client';
import type { Column, Points } from '../api/types';
import { columnTitle, formatCount } from '../format';
import { colorScale, type Palette, usePalette } from './colors';
import {
  axisOf,
  cellOf,
  chosen,
  colorBar,
  emptyText,
  extent,
  type FigureProps,
  find,
  kBarMargin,
  metricNames,
  openTrial,
  positions,
  statesOf,
  stateSymbol,
  useFigure,
  varyingParameters,
} from './columns';
import { csvOfColumns } from './csv';
import { Choose, FigureFrame } from './frame';
import type { Picture } from './picture';
import { axis, baseLayout, hoverLines, kHover, Plot, useWidth } from './plot';

const kMostParameters = 24;
// SVG stays quick to this many marks in all.
const kMostMarks = 6000;
const kCellWidth = 240;
const kCellHeight = 150;
const kRowGap = 62; // ticks and title of an axis

interface Grid {
  across: number;
  down: number;
}

export function gridOf(count: number, width: number): Grid {
  const across = Math.max(1, Math.min(count, Math.floor((width - 100) / kCellWidth)));
  return { across, down: Math.ceil(count / across) };
}

const heightOf = (down: number) => down * kCellHeight + (down - 1) * kRowGap;

export function drawSlices(
  data: Points,
  metric: Column,
  parameters: readonly Column[],
  palette: Palette,
  { across, down }: Grid,
) {
  const numbers = find(data.columns, 'number')?.values ?? [];
  const states = statesOf(data.columns);
  const span = extent(numbers) ?? [0, 1];
  const gap = 0.1; // between columns, in widths of a column
  const columns = across + (across - 1) * gap;
  const rows = heightOf(down);
  const layout: Layout = baseLayout(palette, {
    margin: { ...kBarMargin, t: 12 },
    uirevision: `${metric.name} ${across}`,
    ...colorBar(palette, 'trial', span[0], span[1]),
  });
  const traces = parameters.map((column, p): Trace => {
    const row = Math.floor(p / across);
    const cell = p % across;
    const id = p === 0 ? '' : String(p + 1);
    const top = 1 - (row * (kCellHeight + kRowGap)) / rows;
    const left = (cell * (1 + gap)) / columns;
    layout[`xaxis${id}`] = axis(palette, columnTitle(column.name), {
      ...axisOf(column),
      domain: [left, Math.min(1, left + 1 / columns)],
      anchor: `y${id}`,
      nticks: 5,
    });
    layout[`yaxis${id}`] = axis(palette, cell === 0 ? columnTitle(metric.name) : '', {
      ...axisOf(metric),
      domain: [Math.max(0, top - kCellHeight / rows), top],
      anchor: `x${id}`,
      showticklabels: cell === 0,
      ticks: cell === 0 ? 'outside' : '',
      ...(p === 0 ? {} : { matches: 'y' }),
    });
    return {
      type: 'scatter',
      mode: 'markers',
      ...kHover,
      xaxis: `x${id}`,
      yaxis: `y${id}`,
      x: positions(column, numbers),
      y: metric.values,
      customdata: numbers.map((number, i) => [
        hoverLines(
          [metric, column]
            .map((each) => [columnTitle(each.name), cellOf(each, i)] as const)
            .concat([['trial', String(number)]]),
        ),
        number,
      ]),
      marker: {
        size: 6,
        opacity: 0.8,
        symbol: states.map((state) => stateSymbol('circle', state)),
        color: numbers,
        colorscale: colorScale(palette.dark),
        cmin: span[0],
        cmax: span[1],
      },
    };
  });
  return { traces, layout };
}

export function SlicesFigure(props: FigureProps) {
  const { study, view, setView } = props;
  const palette = usePalette();
  const picture = useRef<Picture>(null);
  const place = useRef<HTMLDivElement>(null);
  const width = useWidth(place);
  const names = metricNames(study).map((name) => ({ name }));
  const metric = `metrics.${chosen(names, view.metric)}`;
  const all = varyingParameters(study);
  const parameters = all.slice(0, kMostParameters);
  const points = Math.min(2000, Math.floor(kMostMarks / Math.max(1, parameters.length)));
  const asked = ['number', 'state', metric, ...parameters.map(({ name }) => name)];
  const any = names.length > 0 && parameters.length > 0;
  const { data, error, loading } = useFigure<Points>(
    props,
    'points',
    any ? { columns: nameList(asked), points } : null,
  );
  const grid = gridOf(parameters.length, width);
  const { across, down } = grid;
  const drawing = useMemo(() => {
    const y = data && find(data.columns, metric);
    if (!data || !y) return undefined;
    const columns = data.columns.filter(({ name }) => name.startsWith('params.'));
    return drawSlices(data, y, columns, palette, { across, down });
  }, [data, metric, palette, across, down]);
  const title = `${columnTitle(metric)} against each parameter`;
  const more = all.length - parameters.length;
  return (
    <div ref={place}>
      <FigureFrame
        title={title}
        actions={
          names.length > 1 && (
            <Choose
              label="metric"
              value={columnTitle(metric)}
              options={names.map(({ name }) => [name, name])}
              onChange={(value) => setView({ metric: value })}
            />
          )
        }
        csv={data && (() => csvOfColumns(data.columns))}
        plot={picture}
        study={study.summary.name}
        summary={
          data && `${formatCount(data.total, 'trial')}; the lighter the mark, the later the trial.`
        }
        loading={loading}
        error={error}
        empty={
          !any ? 'No parameter varies.' : data?.total === 0 ? emptyText(view.filter) : undefined
        }
        counts={data}
        notes={more > 0 ? [`${more} more parameters are not shown.`] : []}
      >
        {drawing && width > 0 && (
          <Plot
            {...drawing}
            height={Math.max(240, heightOf(down) + 56)}
            label={title}
            handle={picture}
            onTrial={(number) => openTrial(study, number)}
          />
        )}
      </FigureFrame>
    </div>
  );
}
