// Colors, symbols and dashes of the figures: every color has a second cue beside it.
import { useEffect, useState } from 'react';

import { useTheme } from '../theme';

/** What the figures take from the style sheet. */
export interface Palette {
  text: string;
  muted: string;
  line: string;
  panel: string;
  accent: string;
  categories: string[];
  dark: boolean;
}

// Okabe and Ito's colors in the order of the style sheet, for where there is none.
const kOkabeIto = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#d55e00',
  '#cc79a7',
  '#56b4e9',
  '#f0e442',
  '#8a8f96',
];

const kSymbols = [
  'circle',
  'square',
  'diamond',
  'triangle-up',
  'cross',
  'star',
  'triangle-down',
  'hexagon',
];
const kDashes = ['solid', 'dash', 'dot', 'dashdot', 'longdash', 'longdashdot'];

export const symbolOf = (index: number) => kSymbols[index % kSymbols.length] ?? 'circle';
export const dashOf = (index: number) => kDashes[index % kDashes.length] ?? 'solid';
export const colorOf = (palette: Palette, index: number) =>
  palette.categories[index % palette.categories.length] ?? palette.accent;

/** The colors of the theme as the style sheet has them now. */
export function readPalette(theme: 'light' | 'dark'): Palette {
  const style = getComputedStyle(document.documentElement);
  const dark = theme === 'dark';
  const value = (name: string, other: string) => style.getPropertyValue(name).trim() || other;
  return {
    text: value('--text', dark ? '#e6e6e6' : '#1c1c1c'),
    muted: value('--muted', dark ? '#9a9a9a' : '#666666'),
    line: value('--line', dark ? '#3a3a3a' : '#dddddd'),
    panel: value('--panel', dark ? '#1b1d20' : '#ffffff'),
    accent: value('--accent', '#0072B2'),
    categories: kOkabeIto.map((color, i) => value(`--c${i}`, color)),
    dark,
  };
}

/** The palette, read anew when the theme changes. */
export function usePalette(): Palette {
  const theme = useTheme();
  const [palette, setPalette] = useState(() => readPalette(theme));
  useEffect(() => setPalette(readPalette(theme)), [theme]);
  return palette;
}

// Viridis (van der Walt and Smith, 2015), sampled evenly.
const kViridis: [number, number, number][] = [
  [68, 1, 84],
  [72, 36, 117],
  [65, 68, 135],
  [53, 95, 141],
  [42, 120, 142],
  [33, 145, 140],
  [34, 168, 132],
  [68, 191, 112],
  [122, 209, 81],
  [189, 223, 38],
  [253, 231, 37],
];

/** Viridis at 0 to 1, as "rgb(r,g,b)". */
export function viridis(at: number): string {
  const place = Math.min(1, Math.max(0, at)) * (kViridis.length - 1);
  const below = Math.min(Math.floor(place), kViridis.length - 2);
  const low = kViridis[below]!;
  const high = kViridis[below + 1]!;
  const mix = low.map((c, i) => Math.round(c + (high[i]! - c) * (place - below)));
  return `rgb(${mix.join(',')})`;
}

/** The part of the scale that stands out from the theme's background. */
export function shade(at: number, dark: boolean): string {
  return viridis(dark ? 0.2 + 0.8 * at : 0.92 * at);
}

/** The scale in Plotly's form. */
export function colorScale(dark: boolean): [number, string][] {
  return Array.from({ length: 11 }, (_, i) => [i / 10, shade(i / 10, dark)]);
}
