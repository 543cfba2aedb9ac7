// Pareto front: two objectives against each other, the trials that no other dominates marked.
import { useMemo, useRef } from 'react';

import type { Column, Front } from '../api/types';
import { columnTitle } from '../format';
import { colorOf, type Palette, usePalette } from './colors';
import {
  axisOf,
  cellOf,
  chosen,
  emptyText,
  type FigureProps,
  find,
  openTrial,
  useFigure,
} from './columns';
import { csvText } from './csv';
import { Choose, FigureFrame } from './frame';
import type { Picture } from './picture';
import { axis, baseLayout, hoverLines, kHover, Plot } from './plot';

export function drawFront(data: Front, [x, y]: [Column, Column], palette: Palette) {
  const numbers = find(data.columns, 'number')?.values ?? [];
  const inFront = new Set(data.front);
  const all = numbers.map((_, i) => i).filter((i) => x.values[i] != null && y.values[i] != null);
  const front = all.filter((i) => inFront.has(numbers[i]!));
  front.sort((a, b) => x.values[a]! - x.values[b]!);
  const others = all.filter((i) => !inFront.has(numbers[i]!));
  const trace = (which: number[], name: string) => ({
    type: 'scatter',
    name,
    ...kHover,
    x: which.map((i) => x.values[i]),
    y: which.map((i) => y.values[i]),
    customdata: which.map((i) => [
      hoverLines(data.columns.map((column) => [columnTitle(column.name), cellOf(column, i)])),
      numbers[i],
    ]),
  });
  const quiet = { size: 6, color: palette.muted, opacity: 0.55 };
  const marked = { size: 9, color: colorOf(palette, 3), symbol: 'diamond' };
  // With two objectives the front is a staircase; with more its projection is no line.
  const mode = data.objectives.length === 2 ? 'lines+markers' : 'markers';
  const line = { color: colorOf(palette, 3), width: 1, dash: 'dot' };
  const traces = [
    { ...trace(others, 'dominated'), mode: 'markers', marker: quiet },
    { ...trace(front, 'front'), mode, marker: marked, line },
  ];
  const side = (column: Column) => {
    const metric = column.name.replace(/^metrics\./, '');
    const objective = data.objectives.find((each) => each.metric === metric);
    return `${metric} (${objective?.direction ?? ''})`;
  };
  const layout = baseLayout(palette, {
    xaxis: axis(palette, side(x), axisOf(x)),
    yaxis: axis(palette, side(y), axisOf(y)),
    showlegend: true,
    margin: { l: 56, r: 12, t: 34, b: 44 },
    uirevision: `${x.name} ${y.name}`,
  });
  return { traces, layout };
}

function csvOfFront(data: Front): string {
  const numbers = find(data.columns, 'number')?.values ?? [];
  const front = new Set(data.front);
  return csvText(
    [...data.columns.map(({ name }) => name), 'in_front'],
    numbers.map((number, i) => [
      ...data.columns.map(({ kind, labels, values }) => {
        const value = values[i] ?? null;
        return value !== null && kind === 'category' ? labels[value] : value;
      }),
      number !== null && front.has(number),
    ]),
  );
}

export function FrontFigure(props: FigureProps) {
  const { study, view, setView } = props;
  const palette = usePalette();
  const picture = useRef<Picture>(null);
  const objectives = study.summary.objectives.map(({ metric }) => ({ name: `metrics.${metric}` }));
  const several = objectives.length > 1;
  const names = [
    chosen(objectives, view.front?.[0], objectives[0]?.name),
    chosen(objectives, view.front?.[1], objectives[1]?.name),
  ] as const;
  const { data, error, loading } = useFigure<Front>(props, 'front', several ? {} : null);
  const x = data && find(data.columns, names[0]);
  const y = data && find(data.columns, names[1]);
  const drawing = useMemo(
    () => data && x && y && drawFront(data, [x, y], palette),
    [data, x, y, palette],
  );
  const title = several
    ? `Pareto front of ${columnTitle(names[0])} and ${columnTitle(names[1])}`
    : 'Pareto front';
  const list = objectives.map(({ name }) => [name, columnTitle(name)] as const);
  const none = several ? undefined : 'This study has one objective.';
  return (
    <FigureFrame
      title={title}
      actions={
        objectives.length > 2 && (
          <>
            <Choose
              label="x"
              value={names[0]}
              options={list}
              onChange={(value) => setView({ front: [value, names[1]] })}
            />
            <Choose
              label="y"
              value={names[1]}
              options={list}
              onChange={(value) => setView({ front: [names[0], value] })}
            />
          </>
        )
      }
      csv={data && (() => csvOfFront(data))}
      plot={picture}
      study={study.summary.name}
      summary={data && `${data.front.length} of ${data.total} trials are dominated by no other.`}
      loading={loading}
      error={error}
      empty={none ?? (data?.total === 0 ? emptyText(view.filter) : undefined)}
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
