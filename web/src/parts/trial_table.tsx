// The trials as a table: sorted, filtered and paged by the server, so that 100,000 are no burden.
import { type KeyboardEvent, useEffect, useMemo } from 'react';

import { nameList, query, useApi } from '../api/client';
import type { ColumnInfo, FilterTerm, Study, TrialRows } from '../api/types';
import { termOf, withTerm } from '../figures/filter_terms';
import { columnTitle, formatCell, formatCount } from '../format';
import type { View } from '../state/view';
import { ColumnChooser } from './column_chooser';
import { ColumnFilter } from './column_filter';
import { StateBadge } from './state';
import './trials.css';

export const kPageSize = 50;
export const kMostCompared = 8;
// More do not fit; all others are a choice away.
const kColumnsAtFirst = 10;

interface TableProps {
  study: Study;
  view: View;
  setView: (change: Partial<View>) => void;
  revision: number;
}

/** What is shown until somebody chooses: the result first, then what was varied. */
export function defaultColumns(study: Study): string[] {
  const there = (name: string) => study.columns.some((one) => one.name === name && one.present > 0);
  const varied = study.parameters.filter(({ role }) => role !== 'constant');
  return [
    'number',
    'state',
    ...study.summary.objectives.map(({ metric }) => `metrics.${metric}`),
    ...varied.map(({ name }) => `params.${name}`).filter(there),
  ]
    .slice(0, kColumnsAtFirst - 1)
    .concat('duration_s');
}

/** The order after a click on a column's header: smallest first, largest first, as they were planned. */
export function nextSort(sort: string | undefined, column: string): string | undefined {
  if (sort === column) return `-${column}`;
  return sort === `-${column}` ? undefined : column;
}

export function TrialTable({ study, view, setView, revision }: TableProps) {
  const infos = useMemo(
    () => new Map(study.columns.map((one) => [one.name, one])),
    [study.columns],
  );
  const chosen = (view.columns ?? defaultColumns(study)).filter((name) => infos.has(name));
  const columns = chosen.includes('number') ? chosen : ['number', ...chosen];
  const page = Math.max(1, view.page ?? 1);
  const sort = view.sort && nameList([view.sort]);
  const ask = { columns: nameList(columns), sort, filter: view.filter };
  const base = `/api/studies/${study.summary.id}/trials`;
  const { data, error, loading } = useApi<TrialRows>(
    `${base}${query({ ...ask, offset: (page - 1) * kPageSize, limit: kPageSize })}`,
    revision,
  );
  const beyond = data !== undefined && data.offset > 0 && data.offset >= data.total;
  useEffect(() => {
    // A filter that was changed elsewhere leaves fewer pages.
    if (beyond) setView({ page: undefined });
  }, [beyond, setView]);
  const compare = view.compare ?? [];
  const setTerm = (column: string, term: Omit<FilterTerm, 'column'> | undefined) =>
    setView({ filter: withTerm(view.filter, column, term), page: undefined });

  return (
    <section className="trial-table" aria-label="Trials" aria-busy={loading}>
      <div className="table-tools">
        <span aria-live="polite">{data ? formatCount(data.total, 'trial') : 'Trials'}</span>
        <ColumnChooser
          columns={study.columns}
          chosen={columns}
          setChosen={(list) => setView({ columns: list })}
        />
        <a href={`${base}.csv${query(ask)}`} download>
          Download CSV
        </a>
        <CompareTool compare={compare} setView={setView} />
      </div>
      {error && <p role="alert">The trials cannot be read: {error}</p>}
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Table of trials">
        <table onKeyDown={moveBetweenRows}>
          <thead>
            <tr>
              <th scope="col" className="pick">
                <span className="hidden-visually">compare</span>
              </th>
              {columns.map((name) => (
                <SortHeader
                  key={name}
                  column={infos.get(name)}
                  name={name}
                  sort={view.sort}
                  setSort={(sort) => setView({ sort, page: undefined })}
                />
              ))}
            </tr>
            <tr className="filters">
              <td className="pick" />
              {columns.map((name) => (
                <td key={name} className={kindClass(infos.get(name))}>
                  <ColumnFilter
                    column={infos.get(name)}
                    term={termOf(view.filter, name)}
                    setTerm={(term) => setTerm(name, term)}
                  />
                </td>
              ))}
            </tr>
          </thead>
          <tbody>
            {data?.rows.map((row) => (
              <Row
                key={String(row[data.columns.indexOf('number')])}
                study={study}
                columns={data.columns}
                row={row}
                infos={infos}
                compare={compare}
                setView={setView}
              />
            ))}
          </tbody>
        </table>
      </div>
      {data?.total === 0 && <NoTrials filtered={view.filter.length > 0} setView={setView} />}
      {data && <Pager total={data.total} page={page} setPage={(to) => setView({ page: to })} />}
    </section>
  );
}

/** Numbers stand at the right, with their title and filter. */
const kindClass = (column: ColumnInfo | undefined) =>
  column?.kind === 'number' ? 'number' : undefined;

function NoTrials({ filtered, setView }: { filtered: boolean; setView: TableProps['setView'] }) {
  if (!filtered) return <p className="muted">No trials yet.</p>;
  return (
    <p className="muted">
      No trial satisfies the filter.{' '}
      <button type="button" onClick={() => setView({ filter: [], page: undefined })}>
        Remove the filter
      </button>
    </p>
  );
}

function CompareTool({ compare, setView }: Pick<TableProps, 'setView'> & { compare: number[] }) {
  if (compare.length === 0) return <span className="muted">Tick trials to compare them.</span>;
  return (
    <span className="compare-tool">
      <button
        type="button"
        className="primary"
        disabled={compare.length < 2}
        title={compare.length < 2 ? 'Tick two trials or more' : undefined}
        onClick={() => setView({ tab: 'compare' })}
      >
        Compare {formatCount(compare.length, 'trial')}
      </button>
      <button type="button" onClick={() => setView({ compare: undefined })}>
        Clear
      </button>
    </span>
  );
}

function SortHeader({
  column,
  name,
  sort,
  setSort,
}: {
  column: ColumnInfo | undefined;
  name: string;
  sort: string | undefined;
  setSort: (sort: string | undefined) => void;
}) {
  const order = sort === name ? 'ascending' : sort === `-${name}` ? 'descending' : 'none';
  const sign = { ascending: '▲', descending: '▼', none: '' }[order];
  return (
    <th scope="col" aria-sort={order} className={kindClass(column)}>
      <button type="button" title={`Sort by ${name}`} onClick={() => setSort(nextSort(sort, name))}>
        {columnTitle(name)} <span aria-hidden="true">{sign}</span>
      </button>
    </th>
  );
}

function Row({
  study,
  columns,
  row,
  infos,
  compare,
  setView,
}: {
  study: Study;
  columns: string[];
  row: TrialRows['rows'][number];
  infos: Map<string, ColumnInfo>;
  compare: number[];
  setView: TableProps['setView'];
}) {
  const number = Number(row[columns.indexOf('number')]);
  const picked = compare.includes(number);
  const best = study.summary.best?.number === number;
  const pick = () =>
    setView({ compare: picked ? compare.filter((one) => one !== number) : [...compare, number] });
  return (
    <tr className={picked ? 'picked' : undefined}>
      <td className="pick">
        <input
          type="checkbox"
          aria-label={`Compare trial ${number}`}
          checked={picked}
          disabled={!picked && compare.length >= kMostCompared}
          onChange={pick}
        />
      </td>
      {columns.map((name, i) => (
        <td key={name} className={kindClass(infos.get(name))}>
          {name === 'number' ? (
            <a href={`/studies/${study.summary.id}/trials/${number}`}>
              {best && <span title="best trial">★ </span>}
              {number}
            </a>
          ) : (
            <Cell column={name} value={row[i] ?? null} />
          )}
        </td>
      ))}
    </tr>
  );
}

const kStates = ['Waiting', 'Running', 'Paused', 'Complete', 'Pruned', 'Failed'] as const;

function Cell({ column, value }: { column: string; value: boolean | number | string | null }) {
  const state = column === 'state' ? kStates.find((one) => one === value) : undefined;
  return state ? <StateBadge state={state} /> : formatCell(column, value);
}

/** Up and down go to the same control of the row before and after. */
function moveBetweenRows(event: KeyboardEvent<HTMLTableElement>): void {
  if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
  const from = event.target;
  if (!(from instanceof HTMLElement) || !from.matches('tbody input, tbody a')) return;
  const row = from.closest('tr');
  const to = event.key === 'ArrowUp' ? row?.previousElementSibling : row?.nextElementSibling;
  const control = to?.querySelector<HTMLElement>(from.tagName);
  if (!control) return;
  event.preventDefault();
  control.focus();
}

function Pager({
  total,
  page,
  setPage,
}: {
  total: number;
  page: number;
  setPage: (page: number | undefined) => void;
}) {
  const pages = Math.max(1, Math.ceil(total / kPageSize));
  if (pages === 1 || page > pages) return null;
  const first = (page - 1) * kPageSize + 1;
  const last = Math.min(page * kPageSize, total);
  const to = (target: number) => () => setPage(target === 1 ? undefined : target);
  return (
    <nav className="pager" aria-label="Pages of the table">
      <button type="button" disabled={page <= 1} onClick={to(1)}>
        First
      </button>
      <button type="button" disabled={page <= 1} onClick={to(page - 1)}>
        Previous
      </button>
      <span>
        {count(first)}–{count(last)} of {count(total)}
      </span>
      <button type="button" disabled={page >= pages} onClick={to(page + 1)}>
        Next
      </button>
      <button type="button" disabled={page >= pages} onClick={to(pages)}>
        Last
      </button>
    </nav>
  );
}

const count = (n: number) => n.toLocaleString('en-US');
