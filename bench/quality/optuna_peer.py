#!/usr/bin/env python3
"""Searches the problems of bench_quality with Optuna's samplers; bench/quality/quality runs it.

usage: bench/quality/optuna_peer.py --program build/bench_quality

Reads cells as JSON lines and answers each with one, as bench_quality does without options. It is
bench_quality --serve that evaluates the trials, so that both libraries search the same problem.
Samplers have the defaults that Optuna gives them.
"""

import argparse
import json
import subprocess
import sys
import time
import warnings

import optuna


def gp_sampler(seed, noisy):
    import torch

    torch.set_num_threads(1)
    return optuna.samplers.GPSampler(seed=seed, deterministic_objective=not noisy)


SAMPLERS = {
    "random": lambda seed, noisy: optuna.samplers.RandomSampler(seed=seed),
    "qmc": lambda seed, noisy: optuna.samplers.QMCSampler(seed=seed, scramble=True),
    "tpe": lambda seed, noisy: optuna.samplers.TPESampler(seed=seed),
    "cmaes": lambda seed, noisy: optuna.samplers.CmaEsSampler(seed=seed),
    "nsga2": lambda seed, noisy: optuna.samplers.NSGAIISampler(seed=seed),
    "gp": gp_sampler,
}


class Problems:
    """A process of bench_quality --serve."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        if "error" in reply:
            raise ValueError(reply["error"])
        return reply


def exists(parameter, params):
    """Conditions of the problems are Python too; one that names what does not exist is false."""
    if "when" not in parameter:
        return True
    try:
        return bool(eval(parameter["when"], {"__builtins__": {}}, params))
    except NameError:
        return False


def suggest(trial, parameters):
    params = {}
    for each in parameters:
        if not exists(each, params):
            continue
        name = each["name"]
        if each["kind"] == "float":
            value = trial.suggest_float(name, each["low"], each["high"], log=each["log"])
        elif each["kind"] == "int":
            value = trial.suggest_int(name, each["low"], each["high"], log=each["log"])
        else:
            value = trial.suggest_categorical(name, each["choices"])
        params[name] = value
    return params


def search(problems, cell):
    named = {key: cell[key] for key in ("problem", "instance", "seed")}
    problem = problems.ask(named)
    sampler = SAMPLERS[cell["sampler"]](cell["seed"], problem["noisy"])
    study = optuna.create_study(directions=["minimize"] * problem["objectives"], sampler=sampler)
    regrets = []
    begin = time.process_time()
    for trials in range(1, cell["budgets"][-1] + 1):
        trial = study.ask()
        reply = problems.ask({"params": suggest(trial, problem["parameters"])})
        study.tell(trial, reply["values"])
        if trials in cell["budgets"]:
            regrets.append(reply["regret"])
    return {"regrets": regrets, "seconds": time.process_time() - begin}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    problems = Problems(options.program)
    for line in sys.stdin:
        try:
            reply = search(problems, json.loads(line))
        except Exception as fault:  # the next cell may do better; the driver says what was wrong
            reply = {"error": f"{type(fault).__name__}: {fault}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
