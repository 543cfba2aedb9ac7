"""Writes what Optuna's pruners decide, for the schedulers to be compared with.

usage: scheduler_decisions.py > tests/unit/golden/scheduler-decisions.json

Written with Optuna 5.0.0 and SciPy 1.17.1. Several trials run at a time, with a fixed seed. An
event is [trial, step, value, stopped] for a report and [trial, value] for a trial that completed.
"""

import json
import math
import random
import sys
import warnings

import optuna
import scipy.stats

GOLDEN_RATIO = 0x9E3779B97F4A7C15
WORKERS = 4


def bracket_of_number(pruner, study, trial):
    """The brackets that hypertune gives to trials, with the shares that Optuna computes."""
    if not pruner._pruners:
        return 0
    point = ((trial.number * GOLDEN_RATIO % 2**64) >> 11) * 2.0**-53
    budgets = pruner._trial_allocation_budgets
    total = 0
    for bracket, budget in enumerate(budgets):
        total += budget
        if point < total / sum(budgets):
            return bracket
    raise AssertionError("the shares do not add up to one")


def curve(rng, steps, digits):
    """Values to make small that fall, with noise, and sometimes rise again or overflow."""
    floor, height, rate = rng.random(), 2 * rng.random(), rng.uniform(0.05, 0.8)
    rise = rng.choice([0, 0, 0.05])
    values = [
        round(floor + height * math.exp(-rate * s) + rise * s + rng.gauss(0, 0.1), digits)
        for s in range(1, steps + 1)
    ]
    if rng.random() < 0.05:
        values[rng.randrange(steps)] = math.inf
    return values


def decisions(scheduler, pruner, options, *, seed, maximize=False, trials=24, steps=12,
              stride=1, digits=2):
    rng = random.Random(seed)
    study = optuna.create_study(pruner=pruner, direction="maximize" if maximize else "minimize")
    events, running, asked = [], [], 0
    while running or asked < trials:
        while len(running) < WORKERS and asked < trials:
            values = curve(rng, steps, digits)
            running.append((study.ask(), [-v if maximize else v for v in values]))
            asked += 1
        trial, values = rng.choice(running)
        done = len(study.trials[trial.number].intermediate_values)
        if done == steps:
            study.tell(trial, values[-1])
            events.append([trial.number, values[-1]])
        else:
            trial.report(values[done], stride * (done + 1))
            stop = trial.should_prune()
            events.append([trial.number, stride * (done + 1), values[done], int(stop)])
            if not stop:
                continue
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        running = [entry for entry in running if entry[0] is not trial]
    return {"scheduler": scheduler, "options": options, "maximize": maximize, "events": events}


def every_decision():
    pruners = optuna.pruners
    cases = []
    for maximize in (False, True):
        cases += [
            decisions("median", pruners.MedianPruner(n_startup_trials=3), {"startup_trials": 3},
                      seed=1, maximize=maximize),
            decisions("percentile",
                      pruners.PercentilePruner(30.0, 4, 2, 3, n_min_trials=2),
                      {"percentile": 30, "startup_trials": 4, "warmup_steps": 2,
                       "interval_steps": 3, "min_trials": 2},
                      seed=2, maximize=maximize, trials=40),
            decisions("asha", pruners.SuccessiveHalvingPruner(1, 3, 0), {"reduction_factor": 3},
                      seed=3, maximize=maximize, trials=40),
            decisions("asha", pruners.SuccessiveHalvingPruner(2, 2, 0),
                      {"min_resource": 2, "reduction_factor": 2},
                      seed=4, maximize=maximize, stride=3),
            decisions("hyperband", pruners.HyperbandPruner(1, 27, 3), {"max_resource": 27},
                      seed=5, maximize=maximize, trials=60, steps=13, stride=2),
            decisions("wilcoxon", pruners.WilcoxonPruner(), {},
                      seed=6, maximize=maximize, digits=1),
            decisions("wilcoxon", pruners.WilcoxonPruner(p_threshold=0.2, n_startup_steps=5),
                      {"p_threshold": 0.2, "startup_steps": 5},
                      seed=7, maximize=maximize, steps=20, digits=6),
            decisions("patience", pruners.PatientPruner(None, 3, 0.05),
                      {"patience": 3, "tolerance": 0.05}, seed=8, maximize=maximize),
        ]
    cases += [
        decisions("patience of median", pruners.PatientPruner(pruners.MedianPruner(), 1, 0.0),
                  {"patience": 1}, seed=9, trials=40),
        decisions("threshold", pruners.ThresholdPruner(0.1, 1.8, 2, 2),
                  {"lower": 0.1, "upper": 1.8, "warmup_steps": 2, "interval_steps": 2}, seed=10),
        decisions("threshold", pruners.ThresholdPruner(upper=1.0), {"upper": 1.0}, seed=11),
    ]
    return cases


def signed_rank_tests():
    """Without ties, with ties up to 13 differences, without zeros above 50: there SciPy's p-value
    is the exact one, or the same approximation."""
    rng = random.Random(12)
    tests = []
    for n, digits in [(2, 9), (5, 9), (20, 9), (50, 9), (3, 0), (8, 0), (13, 0), (60, 1), (80, 9)]:
        shift = rng.uniform(-0.5, 1)
        values = [round(rng.gauss(shift, 1), digits) for _ in range(n)]
        if n > 50:
            values = [v or 0.1 for v in values]
        p = scipy.stats.wilcoxon(values, alternative="greater", zero_method="zsplit").pvalue
        tests.append({"differences": values, "p": float(p)})
    return tests


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    optuna.pruners.HyperbandPruner._get_bracket_id = bracket_of_number
    lines = [json.dumps(case) for case in every_decision()]
    tests = [json.dumps(test) for test in signed_rank_tests()]
    sys.stdout.write('{"decisions": [\n' + ",\n".join(lines) + '\n],\n"signed_rank": [\n')
    sys.stdout.write(",\n".join(tests) + "\n]}\n")


if __name__ == "__main__":
    main()
