#!/usr/bin/env python3
"""Runs trials on a store of Optuna's; bench/speed/storage runs several of them at once.

usage: bench/speed/storage_peer.py URL --study NAME --trials N

Says that it is ready, waits for a line, works, and says how long that took. The trials are those of
bench_storage: three parameters, four reports, random search.
"""

import argparse
import json
import sys
import time
import warnings

import optuna


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    trial.suggest_float("learning_rate", 1e-5, 1e-1, log=True)
    trial.suggest_int("units", 1, 100)
    for step in range(1, 5):
        trial.report(x * x + 1 / step, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return x * x


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--study", required=True)
    parser.add_argument("--trials", type=int, required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name=options.study,
        storage=options.url,
        direction="minimize",
        sampler=optuna.samplers.RandomSampler(),
        pruner=optuna.pruners.NopPruner(),
        load_if_exists=True,
    )
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    begin = time.perf_counter()
    study.optimize(objective, n_trials=options.trials)
    took = time.perf_counter() - begin
    print(json.dumps({"seconds": took, "trials": options.trials}), flush=True)


if __name__ == "__main__":
    main()
