"""Writes Optuna's PED-ANOVA densities and divergences, for ped_anova_test.

usage: optuna_ped_anova.py > ../unit/golden/ped_anova.json
"""

import json

import numpy as np
import optuna
from optuna.importance._ped_anova.scott_parzen_estimator import ScottParzenEstimator


def density(counts, numeric):
    cells = np.flatnonzero(counts)
    if numeric:
        domain = optuna.distributions.IntDistribution(0, len(counts) - 1)
    else:
        domain = optuna.distributions.CategoricalDistribution(list(range(len(counts))))
    estimator = ScottParzenEstimator(cells, domain, counts[cells], prior_weight=1.0)
    return estimator.pdf(np.arange(len(counts)))


def main():
    rng = np.random.RandomState(20261123)
    cases = []
    for numeric in (True, False):
        for cells, trials in ((2, 1), (2, 9), (5, 3), (5, 40), (50, 1), (50, 10), (50, 1000)):
            everything = np.sort(rng.randint(0, cells, size=trials))
            everything[: trials // 2] //= 2
            every = np.bincount(everything, minlength=cells)
            good = np.bincount(everything[: max(1, trials // 5)], minlength=cells)
            p, q = density(good, numeric), density(every, numeric)
            # As PedAnovaImportanceEvaluator._compute_pearson_divergence has it.
            divergence = (q + 1e-12) @ (((p + 1e-12) / (q + 1e-12) - 1) ** 2)
            cases.append(
                {
                    "numeric": numeric,
                    "good": good.tolist(),
                    "all": every.tolist(),
                    "good_density": p.tolist(),
                    "all_density": q.tolist(),
                    "divergence": float(divergence),
                }
            )
    print(json.dumps({"optuna": optuna.__version__, "cases": cases}))


main()
