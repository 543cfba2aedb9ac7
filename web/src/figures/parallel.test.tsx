// Parallel coordinates: brushes and their keyboard.
import { fireEvent, render, screen } from '@testing-library/react';
import { useState } from 'react';
import { describe, expect, it, vi } from 'vitest';

import type { Column, FilterTerm } from '../api/types';
import { brushesOf, linePath, makeAxis, moved, placesOf, termOfBrush } from './parallel_axes';
import { nearest } from './parallel';
import { ParallelAxis } from './parallel_axis';

const rate: Column = {
  name: 'params.learning_rate',
  kind: 'number',
  log: true,
  labels: [],
  values: [1e-4, 1e-2, 1, null],
};
const optimizer: Column = {
  name: 'params.optimizer',
  kind: 'category',
  log: false,
  labels: ['adam', 'sgd', 'lion'],
  values: [0, 1, 2, 1],
};

/** An axis whose brush is kept, as the figure keeps it; tells each term. */
function Brushed({
  column,
  told,
  move,
}: {
  column: Column;
  told: (t: unknown) => void;
  move?: (by: number) => void;
}) {
  const [term, setTerm] = useState<FilterTerm>();
  return (
    <svg>
      <ParallelAxis
        axis={makeAxis(column)}
        term={term}
        x={0}
        top={0}
        height={200}
        room={100}
        position={1}
        count={3}
        gap={100}
        onMove={move ?? (() => undefined)}
        onBrush={(next) => {
          setTerm(next && { column: column.name, ...next });
          told(next);
        }}
      />
    </svg>
  );
}

describe('brushing by keyboard', () => {
  it('narrows the range from below by the arrow keys and widens it again', () => {
    const told = vi.fn();
    render(<Brushed column={rate} told={told} />);
    const lower = screen.getByRole('slider', { name: 'learning_rate: lower end' });
    fireEvent.keyDown(lower, { key: 'PageUp' });
    // A tenth of four decades above 1e-4.
    expect(told.mock.lastCall).toEqual([{ low: 0.00025118 }]);
    expect(lower.getAttribute('aria-valuenow')).toBe('10');
    fireEvent.keyDown(lower, { key: 'Home' });
    expect(told.mock.lastCall).toEqual([undefined]);
  });

  it('takes categories one by one from above', () => {
    const told = vi.fn();
    render(<Brushed column={optimizer} told={told} />);
    const upper = screen.getByRole('slider', { name: 'optimizer: upper end' });
    fireEvent.keyDown(upper, { key: 'ArrowDown' });
    expect(told.mock.lastCall).toEqual([{ values: ['adam', 'sgd'] }]);
    expect(upper.getAttribute('aria-valuetext')).toBe('sgd');
    fireEvent.keyDown(upper, { key: 'ArrowDown' });
    fireEvent.keyDown(upper, { key: 'ArrowDown' });
    expect(told.mock.lastCall).toEqual([{ values: ['adam'] }]);
  });

  it('is given up by Escape', () => {
    const told = vi.fn();
    render(<Brushed column={rate} told={told} />);
    const lower = screen.getByRole('slider', { name: 'learning_rate: lower end' });
    fireEvent.keyDown(lower, { key: 'ArrowUp' });
    fireEvent.keyDown(lower, { key: 'Escape' });
    expect(told.mock.lastCall).toEqual([undefined]);
    expect(lower.getAttribute('aria-valuenow')).toBe('0');
  });

  it('leaves keys alone that mean nothing to it', () => {
    const told = vi.fn();
    render(<Brushed column={rate} told={told} />);
    fireEvent.keyDown(screen.getByRole('slider', { name: /lower end/ }), { key: 'Tab' });
    expect(told).not.toHaveBeenCalled();
  });

  it('moves an axis by the arrow keys on its name', () => {
    const move = vi.fn();
    render(<Brushed column={rate} told={() => undefined} move={move} />);
    fireEvent.keyDown(screen.getByRole('button', { name: /Axis learning_rate, 2 of 3/ }), {
      key: 'ArrowRight',
    });
    expect(move.mock.lastCall).toEqual([1]);
  });
});

/** jsdom has no PointerEvent. */
function point(bar: Element, type: string, clientY: number): void {
  fireEvent(bar, new MouseEvent(type, { bubbles: true, clientY }));
}

describe('brushing by pointer', () => {
  it('takes one category by a press', () => {
    const told = vi.fn();
    const { container } = render(<Brushed column={optimizer} told={told} />);
    const bar = container.querySelector('.axis-bar')!;
    bar.getBoundingClientRect = () => new DOMRect(0, 0, 24, 200);
    point(bar, 'pointerdown', 20);
    point(bar, 'pointerup', 20);
    expect(told.mock.lastCall).toEqual([{ values: ['lion'] }]);
  });

  it('takes a range by dragging', () => {
    const told = vi.fn();
    const { container } = render(<Brushed column={rate} told={told} />);
    const bar = container.querySelector('.axis-bar')!;
    bar.getBoundingClientRect = () => new DOMRect(0, 0, 24, 200);
    point(bar, 'pointerdown', 100);
    point(bar, 'pointermove', 50);
    expect(told.mock.lastCall).toEqual([{ low: 0.01, high: 0.1 }]);
  });
});

describe('axes', () => {
  it('draws the brush of a term where the term is', () => {
    const axis = makeAxis(rate);
    expect(brushesOf(axis, { column: rate.name, low: 0.01 })).toEqual([{ low: 0.5, high: 1 }]);
    const two = brushesOf(makeAxis(optimizer), {
      column: 'params.optimizer',
      values: ['adam', 'lion'],
    });
    expect(two).toHaveLength(2);
  });

  it('has no term for a brush over everything', () => {
    expect(termOfBrush(makeAxis(rate), { low: 0, high: 1 })).toBeUndefined();
    expect(termOfBrush(makeAxis(optimizer), { low: 0, high: 1 })).toBeUndefined();
  });

  it('leaves a gap in a line where a trial has no value', () => {
    const places = [[0], [NaN], [1], [0.5]];
    const path = linePath(
      places,
      0,
      (a) => 10 * a,
      (p) => 100 * p,
    );
    expect(path).toBe('M0.0,0.0M20.0,100.0L30.0,50.0');
  });

  it('spreads the trials of a category, always alike and within its band', () => {
    const places = placesOf(makeAxis(optimizer), [0, 1, 2, 3]);
    expect(places).toEqual(placesOf(makeAxis(optimizer), [0, 1, 2, 3]));
    expect(places[1]).not.toBe(places[3]);
    expect(Math.abs(places[1]! - 0.5)).toBeLessThan(1 / 6);
  });

  it('moves an item of a list no further than its ends', () => {
    expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c']);
    expect(moved(['a', 'b', 'c'], 1, 9)).toEqual(['a', 'c', 'b']);
  });

  it('finds the line under the pointer and none on an axis', () => {
    const places = [
      [0, 1],
      [0, 1],
    ];
    const x = (a: number) => 100 * a;
    const y = (p: number) => 100 * (1 - p);
    expect(nearest(places, [0, 1], { x: 50, y: 98 }, x, y)).toBe(0);
    expect(nearest(places, [0, 1], { x: 50, y: 50 }, x, y)).toBeUndefined();
    expect(nearest(places, [0, 1], { x: 4, y: 98 }, x, y)).toBeUndefined();
  });
});
