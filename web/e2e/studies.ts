// Studies for the tests of the page: a program that takes milliseconds, and can be held.
import type { Workplace } from './program';

// With a folder `gates` a trial waits for gates/NUMBER.report, reports, and waits for
// gates/NUMBER.end. Accuracy falls with the distance from the best rate, more so without
// batch normalization.
const kTrial = `
hold() { while test -d gates && ! test -e gates/$HYPERTUNE_TRIAL.$1; do sleep 0.02; done; }
tell() { awk -v rate="$2" -v norm="$3" -v layers="$4" -v what="$1" 'BEGIN {
  far = log(rate) / log(10) + 2; if (far < 0) far = -far
  best = 0.95 - far * (norm == "true" ? 0.05 : 0.2) - layers / 100
  if (what == "result") printf "{\\"result\\": {\\"accuracy\\": %.6g}}\\n", best
  else for (s = 1; s <= 4; s++) printf "{\\"step\\": %d, \\"accuracy\\": %.6g}\\n", s, best * s / 5
}' >&"$HYPERTUNE_REPORT_FD"; }
echo "trial $HYPERTUNE_TRIAL has rate $1"
hold report
tell reports "$@"
hold end
tell result "$@"
`;

export interface StudyOptions {
  name?: string;
  samples?: number;
  workers?: number;
}

export function writeStudy(place: Workplace, options: StudyOptions = {}): string {
  const { name = 'small', samples = 12, workers = 2 } = options;
  place.write('trial.sh', kTrial);
  const file = `${name}.toml`;
  place.write(
    file,
    `
[study]
name = "${name}"
objectives = [{ metric = "accuracy", direction = "maximize" }]
seed = 7

[space]
batch_norm = { grid = [true, false] }
learning_rate = { float = [1e-4, 1e-1], log = true }
layers = { int = [1, 8] }
optimizer = { choice = ["adam", "sgd", "lamb"] }

[sampler]
name = "random"

[tune]
num_samples = ${samples}
paired = true
workers = ${workers}

[command]
argv = ["bash", "trial.sh", "{learning_rate}", "{batch_norm}", "{layers}"]

[experiment]
title = "A study for the tests of the page"
hypothesis = "Batch normalization helps."

[[experiment.claims]]
text = "Accuracy stays below two"
estimate = { mean = "accuracy" }
expect = "< 2"

[[experiment.claims]]
text = "Batch normalization raises accuracy"
estimate = { difference = "accuracy", between = "batch_norm" }
expect = "> 0"
`,
  );
  return file;
}

/** Runs a study to its end; returns its run folder. */
export function runStudy(place: Workplace, options: StudyOptions = {}): string {
  place.hypertune('run', writeStudy(place, options), '--quiet', '--no-figures');
  return `runs/${options.name ?? 'small'}`;
}

/** Gates at which the trials of studies wait from now on. */
export class Gates {
  readonly #place: Workplace;

  constructor(place: Workplace) {
    this.#place = place;
    place.write('gates/README', 'what opens trials');
  }

  report(trial: number): void {
    this.#place.write(`gates/${trial}.report`, '');
  }

  end(trial: number): void {
    this.report(trial);
    this.#place.write(`gates/${trial}.end`, '');
  }
}
