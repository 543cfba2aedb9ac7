// One axis of the parallel coordinates: ticks, a name to move it by, and a brush with two ends.
import { type KeyboardEvent, type PointerEvent, useRef } from 'react';

import type { FilterTerm } from '../api/types';
import { columnTitle } from '../format';
import {
  type Axis,
  type Brush,
  brushesOf,
  movedEnd,
  stepOf,
  termOfBrush,
  textAt,
} from './parallel_axes';

interface AxisProps {
  axis: Axis;
  term: FilterTerm | undefined;
  x: number;
  top: number;
  height: number;
  /** Room for the name, pixels. */
  room: number;
  position: number;
  count: number;
  onBrush: (term: Omit<FilterTerm, 'column'> | undefined) => void;
  /** By how many places the axis goes to the right. */
  onMove: (by: number) => void;
  /** Distance to the left neighbor. */
  gap: number;
}

const kNearEnd = 7; // pixels within which a press takes hold of an end

export function ParallelAxis(props: AxisProps) {
  const { axis, term, x, top, height, onBrush } = props;
  const name = columnTitle(axis.column.name);
  const brushes = brushesOf(axis, term);
  const first = brushes[0];
  const whole: Brush = first ? { low: first.low, high: brushes.at(-1)!.high } : { low: 0, high: 1 };
  const y = (place: number) => top + (1 - place) * height;
  const brush = (next: Brush) => onBrush(termOfBrush(axis, next));
  return (
    <g transform={`translate(${x},0)`}>
      <line className="axis-line" y1={top} y2={top + height} />
      <Ticks axis={axis} y={y} height={height} />
      <AxisName {...props} name={name} />
      {brushes.map(({ low, high }) => (
        <rect
          key={low}
          className="brush"
          x={-7}
          width={14}
          y={y(high)}
          height={Math.max(1, y(low) - y(high))}
        />
      ))}
      <Bar axis={axis} whole={whole} brushed={first !== undefined} {...{ y, top, height, brush }} />
      {(['low', 'high'] as const).map((end) => (
        <End
          key={end}
          {...{ axis, end, whole, name, brush }}
          y={y(whole[end])}
          clear={() => onBrush(undefined)}
        />
      ))}
    </g>
  );
}

function Ticks({ axis, y, height }: { axis: Axis; y: (place: number) => number; height: number }) {
  const { ticks } = axis.scale;
  const every = Math.ceil((ticks.length * 14) / Math.max(14, height));
  return (
    <>
      {ticks
        .filter((_, i) => i % every === 0)
        .map(({ value, text }) => (
          <g key={value} transform={`translate(0,${y(axis.scale.place(value))})`}>
            <line className="axis-line" x1={-4} x2={0} />
            <text className="halo" x={9} dominantBaseline="central" pointerEvents="none">
              {text.length > 14 ? `${text.slice(0, 13)}…` : text}
            </text>
          </g>
        ))}
    </>
  );
}

/** The name: drag it, or move it by the arrow keys, to put the axis elsewhere. */
function AxisName({ name, top, room, position, count, onMove, gap }: AxisProps & { name: string }) {
  const from = useRef<number | undefined>(undefined);
  const fits = Math.max(4, Math.floor(room / 7));
  const text = name.length > fits ? `${name.slice(0, fits - 1)}…` : name;
  // Who speaks to the page says what is to be seen.
  const called = text === name ? name : `${name} (${text})`;
  const keyed = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    onMove(by);
  };
  const release = (event: PointerEvent) => {
    const start = from.current;
    from.current = undefined;
    if (start === undefined) return;
    const by = Math.round((event.clientX - start) / gap);
    if (by !== 0) onMove(by);
  };
  return (
    <text
      className="axis-name focusable"
      y={top - 14}
      textAnchor="middle"
      role="button"
      tabIndex={0}
      aria-label={`Axis ${called}, ${position + 1} of ${count}; arrow keys move it`}
      onKeyDown={keyed}
      onPointerDown={(event) => {
        from.current = event.clientX;
        event.currentTarget.setPointerCapture?.(event.pointerId);
      }}
      onPointerUp={release}
      onPointerCancel={() => (from.current = undefined)}
    >
      {text}
    </text>
  );
}

interface BarProps {
  axis: Axis;
  whole: Brush;
  brushed: boolean;
  y: (place: number) => number;
  top: number;
  height: number;
  brush: (next: Brush) => void;
}

/** Where the pointer brushes: press and drag; a press alone clears, or takes one category. */
function Bar({ axis, whole, brushed, y, top, height, brush }: BarProps) {
  const drag = useRef<{ place: number; move: (to: number) => Brush; far: boolean } | undefined>(
    undefined,
  );
  const placeOf = (event: PointerEvent<SVGRectElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, 1 - (event.clientY - box.top) / Math.max(1, box.height)));
  };
  const press = (event: PointerEvent<SVGRectElement>) => {
    event.currentTarget.setPointerCapture?.(event.pointerId);
    const place = placeOf(event);
    const near = (end: number) => brushed && Math.abs(y(end) - y(place)) < kNearEnd;
    const inside = brushed && place > whole.low && place < whole.high;
    const least = 0.5 / Math.max(1, height);
    let move = (to: number): Brush => ({ low: Math.min(place, to), high: Math.max(place, to) });
    if (near(whole.low)) move = (to) => movedEnd(whole, 'low', to, least);
    else if (near(whole.high)) move = (to) => movedEnd(whole, 'high', to, least);
    else if (inside && axis.column.kind === 'number') {
      move = (to) => {
        const by = Math.min(1 - whole.high, Math.max(-whole.low, to - place));
        return { low: whole.low + by, high: whole.high + by };
      };
    }
    drag.current = { place, move, far: false };
  };
  const follow = (event: PointerEvent<SVGRectElement>) => {
    const held = drag.current;
    if (!held) return;
    const place = placeOf(event);
    if (Math.abs(place - held.place) * height > 3) held.far = true;
    if (held.far) brush(held.move(place));
  };
  const release = () => {
    const held = drag.current;
    drag.current = undefined;
    if (!held || held.far) return;
    const take = axis.column.kind === 'category' && !brushed;
    brush(take ? { low: held.place, high: held.place + 1e-6 } : { low: 0, high: 1 });
  };
  return (
    <rect
      className="axis-bar"
      x={-12}
      width={24}
      y={top}
      height={height}
      fill="transparent"
      data-screen-only
      onPointerDown={press}
      onPointerMove={follow}
      onPointerUp={release}
      onPointerCancel={() => (drag.current = undefined)}
    />
  );
}

interface EndProps {
  axis: Axis;
  end: 'low' | 'high';
  whole: Brush;
  name: string;
  y: number;
  brush: (next: Brush) => void;
  clear: () => void;
}

/** One end of the brush, for the keyboard. */
function End({ axis, end, whole, name, y, brush, clear }: EndProps) {
  const step = stepOf(axis);
  const keyed = (event: KeyboardEvent) => {
    const at = whole[end];
    const to: Record<string, number> = {
      ArrowUp: at + step,
      ArrowRight: at + step,
      ArrowDown: at - step,
      ArrowLeft: at - step,
      PageUp: at + Math.max(step, 0.1),
      PageDown: at - Math.max(step, 0.1),
      Home: 0,
      End: 1,
    };
    const next = to[event.key];
    if (event.key === 'Escape' || event.key === 'Delete') clear();
    else if (next !== undefined) brush(movedEnd(whole, end, next, step));
    else return;
    event.preventDefault();
  };
  return (
    <rect
      className={whole.low > 0 || whole.high < 1 ? 'brush-end focusable' : 'focusable'}
      fill="transparent"
      x={-9}
      width={18}
      y={y - (end === 'low' ? 0 : 4)}
      height={4}
      role="slider"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={`${name}: ${end === 'low' ? 'lower' : 'upper'} end`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(100 * whole[end])}
      aria-valuetext={textAt(axis, whole[end], end)}
      pointerEvents="none"
      onKeyDown={keyed}
    />
  );
}
