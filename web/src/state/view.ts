// What is looked at of a study, kept in the URL's query, so that a link or a reload shows the same.
import { useCallback, useSyncExternalStore } from 'react';

import type { FilterTerm } from '../api/types';
import { beforeLeaving, onPlace } from './place';

export const kTabs = ['overview', 'figures', 'trials', 'compare', 'timeline', 'log'] as const;
export type Tab = (typeof kTabs)[number];

export interface View {
  tab: Tab;
  /** All of its terms hold for the trials that are shown. */
  filter: FilterTerm[];
  /** Columns of the scatter. */
  x?: string;
  y?: string;
  color?: string;
  /** Metric of history, slices, importances; `curve`: of the curves. */
  metric?: string;
  curve?: string;
  group?: string;
  /** Columns of the contour. */
  contour_x?: string;
  contour_y?: string;
  contour_z?: string;
  /** Way of computing importances. */
  method?: string;
  /** Axes of the parallel coordinates, in order. */
  axes?: string[];
  /** Objectives of the front. */
  front?: string[];
  /** The trial table. */
  columns?: string[];
  sort?: string;
  page?: number;
  /** Trials side by side. */
  compare?: number[];
  trial?: number;
}

type Texts = 'x' | 'y' | 'color' | 'metric' | 'curve' | 'group' | 'method' | 'sort';
const kTexts: readonly (Texts | 'contour_x' | 'contour_y' | 'contour_z')[] = [
  'x',
  'y',
  'color',
  'metric',
  'curve',
  'group',
  'contour_x',
  'contour_y',
  'contour_z',
  'method',
  'sort',
];
const kLists = ['axes', 'front', 'columns'] as const;
const kNumbers = ['page', 'trial'] as const;

// Names of columns may hold commas; inside a list they are written as %2C once more.
const joined = (list: readonly string[]) =>
  list.map((item) => item.replace(/%/g, '%25').replace(/,/g, '%2C')).join(',');
const split = (text: string) =>
  text.split(',').map((item) => item.replace(/%2C/g, ',').replace(/%25/g, '%'));

function isTerm(term: unknown): term is FilterTerm {
  if (typeof term !== 'object' || term === null) return false;
  const { column, low, high, values } = term as Record<string, unknown>;
  return (
    typeof column === 'string' &&
    (low === undefined || typeof low === 'number') &&
    (high === undefined || typeof high === 'number') &&
    (values === undefined || Array.isArray(values))
  );
}

function filterOf(text: string | null): FilterTerm[] {
  if (text === null) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.filter(isTerm) : [];
  } catch {
    return []; // a link that was cut off: the whole study is the best answer
  }
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The view that a query describes; what it does not understand it leaves out. */
export function parseView(search: string): View {
  const args = new URLSearchParams(search);
  const tab = kTabs.find((known) => known === args.get('tab')) ?? 'overview';
  const view: View = { tab, filter: filterOf(args.get('filter')) };
  for (const name of kTexts) {
    const text = args.get(name);
    if (text) view[name] = text;
  }
  for (const name of kLists) {
    const text = args.get(name);
    if (text) view[name] = split(text);
  }
  for (const name of kNumbers) {
    const number = wholeNumber(args.get(name) ?? '');
    if (number !== undefined) view[name] = number;
  }
  const compare = args.get('compare')?.split(',').map(wholeNumber);
  if (compare) view.compare = compare.filter((number) => number !== undefined);
  return view;
}

/** The query of a view, `?tab=...`; empty for the view that a study opens with. */
export function writeView(view: View): string {
  const args = new URLSearchParams();
  if (view.tab !== 'overview') args.set('tab', view.tab);
  if (view.filter.length > 0) args.set('filter', JSON.stringify(view.filter));
  for (const name of [...kTexts, ...kNumbers]) {
    const value = view[name];
    if (value !== undefined && value !== '') args.set(name, String(value));
  }
  for (const name of kLists) {
    const list = view[name];
    if (list && list.length > 0) args.set(name, joined(list));
  }
  if (view.compare && view.compare.length > 0) args.set('compare', view.compare.join(','));
  const text = args.toString();
  return text === '' ? '' : `?${text}`;
}

// The view changes with every move of a brush, but browsers refuse more than about a hundred changes
// of the URL in ten seconds: the URL follows at this distance.
const kUrlLag_ms = 200;

let shown: { search: string; view: View } | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function current(): View {
  if (timer !== undefined && shown) return shown.view; // the URL lags behind
  const { search } = window.location;
  if (shown?.search !== search) shown = { search, view: parseView(search) };
  return shown.view;
}

function writeUrl(way: 'push' | 'replace'): void {
  clearTimeout(timer);
  timer = undefined;
  if (!shown) return;
  const url = window.location.pathname + shown.search;
  if (way === 'push') window.history.pushState(null, '', url);
  else window.history.replaceState(window.history.state, '', url);
}

beforeLeaving(() => {
  if (timer !== undefined) writeUrl('replace');
});

function tellAll(): void {
  for (const listener of [...listeners]) listener();
}

/** Changes parts of the view; undefined takes a part away. Another tab or trial is a step back. */
export function changeView(change: Partial<View>): void {
  const before = current();
  const view = { ...before, ...change };
  const step = view.tab !== before.tab || view.trial !== before.trial;
  if (step && timer !== undefined) writeUrl('replace');
  shown = { search: writeView(view), view };
  if (step) writeUrl('push');
  else if (timer === undefined) timer = setTimeout(() => writeUrl('replace'), kUrlLag_ms);
  tellAll();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  const stop = onPlace(() => {
    clearTimeout(timer); // by back or forward: what was not written belongs to the place that was left
    timer = undefined;
    listener();
  });
  return () => {
    listeners.delete(listener);
    stop();
  };
}

/** The view of the study in the URL, and what changes parts of it. */
export function useView(): [View, (change: Partial<View>) => void] {
  const view = useSyncExternalStore(subscribe, current);
  return [view, useCallback(changeView, [])];
}
