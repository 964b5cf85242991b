"""Nested cross-validation of the heads on statistics: every choice is made inside the training part of an outer fold."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from landslide_nb.common.arrays import Labels, Scores
from landslide_nb.common.cache import kept_arrays, key_of
from landslide_nb.common.progress import Report
from landslide_nb.common.source import code_of
from landslide_nb.tabular import stacking
from landslide_nb.tabular.stacking import BOTH, Combiner
from landslide_nb.tabular.statistics import COLUMNS

PLAIN: Final = "LightGBM, 85 statistics"
STACK: Final = "LightGBM and SVM, ratios"
LIBRARIES: Final = ("numpy", "scikit-learn", "lightgbm", "imbalanced-learn")


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What the fold that did not see it says of each of N patches, by model.

    Attributes:
        labels: int8 `(N,)`.
        raw: the head's own probability, of a single head whose score is a log-odds (an SVM's margin is only taken as one).
        probabilities: after the recalibration that inner folds of the training part have fitted.
        decided: whether it is called a landslide, by the threshold from the same inner folds.
        thresholds: of each outer fold.
    """

    labels: Labels
    raw: dict[str, Scores]
    probabilities: dict[str, Scores]
    decided: dict[str, NDArray[np.bool_]]
    thresholds: dict[str, Scores]


def out_of_fold(table: pd.DataFrame, folds: int = 5, seed: int = 42, report: Report = print) -> OutOfFold:
    """Nested cross-validation of every head, of its own and put together; computed once and kept.

    Args:
        table: as `statistics.read` gives it.
        folds: outer folds, stratified and shuffled.
        seed: of the outer folds; the models' own seed stays 0.
        report: is told of each fold.
    """
    rows = table[["ID", "label", *COLUMNS]].to_csv(index=False).encode()
    versions = {name: version(name) for name in LIBRARIES}
    key = key_of(code=code_of(__name__), rows=rows, libraries=versions, folds=folds, seed=seed)
    arrays = kept_arrays("heads", key, lambda: _compute(table, folds, seed, report))
    fields = {
        kind: {name.removeprefix(f"{kind}/"): arrays[name] for name in arrays if name.startswith(f"{kind}/")}
        for kind in ("raw", "probabilities", "decided", "thresholds")
    }
    return OutOfFold(table["label"].to_numpy(np.int8), **fields)


def _compute(table: pd.DataFrame, folds: int, seed: int, report: Report) -> dict[str, NDArray[np.generic]]:
    values = table[list(COLUMNS)].to_numpy(np.float32)
    labels = table["label"].to_numpy(np.int8)
    models = stacking.members()
    rows = {name: (name,) for name in models} | {STACK: BOTH}
    arrays: dict[str, NDArray[np.generic]] = {f"raw/{name}": np.empty(len(labels)) for name in models}
    for name in rows:
        arrays |= {f"probabilities/{name}": np.empty(len(labels)), f"decided/{name}": np.empty(len(labels), bool)}
        arrays[f"thresholds/{name}"] = np.empty(folds)
    cutter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for number, (train, held_out) in enumerate(cutter.split(values, labels)):
        inner = {n: stacking.inner_scores(head, values[train], labels[train], 0) for n, head in models.items()}
        outer = {
            n: stacking.score(clone(head).fit(values[train], labels[train]), values[held_out])
            for n, head in models.items()
        }
        for name in models:
            arrays[f"raw/{name}"][held_out] = expit(outer[name])
        for name, used in rows.items():
            combiner = Combiner.fit(np.column_stack([inner[n] for n in used]), labels[train])
            probabilities = combiner.probabilities(np.column_stack([outer[n] for n in used]))
            arrays[f"probabilities/{name}"][held_out] = probabilities
            arrays[f"decided/{name}"][held_out] = probabilities >= combiner.threshold
            arrays[f"thresholds/{name}"][number] = combiner.threshold
        report(f"heads on statistics: fold {number + 1} of {folds}")
    return arrays
