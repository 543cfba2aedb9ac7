// What stands around every figure: title, choices, downloads, states, and a sentence that says it.
import { createContext, type ReactNode, type RefObject, useContext, useId, useState } from 'react';

import './figures.css';
import { fileName, type Picture, pngOf, saveBlob, saveUrl } from './picture';

/** Set by a page whose figures can be folded away. */
export const FoldContext = createContext<(() => void) | null>(null);

interface FrameProps {
  title: string;
  subtitle?: string | undefined;
  /** Selects and buttons of the figure. */
  actions?: ReactNode;
  /** The data shown as text of a CSV file, or where the server has them. */
  csv?: (() => string) | undefined;
  csvUrl?: string | undefined;
  plot: RefObject<Picture | null>;
  /** Begins the names of downloaded files. */
  study: string;
  /** What the data say, in a sentence: for those who do not see the figure, and for all others. */
  summary?: string | undefined;
  loading?: boolean;
  error?: string | undefined;
  /** Why there is nothing to draw. */
  empty?: string | undefined;
  /** Trials that the figure is about, and how many of them are drawn. */
  counts?: { total: number; shown: number } | undefined;
  notes?: readonly string[] | undefined;
  children: ReactNode;
}

const count = (n: number) => n.toLocaleString('en-US');

export function FigureFrame(props: FrameProps) {
  const { title, subtitle, actions, summary, loading, error, empty, counts, notes } = props;
  const id = useId();
  const fold = useContext(FoldContext);
  const drawn = error === undefined && empty === undefined;
  const thinned = counts !== undefined && counts.shown < counts.total;
  return (
    <figure
      className="figure"
      aria-labelledby={`${id}title`}
      aria-describedby={summary && drawn ? `${id}summary` : undefined}
      aria-busy={loading}
    >
      <header className="figure-head">
        <div>
          <h3 id={`${id}title`}>{title}</h3>
          {subtitle && <p className="figure-subtitle">{subtitle}</p>}
        </div>
        <div className="figure-tools">
          {drawn && <Downloads {...props} />}
          {fold && (
            <button type="button" aria-label={`Fold: ${title}`} onClick={fold}>
              –
            </button>
          )}
        </div>
      </header>
      {actions && <div className="figure-actions">{actions}</div>}
      {error !== undefined && (
        <p className="figure-note figure-error" role="alert">
          {error}
        </p>
      )}
      {error === undefined && empty !== undefined && <p className="figure-note">{empty}</p>}
      {drawn && props.children}
      {drawn && (summary || thinned || (notes && notes.length > 0)) && (
        <figcaption className="figure-caption">
          {summary && <p id={`${id}summary`}>{summary}</p>}
          {thinned && (
            <p>
              {count(counts.shown)} of {count(counts.total)} trials shown.
            </p>
          )}
          {notes?.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </figcaption>
      )}
    </figure>
  );
}

function Downloads({ plot, csv, csvUrl, study, title }: FrameProps) {
  const [problem, setProblem] = useState<string>();
  const name = fileName(study, title);
  const picture = (format: 'svg' | 'png') => async () => {
    try {
      if (!plot.current) throw new Error('the figure is not drawn yet');
      const svg = await plot.current.svg();
      const blob = format === 'svg' ? new Blob([svg], { type: 'image/svg+xml' }) : await pngOf(svg);
      saveBlob(blob, `${name}.${format}`);
      setProblem(undefined);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  const table = () => {
    if (csv) saveBlob(new Blob([csv()], { type: 'text/csv' }), `${name}.csv`);
    else if (csvUrl) saveUrl(csvUrl, `${name}.csv`);
  };
  return (
    <>
      {problem !== undefined && (
        <span className="figure-error" role="alert">
          {problem}
        </span>
      )}
      <button type="button" onClick={picture('svg')} aria-label={`Download as SVG: ${title}`}>
        SVG
      </button>
      <button type="button" onClick={picture('png')} aria-label={`Download as PNG: ${title}`}>
        PNG
      </button>
      {(csv || csvUrl) && (
        <button type="button" onClick={table} aria-label={`Download data as CSV: ${title}`}>
          CSV
        </button>
      )}
    </>
  );
}

interface ChooseProps {
  label: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
}

/** A labeled select. */
export function Choose({ label, value, options, onChange }: ChooseProps) {
  return (
    <label className="choose">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
