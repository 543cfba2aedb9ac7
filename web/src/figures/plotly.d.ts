// The few functions of Plotly that the page calls; its own type package knows another version.
declare module 'plotly.js-cartesian-dist-min' {
  export type Trace = Record<string, unknown>;
  export type Layout = Record<string, unknown>;
  export interface PlotElement extends HTMLElement {
    on(event: string, handler: (event: PlotEvent | undefined) => void): void;
    removeAllListeners(event: string): void;
  }
  export interface PlotEvent {
    points?: { customdata?: unknown; data?: Trace; pointIndex?: number }[];
    range?: { x?: [number | string, number | string]; y?: [number | string, number | string] };
  }
  interface Plotly {
    react(
      element: HTMLElement,
      traces: Trace[],
      layout: Layout,
      config: Record<string, unknown>,
    ): Promise<PlotElement>;
    purge(element: HTMLElement): void;
    toImage(element: HTMLElement, options: Record<string, unknown>): Promise<string>;
  }
  const plotly: Plotly;
  export default plotly;
}
