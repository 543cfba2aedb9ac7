#!/usr/bin/env python3
"""Writes the BBOB values that tests/unit/benchmark_problems_test.cpp compares with.

usage: tests/interop/bbob_values.py > tests/unit/golden/bbob.json

The peer is bbobbenchmarks of the package cma (4.5.0), which draws the published instances. One
instance of each function in each dimension, at three points, the last of them outside of [-5, 5].
"""

import json
import math
import warnings

import numpy as np

warnings.simplefilter("ignore")
from cma import bbobbenchmarks  # noqa: E402


def points(dims):
    """Points that lie about without any pattern: multiples of the golden section."""
    section = (math.sqrt(5) - 1) / 2
    rows = []
    for row, half_width in enumerate((4.8, 2.5, 5.6)):
        at = [((row * dims + i + 1) * section) % 1 for i in range(dims)]
        rows.append([round(half_width * (2 * u - 1), 3) for u in at])
    return rows


def main():
    cases = []
    for number in range(1, 25):
        for dims in (2, 5, 10):
            instance = 1 + (number + dims) % 15
            function, best = bbobbenchmarks.instantiate(number, instance)
            values = [float(function(np.array(x))) for x in points(dims)]
            cases.append(
                {
                    "function": number,
                    "instance": instance,
                    "best": float(best),
                    "optimum": [float(x) for x in np.ravel(function.xopt)],
                    "values": values,
                }
            )
    lines = ",\n  ".join(json.dumps(case) for case in cases)
    every = json.dumps({str(dims): points(dims) for dims in (2, 5, 10)})
    print(f'{{"points": {every},\n"cases": [\n  {lines}\n]}}')


if __name__ == "__main__":
    main()
