// The filter of one column in the head of the table: a range of numbers, or some of the values.
import { useState } from 'react';

import type { ColumnInfo, FilterTerm } from '../api/types';
import { columnTitle, formatCell } from '../format';
import { PopUp } from './pop_up';

type Term = Omit<FilterTerm, 'column'>;

interface FilterProps {
  column: ColumnInfo | undefined;
  term: FilterTerm | undefined;
  setTerm: (term: Term | undefined) => void;
}

// Names of workers may be many; whoever looks for another writes it into the URL or sorts by it.
const kMostLabels = 200;

export function ColumnFilter({ column, term, setTerm }: FilterProps) {
  // Nobody types milliseconds since 1970; the timeline is where times are looked at.
  if (!column || column.name === 'started_ms' || column.name === 'ended_ms') return null;
  return column.kind === 'number' ? (
    <RangeFilter column={column} term={term} setTerm={setTerm} />
  ) : (
    <ValueFilter column={column} term={term} setTerm={setTerm} />
  );
}

/** What was typed as a number; undefined when nothing was, NaN when it is none. */
export function typedNumber(text: string): number | undefined {
  const plain = text.trim().replace(/\u2212/g, '-');
  return plain === '' ? undefined : Number(plain);
}

function RangeFilter({ column, term, setTerm }: FilterProps & { column: ColumnInfo }) {
  const title = columnTitle(column.name);
  const change = (part: { low?: number | undefined; high?: number | undefined }) => {
    const { low, high } = { low: term?.low, high: term?.high, ...part };
    if (low === undefined && high === undefined) setTerm(undefined);
    else setTerm({ ...(low !== undefined && { low }), ...(high !== undefined && { high }) });
  };
  return (
    <span className="range">
      <Bound label={`${title} from`} hint="min" value={term?.low} set={(low) => change({ low })} />
      <Bound label={`${title} to`} hint="max" value={term?.high} set={(high) => change({ high })} />
    </span>
  );
}

/** Takes effect when it is left or Enter is pressed: half a number is another number. */
function Bound({
  label,
  hint,
  value,
  set,
}: {
  label: string;
  hint: string;
  value: number | undefined;
  set: (value: number | undefined) => void;
}) {
  const [typed, setTyped] = useState<string>();
  const number = typed === undefined ? value : typedNumber(typed);
  const wrong = number !== undefined && !Number.isFinite(number);
  const settle = () => {
    if (typed === undefined || wrong) return;
    setTyped(undefined);
    if (number !== value) set(number);
  };
  return (
    <input
      type="text"
      inputMode="decimal"
      size={6}
      aria-label={label}
      aria-invalid={wrong}
      title={wrong ? 'A number such as 0.01 or 1e-3, or nothing' : undefined}
      placeholder={hint}
      value={typed ?? (value === undefined ? '' : String(value))}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={settle}
      onKeyDown={(event) => {
        if (event.key === 'Enter') settle();
        if (event.key === 'Escape') setTyped(undefined);
      }}
    />
  );
}

function ValueFilter({ column, term, setTerm }: FilterProps & { column: ColumnInfo }) {
  const chosen = term?.values ?? [];
  const title = columnTitle(column.name);
  const toggle = (label: boolean | number | string) => {
    const values = chosen.includes(label)
      ? chosen.filter((one) => one !== label)
      : [...chosen, label];
    setTerm(values.length === 0 ? undefined : { values });
  };
  const text =
    chosen.length === 0
      ? 'any'
      : chosen.length === 1
        ? formatCell(column.name, chosen[0])
        : `${chosen.length} of ${column.labels.length}`;
  return (
    <PopUp text={text} name={`Filter ${title}: ${text}`}>
      <fieldset>
        <legend>{title}</legend>
        {column.labels.slice(0, kMostLabels).map((label) => (
          <label key={String(label)} className="choice">
            <input
              type="checkbox"
              checked={chosen.includes(label)}
              onChange={() => toggle(label)}
            />
            {formatCell(column.name, label)}
          </label>
        ))}
      </fieldset>
      {column.labels.length > kMostLabels && (
        <p className="muted">
          The first {kMostLabels} of {column.labels.length} values.
        </p>
      )}
      <button type="button" onClick={() => setTerm(undefined)} disabled={chosen.length === 0}>
        Any
      </button>
    </PopUp>
  );
}
