#!/usr/bin/env python3
"""Times asking and telling with Optuna, in memory; bench/speed/speed runs it.

usage: bench/speed/optuna_peer.py

Answers the lines that bench_speed answers: the same space, the same values, the same number of
finished trials. Samplers have the defaults that Optuna gives them.
"""

import json
import math
import os
import random
import sys
import time
import warnings

import optuna
from optuna.distributions import FloatDistribution, IntDistribution

SPACE = {
    **{f"real{i}": FloatDistribution(-5, 5) for i in range(4)},
    **{f"log{i}": FloatDistribution(1e-5, 1e-1, log=True) for i in range(3)},
    **{f"whole{i}": IntDistribution(1, 100) for i in range(3)},
}
NAMES = {
    "random": "RandomSampler",
    "tpe": "TPESampler",
    "cmaes": "CmaEsSampler",
    "nsga2": "NSGAIISampler",
    "gp": "GPSampler",
}


def measured(params, objectives):
    def unit(name, value):
        domain = SPACE[name]
        if name.startswith("log"):
            return (math.log(value) - math.log(domain.low)) / math.log(domain.high / domain.low)
        return (value - domain.low) / (domain.high - domain.low)

    units = [unit(name, value) for name, value in params.items()]
    return [sum((u - middle) ** 2 for u in units) for middle in (0.3, 0.7)[:objectives]]


def suggested(trial):
    params = {}
    for name, domain in SPACE.items():
        if name.startswith("whole"):
            params[name] = trial.suggest_int(name, domain.low, domain.high)
        else:
            params[name] = trial.suggest_float(name, domain.low, domain.high, log=domain.log)
    return params


class Subject:
    def __init__(self, sampler, objectives, trials, searched):
        if sampler == "gp":
            import torch

            torch.set_num_threads(1)
        self.objectives = objectives
        made = getattr(optuna.samplers, NAMES[sampler])(seed=1)
        self.study = optuna.create_study(directions=["minimize"] * objectives, sampler=made)
        self.fill(max(0, trials - searched))
        for _ in range(max(0, trials - searched), trials):
            self.ask_and_tell()

    def fill(self, count):
        rng = random.Random(1)
        trials = []
        for _ in range(count):
            params = {}
            for name, domain in SPACE.items():
                if name.startswith("log"):
                    low, high = math.log(domain.low), math.log(domain.high)
                    params[name] = math.exp(rng.uniform(low, high))
                elif name.startswith("whole"):
                    params[name] = rng.randint(domain.low, domain.high)
                else:
                    params[name] = rng.uniform(domain.low, domain.high)
            values = measured(params, self.objectives)
            trials.append(
                optuna.trial.create_trial(params=params, distributions=SPACE, values=values)
            )
        self.study.add_trials(trials)

    def ask_and_tell(self):
        begin = time.perf_counter()
        trial = self.study.ask()
        params = suggested(trial)
        took = time.perf_counter() - begin
        values = measured(params, self.objectives)
        begin = time.perf_counter()
        self.study.tell(trial, values)
        return took + time.perf_counter() - begin


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Bench:
    subject = None

    def answer(self, line):
        if "prepare" in line:
            self.subject = Subject(**line["prepare"])
            return {}
        if "time" in line:
            return {"seconds": [self.subject.ask_and_tell() for _ in range(line["time"])]}
        before = resident_bytes()
        trials = line.get("noop") or line["memory"]
        subject = Subject("random", 1, 0, 0)
        begin = time.perf_counter()
        for _ in range(trials):
            subject.ask_and_tell()
        if "noop" in line:
            return {"seconds": time.perf_counter() - begin}
        return {"bytes_of_a_trial": (resident_bytes() - before) / trials}


def main():
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    bench = Bench()
    for line in sys.stdin:
        try:
            reply = bench.answer(json.loads(line))
        except Exception as fault:  # the next line may do better; the driver says what was wrong
            reply = {"error": f"{type(fault).__name__}: {fault}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
