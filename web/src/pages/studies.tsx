// All studies of the store: searched, chosen by state, sorted.
import { useMemo, useState } from 'react';

import { useApi } from '../api/client';
import type { StudyList, StudySummary } from '../api/types';
import { formatNumber, formatTime, kNothing } from '../format';
import { useLive } from '../live';
import { ErrorBox } from '../parts/error_box';
import { CountsBar, countsText, StudyState, totalOf } from '../parts/progress';

type State = StudySummary['state'];

const kStates: State[] = ['running', 'waiting', 'done', 'stopped', 'empty'];

const kSorts = {
  changed: 'Last change',
  started: 'Start',
  name: 'Name',
  trials: 'Trials',
} as const;
type Sort = keyof typeof kSorts;

const kOrder: Record<Sort, (a: StudySummary, b: StudySummary) => number> = {
  changed: (a, b) => (b.changed_ms ?? 0) - (a.changed_ms ?? 0),
  started: (a, b) => (b.started_ms ?? 0) - (a.started_ms ?? 0),
  name: (a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }),
  trials: (a, b) => totalOf(b.counts) - totalOf(a.counts),
};

export interface Choice {
  search: string;
  state: State | '';
  sort: Sort;
}

/** The studies whose names have every word of the search, in the order that was chosen. */
export function chosen(studies: StudySummary[], { search, state, sort }: Choice): StudySummary[] {
  const words = search.toLowerCase().split(/\s+/);
  return studies
    .filter((study) => words.every((word) => study.name.toLowerCase().includes(word)))
    .filter((study) => state === '' || study.state === state)
    .sort((a, b) => kOrder[sort](a, b) || a.id - b.id);
}

function StudyRow({ study }: { study: StudySummary }) {
  const { counts, objectives, best } = study;
  return (
    <tr>
      <th scope="row" data-label="Study">
        <a href={`/studies/${study.id}`}>{study.name}</a>
        {study.made_by === 'other' && <span className="muted small"> made by another program</span>}
      </th>
      <td data-label="State">
        <StudyState state={study.state} />
      </td>
      <td data-label="Objective">
        {objectives.map(({ metric, direction }) => (
          <div key={metric}>
            {direction} {metric}
          </div>
        ))}
      </td>
      <td data-label="Best" className="number">
        {best ? (
          <a href={`/studies/${study.id}/trials/${best.number}`} title={`Trial ${best.number}`}>
            {formatNumber(best.value)}
          </a>
        ) : (
          kNothing
        )}
      </td>
      <td data-label="Trials" className="studies-counts">
        <CountsBar counts={counts} />
        <span className="small muted">{countsText(counts)}</span>
      </td>
      <td data-label="Last change" className="nowrap muted">
        {formatTime(study.changed_ms)}
      </td>
    </tr>
  );
}

export function StudiesPage() {
  const live = useLive();
  const { data, error } = useApi<StudyList>('/api/studies', live.studiesRevision + live.hellos);
  const [choice, setChoice] = useState<Choice>({ search: '', state: '', sort: 'changed' });
  const studies = useMemo(
    () => (data?.studies ?? []).map((study) => live.summaries.get(study.id) ?? study),
    [data, live.summaries],
  );
  const shown = useMemo(() => chosen(studies, choice), [studies, choice]);
  const change = (part: Partial<Choice>) => setChoice({ ...choice, ...part });

  return (
    <div className="stack">
      <title>Studies · hypertune</title>
      <h1>Studies</h1>
      {error && <ErrorBox title="The studies cannot be read" message={error} />}
      <div role="search" className="row">
        <label className="field grow">
          <span>Search</span>
          <input
            type="search"
            value={choice.search}
            placeholder="Words of the name"
            onChange={(event) => change({ search: event.target.value })}
          />
        </label>
        <label className="field">
          <span>State</span>
          <select
            value={choice.state}
            onChange={(event) => change({ state: event.target.value as Choice['state'] })}
          >
            <option value="">All</option>
            {kStates.map((state) => (
              <option key={state}>{state}</option>
            ))}
          </select>
        </label>
        <label className="field">
          <span>Sort by</span>
          <select
            value={choice.sort}
            onChange={(event) => change({ sort: event.target.value as Sort })}
          >
            {Object.entries(kSorts).map(([key, text]) => (
              <option key={key} value={key}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
      {data && (
        <p className="muted small" role="status">
          {shown.length === studies.length
            ? `${studies.length} ${studies.length === 1 ? 'study' : 'studies'}`
            : `${shown.length} of ${studies.length} studies`}
        </p>
      )}
      {data && studies.length === 0 && (
        <p className="panel">
          There is no study in this store yet. Start one with <code>hypertune run</code>; it appears
          here by itself.
        </p>
      )}
      {shown.length > 0 && (
        <div className="panel scroll-x flush">
          <table className="studies">
            <thead>
              <tr>
                <th scope="col">Study</th>
                <th scope="col">State</th>
                <th scope="col">Objective</th>
                <th scope="col" className="number">
                  Best
                </th>
                <th scope="col">Trials</th>
                <th scope="col">Last change</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((study) => (
                <StudyRow key={study.id} study={study} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
