"""What one kernel for all values of C saves: the sweep beside a fit of its own for each C.

    python benchmarks/heads.py --output results/heads.csv

Embeddings are random, with as much signal as a trained network's have. The two ways alternate, and which comes first alternates
too; the ratio is the median over such pairs. Both give the same decisions, which is checked.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from landslide_nb.models import heads

CS = (10.0, 1.0, 0.75, 0.5, 0.1, 0.01)
PATCHES, DIMENSIONS, FOLDS = 2000, 1280, 5
Decisions = list[dict[float, NDArray[np.float64]]]


def embeddings(n: int, dimensions: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Random embeddings with a direction that knows something of the label, and labels, 17.6 % of them positive."""
    rng = np.random.default_rng(0)
    labels = (rng.random(n) < 0.176).astype(np.int8)
    towards = rng.standard_normal(dimensions)
    points = rng.standard_normal((n, dimensions)) + 0.15 * labels[:, None] * towards
    return points.astype(np.float32), labels


def separate(points: NDArray[np.float32], labels: NDArray[np.int8], folds: list[NDArray[np.int64]]) -> Decisions:
    """A scaling, a fit and a kernel of its own for each C and fold."""
    return [{c: heads.decide(heads.svm(c).fit(points[train], labels[train]), points) for c in CS} for train in folds]


def together(points: NDArray[np.float32], labels: NDArray[np.int8], folds: list[NDArray[np.int64]]) -> Decisions:
    """One kernel a fold."""
    return [heads.svm_c_path(points, labels, train, CS) for train in folds]


def clocked(work: Callable[[], Decisions]) -> tuple[float, Decisions]:
    """Seconds of one call, and what it gives."""
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="One kernel for all C against separate fits.")
    parser.add_argument("--output", type=Path, default=Path("results/heads.csv"))
    parser.add_argument("--quick", action="store_true", help="a tenth of the patches, one pair")
    arguments = parser.parse_args()
    n, repeats = (PATCHES // 10, 1) if arguments.quick else (PATCHES, 3)
    points, labels = embeddings(n, DIMENSIONS)
    folds = [train for train, _ in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(points, labels)]
    works = {"separate": lambda: separate(points, labels, folds), "together": lambda: together(points, labels, folds)}
    pairs, apart = [], 0.0
    for number in range(repeats):
        order = list(works) if number % 2 else list(works)[::-1]
        took = {name: clocked(works[name]) for name in order}
        pairs.append({name: seconds for name, (seconds, _) in took.items()})
        both = zip(took["separate"][1], took["together"][1], strict=True)
        apart = max(apart, *(float(np.abs(a[c] - b[c]).max()) for a, b in both for c in CS))
    row = {f"{name}_s": round(statistics.median(pair[name] for pair in pairs), 3) for name in works}
    ratio = statistics.median(pair["separate"] / pair["together"] for pair in pairs)
    row |= {"ratio": round(ratio, 2), "largest_difference": float(f"{apart:.1e}"), "patches": n, "repeats": repeats}
    row |= {"dimensions": DIMENSIONS, "folds": FOLDS, "values_of_c": len(CS), "load": round(os.getloadavg()[0], 2)}
    table = pd.DataFrame([row | {"scikit_learn": sklearn.__version__}])
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.output, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
