"""What the heads on statistics say of patches that they were not fitted on: the command `landslide-nb stack`."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common.errors import LeakError
from landslide_nb.data.tables import canonical
from landslide_nb.metrics.bootstrap import auroc_interval, f1_interval
from landslide_nb.tabular.stacking import Stack
from landslide_nb.tabular.statistics import COLUMNS

RESAMPLES = 1000


def apply(table: pd.DataFrame, new: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Fit a stack to labelled statistics and predict others.

    Args:
        table: as `statistics.read` gives it.
        new: as `statistics.load` gives it, with labels or without.
        seed: of the members and the inner folds.

    Returns:
        `ID`, `probability` and `label` (whether the probability reaches the threshold) of each row of `new`; its own labels,
        if it has some, the threshold, and pairs of copies are in `attrs`.

    Raises:
        LeakError: if labelled rows of `new` are in `table` too.
        DataError: if `table` has too few rows of a class.
    """
    both = sorted(set(map(canonical, table["ID"])) & set(map(canonical, new["ID"]))) if "label" in new else []
    if both:
        raise LeakError(
            f"{both[0]} is fitted on and predicted with a label ({len(both)} such); leave it out of one, or the score is of"
            " patches that the model knows"
        )
    fitted = Stack.fit(_values(table), table["label"].to_numpy(np.int8), seed=seed)
    probability = fitted.probabilities(_values(new))
    threshold = fitted.combiner.threshold
    predictions = pd.DataFrame(
        {"ID": new["ID"], "probability": probability, "label": (probability >= threshold).astype(np.int8)}
    )
    predictions.attrs = {"threshold": threshold, "labels": new["label"].tolist() if "label" in new else None}
    predictions.attrs["copies"] = _copies(table, new) if "label" in new else ()
    return predictions


def summary(predictions: pd.DataFrame) -> str:
    """What `apply` has come to, in a sentence or two."""
    text = (
        f"{len(predictions)} patches, {predictions['label'].mean():.1%} of them said to hold a landslide"
        f" (probability at least {predictions.attrs['threshold']:.3f})"
    )
    if predictions.attrs["labels"] is None:
        return text
    labels = np.array(predictions.attrs["labels"], np.int8)
    if copies := predictions.attrs["copies"]:
        first, second = copies[0]
        text += (
            f"\nwarning: {first}, which is fitted on, and {second}, which is predicted, have the same statistics ({len(copies)} such):"
            " the score is of patches that the model knows"
        )
    auroc = ""
    if 0 < labels.sum() < len(labels):
        auroc = f", AUROC {auroc_interval(labels, predictions['probability'].to_numpy(), RESAMPLES)}"
    return f"{text}\nF1 {f1_interval(labels, predictions['label'].to_numpy(), RESAMPLES)}{auroc} (95 % intervals)"


def _copies(table: pd.DataFrame, new: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """IDs of rows in the one and the other whose statistics are the same, to the last digit."""
    known = {row.tobytes(): name for name, row in zip(table["ID"], _values(table), strict=True)}
    rows = zip(new["ID"], _values(new), strict=True)
    return tuple((known[row.tobytes()], name) for name, row in rows if row.tobytes() in known)


def _values(table: pd.DataFrame) -> NDArray[np.float32]:
    return table[list(COLUMNS)].to_numpy(np.float32)
