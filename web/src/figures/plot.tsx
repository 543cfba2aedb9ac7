// A Plotly figure: loaded when first needed, drawn in the theme's colors, as wide as its place.
import { type RefObject, useEffect, useRef, useState } from 'react';
import type { Layout, PlotElement, PlotEvent, Trace } from 'plotly.js-cartesian-dist-min';

import type { Palette } from './colors';
import type { Picture } from './picture';

type Plotly = (typeof import('plotly.js-cartesian-dist-min'))['default'];

// Plotly writes its few global rules into the sheet of the element with this id, and would make a
// <style> element, which the page's Content-Security-Policy forbids. A sheet made by script is
// allowed: it stands behind an element of that id.
const kStyleId = 'plotly.js-style-global';

function provideStyleSheet(): void {
  if (document.getElementById(kStyleId) || !('adoptedStyleSheets' in document)) return;
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const element = document.createElement('meta');
  element.id = kStyleId;
  Object.defineProperty(element, 'sheet', { value: sheet });
  document.head.append(element);
}

let loading: Promise<Plotly> | undefined;

function loadPlotly(): Promise<Plotly> {
  loading ??= (async () => {
    provideStyleSheet();
    watchDragging();
    return (await import('plotly.js-cartesian-dist-min')).default;
  })().catch((error: unknown) => {
    loading = undefined; // the next figure tries again
    throw error;
  });
  return loading;
}

/** Begins to load what figures are drawn with, while their data are still on their way. */
export function preparePlots(): void {
  loadPlotly().catch(() => undefined); // whoever draws tries again, and tells
}

// Drawing takes Plotly tens of milliseconds: figures are drawn one after another, with pauses in
// which the page answers its reader; while a pointer drags, a brush mostly, they wait a little.
const kDragging_ms = 80;
const kMostPatience_ms = 400;
let drawing: Promise<void> = Promise.resolve();
let dragged = -Infinity;

function watchDragging(): void {
  const watch = (event: PointerEvent) => {
    if (event.buttons !== 0) dragged = performance.now();
  };
  window.addEventListener('pointermove', watch, { capture: true, passive: true });
}

async function pause(): Promise<void> {
  const began = performance.now();
  do {
    await new Promise((resolve) => setTimeout(resolve, 8));
  } while (
    performance.now() - dragged < kDragging_ms &&
    performance.now() - began < kMostPatience_ms
  );
}

function inTurn(draw: () => Promise<void>): Promise<void> {
  const mine = drawing.then(pause).then(draw);
  drawing = mine.catch(() => undefined);
  return mine;
}

/** Whether any of it is on the screen. */
function useVisible(element: RefObject<HTMLElement | null>): boolean {
  const [visible, setVisible] = useState(typeof IntersectionObserver === 'undefined');
  useEffect(() => {
    const place = element.current;
    if (!place || typeof IntersectionObserver === 'undefined') return;
    const observer = new IntersectionObserver((entries) => {
      const last = entries.at(-1);
      if (last) setVisible(last.isIntersecting);
    });
    observer.observe(place);
    return () => observer.disconnect();
  }, [element]);
  return visible;
}

/** Text for Plotly, which takes some HTML: shown as it is. */
export function plainText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** Lines "name: value" for the label of a point. */
export function hoverLines(lines: readonly (readonly [string, string])[]): string {
  return lines
    .map(([name, value]) => `${plainText(name)}: <b>${plainText(value)}</b>`)
    .join('<br>');
}

/** For traces whose customdata are pairs [label, trial]. */
export const kHover = { hovertemplate: '%{customdata[0]}<extra></extra>' };

/** An axis in the theme's colors. */
export function axis(palette: Palette, title: string, more: Layout = {}): Layout {
  return {
    title: { text: plainText(title), standoff: 8, font: { size: 12 } },
    gridcolor: palette.line,
    linecolor: palette.muted,
    tickcolor: palette.muted,
    showline: true,
    zeroline: false,
    ticks: 'outside',
    ticklen: 4,
    exponentformat: 'none',
    automargin: true,
    ...more,
  };
}

/** What all figures share; `more` goes over it. */
export function baseLayout(palette: Palette, more: Layout): Layout {
  return {
    autosize: false,
    paper_bgcolor: palette.panel,
    plot_bgcolor: palette.panel,
    font: { family: 'system-ui, sans-serif', size: 12, color: palette.text },
    margin: { l: 56, r: 12, t: 8, b: 44 },
    hovermode: 'closest',
    hoverlabel: {
      bgcolor: palette.panel,
      bordercolor: palette.muted,
      font: { color: palette.text, size: 12 },
      align: 'left',
    },
    legend: { orientation: 'h', x: 0, y: 1.02, yanchor: 'bottom', font: { size: 12 } },
    showlegend: false,
    dragmode: 'zoom',
    ...more,
  };
}

export interface Selection {
  x: [number | string, number | string];
  y: [number | string, number | string];
}

/** Width of an element in pixels, kept up to date; 0 before it is known. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const place = element.current;
    if (!place) return;
    setWidth(Math.floor(place.clientWidth));
    if (typeof ResizeObserver === 'undefined') return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(place.clientWidth)));
    observer.observe(place);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

interface Drawn {
  traces: Trace[];
  layout: Layout;
  width: number;
  height: number;
}

function same(a: Drawn | undefined, b: Drawn): boolean {
  return (
    a?.traces === b.traces && a.layout === b.layout && a.width === b.width && a.height === b.height
  );
}

interface PlotProps {
  traces: Trace[];
  /** Made by baseLayout; `uirevision` in it says when a zoom ends. */
  layout: Layout;
  /** Pixels. */
  height: number;
  /** What it shows, for those who do not see it. */
  label: string;
  handle: RefObject<Picture | null>;
  /** The trial of the point that was clicked. */
  onTrial?: (trial: number) => void;
  onSelect?: (selection: Selection) => void;
}

export function Plot({ traces, layout, height, label, handle, onTrial, onSelect }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plotly | null>(null);
  const width = useWidth(place);
  const visible = useVisible(place);
  const shown = useRef<Drawn | undefined>(undefined);
  const [error, setError] = useState<string>();
  // The handlers of the last drawing, which events call: they change with each render.
  const handlers = useRef({ onTrial, onSelect });
  handlers.current = { onTrial, onSelect };

  useEffect(() => {
    const element = place.current;
    // Out of view nothing is drawn anew.
    if (!element || width < 40 || (!visible && shown.current)) return;
    let stale = false;
    loadPlotly()
      .then((plotly) =>
        inTurn(async () => {
          // Scrolled back into view, it may still show the same.
          if (stale || same(shown.current, { traces, layout, width, height })) return;
          plot.current = plotly;
          const config = { displayModeBar: false, displaylogo: false, doubleClick: 'reset' };
          const drawn = await plotly.react(element, traces, { ...layout, width, height }, config);
          shown.current = { traces, layout, width, height };
          listen(drawn, handlers);
          setError(undefined);
        }),
      )
      .catch((problem: unknown) => {
        if (!stale) setError(problem instanceof Error ? problem.message : String(problem));
      });
    return () => {
      stale = true;
    };
  }, [traces, layout, width, height, visible]);

  useEffect(() => {
    const element = place.current;
    handle.current = {
      svg: async () => {
        if (!plot.current || !element) throw new Error('the figure is not drawn yet');
        const url = await plot.current.toImage(element, { format: 'svg', width, height });
        return decodeURIComponent(url.slice(url.indexOf(',') + 1));
      },
    };
    return () => {
      handle.current = null;
    };
  }, [handle, width, height]);

  useEffect(() => {
    const element = place.current;
    return () => {
      if (element) plot.current?.purge(element);
    };
  }, []);

  return (
    <>
      {error !== undefined && (
        <p className="figure-note" role="alert">
          The figure cannot be drawn: {error}. Reload the page to try again.
        </p>
      )}
      <div className="plot" role="img" aria-label={label}>
        <div ref={place} className="plot-place" style={{ height }} />
      </div>
    </>
  );
}

function listen(
  drawn: PlotElement,
  handlers: RefObject<Pick<PlotProps, 'onTrial' | 'onSelect'>>,
): void {
  drawn.removeAllListeners('plotly_click');
  drawn.removeAllListeners('plotly_selected');
  drawn.on('plotly_click', (event: PlotEvent | undefined) => {
    const data = event?.points?.[0]?.customdata;
    const trial = Array.isArray(data) ? (data[1] as unknown) : undefined;
    if (typeof trial === 'number') handlers.current.onTrial?.(trial);
  });
  drawn.on('plotly_selected', (event: PlotEvent | undefined) => {
    const { x, y } = event?.range ?? {};
    if (x && y) handlers.current.onSelect?.({ x, y });
  });
}
