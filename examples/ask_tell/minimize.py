#!/usr/bin/env python3
# Works on a study from Python: asks for trials, reports their steps, tells their results.
import json
import math
import subprocess
import sys

STUDY = sys.argv[1]
NOTHING_TO_DO = 3


def hypertune(*arguments):
    """The JSON object that the command prints."""
    done = subprocess.run(["hypertune", *map(str, arguments), "--json"], stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, NOTHING_TO_DO):
        sys.exit(done.returncode)  # what is wrong was said already
    return json.loads(done.stdout)


def loss_at(params, step):
    steepness = 2 if params["kind"] == "steep" else 1
    return steepness * (params["x"] - 2) ** 2 + math.exp(-params["rate"] * step)


def evaluate(trial):
    fence = ("--lease", trial["lease"])
    for step in 1, 2, 3:
        told = hypertune("tell", STUDY, trial["trial"], *fence, "--step", step,
                         f"loss={loss_at(trial['params'], step)}")
        if told["decision"] != "continue":
            return told  # it was stopped: nothing more is told
    return hypertune("tell", STUDY, trial["trial"], *fence, f"loss={loss_at(trial['params'], 3)}")


while "trial" in (asked := hypertune("ask", STUDY)):
    print(asked["trial"], evaluate(asked)["state"])
print(asked["reason"])
