// What the mock server answers: the HTTP API over mock studies, good enough to develop against.
import type {
  Claims,
  Column,
  Contour,
  Curves,
  FilterTerm,
  Front,
  History,
  Importance,
  Note,
  Points,
  Session,
  Study,
  StudyList,
  Timeline,
  Trial,
  TrialRows,
} from '../src/api/types';
import {
  cell,
  columnsOf,
  countsOf,
  emptyTrial,
  type MockStudy,
  type MockTrial,
  summaryOf,
} from './study';

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export const kToken = 'mock-csrf-token';

function filtered(study: MockStudy, args: URLSearchParams): MockTrial[] {
  const terms = JSON.parse(args.get('filter') ?? '[]') as FilterTerm[];
  return study.trials.filter((trial) =>
    terms.every(({ column, low, high, values }) => {
      const value = cell(trial, column);
      if (value === null) return false;
      if (values && values.length > 0) return values.includes(value);
      return Number(value) >= (low ?? -Infinity) && Number(value) <= (high ?? Infinity);
    }),
  );
}

const numberOr = (text: string | null, otherwise: number) => (text ? Number(text) : otherwise);

function thinned(trials: MockTrial[], limit: number): MockTrial[] {
  const step = Math.max(1, trials.length / limit);
  return Array.from({ length: Math.min(limit, trials.length) }, (_, i) => {
    const trial = trials[Math.floor(i * step)];
    if (!trial) throw new Refused(500, 'thinned went wrong');
    return trial;
  });
}

function column(study: MockStudy, name: string, trials: MockTrial[]): Column {
  const info = columnsOf(study).find((known) => known.name === name);
  if (!info) throw new Refused(400, `This study has no column "${name}".`);
  const { kind, log, labels } = info;
  const values = trials.map((trial) => {
    const value = cell(trial, name);
    if (value === null) return null;
    return kind === 'category' ? labels.indexOf(value) : Number(value);
  });
  return { name, kind, log, labels, values };
}

function sorted(trials: MockTrial[], order: string): MockTrial[] {
  const keys = order.split(',').filter((key) => key !== '');
  return [...trials].sort((a, b) => {
    for (const key of keys) {
      const name = key.replace(/^-/, '');
      const [x, y] = [cell(a, name), cell(b, name)];
      if (x === y) continue;
      if (x === null) return 1;
      if (y === null) return -1;
      return (x < y ? -1 : 1) * (key.startsWith('-') ? -1 : 1);
    }
    return a.number - b.number;
  });
}

function studyAnswer(study: MockStudy): Study {
  return {
    summary: summaryOf(study),
    revision: study.revision,
    loaded: 1,
    title: study.title,
    hypothesis: study.hypothesis,
    stopped: '',
    parameters: study.parameters,
    columns: columnsOf(study),
    report_metrics: study.report_metrics,
    view: study.view,
    facts: study.facts,
    note_version: study.note.version,
  };
}

function claimsAnswer(study: MockStudy): Claims {
  const counts = countsOf(study.trials);
  return {
    revision: study.revision,
    complete: counts.complete,
    open: counts.waiting + counts.running + counts.paused,
    claims: study.claims(),
  };
}

function rows(study: MockStudy, args: URLSearchParams): TrialRows {
  const trials = sorted(filtered(study, args), args.get('sort') ?? '');
  const offset = numberOr(args.get('offset'), 0);
  const columns = args.get('columns')?.split(',') ?? columnsOf(study).map((c) => c.name);
  const shown = trials.slice(offset, offset + numberOr(args.get('limit'), 100));
  return {
    revision: study.revision,
    total: trials.length,
    offset,
    columns,
    rows: shown.map((trial) => columns.map((name) => cell(trial, name))),
  };
}

function trialAnswer(study: MockStudy, trial: MockTrial): Trial {
  const root = trial.retry_of ?? trial.number;
  return {
    number: trial.number,
    state: trial.state,
    params: trial.params,
    metrics: trial.metrics,
    reports: trial.reports,
    reason: trial.reason,
    failure: trial.failure,
    worker: trial.worker,
    attempt: trial.attempt,
    retry_of: trial.retry_of,
    parent: trial.parent,
    children: study.trials.filter((t) => t.parent === trial.number).map((t) => t.number),
    attempts: study.trials
      .filter((t) => t.number === root || t.retry_of === root)
      .map((t) => t.number),
    started_ms: trial.started_ms,
    ended_ms: trial.ended_ms,
    duration_s: cell(trial, 'duration_s') as number | null,
    has_output: trial.started_ms !== null,
    note_version: trial.note.version,
    can_stop: trial.state === 'Running' || trial.state === 'Waiting',
    can_retry: trial.state === 'Failed',
  };
}

function history(study: MockStudy, args: URLSearchParams): History {
  const objective = study.objectives[0];
  const metric = args.get('metric') ?? objective?.metric ?? '';
  const direction =
    study.objectives.find((known) => known.metric === metric)?.direction ?? 'minimize';
  const all = filtered(study, args).filter((trial) => trial.metrics[metric] !== undefined);
  const trials = thinned(all, numberOr(args.get('points'), 2000));
  const best: { numbers: number[]; values: number[] } = { numbers: [], values: [] };
  for (const trial of all) {
    const value = trial.metrics[metric] ?? 0;
    const before = best.values[best.values.length - 1];
    if (before !== undefined && (direction === 'minimize' ? value >= before : value <= before))
      continue;
    best.numbers.push(trial.number);
    best.values.push(value);
  }
  return {
    revision: study.revision,
    total: all.length,
    shown: trials.length,
    metric,
    direction,
    numbers: trials.map((trial) => trial.number),
    values: trials.map((trial) => trial.metrics[metric] ?? null),
    states: trials.map((trial) => trial.state),
    best_numbers: best.numbers,
    best_values: best.values,
  };
}

function contour(study: MockStudy, args: URLSearchParams): Contour {
  const numeric = study.parameters.filter((p) => p.choices.length === 0).map((p) => p.name);
  const x = args.get('x') ?? `params.${numeric[0] ?? ''}`;
  const y = args.get('y') ?? `params.${numeric[1] ?? numeric[0] ?? ''}`;
  const z = args.get('z') ?? `metrics.${study.objectives[0]?.metric ?? ''}`;
  const all = filtered(study, args).filter((trial) => cell(trial, z) !== null);
  const trials = thinned(all, numberOr(args.get('points'), 2000));
  const [cx, cy, cz] = [x, y, z].map((name) => column(study, name, trials)) as [
    Column,
    Column,
    Column,
  ];
  const cells = Math.min(60, numberOr(args.get('cells'), 30));
  const on = (c: Column, value: number) => (c.log ? Math.log(value) : value);
  const axis = (c: Column) => {
    const values = c.values.map((value) => on(c, value ?? 0));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return Array.from({ length: cells }, (_, i) => low + ((high - low) * i) / (cells - 1));
  };
  const [gx, gy] = [axis(cx), axis(cy)];
  const span = (g: number[]) => (g[g.length - 1] ?? 1) - (g[0] ?? 0) || 1;
  const grid_z = gy.map((v) =>
    gx.map((u) => {
      let [sum, weight] = [0, 0];
      trials.forEach((_, i) => {
        const dx = (on(cx, cx.values[i] ?? 0) - u) / span(gx);
        const dy = (on(cy, cy.values[i] ?? 0) - v) / span(gy);
        const w = Math.exp(-(dx * dx + dy * dy) / 0.01);
        sum += w * (cz.values[i] ?? 0);
        weight += w;
      });
      return weight < 1e-3 ? null : sum / weight;
    }),
  );
  const back = (c: Column, grid: number[]) => (c.log ? grid.map(Math.exp) : grid);
  return {
    revision: study.revision,
    total: all.length,
    shown: trials.length,
    x,
    y,
    z,
    x_log: cx.log,
    y_log: cy.log,
    grid_x: trials.length > 0 ? back(cx, gx) : [],
    grid_y: trials.length > 0 ? back(cy, gy) : [],
    grid_z: trials.length > 0 ? grid_z : [],
    points: {
      numbers: trials.map((trial) => trial.number),
      x: cx.values,
      y: cy.values,
      z: cz.values,
    },
    notes: [],
  };
}

function importance(study: MockStudy, args: URLSearchParams): Importance {
  const trials = filtered(study, args).filter((trial) => trial.state === 'Complete');
  const weights = study.parameters.map((_, i) => 0.55 ** i);
  const total = weights.reduce((a, b) => a + b, 0);
  return {
    revision: study.revision,
    total: trials.length,
    shown: trials.length,
    metric: args.get('metric') ?? study.objectives[0]?.metric ?? '',
    method: args.get('method') === 'ped-anova' ? 'PED-ANOVA' : 'fANOVA',
    parameters: study.parameters.map((parameter, i) => {
      const share = (weights[i] ?? 0) / total;
      return {
        name: parameter.name,
        share,
        low: 0.8 * share,
        high: Math.min(1, 1.2 * share),
        n: trials.length,
      };
    }),
    notes: trials.length < 20 ? ['Few trials: the intervals are wide.'] : [],
  };
}

function curves(study: MockStudy, args: URLSearchParams): Curves {
  const metric = args.get('metric') ?? study.report_metrics[0] ?? '';
  const group_by = args.get('group') ?? '';
  const all = filtered(study, args).filter((trial) => trial.reports.length > 0);
  const trials = thinned(all, Math.min(500, numberOr(args.get('curves'), 100)));
  const groups = group_by === '' ? undefined : column(study, group_by, trials);
  const byStep = new Map<number, number[]>();
  for (const trial of all)
    for (const { step, metrics } of trial.reports) {
      const at = byStep.get(step) ?? [];
      at.push(metrics[metric] ?? 0);
      byStep.set(step, at);
    }
  const at = (values: number[], q: number) => values[Math.floor(q * (values.length - 1))] ?? 0;
  return {
    revision: study.revision,
    total: all.length,
    shown: trials.length,
    metric,
    group_by,
    groups: groups?.labels ?? [],
    curves: trials.map((trial, i) => ({
      number: trial.number,
      state: trial.state,
      group: groups?.kind === 'category' ? (groups.values[i] ?? null) : null,
      steps: trial.reports.map((report) => report.step),
      values: trial.reports.map((report) => report.metrics[metric] ?? null),
    })),
    bands: [...byStep]
      .sort(([a], [b]) => a - b)
      .map(([step, values]) => {
        values.sort((a, b) => a - b);
        const n = values.length;
        return { step, n, low: at(values, 0.25), median: at(values, 0.5), high: at(values, 0.75) };
      }),
  };
}

function timeline(study: MockStudy, args: URLSearchParams): Timeline {
  const all = filtered(study, args).filter((trial) => trial.started_ms !== null);
  const trials = thinned(all, numberOr(args.get('points'), 2000));
  const workers = [...new Set(trials.map((trial) => trial.worker))].sort();
  return {
    revision: study.revision,
    total: all.length,
    shown: trials.length,
    workers,
    now_ms: Date.now(),
    spans: trials.map((trial) => ({
      number: trial.number,
      lane: 0,
      worker: workers.indexOf(trial.worker),
      from_ms: trial.started_ms ?? 0,
      to_ms: trial.ended_ms,
      state: trial.state,
    })),
  };
}

function front(study: MockStudy, args: URLSearchParams): Front {
  const names = study.objectives.map((objective) => objective.metric);
  const all = filtered(study, args).filter((t) => names.every((n) => t.metrics[n] !== undefined));
  const trials = thinned(all, numberOr(args.get('points'), 2000));
  const loss = (trial: MockTrial) =>
    study.objectives.map(
      ({ metric, direction }) => (trial.metrics[metric] ?? 0) * (direction === 'maximize' ? -1 : 1),
    );
  const losses = all.map(loss);
  const dominated = (a: number[]) =>
    losses.some((b) => b.every((v, i) => v <= (a[i] ?? 0)) && b.some((v, i) => v < (a[i] ?? 0)));
  return {
    revision: study.revision,
    total: all.length,
    shown: trials.length,
    objectives: study.objectives,
    columns: ['number', ...names.map((n) => `metrics.${n}`)].map((n) => column(study, n, trials)),
    front: all.filter((_, i) => !dominated(losses[i] ?? [])).map((trial) => trial.number),
  };
}

function points(study: MockStudy, args: URLSearchParams): Points {
  const all = filtered(study, args);
  const trials = thinned(all, numberOr(args.get('points'), 2000));
  const names = args.get('columns')?.split(',') ?? columnsOf(study).map((c) => c.name);
  return {
    revision: study.revision,
    total: all.length,
    shown: trials.length,
    columns: names.map((name) => column(study, name, trials)),
  };
}

const kFigures = { points, history, contour, importance, curves, timeline, front };

/** A number is JSON; text is plain text. */
export type MockAnswer = object | string;

function csv(study: MockStudy, args: URLSearchParams): string {
  const columns = args.get('columns')?.split(',') ?? columnsOf(study).map((c) => c.name);
  const lines = filtered(study, args).map((trial) =>
    columns.map((name) => String(cell(trial, name) ?? '')).join(','),
  );
  return [columns.join(','), ...lines, ''].join('\n');
}

function change(study: MockStudy, what: string, body: unknown): MockAnswer {
  const next = study.trials.length;
  if (what === 'enqueue') {
    const { params } = body as { params: MockTrial['params'] };
    study.trials.push({ ...emptyTrial(next), params });
    return { number: next };
  }
  const trial = study.trials[Number(what.split(' ')[1])];
  if (!trial) throw new Refused(404, 'There is no such trial.');
  if (what.startsWith('stop')) {
    trial.state = 'Pruned';
    trial.reason = 'Stopped from the page.';
    trial.ended_ms = Date.now();
    return { done: true };
  }
  study.trials.push({ ...emptyTrial(next), params: trial.params, retry_of: trial.number });
  return { number: next };
}

function putNote(owner: { note: Note }, body: unknown): Note {
  const note = body as Note;
  if (note.version !== owner.note.version)
    throw new Refused(
      409,
      'The note was changed meanwhile: read it again and merge the two texts.',
    );
  owner.note = { text: note.text, version: note.version + 1 };
  return owner.note;
}

/** The answer to a request for a path below /api/. Throws Refused. */
export function answer(
  studies: MockStudy[],
  method: string,
  url: URL,
  body: unknown,
  token: string | undefined,
): MockAnswer {
  if (method !== 'GET' && method !== 'HEAD' && token !== kToken)
    throw new Refused(403, 'The header X-CSRF-Token is missing or wrong.');
  const args = url.searchParams;
  if (url.pathname === '/api/session')
    return {
      version: '0.4.0 (mock)',
      storage: 'mock studies',
      control: true,
      csrf: kToken,
    } satisfies Session;
  if (url.pathname === '/api/studies')
    return { studies: studies.map(summaryOf) } satisfies StudyList;
  const found = /^\/api\/studies\/(\d+)(.*)$/.exec(url.pathname);
  const study = studies.find((known) => known.id === Number(found?.[1]));
  if (!study) throw new Refused(404, `There is no study ${found?.[1] ?? ''}.`);
  const rest = found?.[2] ?? '';
  const number = /^\/trials\/(\d+)/.exec(rest)?.[1];
  const trial = number === undefined ? undefined : study.trials[Number(number)];
  if (number !== undefined && !trial) throw new Refused(404, `There is no trial ${number}.`);
  const figure = /^\/figures\/([a-z]+)$/.exec(rest)?.[1];
  if (figure && figure in kFigures) return kFigures[figure as keyof typeof kFigures](study, args);
  const deed = method === 'GET' ? '' : `${method} `;
  switch (`${deed}${rest.replace(/\d+/, 'N')}`) {
    case '':
      return studyAnswer(study);
    case '/claims':
      return claimsAnswer(study);
    case '/trials':
      return rows(study, args);
    case '/trials.csv':
      return csv(study, args);
    case '/note':
      return study.note;
    case 'PUT /note':
      return putNote(study, body);
    case 'POST /trials':
      return change(study, 'enqueue', body);
  }
  if (trial) {
    switch (`${deed}${rest.replace(/\d+/, 'N')}`) {
      case '/trials/N':
        return trialAnswer(study, trial);
      case '/trials/N/note':
        return trial.note;
      case 'PUT /trials/N/note':
        return putNote(trial, body);
      case '/trials/N/output':
        return trial.reports.map((r) => `epoch ${r.step}: ${JSON.stringify(r.metrics)}\n`).join('');
      case 'POST /trials/N/stop':
        return change(study, `stop ${trial.number}`, body);
      case 'POST /trials/N/retry':
        return change(study, `retry ${trial.number}`, body);
    }
  }
  throw new Refused(404, `There is nothing at ${url.pathname}.`);
}
