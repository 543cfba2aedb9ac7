"""Writes how Optuna normalizes objectives and assigns them to niches, for niching_test.

usage: optuna_niching.py > ../unit/golden/niching.json
"""

import json

import numpy as np
import optuna
from optuna.samplers._nsgaiii import _elite_population_selection_strategy as nsga3

INF = float("inf")


class Trial:
    def __init__(self, values):
        self.values = values


def case(points, divisions):
    points = np.asarray(points, dtype=float)
    directions = nsga3._generate_default_reference_point(points.shape[1], divisions)
    normalized = nsga3._normalize_objective_values(nsga3._filter_inf([Trial(p) for p in points]))
    closest, distances = nsga3._associate_individuals_with_reference_points(normalized, directions)
    # Optuna goes on with intercepts behind the ideal point, and we do not.
    assert np.all(normalized >= 0)
    return {
        "dims": points.shape[1],
        "divisions": divisions,
        "points": points.ravel().tolist(),
        "normalized": normalized.ravel().tolist(),
        "directions": len(directions),
        "closest": directions[closest].ravel().tolist(),
        "distances": distances.tolist(),
    }


def main():
    rng = np.random.RandomState(20261123)
    cases = [
        # No plane: all on one line, and all the same.
        case([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]], 3),
        case([[5.0, 5.0, 5.0], [5.0, 5.0, 5.0]], 2),
        case([[0.0, 3.0], [INF, 1.0], [2.0, -INF], [1.0, 2.0]], 4),
    ]
    for dims, divisions in ((1, 3), (2, 7), (3, 4), (4, 3), (5, 2)):
        sphere = np.abs(rng.randn(30, dims))
        sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
        scales = 10.0 ** np.arange(dims)
        # The corners make sure of the plane.
        corners = np.eye(dims) * 1.5
        cases.append(case(np.concatenate([sphere, corners]) * scales - 3, divisions))
    print(json.dumps({"optuna": optuna.__version__, "cases": cases}))


main()
