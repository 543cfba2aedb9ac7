// One trial: what it was given, what it gave, how it went and why it ended.
import { useMemo } from 'react';

import { useApi } from '../api/client';
import type { Study, Trial } from '../api/types';
import {
  formatDuration,
  formatNumber,
  formatTime,
  formatValue,
  kNothing,
  workerTitle,
} from '../format';
import { useLive } from '../live';
import { ErrorBox } from '../parts/error_box';
import { hasLineage, Lineage } from '../parts/lineage';
import { LineChart } from '../parts/line_chart';
import { Note } from '../parts/note';
import { Output } from '../parts/output';
import { StateBadge } from '../parts/state';
import { TrialControls } from '../parts/trial_controls';
import {
  directionText,
  domainText,
  objectivesFirst,
  reportedSeries,
  stateSentence,
} from '../parts/trial_texts';
import '../parts/trials.css';

interface TrialProps {
  study: Study;
  number: number;
  revision: number;
}

export function TrialPage(props: TrialProps) {
  // Another trial begins anew: no answer, draft or question of the one before stays.
  return <TrialOf key={`${props.study.summary.id}/${props.number}`} {...props} />;
}

function TrialOf({ study, number, revision }: TrialProps) {
  const id = study.summary.id;
  const path = `/api/studies/${id}/trials/${number}`;
  const { data: trial, error } = useApi<Trial>(path, revision);
  const { noteRevision } = useLive(id);
  return (
    <article className="trial-page" aria-busy={trial === undefined && error === undefined}>
      <header className="trial-header">
        <h1>Trial {number}</h1>
        {trial && <StateBadge state={trial.state} />}
        {study.summary.best?.number === number && <span className="best">★ best trial</span>}
        <Neighbors study={study} number={number} />
      </header>
      {error && !trial && <ErrorBox title="The trial cannot be shown" message={error} />}
      {trial && (
        <>
          <p className="trial-sentence">{stateSentence(trial)}</p>
          <TrialControls study={id} trial={trial} />
          <div className="trial-columns">
            <Parameters study={study} trial={trial} />
            <Metrics study={study} trial={trial} />
            <Times trial={trial} />
            {hasLineage(trial) && (
              <section className="panel">
                <h2>Lineage</h2>
                <Lineage study={id} trial={trial} />
              </section>
            )}
          </div>
          <LearningCurves study={study} trial={trial} />
          {trial.has_output && (
            <section className="panel">
              <h2>Output</h2>
              <Output path={`${path}/output`} revision={`${trial.state} ${trial.reports.length}`} />
            </section>
          )}
          <div className="panel">
            <Note path={`${path}/note`} revision={noteRevision} />
          </div>
        </>
      )}
    </article>
  );
}

function Neighbors({ study, number }: { study: Study; number: number }) {
  const { id, best, counts } = study.summary;
  const trials = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const other = best && best.number !== number ? best.number : undefined;
  const to = (neighbor: number) => `/studies/${id}/trials/${neighbor}`;
  return (
    <nav className="neighbors" aria-label="Other trials">
      {number > 0 && number <= trials && (
        <a rel="prev" href={to(number - 1)}>
          ← Trial {number - 1}
        </a>
      )}
      {number + 1 < trials && (
        <a rel="next" href={to(number + 1)}>
          Trial {number + 1} →
        </a>
      )}
      <a href={`/studies/${id}?tab=trials`}>All trials</a>
      {other !== undefined && (
        <a href={`/studies/${id}?tab=compare&compare=${number}%2C${other}`}>
          Compare with the best
        </a>
      )}
    </nav>
  );
}

function Parameters({ study, trial }: { study: Study; trial: Trial }) {
  const declared = new Map(study.parameters.map((one) => [one.name, one]));
  const order = [...declared.keys()];
  const names = Object.keys(trial.params).sort(
    (a, b) => (order.indexOf(a) + 1 || Infinity) - (order.indexOf(b) + 1 || Infinity),
  );
  return (
    <section className="panel">
      <h2>Parameters</h2>
      {names.length === 0 ? (
        <p className="muted">None are decided yet.</p>
      ) : (
        <table className="values">
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{formatValue(trial.params[name])}</td>
                <td className="muted">{domainText(declared.get(name))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Metrics({ study, trial }: { study: Study; trial: Trial }) {
  const { objectives } = study.summary;
  const isObjective = (name: string) => objectives.some(({ metric }) => metric === name);
  const names = objectivesFirst(objectives, Object.keys(trial.metrics));
  return (
    <section className="panel">
      <h2>Metrics</h2>
      {names.length === 0 ? (
        <p className="muted">It has no result{trial.ended_ms === null && ' yet'}.</p>
      ) : (
        <table className="values">
          <tbody>
            {names.map((name) => (
              <tr key={name} className={isObjective(name) ? 'objective' : undefined}>
                <th scope="row">{name}</th>
                <td>
                  {trial.metrics[name] === null
                    ? 'not finite'
                    : formatNumber(trial.metrics[name], 6)}
                </td>
                <td className="muted">{directionText(objectives, name)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Times({ trial }: { trial: Trial }) {
  const rows: [string, string][] = [
    ['started', formatTime(trial.started_ms)],
    ['ended', formatTime(trial.ended_ms)],
    ['duration', formatDuration(trial.duration_s)],
    ['worker', workerTitle(trial.worker) || kNothing],
  ];
  return (
    <section className="panel">
      <h2>Times</h2>
      <table className="values">
        <tbody>
          {rows.map(([name, text]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function LearningCurves({ study, trial }: { study: Study; trial: Trial }) {
  const series = useMemo(() => reportedSeries(trial), [trial]);
  if (series.length === 0) return null;
  return (
    <section aria-labelledby="learning-curves">
      <h2 id="learning-curves">Learning curves</h2>
      <div className="curves">
        {series.map((one) => (
          <LineChart
            key={one.name}
            title={one.name}
            series={[one]}
            study={`${study.summary.name} trial ${trial.number}`}
          />
        ))}
      </div>
    </section>
  );
}
