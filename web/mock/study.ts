// Studies for the development of the page: the flagship while it runs, a large one, small odd ones.
import type {
  Claim,
  ColumnInfo,
  Counts,
  Objective,
  Parameter,
  State,
  StudySummary,
  Value,
} from '../src/api/types';

export interface MockTrial {
  number: number;
  state: State;
  params: Record<string, Value>;
  metrics: Record<string, number>;
  reports: { step: number; metrics: Record<string, number> }[];
  reason: string;
  failure: string;
  worker: string;
  attempt: number;
  retry_of: number | null;
  parent: number | null;
  started_ms: number | null;
  ended_ms: number | null;
  note: { text: string; version: number };
}

export interface MockStudy {
  id: number;
  name: string;
  made_by: 'hypertune' | 'other';
  title: string;
  hypothesis: string;
  objectives: Objective[];
  parameters: Parameter[];
  report_metrics: string[];
  metrics: string[];
  view: { x: string; y: string; color: string };
  facts: Record<string, string>;
  trials: MockTrial[];
  claims: () => Claim[];
  note: { text: string; version: number };
  revision: number;
}

/** Numbers in [0, 1) that are the same in each run (mulberry32). */
export function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const kBegan_ms = Date.now() - 180_000;

export const float = (name: string, low: number, high: number, log = false): Parameter => ({
  name,
  kind: 'float',
  role: 'sampled',
  log,
  low,
  high,
  step: null,
  choices: [],
  when: '',
});

const int = (name: string, low: number, high: number, log = false): Parameter => ({
  ...float(name, low, high, log),
  kind: 'int',
  step: 1,
});

const choice = (
  name: string,
  choices: Value[],
  role: Parameter['role'] = 'sampled',
): Parameter => ({
  ...float(name, 0, 0),
  kind: 'categorical',
  role,
  low: null,
  high: null,
  choices,
});

/** What training with this learning rate comes to after each epoch. */
function accuracies(batchNorm: boolean, rate: number, chance: () => number, epochs: number) {
  const collapsed = !batchNorm && rate > 0.005;
  const top = collapsed ? 0.1 : 0.93 - 0.03 * Math.abs(Math.log10(rate) + 2.5) - 0.02 * chance();
  return Array.from({ length: epochs }, (_, epoch) => {
    const accuracy = collapsed ? 0.1 + 0.01 * chance() : top * (1 - Math.exp(-(epoch + 1) / 2));
    return { step: epoch + 1, metrics: { val_accuracy: accuracy, val_loss: 2.3 * (1 - accuracy) } };
  });
}

const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function claimOf(text: string, estimand: string, low: number, values: number[]): Claim {
  const n = values.length;
  const estimate = n === 0 ? null : mean(values);
  const half = n < 2 ? null : (0.3 * 1.96) / Math.sqrt(n * 4);
  const from = estimate === null || half === null ? null : estimate - half;
  const to = estimate === null || half === null ? null : estimate + half;
  const verdict =
    from !== null && from >= low
      ? 'supported'
      : to !== null && to < low
        ? 'refuted'
        : 'inconclusive';
  return {
    text,
    estimand,
    expect: `>= ${low}`,
    expect_low: low,
    expect_high: null,
    estimate,
    low: from,
    high: to,
    n,
    method: 'mean, Student t',
    note: n < 2 ? 'Too few trials for an interval.' : '',
    verdict,
    trials_begun: 0,
  };
}

export const emptyTrial = (number: number): MockTrial => ({
  number,
  state: 'Waiting',
  params: {},
  metrics: {},
  reports: [],
  reason: '',
  failure: '',
  worker: '',
  attempt: 1,
  retry_of: null,
  parent: null,
  started_ms: null,
  ended_ms: null,
  note: { text: '', version: 0 },
});

/** One more step of a trial; true when it ended with it. */
export function advance(trial: MockTrial, now_ms: number, seed = 11): boolean {
  const whole = accuracies(
    trial.params.batch_norm === true,
    Number(trial.params.learning_rate),
    random(seed + trial.number),
    10,
  );
  const next = whole[trial.reports.length];
  if (next) trial.reports.push(next);
  if (trial.reports.length < whole.length) return false;
  const last = whole[whole.length - 1];
  const accuracy = last?.metrics.val_accuracy ?? 0;
  trial.state = 'Complete';
  trial.ended_ms = now_ms;
  trial.metrics = {
    val_accuracy: accuracy,
    val_loss: last?.metrics.val_loss ?? 0,
    collapsed: accuracy < 0.3 ? 1 : 0,
  };
  return true;
}

export function flagship(id: number): MockStudy {
  const chance = random(11);
  const trials: MockTrial[] = [];
  for (let pair = 0; pair < 10; pair++) {
    const learning_rate = 10 ** (-4 + 3 * ((pair * 0.618 + 0.1 * chance()) % 1));
    for (const batch_norm of [true, false]) {
      trials.push({ ...emptyTrial(trials.length), params: { batch_norm, learning_rate } });
    }
  }
  for (const trial of trials.slice(0, 12)) {
    trial.started_ms = kBegan_ms + trial.number * 14_000;
    trial.worker = `node-1:${1 + (trial.number % 2)}`;
    trial.state = 'Running';
    const steps = trial.number < 10 ? 10 : 4;
    for (let step = 0; step < steps; step++) advance(trial, trial.started_ms + 26_000);
  }
  const chosen = (metric: string, batch_norm: boolean, above: boolean) =>
    trials
      .filter((trial) => trial.state === 'Complete' && trial.params.batch_norm === batch_norm)
      .filter((trial) => Number(trial.params.learning_rate) > 0.01 === above)
      .map((trial) => trial.metrics[metric] ?? 0);
  return {
    id,
    name: 'batchnorm-vs-learning-rate',
    made_by: 'hypertune',
    title: 'Batch normalization and the learning rate',
    hypothesis:
      'Batch normalization keeps a small convolutional network trainable at learning rates at ' +
      'which the same network without it collapses to chance; at low learning rates the two do ' +
      'equally well.',
    objectives: [{ metric: 'val_accuracy', direction: 'maximize' }],
    parameters: [
      choice('batch_norm', [true, false], 'grid'),
      float('learning_rate', 1e-4, 1e-1, true),
    ],
    report_metrics: ['val_accuracy', 'val_loss'],
    metrics: ['val_accuracy', 'val_loss', 'collapsed'],
    view: { x: 'params.learning_rate', y: 'metrics.val_accuracy', color: 'params.batch_norm' },
    facts: {
      'data set': 'fashion-mnist, 60,000 images',
      model: 'cnn, 93,322 weights',
      hardware: '2 cores, AVX-512',
      version: 'hypertune 0.4.0',
    },
    trials,
    claims: () => [
      claimOf(
        'With batch normalization accuracy stays high at learning rates above 0.01',
        'mean of val_accuracy where batch_norm and learning_rate > 0.01',
        0.8,
        chosen('val_accuracy', true, true),
      ),
      claimOf(
        'Without batch normalization most runs collapse at learning rates above 0.01',
        'share of collapsed where not batch_norm and learning_rate > 0.01',
        0.5,
        chosen('collapsed', false, true),
      ),
      claimOf(
        'Without batch normalization accuracy stays high at learning rates above 0.01',
        'mean of val_accuracy where not batch_norm and learning_rate > 0.01',
        0.8,
        chosen('val_accuracy', false, true),
      ),
      claimOf('Nobody has looked at this yet', 'mean of val_loss where learning_rate > 1', 0, []),
    ],
    note: { text: '# Seen so far\n\nCollapses begin **above 0.005**.\n', version: 1 },
    revision: 1,
  };
}

export function large(id: number, count: number): MockStudy {
  const chance = random(5);
  const parameters = [
    float('learning_rate', 1e-5, 1, true),
    float('weight_decay', 1e-6, 1e-1, true),
    float('momentum', 0, 0.99),
    float('dropout', 0, 0.6),
    int('layers', 1, 8),
    int('width', 16, 1024, true),
    choice('optimizer', ['adam', 'sgd', 'rmsprop', 'lion']),
    choice('batch_size', [16, 32, 64, 128, 256]),
    choice('augment', [true, false]),
    float('label_smoothing', 0, 0.3),
  ];
  const pick = (parameter: Parameter): Value => {
    const u = chance();
    if (parameter.choices.length > 0)
      return parameter.choices[Math.floor(u * parameter.choices.length)] ?? '';
    const [low, high] = [parameter.low ?? 0, parameter.high ?? 1];
    const x = parameter.log ? low * (high / low) ** u : low + (high - low) * u;
    return parameter.kind === 'int' ? Math.round(x) : x;
  };
  const trials = Array.from({ length: count }, (_, number): MockTrial => {
    const params = Object.fromEntries(parameters.map((p) => [p.name, pick(p)]));
    const quality =
      0.95 -
      0.06 * (Math.log10(Number(params.learning_rate)) + 2.7) ** 2 -
      0.1 * Math.abs(Number(params.dropout) - 0.25) -
      (params.optimizer === 'sgd' ? 0.08 : 0) -
      0.02 * Math.abs(Math.log2(Number(params.width)) - 8) +
      0.03 * (chance() - 0.5);
    const top = Math.max(0.1, quality);
    const fate = chance();
    const state: State = fate < 0.03 ? 'Failed' : top < 0.6 && fate < 0.7 ? 'Pruned' : 'Complete';
    const steps = state === 'Complete' ? 20 : 1 + Math.floor(chance() * 8);
    const reports = Array.from({ length: steps }, (_, i) => {
      const accuracy = top * (1 - Math.exp(-(i + 1) / 5)) + 0.01 * chance();
      return { step: i + 1, metrics: { accuracy, loss: 2.3 * (1 - accuracy) } };
    });
    const started_ms = kBegan_ms - 86_400_000 + Math.floor(number / 4) * 9000 + 500 * (number % 4);
    const ms = 200 + Number(params.layers) * 900 * (0.5 + chance());
    const done: Record<string, number> = { accuracy: top, latency_ms: ms / 100 };
    return {
      ...emptyTrial(number),
      params,
      state,
      reports,
      metrics: state === 'Complete' ? done : {},
      reason:
        state === 'Failed'
          ? 'The program ended with exit code 1.'
          : state === 'Pruned'
            ? 'In the lower half of rung 3.'
            : '',
      failure: state === 'Failed' ? 'program' : '',
      worker: `node-${1 + (number % 4)}:1`,
      started_ms,
      ended_ms: started_ms + Math.round(ms),
    };
  });
  return {
    id,
    name: 'wide-search',
    made_by: 'hypertune',
    title: '',
    hypothesis: '',
    objectives: [
      { metric: 'accuracy', direction: 'maximize' },
      { metric: 'latency_ms', direction: 'minimize' },
    ],
    parameters,
    report_metrics: ['accuracy', 'loss'],
    metrics: ['accuracy', 'latency_ms'],
    view: { x: 'params.learning_rate', y: 'metrics.accuracy', color: 'params.optimizer' },
    facts: { version: 'hypertune 0.4.0' },
    trials,
    claims: () => [],
    note: { text: '', version: 0 },
    revision: 1,
  };
}

/** Made by another program, nothing in it yet, and a name that a page must not take for markup. */
export function empty(id: number): MockStudy {
  return {
    ...large(id, 0),
    name: 'a study with a rather long name of another program <b>not bold</b>',
    made_by: 'other',
    objectives: [{ metric: 'value', direction: 'minimize' }],
    parameters: [],
    metrics: ['value'],
    report_metrics: [],
    view: { x: 'number', y: 'metrics.value', color: 'state' },
    facts: {},
  };
}

export function countsOf(trials: MockTrial[]): Counts {
  const counts = { waiting: 0, running: 0, paused: 0, complete: 0, pruned: 0, failed: 0 };
  for (const trial of trials) counts[trial.state.toLowerCase() as keyof Counts] += 1;
  return counts;
}

export function summaryOf(study: MockStudy): StudySummary {
  const counts = countsOf(study.trials);
  const objective = study.objectives[0];
  const sign = objective?.direction === 'minimize' ? -1 : 1;
  const value = (trial: MockTrial) => sign * (trial.metrics[objective?.metric ?? ''] ?? -Infinity);
  const best = study.trials
    .filter((trial) => trial.state === 'Complete')
    .reduce<MockTrial | null>((a, b) => (a && value(a) >= value(b) ? a : b), null);
  const times = study.trials.flatMap((t) => [t.started_ms ?? [], t.ended_ms ?? []].flat());
  return {
    id: study.id,
    name: study.name,
    made_by: study.made_by,
    state:
      study.trials.length === 0
        ? 'empty'
        : counts.running > 0
          ? 'running'
          : counts.waiting > 0
            ? 'waiting'
            : 'done',
    objectives: study.objectives,
    counts,
    best: best && { number: best.number, value: best.metrics[objective?.metric ?? ''] ?? null },
    started_ms: times.length > 0 ? times.reduce((a, b) => Math.min(a, b)) : null,
    changed_ms: times.length > 0 ? times.reduce((a, b) => Math.max(a, b)) : null,
  };
}

/** Values of a column, null where a trial has none. */
export function cell(trial: MockTrial, column: string): Value | null {
  if (column.startsWith('params.')) return trial.params[column.slice(7)] ?? null;
  if (column.startsWith('metrics.')) return trial.metrics[column.slice(8)] ?? null;
  switch (column) {
    case 'number':
      return trial.number;
    case 'state':
      return trial.state;
    case 'worker':
      return trial.worker || null;
    case 'attempt':
      return trial.attempt;
    case 'started_ms':
      return trial.started_ms;
    case 'ended_ms':
      return trial.ended_ms;
    case 'duration_s':
      return trial.started_ms === null || trial.ended_ms === null
        ? null
        : (trial.ended_ms - trial.started_ms) / 1000;
    default:
      return null;
  }
}

const kStates: State[] = ['Waiting', 'Running', 'Paused', 'Complete', 'Pruned', 'Failed'];

export function columnsOf(study: MockStudy): ColumnInfo[] {
  const names = [
    'number',
    'state',
    ...study.parameters.map((p) => `params.${p.name}`),
    ...study.metrics.map((m) => `metrics.${m}`),
    'duration_s',
    'worker',
    'attempt',
    'started_ms',
    'ended_ms',
  ];
  return names.map((name) => {
    const values = study.trials.map((t) => cell(t, name)).filter((v) => v !== null);
    const parameter = study.parameters.find((p) => `params.${p.name}` === name);
    const numbers = values.filter((v) => typeof v === 'number');
    const category = name === 'state' || name === 'worker' || parameter?.kind === 'categorical';
    return {
      name,
      kind: category ? 'category' : 'number',
      log: parameter?.log ?? false,
      low: category || numbers.length === 0 ? null : numbers.reduce((a, b) => Math.min(a, b)),
      high: category || numbers.length === 0 ? null : numbers.reduce((a, b) => Math.max(a, b)),
      labels: !category
        ? []
        : name === 'state'
          ? kStates
          : (parameter?.choices ?? [...new Set(values)].sort()),
      present: values.length,
    };
  });
}
