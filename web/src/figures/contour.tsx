// Contour: a metric over two numeric parameters, interpolated where there are trials.
import { useMemo, useRef } from 'react';

import type { Contour } from '../api/types';
import { columnTitle, formatNumber } from '../format';
import { colorScale, type Palette, usePalette } from './colors';
import {
  chosen,
  colorBar,
  emptyText,
  extent,
  type FigureProps,
  kBarMargin,
  metricNames,
  openTrial,
  options,
  useFigure,
  varyingParameters,
} from './columns';
import { csvText } from './csv';
import { Choose, FigureFrame } from './frame';
import type { Picture } from './picture';
import { axis, baseLayout, hoverLines, kHover, Plot } from './plot';

export function drawContour(data: Contour, palette: Palette) {
  const range = extent([...data.grid_z.flat(), ...data.points.z]) ?? [0, 1];
  const scale = { colorscale: colorScale(palette.dark), zmin: range[0], zmax: range[1] };
  const name = (column: string) => columnTitle(column);
  const many = data.points.numbers.length > 400;
  const traces = [
    {
      type: 'contour',
      x: data.grid_x,
      y: data.grid_y,
      z: data.grid_z,
      ...scale,
      showscale: false,
      connectgaps: false,
      contours: { coloring: 'fill', showlines: true },
      line: { width: 0.5, color: palette.panel, smoothing: 1 },
      hoverinfo: 'skip',
      opacity: 0.85,
    },
    {
      type: 'scatter',
      mode: 'markers',
      ...kHover,
      x: data.points.x,
      y: data.points.y,
      customdata: data.points.numbers.map((number, i) => [
        hoverLines([
          [name(data.x), formatNumber(data.points.x[i])],
          [name(data.y), formatNumber(data.points.y[i])],
          [name(data.z), formatNumber(data.points.z[i])],
          ['trial', String(number)],
        ]),
        number,
      ]),
      marker: {
        size: many ? 4 : 7,
        opacity: many ? 0.6 : 1,
        color: data.points.z,
        colorscale: scale.colorscale,
        cmin: range[0],
        cmax: range[1],
        line: { width: many ? 0.5 : 1, color: palette.dark ? '#ffffff' : '#000000' },
      },
    },
  ];
  const kind = (log: boolean) => ({ type: log ? 'log' : 'linear', showgrid: false });
  const layout = baseLayout(palette, {
    xaxis: axis(palette, name(data.x), kind(data.x_log)),
    yaxis: axis(palette, name(data.y), kind(data.y_log)),
    margin: kBarMargin,
    uirevision: `${data.x} ${data.y}`,
    ...colorBar(palette, name(data.z), range[0], range[1]),
  });
  return { traces, layout };
}

export function ContourFigure(props: FigureProps) {
  const { study, view, setView } = props;
  const palette = usePalette();
  const picture = useRef<Picture>(null);
  const parameters = varyingParameters(study).filter(({ kind }) => kind === 'number');
  const names = metricNames(study).map((name) => ({ name: `metrics.${name}` }));
  const x = chosen(parameters, view.contour_x, view.x, study.view.x);
  const rest = parameters.filter(({ name }) => name !== x);
  const y = chosen(rest, view.contour_y);
  const z = chosen(names, view.contour_z, view.metric && `metrics.${view.metric}`);
  const enough = x !== '' && y !== '' && z !== '';
  const { data, error, loading } = useFigure<Contour>(
    props,
    'contour',
    enough ? { x, y, z } : null,
  );
  const drawing = useMemo(() => data && drawContour(data, palette), [data, palette]);
  const title = enough
    ? `${columnTitle(z)} over ${columnTitle(x)} and ${columnTitle(y)}`
    : 'A metric over two parameters';
  const none = enough ? undefined : 'It takes two numeric parameters that vary, and a metric.';
  const best = data && extent(data.points.z);
  return (
    <FigureFrame
      title={title}
      actions={
        enough && (
          <>
            <Choose
              label="x"
              value={x}
              options={options(parameters)}
              onChange={(v) => setView({ contour_x: v, contour_y: v === y ? x : y })}
            />
            <Choose
              label="y"
              value={y}
              options={options(rest)}
              onChange={(v) => setView({ contour_y: v })}
            />
            <Choose
              label="metric"
              value={z}
              options={options(names)}
              onChange={(v) => setView({ contour_z: v })}
            />
          </>
        )
      }
      csv={
        data &&
        (() =>
          csvText(
            ['number', data.x, data.y, data.z],
            data.points.numbers.map((number, i) => [
              number,
              data.points.x[i],
              data.points.y[i],
              data.points.z[i],
            ]),
          ))
      }
      plot={picture}
      study={study.summary.name}
      summary={
        best &&
        `${columnTitle(z)} of ${data.total} trials is ${formatNumber(best[0])} to ` +
          `${formatNumber(best[1])}; the surface is interpolated between them.`
      }
      loading={loading}
      error={error}
      empty={none ?? (data?.total === 0 ? emptyText(view.filter) : undefined)}
      counts={data}
      notes={data?.notes}
    >
      {drawing && (
        <Plot
          {...drawing}
          height={360}
          label={title}
          handle={picture}
          onTrial={(number) => openTrial(study, number)}
        />
      )}
    </FigureFrame>
  );
}
