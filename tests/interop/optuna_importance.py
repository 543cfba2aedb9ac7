"""Writes what Optuna finds important in two made-up studies, for importance_test.

usage: optuna_importance.py > ../unit/golden/importance.json   (needs scikit-learn)

fANOVA is random: its shares are averaged over seeds, with their standard deviation. PED-ANOVA is not.
"""

import json
import math
import random

import optuna
import sklearn
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

SEEDS = 20


def study_of(rows, domains):
    study = optuna.create_study()
    for row in rows:
        study.add_trial(
            optuna.trial.create_trial(
                params=row["params"],
                distributions={name: domains[name] for name in row["params"]},
                value=row["loss"],
            )
        )
    return study


def plain_rows(chance):
    """Three numbers, one of which matters alone, one in a pair, one not at all; and a switch."""
    rows = []
    for _ in range(150):
        params = {
            "alone": round(chance.uniform(-2, 2), 4),
            "paired": round(chance.uniform(0, 1), 4),
            "idle": round(chance.uniform(10, 20), 4),
            "switch": chance.random() < 0.5,
        }
        sign = 1 if params["switch"] else -1
        loss = params["alone"] ** 2 + 2 * sign * params["paired"] + chance.gauss(0, 0.1)
        rows.append({"params": params, "loss": round(loss, 5)})
    return rows


PLAIN = {
    "alone": FloatDistribution(-2, 2),
    "paired": FloatDistribution(0, 1),
    "idle": FloatDistribution(10, 20),
    "switch": CategoricalDistribution([False, True]),
}

MIXED = {
    "rate": FloatDistribution(1e-5, 1e-1, log=True),
    "stepped": FloatDistribution(0, 3, step=0.25),
    "layers": IntDistribution(1, 9),
    "units": IntDistribution(4, 300, log=True),
    "kind": CategoricalDistribution(["a", "b", "c"]),
    "momentum": FloatDistribution(0, 1),
    "fixed": IntDistribution(3, 3),
}


def mixed_rows(chance):
    """Every kind of domain; `momentum` exists only where kind is "b"."""
    rows = []
    for _ in range(130):
        params = {
            "rate": 10 ** round(chance.uniform(-5, -1), 3),
            "stepped": 0.25 * chance.randrange(13),
            "layers": chance.randint(1, 9),
            "units": chance.randint(4, 300),
            "kind": chance.choice(["a", "b", "c"]),
            "fixed": 3,
        }
        loss = abs(math.log10(params["rate"]) + 3) + 0.1 * params["layers"]
        if params["kind"] == "b":
            params["momentum"] = round(chance.uniform(0, 1), 4)
            loss += 2 * params["momentum"] - 0.8
        rows.append({"params": params, "loss": round(loss, 2)})
    return rows


def main():
    chance = random.Random(20261123)
    plain = plain_rows(chance)
    found = [
        FanovaImportanceEvaluator(seed=seed).evaluate(study_of(plain, PLAIN))
        for seed in range(SEEDS)
    ]
    fanova = {}
    for name in PLAIN:
        shares = [one[name] for one in found]
        mean = sum(shares) / SEEDS
        spread = math.sqrt(sum((share - mean) ** 2 for share in shares) / SEEDS)
        fanova[name] = {"mean": mean, "spread": spread}
    mixed = mixed_rows(chance)
    ped_anova = optuna.importance.get_param_importances(
        study_of(mixed, MIXED), evaluator=PedAnovaImportanceEvaluator()
    )
    print(
        json.dumps(
            {
                "optuna": optuna.__version__,
                "scikit-learn": sklearn.__version__,
                "plain": {"trials": plain, "fanova": fanova},
                "mixed": {"trials": mixed, "ped_anova": ped_anova},
            }
        )
    )


optuna.logging.set_verbosity(optuna.logging.WARNING)
main()
