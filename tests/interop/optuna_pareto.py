"""Writes what Optuna says about dominance, crowding and hypervolume, for pareto_test.

usage: optuna_pareto.py > ../unit/golden/pareto.json
"""

import json

import numpy as np
import optuna
from optuna._hypervolume import compute_hypervolume
from optuna.samplers.nsgaii._elite_population_selection_strategy import (
    NSGAIIElitePopulationSelectionStrategy,
)
from optuna.samplers.nsgaii._elite_population_selection_strategy import _calc_crowding_distance
from optuna.study._multi_objective import _fast_non_domination_rank

INF = float("inf")


def as_trials(points):
    return [
        optuna.trial.FrozenTrial(
            number=i,
            state=optuna.trial.TrialState.COMPLETE,
            value=None,
            values=list(point),
            datetime_start=None,
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
            trial_id=i,
        )
        for i, point in enumerate(points)
    ]


def crowding(points):
    """Distances of the points, which need not be one front."""
    distances = _calc_crowding_distance(as_trials(points))
    return [distances[i] for i in range(len(points))]


def elite(points, count):
    """The numbers of those that live on."""
    study = optuna.create_study(directions=["minimize"] * len(points[0]))
    select = NSGAIIElitePopulationSelectionStrategy(population_size=count)
    return sorted(trial.number for trial in select(study, as_trials(points)))


def case(points, penalties=None, elite_of=None):
    points = np.asarray(points, dtype=float)
    result = {"dims": points.shape[1], "points": points.ravel().tolist()}
    if penalties is not None:
        penalties = np.asarray(penalties, dtype=float)
        result["penalties"] = penalties.tolist()
    result["ranks"] = _fast_non_domination_rank(points, penalty=penalties).tolist()
    result["crowding"] = crowding(points)
    if elite_of is not None:
        result["elite"] = elite(points, elite_of)
    if np.all(np.isfinite(points)):
        reference = points.max(axis=0) + 0.5
        result["reference"] = reference.tolist()
        result["hypervolume"] = float(compute_hypervolume(points, reference))
    return result


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rng = np.random.RandomState(20261123)
    cases = [
        case([[1.0, 2.0]]),
        case([[0.0, INF], [INF, 0.0], [-INF, INF], [1.0, 1.0], [INF, INF], [1.0, 1.0]]),
        case([[3.0, 3.0], [3.0, 3.0], [3.0, 3.0]]),
    ]
    for dims in (1, 2, 3, 4, 5):
        cases.append(case(rng.rand(40, dims), elite_of=17))
        # Few values, so that many coordinates and whole points are equal.
        cases.append(case(rng.randint(0, 4, size=(30, dims))))
        # A front: nothing is dominated.
        front = rng.rand(25, dims)
        cases.append(case(front / np.linalg.norm(front, axis=1, keepdims=True)))
        penalties = np.maximum(0, rng.randint(-3, 4, size=20))
        cases.append(case(rng.rand(20, dims), penalties))
    print(json.dumps({"optuna": optuna.__version__, "cases": cases}, indent=None))


main()
