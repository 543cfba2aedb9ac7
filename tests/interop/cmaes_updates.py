"""Writes what the package cmaes makes of given populations, for cma_test.

usage: cmaes_updates.py > ../unit/golden/cma.json
"""

import json

import cmaes
import numpy as np
from cmaes import CMA, SepCMA

GENERATIONS = 12


def slope(x):
    """Ill-conditioned and correlated, so that every term of the update matters."""
    y = np.cumsum(x)
    return float(np.sum((10.0 ** np.arange(len(x))) * (y - 0.3) ** 2))


def case(kind, dims, population_size=None):
    make = {"full": CMA, "diagonal": SepCMA}[kind]
    optimizer = make(
        mean=np.full(dims, 0.5), sigma=0.2, seed=dims, population_size=population_size
    )
    generations = []
    for _ in range(GENERATIONS):
        points = [optimizer.ask() for _ in range(optimizer.population_size)]
        solutions = sorted(((x, slope(x)) for x in points), key=lambda s: s[1])
        optimizer.tell(list(solutions))
        generations.append(
            {
                "ranked": [x.tolist() for x, _ in solutions],
                "mean": optimizer.mean.tolist(),
                "sigma": float(optimizer._sigma),
                "covariance": optimizer._C.flatten().tolist(),
            }
        )
    return {
        "kind": kind,
        "dims": dims,
        "population_size": optimizer.population_size,
        "generations": generations,
    }


print(
    json.dumps(
        {
            "cmaes": cmaes.__version__ if hasattr(cmaes, "__version__") else "",
            "cases": [
                case("full", 1),
                case("full", 2),
                case("full", 5),
                case("full", 3, population_size=21),
                case("diagonal", 2),
                case("diagonal", 6),
            ],
        }
    )
)
