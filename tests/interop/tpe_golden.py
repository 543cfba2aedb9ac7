"""Writes the numbers by which our Parzen estimators and the choice of good trials are tested,
computed by Optuna 5.0.

usage: tpe_golden.py > tests/unit/golden/tpe.json

It calls modules of Optuna that are not public, and so needs that version.
"""

import json
import math
import sys

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe import _truncnorm
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import _split_trials, default_weights
from optuna.trial import TrialState

POINTS = 12

# Of equal observations at an end of the axis, the outermost has the gap. Which one that is Optuna
# leaves to an unstable sort; here, as with us, the order of the observations decides.
argsort = np.argsort
np.argsort = lambda values, *args, **options: argsort(values, kind="stable")


def axis(distribution):
    if isinstance(distribution, CategoricalDistribution):
        return {"choices": len(distribution.choices)}
    return {
        "low": distribution.low,
        "high": distribution.high,
        "log": distribution.log,
        "step": distribution.step or 0,
    }


def draw(distribution, rng, size):
    if isinstance(distribution, CategoricalDistribution):
        return rng.randint(len(distribution.choices), size=size).astype(float)
    if distribution.log:
        x = np.exp(rng.uniform(math.log(distribution.low), math.log(distribution.high), size))
    else:
        x = rng.uniform(distribution.low, distribution.high, size)
    if distribution.step:
        x = distribution.low + distribution.step * np.round(
            (x - distribution.low) / distribution.step
        )
    return np.clip(x, distribution.low, distribution.high)


def estimator(space, observations, prior_weight):
    return _ParzenEstimator(
        observations,
        space,
        _ParzenEstimatorParameters(
            prior_weight=prior_weight,
            consider_magic_clip=True,
            consider_endpoints=False,
            weights=default_weights,
            multivariate=True,
        ),
    )


def attribute(distribution, name):
    return getattr(distribution, name).tolist() if hasattr(distribution, name) else []


def mixture(parzen):
    inner = parzen._mixture_distribution
    return {
        "weights": inner.weights.tolist(),
        # Of categories, Optuna keeps probabilities; the densities below test them.
        "means": [attribute(d, "mu") for d in inner.distributions],
        "deviations": [attribute(d, "sigma") for d in inner.distributions],
    }


def case(name, distributions, n_good, n_bad, prior_weight=1.0, seed=0):
    rng = np.random.RandomState(seed)
    space = {f"x{i}": distribution for i, distribution in enumerate(distributions)}
    good, bad, points = (
        {key: draw(distribution, rng, n) for key, distribution in space.items()}
        for n in (n_good, n_bad, POINTS)
    )
    below = estimator(space, good, prior_weight)
    above = estimator(space, bad, prior_weight)
    gain = TPESampler()._compute_acquisition_func(points, below, above)
    return {
        "name": name,
        "axes": [axis(distribution) for distribution in distributions],
        "prior_weight": prior_weight,
        "good": [values.tolist() for values in good.values()],
        "bad": [values.tolist() for values in bad.values()],
        "points": [values.tolist() for values in points.values()],
        "good_mixture": mixture(below),
        "bad_mixture": mixture(above),
        "log_density_good": below.log_pdf(points).tolist(),
        "log_density_bad": above.log_pdf(points).tolist(),
        "gain": gain.tolist(),
    }


def truncated_normals():
    rows = []
    intervals = [(-1, 1), (-0.3, 4), (0.5, 0.75), (2, 9), (-12, -3), (-40, -38), (-2e-3, 5e-3)]
    intervals.append((8, 30))
    for a, b in intervals:
        mass = _truncnorm._log_gauss_mass(np.array([float(a)]), np.array([float(b)]))[0]
        for q in (0.001, 0.1, 0.5, 0.77, 0.999):
            x = _truncnorm.ppf(q, float(a), float(b))[0]
            rows.append(
                {
                    "a": a,
                    "b": b,
                    "q": q,
                    "log_mass": float(mass),
                    "quantile": float(x),
                    "log_density": float(_truncnorm.logpdf(x, float(a), float(b))[0]),
                }
            )
    return rows


def split_trial(number, dims, rng, n_constraints):
    """A trial of any state; some values are whole, so that there are ties and repetitions."""
    states = [TrialState.COMPLETE] * 7 + [TrialState.PRUNED] * 2 + [TrialState.RUNNING]
    state = states[rng.randint(len(states))]
    values = np.round(rng.normal(size=dims) + 1, 3)
    if rng.uniform() < 0.3:
        values = np.round(values)
    reports = {}
    if dims == 1 and state == TrialState.PRUNED and rng.uniform() < 0.8:
        reports = {int(rng.randint(1, 4)): float(np.round(rng.normal(), 1))}
    # A running trial has measured nothing yet.
    measured = 0 if state == TrialState.RUNNING else n_constraints
    return optuna.trial.FrozenTrial(
        number=number,
        state=state,
        value=None,
        values=values.tolist() if state == TrialState.COMPLETE else None,
        datetime_start=None,
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={"constraints": np.round(rng.normal(-0.7, 1, size=measured), 3).tolist()}
        if measured
        else {},
        intermediate_values=reports,
        trial_id=number,
    )


def split(directions, trials, n_constraints=0, seed=0):
    rng = np.random.RandomState(seed)
    study = optuna.create_study(directions=directions)
    given = [split_trial(i, len(directions), rng, n_constraints) for i in range(trials)]
    finished = sum(trial.state != TrialState.RUNNING for trial in given)
    n_good = math.ceil(0.1 * finished)
    if len(directions) == 1:
        n_good = min(n_good, 25)
    good, bad = _split_trials(study, given, n_good)
    constraints = [list(trial.constraints.values()) for trial in given]
    assert sum(map(len, constraints)) == n_constraints * finished
    return {
        "directions": directions,
        "trials": [
            {
                "state": trial.state.name.lower(),
                "values": trial.values or [],
                "reports": [[step, value] for step, value in trial.intermediate_values.items()],
                "constraints": measured,
            }
            for trial, measured in zip(given, constraints)
        ],
        "good": [trial.number for trial in good],
        "bad": [trial.number for trial in bad],
    }


def main():
    if not optuna.__version__.startswith("5.0."):
        sys.exit(f"Optuna 5.0 is needed, not {optuna.__version__}")
    linear = FloatDistribution(-3, 5)
    logarithmic = FloatDistribution(1e-5, 1e-1, log=True)
    stepped = FloatDistribution(0, 0.5, step=0.05)
    whole = IntDistribution(1, 9, step=2)
    wide = IntDistribution(0, 100_000)
    log_whole = IntDistribution(1, 256, log=True)
    category = CategoricalDistribution(("a", "b", "c"))
    every_kind = [linear, logarithmic, stepped, whole, log_whole, category]
    result = {
        "optuna": optuna.__version__,
        "weights": {str(n): default_weights(n).tolist() for n in (0, 1, 10, 25, 26, 27, 40)},
        "truncated_normals": truncated_normals(),
        "mixtures": [
            case("linear", [linear], 3, 12, seed=1),
            case("logarithmic", [logarithmic], 5, 45, seed=2),
            case("stepped", [stepped], 3, 30, seed=3),
            case("whole", [whole], 4, 40, seed=4),
            case("wide", [wide], 4, 15, seed=5),
            case("log_whole", [log_whole], 4, 33, seed=6),
            case("category", [category], 4, 20, seed=7),
            case("one observation", [linear, logarithmic], 1, 2, seed=8),
            case("no observation", every_kind, 0, 6, seed=9),
            case("every kind", every_kind, 6, 50, seed=10),
            case("strong prior", every_kind, 5, 30, prior_weight=3.5, seed=11),
            case("more than a hundred", [linear, stepped], 10, 130, seed=12),
        ],
        "splits": [
            split(["minimize"], 60, seed=1),
            split(["maximize"], 290, seed=2),
            split(["minimize"], 12, n_constraints=2, seed=3),
            split(["maximize"], 90, n_constraints=3, seed=4),
            split(["minimize", "maximize"], 40, seed=5),
            split(["minimize", "minimize"], 300, seed=6),
            split(["maximize", "minimize", "minimize"], 200, seed=7),
            split(["minimize"] * 4, 160, seed=8),
            split(["minimize", "maximize"], 70, n_constraints=2, seed=9),
            split(["minimize", "minimize"], 25, n_constraints=8, seed=10),
        ],
    }
    json.dump(result, sys.stdout, separators=(",", ":"))
    print()


main()
