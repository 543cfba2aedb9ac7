// The terms of the filter, each with a button that takes it away.
import type { FilterTerm } from '../api/types';
import { columnTitle, formatCell } from '../format';
import type { View } from '../state/view';

/** "learning_rate from 0.01 to 0.1", "state is Complete or Pruned" */
export function termText({ column, low, high, values }: FilterTerm): string {
  const title = columnTitle(column);
  const show = (value: string | number | boolean) => formatCell(column, value);
  if (values && values.length > 0) return `${title} is ${values.map(show).join(' or ')}`;
  if (low !== undefined && high !== undefined) return `${title} from ${show(low)} to ${show(high)}`;
  if (low !== undefined) return `${title} at least ${show(low)}`;
  if (high !== undefined) return `${title} at most ${show(high)}`;
  return `${title} has a value`;
}

interface Props {
  view: View;
  setView: (change: Partial<View>) => void;
}

export function Chips({ view, setView }: Props) {
  const { filter } = view;
  // Another page of the table would not exist any more.
  const change = (kept: FilterTerm[]) => setView({ filter: kept, page: undefined });
  // The row is always there: what stands below must not move under a pointer that brushes.
  return (
    <div className="row chips" role="group" aria-label="Filter">
      <span className="muted">
        {filter.length === 0 ? 'All trials are shown.' : 'Shown are trials with'}
      </span>
      {filter.map((term, i) => (
        <span key={`${term.column} ${i}`} className="chip">
          {termText(term)}
          <button
            type="button"
            aria-label={`Remove the filter ${termText(term)}`}
            onClick={() => change(filter.filter((_, other) => other !== i))}
          >
            ✕
          </button>
        </span>
      ))}
      {filter.length > 0 && (
        <button type="button" className="plain" onClick={() => change([])}>
          Clear all
        </button>
      )}
    </div>
  );
}
