// What trials reported on their way: a line for each, and the quartiles over all of them.
import { useMemo, useRef } from 'react';
import type { Trace } from 'plotly.js-cartesian-dist-min';

import type { Curve, Curves } from '../api/types';
import { columnTitle, formatNumber } from '../format';
import { colorOf, dashOf, type Palette, usePalette } from './colors';
import { chosen, emptyText, type FigureProps, openTrial, options, useFigure } from './columns';
import { csvText } from './csv';
import { Choose, FigureFrame } from './frame';
import type { Picture } from './picture';
import { axis, baseLayout, hoverLines, kHover, plainText, Plot } from './plot';

/** The curves of one group as one trace, with gaps between them: hundreds of traces are slow. */
function groupTrace(curves: readonly Curve[], metric: string, color: string, dash: string): Trace {
  const x: (number | null)[] = [];
  const y: (number | null)[] = [];
  const customdata: unknown[] = [];
  for (const curve of curves) {
    curve.steps.forEach((step, i) => {
      x.push(step);
      y.push(curve.values[i] ?? null);
      customdata.push([
        hoverLines([
          ['trial', String(curve.number)],
          ['step', String(step)],
          [metric, formatNumber(curve.values[i])],
          ['state', curve.state],
        ]),
        curve.number,
      ]);
    });
    x.push(null);
    y.push(null);
    customdata.push(null);
  }
  const many = curves.length > 60;
  return {
    type: 'scatter',
    mode: 'lines',
    ...kHover,
    x,
    y,
    customdata,
    line: { color, dash, width: many ? 1 : 1.5 },
    opacity: many ? 0.35 : 0.75,
  };
}

export function drawCurves(data: Curves, palette: Palette) {
  const steps = data.bands.map(({ step }) => step);
  const edge = { type: 'scatter', mode: 'lines', x: steps, hoverinfo: 'skip', showlegend: false };
  const none = { width: 0, color: palette.muted };
  const fill = palette.dark ? 'rgba(200,200,200,0.18)' : 'rgba(90,90,90,0.16)';
  const band: Trace[] = [
    { ...edge, y: data.bands.map(({ low }) => low), line: none },
    {
      ...edge,
      y: data.bands.map(({ high }) => high),
      line: none,
      fill: 'tonexty',
      fillcolor: fill,
      name: 'quartiles',
      showlegend: true,
    },
  ];
  const grouped = data.groups.length > 0;
  const lines: Trace[] = grouped
    ? data.groups.map((label, g) => ({
        ...groupTrace(
          data.curves.filter(({ group }) => group === g),
          data.metric,
          colorOf(palette, g),
          dashOf(g),
        ),
        name: plainText(`${columnTitle(data.group_by)} = ${String(label)}`),
      }))
    : [];
  const rest = data.curves.filter(({ group }) => !grouped || group === null);
  if (rest.length > 0) {
    const color = grouped ? palette.muted : colorOf(palette, 0);
    const others = groupTrace(rest, data.metric, color, 'solid');
    lines.push({ ...others, name: grouped ? 'others' : 'trial' });
  }
  const middle: Trace = {
    type: 'scatter',
    mode: 'lines',
    x: steps,
    y: data.bands.map(({ median }) => median),
    name: 'median',
    line: { color: palette.text, width: 2.5 },
    customdata: data.bands.map(({ n }) => [n]),
    hovertemplate: 'median of %{customdata[0]}: <b>%{y}</b><br>step %{x}<extra></extra>',
  };
  const layout = baseLayout(palette, {
    xaxis: axis(palette, 'step'),
    yaxis: axis(palette, data.metric),
    showlegend: true,
    margin: { l: 56, r: 12, t: 34, b: 44 },
    uirevision: data.metric,
  });
  return { traces: [...band, ...lines, middle], layout };
}

export function sayCurves(data: Curves): string {
  const last = data.bands.at(-1);
  if (!last) return `No trial has reported ${data.metric}.`;
  return (
    `At step ${last.step} the median ${data.metric} of ${last.n} trials is ` +
    `${formatNumber(last.median)}, the quartiles ${formatNumber(last.low)} and ` +
    `${formatNumber(last.high)}.`
  );
}

function csvOfCurves(data: Curves): string {
  const rows = data.curves.flatMap((curve) =>
    curve.steps.map((step, i) => [
      curve.number,
      curve.state,
      curve.group === null ? null : data.groups[curve.group],
      step,
      curve.values[i],
    ]),
  );
  return csvText(['number', 'state', data.group_by || 'group', 'step', data.metric], rows);
}

export function CurvesFigure(props: FigureProps) {
  const { study, view, setView } = props;
  const palette = usePalette();
  const picture = useRef<Picture>(null);
  const names = study.report_metrics.map((name) => ({ name }));
  // The objective first, if trials report it: the same metric that the other figures show.
  const metric = chosen(names, view.curve, study.summary.objectives[0]?.metric);
  const groups = study.columns.filter(
    ({ kind, name, labels }) => kind === 'category' && name !== 'worker' && labels.length > 1,
  );
  const byColor = groups.some(({ name }) => name === study.view.color) ? study.view.color : 'none';
  const group = view.group ?? byColor;
  const { data, error, loading } = useFigure<Curves>(
    props,
    'curves',
    metric ? { metric, group: group === 'none' ? undefined : group } : null,
  );
  const drawing = useMemo(() => data && drawCurves(data, palette), [data, palette]);
  const title = metric ? `${metric} while trials run` : 'Reports of trials';
  const none = metric === '' ? 'Trials of this study report nothing on their way.' : undefined;
  return (
    <FigureFrame
      title={title}
      actions={
        metric !== '' && (
          <>
            <Choose
              label="metric"
              value={metric}
              options={names.map(({ name }) => [name, name])}
              onChange={(value) => setView({ curve: value })}
            />
            <Choose
              label="group"
              value={group}
              options={[['none', 'none'], ...options(groups)]}
              onChange={(value) => setView({ group: value })}
            />
          </>
        )
      }
      csv={data && (() => csvOfCurves(data))}
      plot={picture}
      study={study.summary.name}
      summary={data && sayCurves(data)}
      loading={loading}
      error={error}
      empty={none ?? (data?.curves.length === 0 ? emptyText(view.filter) : undefined)}
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
