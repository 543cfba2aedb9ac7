"""Writes the numbers by which our Gaussian processes are tested, computed by Optuna 5.0.

usage: gp_golden.py > tests/unit/golden/gp.json

It calls modules of Optuna that are not public, and so needs that version; with it SciPy and
PyTorch.
"""

import json

import numpy as np
import optuna
import torch
from optuna._gp import acqf, gp, prior
from optuna._hypervolume import get_non_dominated_box_bounds

PLACES = 14
QUERIES = 6


def listed(values):
    return torch.as_tensor(values).detach().numpy().tolist()


def places(rng, count, categories):
    x = rng.uniform(size=(count, len(categories)))
    for d, choices in enumerate(categories):
        if choices:
            x[:, d] = rng.randint(choices, size=count)
    return x


def process(seed, categories, weights, scale, noise):
    """A process with its evidence, predictions and acquisition."""
    rng = np.random.RandomState(seed)
    x = places(rng, PLACES, categories)
    y = np.sin(5 * x[:, 0]) + x.sum(axis=1)
    y = (y - y.mean()) / y.std()
    logs = torch.log(torch.tensor([*weights, scale, noise], dtype=torch.float64))
    logs.requires_grad_(True)
    regressor = gp.GPRegressor(
        torch.tensor([bool(c) for c in categories]),
        torch.from_numpy(x),
        torch.from_numpy(y),
        torch.exp(logs[:-2]),
        torch.exp(logs[-2]),
        torch.exp(logs[-1]),
    )
    evidence = regressor.marginal_log_likelihood() + prior.default_log_prior(regressor)
    evidence.backward()
    kernel = regressor.kernel()
    regressor._cache_matrix()
    queries = torch.from_numpy(places(rng, QUERIES, categories)).requires_grad_(True)
    mean, variance = regressor.posterior(queries)
    _, joint = regressor.posterior(queries.detach(), joint=True)
    # Optuna maximizes: what is to be smaller than `best` there exceeds -best.
    best = float(-y.min())
    log_ei = acqf.logei(-mean, variance + 1e-12, best)
    log_ei.sum().backward()
    fitted = gp.fit_kernel_params(
        x, y, np.array([bool(c) for c in categories]), prior.default_log_prior, 1e-6, False
    )
    fitted_evidence = fitted.marginal_log_likelihood() + prior.default_log_prior(fitted)
    return {
        "categories": [bool(c) for c in categories],
        "places": listed(x),
        "values": listed(y),
        "weights": list(weights),
        "scale": scale,
        "noise": noise,
        "kernel": listed(kernel),
        "log_evidence": evidence.item(),
        "log_evidence_gradient": listed(logs.grad),
        "fitted_log_evidence": fitted_evidence.item(),
        "queries": listed(queries),
        "means": listed(mean),
        "variances": listed(variance),
        "joint": listed(joint),
        "best": -best,
        "log_ei": listed(log_ei),
        "log_ei_gradient": listed(queries.grad),
    }


def improvements():
    z = [-1e5, -1e3, -100.0, -40.0, -25.5, -24.5, -10.0, -3.0, -1.0, -0.1, 0.0, 0.5, 2.0, 8.0, 40.0]
    tensor = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    values = acqf.standard_logei(tensor.clone())
    return {"z": z, "log": listed(values)}


def hypervolumes():
    """By 2^17 quasi-random samples, so that four digits or so are right."""
    rng = np.random.RandomState(3)
    samples = 1 << 17
    rows = []
    for objectives, points in [(2, 1), (2, 6), (3, 7), (4, 6)]:
        front = rng.uniform(size=(points, objectives))
        front = front[[not any((f <= p).all() and (f < p).any() for f in front) for p in front]]
        reference = np.full(objectives, 1.1)
        lower, upper = get_non_dominated_box_bounds(front[np.lexsort(front.T[::-1])], reference)
        mean = rng.uniform(0.0, 0.6, size=objectives)
        deviation = rng.uniform(0.05, 0.3, size=objectives)
        normal = acqf.sample_from_normal_sobol(objectives, samples, 1)
        drawn = torch.from_numpy(-mean) + torch.from_numpy(deviation) * normal
        value = acqf.logehvi(
            drawn,
            torch.from_numpy(-upper),
            torch.from_numpy(upper - lower).clamp_min(1e-12),
        )
        rows.append(
            {
                "front": listed(front),
                "reference": listed(reference),
                "means": listed(mean),
                "deviations": listed(deviation),
                "log": value.item(),
            }
        )
    return rows


print(
    json.dumps(
        {
            "optuna": optuna.__version__,
            "processes": [
                process(1, [0, 0], [1.0, 1.0], 1.0, 0.1),
                process(2, [0, 0, 0], [0.3, 4.0, 20.0], 0.7, 1e-4),
                process(3, [0, 3, 0, 2], [2.0, 0.5, 0.1, 1.5], 2.5, 0.02),
            ],
            "improvements": improvements(),
            "hypervolumes": hypervolumes(),
        },
        separators=(",", ":"),
    )
)
