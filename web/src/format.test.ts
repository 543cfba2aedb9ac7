// How numbers, durations, times and columns read.
import { describe, expect, it } from 'vitest';

import {
  columnTitle,
  formatCell,
  formatDuration,
  formatNumber,
  formatTime,
  formatValue,
  workerTitle,
} from './format';

describe('numbers', () => {
  it('are shown to four significant digits without trailing zeros', () => {
    expect([0.123456, 0.5, 12.3456, 1234.56, 0.000123456].map((x) => formatNumber(x))).toEqual([
      '0.1235',
      '0.5',
      '12.35',
      '1235',
      '0.0001235',
    ]);
  });
  it('have an exponent where they are tiny or huge', () => {
    expect([1.2e-5, 1e-10, 1.25e6 + 0.5, 3e20].map((x) => formatNumber(x))).toEqual([
      '1.2e−5',
      '1e−10',
      '1.25e6',
      '3e20',
    ]);
  });
  it('that are whole are shown in full, with commas from 10,000 on', () => {
    expect([0, 64, 2026, 93322, -100000].map((x) => formatNumber(x))).toEqual([
      '0',
      '64',
      '2026',
      '93,322',
      '−100,000',
    ]);
  });
  it('that are missing or not finite do not read as numbers', () => {
    expect([null, undefined, NaN, Infinity, -Infinity].map((x) => formatNumber(x))).toEqual([
      '–',
      '–',
      '–',
      '∞',
      '−∞',
    ]);
  });
});

it('says durations in the two largest units that matter', () => {
  expect([0.0421, 12.34, 59.96, 200, 3600, 7530, 100_000, null].map(formatDuration)).toEqual([
    '0.0421 s',
    '12.3 s',
    '1 min',
    '3 min 20 s',
    '1 h',
    '2 h 6 min',
    '1 d 4 h',
    '–',
  ]);
});

it('shows times to the second in the zone of the reader', () => {
  expect(formatTime(new Date(2026, 0, 5, 7, 8, 9).getTime())).toBe('2026-01-05 07:08:09');
  expect(formatTime(null)).toBe('–');
});

it('shows values of parameters by their type', () => {
  expect([true, 'adam', 0.123456789, 128, null].map(formatValue)).toEqual([
    'true',
    'adam',
    '0.123457',
    '128',
    '–',
  ]);
});

it('names workers by host, process and index, and leaves names of others as they are', () => {
  expect(workerTitle('vm/beeaed5a-25ea/pid[4026531836]:16100:4364333:1')).toBe(
    'vm, process 16100, worker 1',
  );
  expect(['', 'node-7', 'a/b:c'].map(workerTitle)).toEqual(['', 'node-7', 'a/b:c']);
  expect(formatCell('worker', 'h/b/p:7:?:0')).toBe('h, process 7, worker 0');
});

it('names columns and their cells for people', () => {
  expect(columnTitle('params.learning_rate')).toBe('learning_rate');
  expect(columnTitle('duration_s')).toBe('duration (s)');
  expect(formatCell('number', 12345)).toBe('12345');
  expect(formatCell('duration_s', 12.3456)).toBe('12.3');
});
