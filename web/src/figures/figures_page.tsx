// The tab with all figures: each can be folded, and asks for its data when it comes into view.
import { type ComponentType, useEffect, useMemo, useRef, useState } from 'react';

import type { View } from '../state/view';
import { type FigureProps, varyingParameters } from './columns';
import { ContourFigure } from './contour';
import { CurvesFigure } from './curves';
import { FoldContext } from './frame';
import { FrontFigure } from './front';
import { HistoryFigure } from './history';
import { ImportanceFigure } from './importance';
import { ParallelFigure } from './parallel';
import { ScatterFigure } from './scatter';
import { SlicesFigure } from './slices';
import { TimelineFigure } from './timeline';

interface Entry {
  name: string;
  Figure: ComponentType<FigureProps>;
  wide?: boolean;
  /** Follows a brush while it moves. */
  quick?: boolean;
  /** Whether the study can have it. */
  has?: (props: FigureProps) => boolean;
}

const kFigures: readonly Entry[] = [
  { name: 'Scatter', Figure: ScatterFigure, quick: true },
  { name: 'History', Figure: HistoryFigure },
  { name: 'Parallel coordinates', Figure: ParallelFigure, wide: true, quick: true },
  { name: 'Importance', Figure: ImportanceFigure },
  {
    name: 'Curves',
    Figure: CurvesFigure,
    has: ({ study }) => study.report_metrics.length > 0,
  },
  {
    name: 'Contour',
    Figure: ContourFigure,
    has: ({ study }) => varyingParameters(study).filter(({ kind }) => kind === 'number').length > 1,
  },
  {
    name: 'Pareto front',
    Figure: FrontFigure,
    has: ({ study }) => study.summary.objectives.length > 1,
  },
  { name: 'Slices', Figure: SlicesFigure, wide: true },
  { name: 'Timeline', Figure: TimelineFigure, wide: true },
];

// A filter changes with every move of a brush. The lines and the scatter follow it at once; the other
// figures follow when it rests, so that those two need not wait for them.
const kRest_ms = 150;

function useRested(view: View): View {
  const [filter, setFilter] = useState(view.filter);
  useEffect(() => {
    const timer = setTimeout(() => setFilter(view.filter), kRest_ms);
    return () => clearTimeout(timer);
  }, [view.filter]);
  return useMemo(() => ({ ...view, filter }), [view, filter]);
}

export function FiguresPage(props: FigureProps) {
  const rested = useRested(props.view);
  const figures = kFigures.filter(({ has }) => !has || has(props));
  return (
    <div className="figures">
      {figures.map((entry) => (
        <Foldable
          key={entry.name}
          entry={entry}
          {...props}
          view={entry.quick ? props.view : rested}
        />
      ))}
    </div>
  );
}

/** Remembers once it was seen: a figure that is scrolled out of view keeps its zoom. */
function useSeen() {
  const place = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(typeof IntersectionObserver === 'undefined');
  useEffect(() => {
    const element = place.current;
    if (seen || !element) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && setSeen(true),
      { rootMargin: '200px' },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [seen]);
  return { place, seen };
}

function Foldable({ entry, ...props }: FigureProps & { entry: Entry }) {
  const { place, seen } = useSeen();
  const [folded, setFolded] = useState(false);
  const { Figure } = entry;
  return (
    <div ref={place} className={entry.wide ? 'wide' : undefined}>
      {folded ? (
        <button
          type="button"
          className="figure-folded"
          aria-expanded={false}
          onClick={() => setFolded(false)}
        >
          + {entry.name}
        </button>
      ) : seen ? (
        <FoldContext.Provider value={() => setFolded(true)}>
          <Figure {...props} />
        </FoldContext.Provider>
      ) : (
        <div className="figure-waiting" />
      )}
    </div>
  );
}
