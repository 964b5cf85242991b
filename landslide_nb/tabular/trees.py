"""LightGBM on the statistics of patches, out of fold."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from landslide_nb.common.errors import DataError
from landslide_nb.data.splits import rarest
from landslide_nb.metrics.bootstrap import auroc_interval, f1_interval
from landslide_nb.models import heads
from landslide_nb.tabular.statistics import columns_in


def trees_on_statistics(table: pd.DataFrame, resamples: int) -> pd.DataFrame:
    """LightGBM on the statistics, out of fold, at a threshold of 0.5."""
    scores = trees_scores(table, trees_out_of_fold(table), resamples)
    row = {"patches": len(table), "landslides": int(table["label"].sum()), "out-of-fold F1": scores.pop("F1")} | scores
    return pd.DataFrame([row], index=pd.Index([f"LightGBM on {len(columns_in(table))} statistics"], name="model"))


def trees_out_of_fold(
    table: pd.DataFrame, folds: int = 5, seed: int = 42, columns: Sequence[str] | None = None
) -> NDArray[np.float64]:
    """What trees on the statistics say of each row, by the fold that did not train on it (stratified, shuffled).

    Raises:
        DataError: if a class has fewer rows than there are folds.
    """
    cutter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    values, labels = table[list(columns or columns_in(table))].to_numpy(np.float32), table["label"].to_numpy(np.int8)
    fewest, kind = rarest(labels)
    if fewest < folds:
        raise DataError(f"{folds} folds need {folds} patches {kind}; the table of {len(labels)} has {fewest}: add some")
    predicted = cross_val_predict(heads.lightgbm(seed), values, labels, cv=cutter, method="predict_proba")
    return np.asarray(predicted)[:, 1]


def trees_scores(table: pd.DataFrame, probabilities: NDArray[np.float64], resamples: int) -> dict[str, object]:
    """F1 at a threshold of 0.5 and AUROC with intervals, and the share that is said to be positive."""
    labels, decided = table["label"].to_numpy(np.int8), probabilities >= 0.5
    auroc = auroc_interval(labels, probabilities, min(resamples, 500))
    return {"F1": f1_interval(labels, decided, resamples), "AUROC": auroc, "predicted positive": float(decided.mean())}
