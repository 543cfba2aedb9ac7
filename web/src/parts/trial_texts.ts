// What is to say about a trial in words.
import type { Objective, Parameter, Trial } from '../api/types';
import { formatDuration, formatTime, formatValue, workerTitle } from '../format';
import type { Series } from './line_chart';

const kFailures: Record<string, string> = {
  error: 'Its objective or program reported an error',
  interrupted: 'It was interrupted when its worker was asked to stop',
  'worker-lost': 'Its worker died or fell silent',
  crash: 'Its program crashed',
  timeout: 'It took longer than it may',
};

function withReason(sentence: string, reason: string): string {
  return reason === '' ? `${sentence}.` : `${sentence}: ${reason.replace(/\.$/, '')}.`;
}

/** How the trial fares or how it ended, and why, in a sentence or two. */
export function stateSentence(trial: Trial): string {
  const by = trial.worker === '' ? '' : ` on ${workerTitle(trial.worker)}`;
  switch (trial.state) {
    case 'Waiting':
      return 'It waits until a worker takes it.';
    case 'Running':
      return trial.started_ms === null
        ? `It runs${by}.`
        : `It runs${by} since ${formatTime(trial.started_ms)}.`;
    case 'Paused':
      return withReason('It is paused, and goes on when the scheduler chooses it', trial.reason);
    case 'Complete':
      return trial.metrics.diverged === 1
        ? 'It ended with a result: the training diverged, which counts.'
        : withReason(
            `It ended with a result after ${formatDuration(trial.duration_s)}`,
            trial.reason,
          );
    case 'Pruned':
      return withReason(
        `It was stopped early, after ${formatDuration(trial.duration_s)}`,
        trial.reason,
      );
    case 'Failed':
      return withReason(kFailures[trial.failure] ?? 'It failed', trial.reason);
  }
}

/** The values that a parameter may have: "0.001 to 0.1, log scale", "one of relu, gelu". */
export function domainText(parameter: Parameter | undefined): string {
  if (!parameter) return '';
  const parts: string[] = [];
  if (parameter.choices.length > 0) {
    parts.push(`one of ${parameter.choices.map(formatValue).join(', ')}`);
  } else if (parameter.low !== null && parameter.high !== null) {
    parts.push(`${formatValue(parameter.low)} to ${formatValue(parameter.high)}`);
    // Whole numbers are whole without saying so.
    const evident = parameter.kind === 'int' && parameter.step === 1;
    if (parameter.step !== null && !evident) parts.push(`steps of ${formatValue(parameter.step)}`);
    if (parameter.log) parts.push('log scale');
  }
  if (parameter.role !== 'sampled')
    parts.push(parameter.role === 'grid' ? 'grid axis' : 'constant');
  if (parameter.when !== '') parts.push(`when ${parameter.when}`);
  return parts.join(', ');
}

/** "small is good" or "large is good" for an objective, nothing for another metric. */
export function directionText(objectives: readonly Objective[], metric: string): string {
  const objective = objectives.find((one) => one.metric === metric);
  if (!objective) return '';
  return objective.direction === 'minimize'
    ? 'objective, smaller is better'
    : 'objective, larger is better';
}

/** Names of metrics, those of objectives first. */
export function objectivesFirst(objectives: readonly Objective[], names: string[]): string[] {
  const rank = (name: string) => Number(!objectives.some(({ metric }) => metric === name));
  return [...names].sort((a, b) => rank(a) - rank(b));
}

/** Each metric that the trial reported on its way, as a line of a chart. */
export function reportedSeries(trial: Trial): Series[] {
  const names = new Set(trial.reports.flatMap(({ metrics }) => Object.keys(metrics)));
  return [...names].map((name) => ({
    name,
    color: 0,
    points: trial.reports.flatMap(({ step, metrics }): [number, number | null][] => {
      const value = metrics[name];
      return value === undefined ? [] : [[step, value]];
    }),
  }));
}

/** The same metric of several trials in one chart, each trial in a color of its own. */
export function overlaidSeries(trials: readonly Trial[]): { metric: string; series: Series[] }[] {
  const own = trials.map(reportedSeries);
  const metrics = new Set(own.flatMap((series) => series.map(({ name }) => name)));
  return [...metrics].map((metric) => ({
    metric,
    series: trials.flatMap(({ number }, color) => {
      const found = own[color]?.find(({ name }) => name === metric);
      return found ? [{ ...found, name: `trial ${number}`, color }] : [];
    }),
  }));
}

/** Whether a parameter is not the same in all of the trials, or some do not have it. */
export function differing(trials: readonly Trial[], name: string): boolean {
  return new Set(trials.map(({ params }) => params[name])).size > 1;
}

/** The number of the Complete trial with the best value; undefined for fewer than two to choose from. */
export function bestOf(trials: readonly Trial[], objective: Objective): number | undefined {
  const sign = objective.direction === 'maximize' ? -1 : 1;
  const candidates = trials.flatMap(({ number, state, metrics }) => {
    const value = metrics[objective.metric];
    return state === 'Complete' && typeof value === 'number'
      ? [{ number, cost: sign * value }]
      : [];
  });
  candidates.sort((a, b) => a.cost - b.cost);
  return candidates.length > 1 ? candidates[0]?.number : undefined;
}
