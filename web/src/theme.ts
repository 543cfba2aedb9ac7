// Light or dark: as the system says, unless the reader chose.
import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark';
export type ThemeMode = 'auto' | Theme;

const kKey = 'hypertune.theme';
const listeners = new Set<() => void>();

function systemIsDark(): boolean {
  return window.matchMedia?.('(prefers-color-scheme: dark)').matches ?? false;
}

export function themeMode(): ThemeMode {
  try {
    const kept = localStorage.getItem(kKey);
    return kept === 'light' || kept === 'dark' ? kept : 'auto';
  } catch {
    return 'auto'; // storage may be forbidden
  }
}

function theme(): Theme {
  const mode = themeMode();
  return mode === 'auto' ? (systemIsDark() ? 'dark' : 'light') : mode;
}

// The colors hang on the attribute, so that whoever reads them in JavaScript reads the right ones.
function show(): void {
  document.documentElement.dataset.theme = theme();
  for (const listener of [...listeners]) listener();
}

/** Shows the page in the theme, from now on and when the system's changes. */
export function startTheme(): void {
  show();
  window.matchMedia?.('(prefers-color-scheme: dark)').addEventListener('change', show);
}

export function setThemeMode(mode: ThemeMode): void {
  try {
    localStorage.setItem(kKey, mode);
  } catch {
    // Where storage is forbidden the choice lasts no longer than the page, and does not begin.
  }
  show();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The theme that is shown. */
export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, theme);
}

export function useThemeMode(): ThemeMode {
  return useSyncExternalStore(subscribe, themeMode);
}
