#!/usr/bin/env python3
"""Makes tables and a figure of what bench/quality/quality found.

usage: bench/quality/analyze.py values.csv [--out FOLDER] [--figure docs/images/search-quality.svg]

Writes into the folder: summary.csv, pairs.csv and tables.md; and the figure where it is said.

Of each problem and budget the normalized regret is 0 at the best that there is and 1 at the median
of random search (of both libraries). A sampler's mean is over problems, each with the mean of its
seeds, cut off at 2; its 95 % interval is a bootstrap over problems. Ranks are those of the samplers
on one problem, by the median of the seeds; equals share theirs. A pair, ours and Optuna's of one
name, is compared by the signed-rank test over problems (mean normalized regret of each), two-sided,
with Holm's correction over all pairs and budgets. Needs numpy and scipy.
"""

import argparse
import collections
import csv
import pathlib
import sys

import numpy
from scipy import stats

# What is cut off: one hopeless problem must not decide a mean.
WORST = 2.0
# Regrets below this share of random search's are solved: digits, not skill.
SOLVED = 1e-9


def read(path):
    """values[budget][problem][label] = {seed: regret}"""
    values = collections.defaultdict(lambda: collections.defaultdict(dict))
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            label = f"{row['library']} {row['sampler']}"
            cell = values[int(row["budget"])][row["problem"]].setdefault(label, {})
            cell[int(row["seed"])] = max(0.0, float(row["value"]))
    return values


def normalized(problems):
    """regrets[problem][label] = array over seeds, in units of random search; complete problems."""
    regrets = {}
    for problem, cells in problems.items():
        random = [v for label, cell in cells.items() if label.endswith(" random")
                  for v in cell.values()]
        if not random:
            continue
        scale = numpy.median(random)
        if scale <= 0:
            continue  # random search solves it: nothing to compare
        regrets[problem] = {
            label: numpy.array([cell[seed] for seed in sorted(cell)]) / scale
            for label, cell in cells.items()
        }
    return regrets


def mean_of(seeds):
    return float(numpy.minimum(seeds, WORST).mean())


def interval(of_problems, rng):
    """The bootstrap's 95 % interval of the mean over problems."""
    array = numpy.array(of_problems)
    draws = rng.integers(0, len(array), size=(2000, len(array)))
    return numpy.quantile(array[draws].mean(axis=1), [0.025, 0.975])


def ranks(regrets, labels):
    """The average rank of each label over the problems on which all of them ran."""
    shared = [p for p, cells in regrets.items() if all(label in cells for label in labels)]
    if not shared:
        return {}, 0
    table = []
    for problem in shared:
        medians = [numpy.median(regrets[problem][label]) for label in labels]
        table.append(stats.rankdata([0 if m < SOLVED else m for m in medians]))
    return dict(zip(labels, numpy.mean(table, axis=0))), len(shared)


def summarize(budget, regrets):
    rng = numpy.random.default_rng(0)
    labels = sorted({label for cells in regrets.values() for label in cells})
    everywhere = [label for label in labels if not label.endswith(" cmaes")]
    # cmaes takes one objective only: its ranks are among those problems.
    several = {p for p, cells in regrets.items()
               if not any(label.endswith(" cmaes") for label in cells)}
    of_one = {p: cells for p, cells in regrets.items() if p not in several}
    rank, count = ranks(regrets, everywhere)
    rank_of_one, count_of_one = ranks(of_one, labels)
    rows = []
    for label in labels:
        means = [mean_of(cells[label]) for cells in regrets.values() if label in cells]
        low, high = interval(means, rng)
        rows.append({
            "budget": budget,
            "sampler": label,
            "problems": len(means),
            "regret": round(float(numpy.mean(means)), 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
            "rank": round(float(rank[label]), 2) if label in rank else "",
            "rank_problems": count if label in rank else "",
            "rank_one_objective": round(float(rank_of_one[label]), 2) if rank_of_one else "",
            "rank_one_objective_problems": count_of_one,
        })
    return sorted(rows, key=lambda row: row["regret"])


def compare_pairs(by_budget):
    """Ours against Optuna's of the same name; p after Holm's correction."""
    rows = []
    for budget, regrets in sorted(by_budget.items()):
        names = {label.split()[1] for cells in regrets.values() for label in cells}
        for name in sorted(names):
            ours, theirs = f"hypertune {name}", f"optuna {name}"
            both = [
                (mean_of(cells[ours]), mean_of(cells[theirs]))
                for cells in regrets.values()
                if ours in cells and theirs in cells
            ]
            if len(both) < 2:
                continue
            difference = numpy.array([a - b for a, b in both])
            differs = numpy.any(numpy.abs(difference) > SOLVED)
            p = float(stats.wilcoxon(difference, zero_method="zsplit").pvalue) if differs else 1.0
            signed = numpy.sign(difference) * stats.rankdata(numpy.abs(difference))
            rows.append({
                "budget": budget,
                "sampler": name,
                "problems": len(both),
                "better": int((difference < -SOLVED).sum()),
                "worse": int((difference > SOLVED).sum()),
                "mean_difference": round(float(difference.mean()), 4),
                "rank_sum": float(signed.sum()),
                "p": p,
            })
    largest = 0.0
    for k, row in enumerate(sorted(rows, key=lambda r: r["p"])):
        largest = max(largest, min(1.0, row["p"] * (len(rows) - k)))
        row["p_holm"] = largest
    for row in rows:
        significant = row["p_holm"] < 0.05
        side = "better" if row["rank_sum"] < 0 else "worse"
        row["verdict"] = f"significantly {side}" if significant else "no difference shown"
        row["p"], row["p_holm"] = (float(f"{row[key]:.3g}") for key in ("p", "p_holm"))
    return rows


def write_csv(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def table(rows, columns):
    """Markdown; `columns` maps headings to functions of a row."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        lines.append("| " + " | ".join(str(cell(row)) for cell in columns.values()) + " |")
    return "\n".join(lines) + "\n"


def tables(rows, pairs):
    text = ""
    for budget in sorted({row["budget"] for row in rows}):
        text += f"After {budget} trials:\n\n"
        text += table([row for row in rows if row["budget"] == budget], {
            "sampler": lambda r: r["sampler"],
            "normalized regret": lambda r: f"{r['regret']:.3f}",
            "95 % interval": lambda r: f"{r['low']:.3f} to {r['high']:.3f}",
            "average rank": lambda r: r["rank"],
            "average rank, one objective": lambda r: r["rank_one_objective"],
            "problems": lambda r: r["problems"],
        }) + "\n"
    if pairs:
        text += "Ours against Optuna's of the same name:\n\n"
        text += table(pairs, {
            "sampler": lambda r: r["sampler"],
            "trials": lambda r: r["budget"],
            "problems": lambda r: r["problems"],
            "better on": lambda r: r["better"],
            "worse on": lambda r: r["worse"],
            "mean difference": lambda r: f"{r['mean_difference']:+.3f}",
            "p (Holm)": lambda r: f"{r['p_holm']:.2g}",
            "verdict": lambda r: r["verdict"],
        })
    return text


def figure(rows):
    """Points with intervals, a panel for each budget; ours filled, Optuna's hollow. Ranks in
    parentheses are those among problems of one objective."""
    budgets = sorted({row["budget"] for row in rows})
    labels = [row["sampler"] for row in rows if row["budget"] == budgets[-1]]
    left, width, gap, line, top = 150, 260, 90, 22, 50
    height = top + line * len(labels) + 50
    total = left + (width + gap) * len(budgets)
    most = max(1.1, max(row["high"] for row in rows))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{total}" height="{height}" fill="white"/>',
    ]
    for k, label in enumerate(labels):
        y = top + line * k + line / 2
        parts.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{label}</text>')
    for panel, budget in enumerate(budgets):
        x0 = left + (width + gap) * panel
        bottom = top + line * len(labels)
        parts.append(f'<text x="{x0 + width / 2}" y="24" text-anchor="middle" '
                     f'font-weight="bold">after {budget} trials</text>')
        parts.append(f'<text x="{x0 + width + 34}" y="{top - 8}" text-anchor="middle">'
                     "avg. rank</text>")
        for tick in numpy.arange(0, most + 0.01, 0.25):
            x = x0 + width * tick / most
            dark = "#888" if abs(tick - 1) < 1e-9 else "#e4e4e4"
            parts.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" '
                         f'stroke="{dark}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">'
                         f'{tick:g}</text>')
        for k, label in enumerate(labels):
            row = next((r for r in rows if r["budget"] == budget and r["sampler"] == label), None)
            if row is None:
                continue
            y = top + line * k + line / 2
            low, middle, high = (x0 + width * row[key] / most for key in ("low", "regret", "high"))
            color = "#1f6fb4" if label.startswith("hypertune") else "#b4571f"
            fill = color if label.startswith("hypertune") else "white"
            rank = row["rank"] if row["rank"] != "" else f"({row['rank_one_objective']})"
            parts.append(f'<text x="{x0 + width + 34}" y="{y + 4}" text-anchor="middle">'
                         f'{rank}</text>')
            parts.append(f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" '
                         f'stroke="{color}" stroke-width="2"/>')
            parts.append(f'<circle cx="{middle:.1f}" cy="{y}" r="4.5" fill="{fill}" '
                         f'stroke="{color}" stroke-width="2"/>')
        parts.append(f'<text x="{x0 + width / 2}" y="{bottom + 36}" text-anchor="middle">'
                     "normalized regret (1: median of random search)</text>")
    return "\n".join([*parts, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("values", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--figure", type=pathlib.Path)
    options = parser.parse_args()
    by_budget = {budget: normalized(problems) for budget, problems in read(options.values).items()}
    by_budget = {budget: regrets for budget, regrets in sorted(by_budget.items()) if regrets}
    if not by_budget:
        sys.exit(f"{options.values} has no problem with values of random search: run it too")
    rows = [row for budget, regrets in by_budget.items() for row in summarize(budget, regrets)]
    pairs = compare_pairs(by_budget)
    options.out.mkdir(parents=True, exist_ok=True)
    write_csv(options.out / "summary.csv", rows)
    if pairs:
        write_csv(options.out / "pairs.csv", pairs)
    text = tables(rows, pairs)
    (options.out / "tables.md").write_text(text)
    if options.figure:
        options.figure.write_text(figure(rows))
    print(text, end="")


if __name__ == "__main__":
    main()
