// A small line chart of our own, for learning curves: SVG, readable by pointer and by keyboard.
import { type KeyboardEvent, type PointerEvent, useMemo, useRef, useState } from 'react';

import { csvText } from '../figures/csv';
import { FigureFrame } from '../figures/frame';
import { type Picture, standaloneSvg } from '../figures/picture';
import { linearScale, logScale, type Scale } from '../figures/scales';
import { formatNumber } from '../format';

export interface Series {
  name: string;
  /** Index of a color, 0 to 7; each has a dash pattern of its own as well. */
  color: number;
  /** By increasing x; y is null where it is not finite. */
  points: readonly (readonly [number, number | null])[];
}

const kWidth = 360;
const kHeight = 210;
const kFrame = { left: 52, right: 10, top: 8, bottom: 34 };
// From this ratio of largest to smallest on, a linear axis would show a flat line and one spike.
const kLogFrom = 1000;
// Part of the range of values that is left free above and below.
const kRoom = 0.04;
const kLegendColumns = 3;
const kLegendRow = 16;
const kDashes = ['', '7 3', '2 3', '9 3 2 3', '4 2', '12 4', '1 4', '9 3 2 3 2 3'];

interface Scales {
  x: Scale;
  y: Scale;
  log: boolean;
}

const acrossOf = (x: Scale, step: number) =>
  kFrame.left + x.place(step) * (kWidth - kFrame.left - kFrame.right);
const downOf = (y: Scale, value: number) =>
  kHeight - kFrame.bottom - y.place(value) * (kHeight - kFrame.top - kFrame.bottom);

function rangeOf(values: readonly number[]): [number, number] {
  return values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

function scalesOf(series: readonly Series[]): Scales | null {
  const points = series.flatMap((one) => one.points);
  const finite = points.flatMap(([, y]) => (y === null ? [] : [y]));
  if (finite.length === 0) return null;
  const [low, high] = rangeOf(finite);
  const log = low > 0 && high / low >= kLogFrom;
  // A line on the frame itself would be half hidden.
  const room = (high - low) * kRoom;
  const x = linearScale(...rangeOf(points.map(([step]) => step)));
  return { x, y: log ? logScale(low, high) : linearScale(low - room, high + room), log };
}

/** The path of one series, broken where a value is missing. */
export function linePath(points: Series['points'], { x, y }: Scales): string {
  let path = '';
  let drawing = false;
  for (const [step, value] of points) {
    if (value !== null) {
      path += `${drawing ? 'L' : 'M'}${acrossOf(x, step).toFixed(1)} ${downOf(y, value).toFixed(1)}`;
    }
    drawing = value !== null;
  }
  return path;
}

/** A sentence that says what the chart shows, for those who do not see it. */
export function describeSeries(title: string, series: readonly Series[]): string {
  const parts = series.flatMap(({ name, points }) => {
    const finite = points.flatMap(([step, value]) => (value === null ? [] : [{ step, value }]));
    const first = finite[0];
    const last = finite[finite.length - 1];
    if (!first || !last) return [];
    const who = series.length > 1 ? `${name} ` : '';
    if (finite.length === 1) return [`${who}${formatNumber(first.value)} at step ${first.step}`];
    const from = `from ${formatNumber(first.value)} at step ${first.step}`;
    return [`${who}${from} to ${formatNumber(last.value)} at step ${last.step}`];
  });
  return parts.length === 0 ? `${title}: no values` : `${title}: ${parts.join('; ')}`;
}

/** The x of the series that is closest. */
function closest(steps: readonly number[], to: number): number | undefined {
  return steps.reduce<number | undefined>(
    (best, x) => (best === undefined || Math.abs(x - to) < Math.abs(best - to) ? x : best),
    undefined,
  );
}

interface LineChartProps {
  title: string;
  xTitle?: string;
  series: readonly Series[];
  /** Begins the names of downloaded files. */
  study: string;
}

export function LineChart({ title, xTitle = 'step', series, study }: LineChartProps) {
  const [step, setStep] = useState<number>();
  const svg = useRef<SVGSVGElement>(null);
  const picture = useRef<Picture | null>({
    async svg() {
      if (!svg.current) throw new Error('the figure is not drawn yet');
      const style = getComputedStyle(document.documentElement);
      return standaloneSvg(svg.current, style.getPropertyValue('--panel').trim() || 'white');
    },
  });
  const scales = useMemo(() => scalesOf(series), [series]);
  const steps = useMemo(
    () => [...new Set(series.flatMap((one) => one.points.map(([x]) => x)))].sort((a, b) => a - b),
    [series],
  );

  const point = (event: PointerEvent<SVGSVGElement>) => {
    if (!scales) return;
    const box = event.currentTarget.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * kWidth;
    const part = (at - kFrame.left) / (kWidth - kFrame.left - kFrame.right);
    setStep(closest(steps, scales.x.value(part)));
  };
  const walk = (event: KeyboardEvent) => {
    const now = step === undefined ? -1 : steps.indexOf(step);
    const next = {
      ArrowRight: Math.min(now + 1, steps.length - 1),
      ArrowLeft: Math.max(now - 1, 0),
      Home: 0,
      End: steps.length - 1,
    }[event.key];
    if (event.key === 'Escape') setStep(undefined);
    if (next === undefined) return;
    event.preventDefault();
    setStep(steps[next]);
  };
  return (
    <FigureFrame
      title={title}
      study={study}
      plot={picture}
      csv={() => csvText(['step', ...series.map(({ name }) => name)], csvRows(series, steps))}
      empty={scales ? undefined : 'Nothing finite was reported.'}
    >
      {scales && (
        <svg
          ref={svg}
          className="line-chart"
          viewBox={`0 0 ${kWidth} ${kHeight + legendHeight(series)}`}
          role="img"
          tabIndex={0}
          aria-label={describeSeries(title, series)}
          onPointerMove={point}
          onPointerLeave={() => setStep(undefined)}
          onBlur={() => setStep(undefined)}
          onKeyDown={walk}
        >
          <Axes scales={scales} xTitle={xTitle} />
          <Legend series={series} />
          {series.map((one) => (
            <Line key={one.name} series={one} scales={scales} step={step} />
          ))}
        </svg>
      )}
      <Readout series={series} step={step} xTitle={xTitle} />
    </FigureFrame>
  );
}

function csvRows(series: readonly Series[], steps: readonly number[]): (number | null)[][] {
  const values = series.map(({ points }) => new Map(points));
  return steps.map((step) => [step, ...values.map((of) => of.get(step) ?? null)]);
}

function Axes({ scales: { x, y, log }, xTitle }: { scales: Scales; xTitle: string }) {
  const bottom = kHeight - kFrame.bottom;
  const right = kWidth - kFrame.right;
  return (
    <g className="axes" aria-hidden="true">
      {y.ticks.map(({ value, text }) => (
        <g key={value} transform={`translate(0 ${downOf(y, value).toFixed(1)})`}>
          <line className="grid" x1={kFrame.left} x2={right} />
          <text x={kFrame.left - 6} dy="0.32em" textAnchor="end">
            {text}
          </text>
        </g>
      ))}
      {/* Half a step is no step. */}
      {x.ticks
        .filter(({ value }) => Number.isInteger(value))
        .map(({ value, text }) => (
          <g key={value} transform={`translate(${acrossOf(x, value).toFixed(1)} ${bottom})`}>
            <line className="tick" y2={4} />
            <text y={16} textAnchor="middle">
              {text}
            </text>
          </g>
        ))}
      <line className="tick" x1={kFrame.left} x2={right} y1={bottom} y2={bottom} />
      <text x={(kFrame.left + right) / 2} y={kHeight - 3} textAnchor="middle">
        {log ? `${xTitle} (values on a log scale)` : xTitle}
      </text>
    </g>
  );
}

function Line({ series, scales, step }: { series: Series; scales: Scales; step?: number }) {
  const alone = series.points.length === 1;
  const marked = series.points.filter(([x, y]) => y !== null && (alone || x === step));
  return (
    <>
      <path className="line" {...strokeOf(series.color)} d={linePath(series.points, scales)} />
      {marked.map(([x, y]) => (
        <circle
          key={x}
          r={3}
          cx={acrossOf(scales.x, x)}
          cy={downOf(scales.y, y ?? 0)}
          fill={`var(--c${series.color % 8})`}
        />
      ))}
    </>
  );
}

const legendHeight = (series: readonly Series[]) =>
  series.length > 1 ? kLegendRow * Math.ceil(series.length / kLegendColumns) : 0;

/** Which line is which, inside of the picture: a download is nothing without it. */
function Legend({ series }: { series: readonly Series[] }) {
  if (series.length < 2) return null;
  const width = (kWidth - kFrame.right) / kLegendColumns;
  return (
    <g aria-hidden="true">
      {series.map(({ name, color }, i) => {
        const across = (i % kLegendColumns) * width;
        const down = kHeight + kLegendRow * (Math.floor(i / kLegendColumns) + 0.5);
        return (
          <g key={name} transform={`translate(${across.toFixed(1)} ${down})`}>
            <path className="line" {...strokeOf(color)} d="M4 0H32" />
            <text x={38} dy="0.32em">
              {name}
            </text>
          </g>
        );
      })}
    </g>
  );
}

// As attributes, not as style: a download writes the computed colors over attributes.
const strokeOf = (color: number) => ({
  stroke: `var(--c${color % 8})`,
  strokeDasharray: kDashes[color % kDashes.length],
});

/** The line of a series in small, for a legend. */
export function LineKey({ color }: { color: number }) {
  return (
    <svg className="line-key" viewBox="0 0 28 8" width="28" height="8" aria-hidden="true">
      <path className="line" {...strokeOf(color)} d="M0 4H28" />
    </svg>
  );
}

/** What the curves are at the step that is pointed at; else where they end. */
function Readout({ series, step, xTitle }: Omit<LineChartProps, 'title' | 'study'> & Pointed) {
  const value = ({ points }: Series) =>
    step === undefined ? points[points.length - 1] : points.find(([x]) => x === step);
  return (
    <p className="readout" aria-live={step === undefined ? 'off' : 'polite'}>
      {step === undefined ? 'last' : `${xTitle} ${step}`}:{' '}
      {series.map((one) => (
        <span key={one.name} className="nowrap">
          {series.length > 1 && `${one.name}: `}
          {formatNumber(value(one)?.[1])}{' '}
        </span>
      ))}
    </p>
  );
}

interface Pointed {
  step: number | undefined;
}
