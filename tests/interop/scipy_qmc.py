"""Writes points of SciPy's unscrambled Sobol and Halton sequences, for low_discrepancy_test.

usage: scipy_qmc.py > ../unit/golden/low_discrepancy.json
"""

import json

import scipy
from scipy.stats import qmc

SOBOL_INDICES = [0, 1, 2, 3, 1000, 699_050]
HALTON_INDICES = [0, 1, 2, 10, 1000, 99_999]
BITS = 32


def point(engine, index):
    engine.reset()
    if index > 0:  # SciPy does not take 0
        engine.fast_forward(index)
    return engine.random(1)[0]


sobol = qmc.Sobol(d=256, scramble=False, bits=BITS)
halton = qmc.Halton(d=100, scramble=False)
print(
    json.dumps(
        {
            "scipy": scipy.__version__,
            # In the order of the Gray code; coordinates times 2^32.
            "sobol": [
                {"index": i, "point": [int(x * 2**BITS) for x in point(sobol, i)]}
                for i in SOBOL_INDICES
            ],
            "halton": [{"index": i, "point": list(point(halton, i))} for i in HALTON_INDICES],
        }
    )
)
