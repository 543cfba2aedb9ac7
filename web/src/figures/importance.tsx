// How much each parameter matters to a metric: bars with 95 % intervals, in SVG of our own.
import { type RefObject, useEffect, useRef } from 'react';

import type { Importance, ImportanceRow } from '../api/types';
import { formatNumber } from '../format';
import { usePalette } from './colors';
import { chosen, type FigureProps, metricNames, useFigure } from './columns';
import { csvText } from './csv';
import { Choose, FigureFrame } from './frame';
import { type Picture, standaloneSvg } from './picture';
import { useWidth } from './plot';
import { linearScale } from './scales';

const kRow = 26;
const kTop = 4;
const kBottom = 40;

/** Lets an SVG of our own be downloaded. */
export function useSvgPicture(
  svg: RefObject<SVGSVGElement | null>,
  picture: RefObject<Picture | null>,
  background: string,
): void {
  useEffect(() => {
    picture.current = {
      svg: async () => {
        if (!svg.current) throw new Error('the figure is not drawn yet');
        return standaloneSvg(svg.current, background);
      },
    };
    return () => {
      picture.current = null;
    };
  }, [svg, picture, background]);
}

/** The parameters with the largest share first; those without one last. */
export function byShare(rows: readonly ImportanceRow[]): ImportanceRow[] {
  return [...rows].sort((a, b) => (b.share ?? -1) - (a.share ?? -1));
}

export function sayImportance(data: Importance): string {
  const first = byShare(data.parameters)[0];
  if (!first || first.share === null) return 'Importance is not known yet.';
  const interval =
    first.low !== null && first.high !== null
      ? ` (95 % interval ${formatNumber(first.low, 2)} to ${formatNumber(first.high, 2)})`
      : '';
  return (
    `${first.name} explains the largest share of the variation of ${data.metric}, ` +
    `${formatNumber(first.share, 2)}${interval}, by ${data.method} over ${first.n} trials.`
  );
}

function Bars({ data, picture }: { data: Importance; picture: RefObject<Picture | null> }) {
  const palette = usePalette();
  const place = useRef<HTMLDivElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const width = useWidth(place);
  useSvgPicture(svg, picture, palette.panel);
  const rows = byShare(data.parameters);
  const longest = rows.reduce((most, { name }) => Math.max(most, name.length), 0);
  const left = Math.min(180, Math.max(60, 7 * longest + 14), width * 0.4);
  const most = Math.max(...rows.map(({ share, high }) => Math.max(share ?? 0, high ?? 0)), 0.01);
  const scale = linearScale(0, Math.min(1, most));
  const right = 52; // room for the number behind the bar
  const at = (value: number) => left + scale.place(Math.min(value, 1)) * (width - left - right);
  const height = kTop + rows.length * kRow + kBottom;
  const bottom = kTop + rows.length * kRow;
  return (
    <div ref={place} className="plot">
      <svg
        ref={svg}
        className="figure-svg"
        viewBox={`0 0 ${Math.max(1, width)} ${height}`}
        height={height}
        role="img"
        aria-label={sayImportance(data)}
      >
        {scale.ticks.map(({ value, text }) => (
          <g key={value} transform={`translate(${at(value)},0)`}>
            <line y1={kTop} y2={bottom} stroke={palette.line} />
            <text className="quiet" y={bottom + 16} textAnchor="middle">
              {text}
            </text>
          </g>
        ))}
        <text className="quiet" x={(left + width - right) / 2} y={height - 6} textAnchor="middle">
          share of the variation of {data.metric}
        </text>
        {rows.map((row, i) => (
          <Bar key={row.name} row={row} top={kTop + i * kRow} left={left} at={at} />
        ))}
      </svg>
    </div>
  );
}

interface BarProps {
  row: ImportanceRow;
  top: number;
  left: number;
  at: (value: number) => number;
}

function Bar({ row, top, left, at }: BarProps) {
  const palette = usePalette();
  const middle = top + kRow / 2;
  const { share, low, high } = row;
  const fits = Math.floor((left - 14) / 7);
  const name = row.name.length > fits ? `${row.name.slice(0, fits - 1)}…` : row.name;
  return (
    <g>
      <title>
        {`${row.name}: ${formatNumber(share, 3)}, 95 % interval ${formatNumber(low, 3)} to ` +
          `${formatNumber(high, 3)}, ${row.n} trials`}
      </title>
      <text x={left - 8} y={middle} textAnchor="end" dominantBaseline="central">
        {name}
      </text>
      {share !== null && (
        <rect
          x={left}
          y={top + 5}
          width={Math.max(0, at(share) - left)}
          height={kRow - 10}
          fill={palette.categories[0]}
        />
      )}
      {low !== null && high !== null && (
        <path
          d={`M${at(low)},${middle}H${at(high)}M${at(low)},${middle - 4}v8M${at(high)},${middle - 4}v8`}
          stroke={palette.text}
          strokeWidth={1.5}
          fill="none"
        />
      )}
      <text
        className="quiet"
        x={Math.max(at(share ?? 0), at(high ?? 0)) + 6}
        y={middle}
        dominantBaseline="central"
      >
        {formatNumber(share, 2)}
      </text>
    </g>
  );
}

export function ImportanceFigure(props: FigureProps) {
  const { study, view, setView } = props;
  const picture = useRef<Picture>(null);
  const names = metricNames(study).map((name) => ({ name }));
  const metric = chosen(names, view.metric);
  const method = view.method === 'ped-anova' ? 'ped-anova' : 'fanova';
  const { data, error, loading } = useFigure<Importance>(
    props,
    'importance',
    metric ? { metric, method } : null,
  );
  const none = data?.parameters.length === 0;
  return (
    <FigureFrame
      title={`Importance of parameters for ${metric || 'the objective'}`}
      actions={
        <>
          {names.length > 1 && (
            <Choose
              label="metric"
              value={metric}
              options={names.map(({ name }) => [name, name])}
              onChange={(value) => setView({ metric: value })}
            />
          )}
          <Choose
            label="method"
            value={method}
            options={[
              ['fanova', 'fANOVA'],
              ['ped-anova', 'PED-ANOVA'],
            ]}
            onChange={(value) => setView({ method: value })}
          />
        </>
      }
      csv={
        data &&
        (() =>
          csvText(
            ['parameter', 'share', 'low', 'high', 'trials'],
            data.parameters.map(({ name, share, low, high, n }) => [name, share, low, high, n]),
          ))
      }
      plot={picture}
      study={study.summary.name}
      summary={data && sayImportance(data)}
      loading={loading}
      error={error}
      empty={none ? (data.notes[0] ?? 'Too few Complete trials to tell.') : undefined}
      counts={data}
      notes={data?.notes}
    >
      {data && <Bars data={data} picture={picture} />}
    </FigureFrame>
  );
}
