// Some trials side by side: what differs, which is best, how they got there.
import { type FormEvent, type ReactNode, useState } from 'react';

import { get, query, useApi } from '../api/client';
import type { Study, Trial, TrialRows } from '../api/types';
import { formatDuration, formatNumber, formatValue } from '../format';
import { LineChart, LineKey } from '../parts/line_chart';
import { StateBadge } from '../parts/state';
import { bestOf, differing, objectivesFirst, overlaidSeries } from '../parts/trial_texts';
import { kMostCompared } from '../parts/trial_table';
import '../parts/trials.css';
import type { View } from '../state/view';

const kBestShown = 4;

interface CompareProps {
  study: Study;
  view: View;
  setView: (change: Partial<View>) => void;
  revision: number;
}

export function ComparePage({ study, view, setView, revision }: CompareProps) {
  const numbers = [...new Set(view.compare ?? [])].slice(0, kMostCompared);
  const { trials, error } = useTrials(study.summary.id, numbers, revision);
  const choose = (list: number[]) => setView({ compare: list.length === 0 ? undefined : list });
  return (
    <section className="compare" aria-label="Trials side by side">
      <Chooser study={study} numbers={numbers} choose={choose} />
      {error && <p role="alert">{error}</p>}
      {numbers.length < 2 && (
        <p className="muted">
          Tick two to {kMostCompared} trials in the table of trials, or add them here by number.
        </p>
      )}
      {trials.length > 0 && (
        <SideBySide
          study={study}
          trials={trials}
          remove={(number) => choose(numbers.filter((one) => one !== number))}
        />
      )}
      {trials.length > 0 && <Curves study={study} trials={trials} />}
    </section>
  );
}

/** The trials of these numbers that are known, and what went wrong with one of the others. */
function useTrials(study: number, numbers: number[], revision: number) {
  const path = (slot: number) =>
    numbers[slot] === undefined ? null : `/api/studies/${study}/trials/${numbers[slot]}`;
  // React wants the same calls each time: one for each trial that there may be (kMostCompared).
  const answers = [
    useApi<Trial>(path(0), revision),
    useApi<Trial>(path(1), revision),
    useApi<Trial>(path(2), revision),
    useApi<Trial>(path(3), revision),
    useApi<Trial>(path(4), revision),
    useApi<Trial>(path(5), revision),
    useApi<Trial>(path(6), revision),
    useApi<Trial>(path(7), revision),
  ];
  return {
    // While a slot asks for another trial it still has the one before.
    trials: answers.flatMap(({ data }, slot) =>
      data?.number === numbers[slot] && data ? [data] : [],
    ),
    error: answers.find(({ error }) => error !== undefined)?.error,
  };
}

function Chooser({
  study,
  numbers,
  choose,
}: {
  study: Study;
  numbers: number[];
  choose: (numbers: number[]) => void;
}) {
  const [typed, setTyped] = useState('');
  const [trouble, setTrouble] = useState<string>();
  const objective = study.summary.objectives[0];
  const add = (event: FormEvent) => {
    event.preventDefault();
    const number = Number(typed);
    if (!/^\d+$/.test(typed.trim())) setTrouble('Type the number of a trial, such as 12.');
    else {
      setTrouble(undefined);
      setTyped('');
      if (!numbers.includes(number)) choose([...numbers, number]);
    }
  };
  const chooseBest = async () => {
    if (!objective) return;
    const sort = `${objective.direction === 'maximize' ? '-' : ''}metrics.${objective.metric}`;
    const filter = [{ column: 'state', values: ['Complete'] }];
    const ask = query({ columns: 'number', sort, filter, limit: kBestShown });
    try {
      const { rows } = await get<TrialRows>(`/api/studies/${study.summary.id}/trials${ask}`);
      choose(rows.map(([number]) => Number(number)));
      setTrouble(undefined);
    } catch (caught) {
      setTrouble(caught instanceof Error ? caught.message : String(caught));
    }
  };
  const full = numbers.length >= kMostCompared;
  return (
    <form className="row" onSubmit={add}>
      <label>
        Trial{' '}
        <input
          inputMode="numeric"
          size={8}
          value={typed}
          aria-invalid={trouble !== undefined}
          onChange={(event) => setTyped(event.target.value)}
        />
      </label>
      <button type="submit" disabled={full}>
        Add
      </button>
      {objective && (
        <button type="button" onClick={() => void chooseBest()}>
          The best {kBestShown}
        </button>
      )}
      {numbers.length > 0 && (
        <button type="button" onClick={() => choose([])}>
          Clear
        </button>
      )}
      {full && <span className="muted">No more than {kMostCompared} fit.</span>}
      {trouble && <span role="alert">{trouble}</span>}
    </form>
  );
}

function SideBySide({
  study,
  trials,
  remove,
}: {
  study: Study;
  trials: Trial[];
  remove: (number: number) => void;
}) {
  const names = (of: 'params' | 'metrics') => [
    ...new Set(trials.flatMap((trial) => Object.keys(trial[of]))),
  ];
  const different = names('params').filter((name) => differing(trials, name));
  const same = names('params').filter((name) => !different.includes(name));
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Table of values">
      <table className="side-by-side">
        <thead>
          <tr>
            <td />
            {trials.map((trial, i) => (
              <th key={trial.number} scope="col">
                <LineKey color={i} />{' '}
                <a href={`/studies/${study.summary.id}/trials/${trial.number}`}>
                  trial {trial.number}
                </a>{' '}
                <button
                  type="button"
                  className="plain"
                  aria-label={`Remove trial ${trial.number}`}
                  onClick={() => remove(trial.number)}
                >
                  ×
                </button>
                <br />
                <StateBadge state={trial.state} />
              </th>
            ))}
          </tr>
        </thead>
        <Group title="Parameters that differ" columns={trials.length}>
          {different.map((name) => (
            <ValueRow key={name} name={name} trials={trials} marked />
          ))}
        </Group>
        <Group title="Metrics" columns={trials.length}>
          {objectivesFirst(study.summary.objectives, names('metrics')).map((name) => (
            <MetricRow key={name} name={name} study={study} trials={trials} />
          ))}
          <tr>
            <th scope="row">duration</th>
            {trials.map((trial) => (
              <td key={trial.number}>{formatDuration(trial.duration_s)}</td>
            ))}
          </tr>
        </Group>
        <Group title="Parameters that are the same" columns={trials.length}>
          {same.map((name) => (
            <ValueRow key={name} name={name} trials={trials} />
          ))}
        </Group>
      </table>
    </div>
  );
}

function Group({
  title,
  columns,
  children,
}: {
  title: string;
  columns: number;
  children: ReactNode;
}) {
  const rows = Array.isArray(children) ? children.flat() : [children];
  if (rows.length === 0) return null;
  return (
    <tbody>
      <tr className="group">
        <th scope="rowgroup" colSpan={columns + 1}>
          {title}
        </th>
      </tr>
      {children}
    </tbody>
  );
}

function ValueRow({
  name,
  trials,
  marked = false,
}: {
  name: string;
  trials: Trial[];
  marked?: boolean;
}) {
  return (
    <tr className={marked ? 'differs' : undefined}>
      <th scope="row">
        {marked && <span aria-hidden="true">≠ </span>}
        {name}
      </th>
      {trials.map((trial) => (
        <td key={trial.number}>{formatValue(trial.params[name])}</td>
      ))}
    </tr>
  );
}

function MetricRow({ name, study, trials }: { name: string; study: Study; trials: Trial[] }) {
  const objective = study.summary.objectives.find(({ metric }) => metric === name);
  const best = objective ? bestOf(trials, objective) : undefined;
  return (
    <tr>
      <th scope="row">{name}</th>
      {trials.map((trial) => {
        const value = trial.metrics[name];
        const text = value === null ? 'not finite' : formatNumber(value, 6);
        return (
          <td key={trial.number} className={trial.number === best ? 'best' : undefined}>
            {trial.number === best ? <strong>★ {text}, best</strong> : text}
          </td>
        );
      })}
    </tr>
  );
}

function Curves({ study, trials }: { study: Study; trials: Trial[] }) {
  const charts = overlaidSeries(trials);
  if (charts.length === 0) return null;
  return (
    <section aria-labelledby="compared-curves">
      <h2 id="compared-curves">Learning curves</h2>
      <div className="curves">
        {charts.map(({ metric, series }) => (
          <LineChart
            key={metric}
            title={metric}
            series={series}
            study={`${study.summary.name} compared`}
          />
        ))}
      </div>
    </section>
  );
}
