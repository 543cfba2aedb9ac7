"""Writes what the package cmaes makes of given populations, for cma_test.

usage: cmaes_updates.py > ../unit/golden/cma.json
"""

import json

import cmaes
import numpy as np
from cmaes import CMA, SepCMA, get_warm_start_mgd

GENERATIONS = 12


def slope(x):
    """Ill-conditioned and correlated, so that every term of the update matters."""
    y = np.cumsum(x)
    return float(np.sum((10.0 ** np.arange(len(x))) * (y - 0.3) ** 2))


def case(kind, dims, population_size=None):
    make = {"full": CMA, "adapted": CMA, "diagonal": SepCMA}[kind]
    options = {"lr_adapt": True} if kind == "adapted" else {}
    optimizer = make(
        mean=np.full(dims, 0.5), sigma=0.2, seed=dims, population_size=population_size, **options
    )
    noise = np.random.RandomState(dims)
    generations = []
    for _ in range(GENERATIONS):
        points = [optimizer.ask() for _ in range(optimizer.population_size)]
        # Noise, so that there are contradictions to which a rate can adapt.
        values = [noise.normal() if kind == "adapted" else slope(x) for x in points]
        solutions = sorted(zip(points, values), key=lambda s: s[1])
        optimizer.tell(list(solutions))
        generations.append(
            {
                "ranked": [x.tolist() for x, _ in solutions],
                "mean": optimizer.mean.tolist(),
                "sigma": float(optimizer._sigma),
                "covariance": optimizer._C.flatten().tolist(),
                "rate": float(getattr(optimizer, "_eta_mean", 1.0)),
            }
        )
    if kind == "adapted":
        assert generations[-1]["rate"] < 0.9
    return {
        "kind": kind,
        "dims": dims,
        "population_size": optimizer.population_size,
        "generations": generations,
    }


def warm_start(dims, count):
    rng = np.random.RandomState(dims)
    tie = rng.uniform(-1, 1, size=(dims, dims))
    points = rng.uniform(size=(count, dims)) @ tie
    solutions = [(x, float(np.sum(x))) for x in points]
    mean, sigma, covariance = get_warm_start_mgd(solutions, gamma=0.1, alpha=0.1)
    best = sorted(solutions, key=lambda s: s[1])[: count // 10]
    return {
        "best": [x.tolist() for x, _ in best],
        "mean": mean.tolist(),
        "sigma": float(sigma),
        "covariance": covariance.flatten().tolist(),
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
                case("adapted", 2),
                case("adapted", 5),
            ],
            "warm_starts": [warm_start(1, 30), warm_start(2, 10), warm_start(4, 120)],
        }
    )
)
