"""Chapter 05: how many patches networks get right and wrong, and of which kind."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from landslide_nb.common.arrays import Indices, Labels, Scores, Values
from landslide_nb.experiments.comparisons import Named, less_threshold, tested
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study
from landslide_nb.metrics import replicates
from landslide_nb.metrics.bootstrap import Interval
from landslide_nb.metrics.replicates import Metric


def precision(labels: NDArray[np.bool_], scores: Scores, weights: Values) -> Values:
    """The share of landslides among patches with a score of zero or more; a `Metric`, NaN where there are none."""
    return _share(labels & (scores >= 0), scores >= 0, weights)


def recall(labels: NDArray[np.bool_], scores: Scores, weights: Values) -> Values:
    """The share of landslides with a score of zero or more; a `Metric`, NaN where there are none."""
    return _share(labels & (scores >= 0), labels, weights)


def _share(part: NDArray[np.bool_], of: NDArray[np.bool_], weights: Values) -> Values:
    with np.errstate(invalid="ignore"):
        return np.asarray((weights @ part.astype(np.float64)) / (weights @ of.astype(np.float64)))


def outcomes(results: Named, study: Study, labels: Labels) -> pd.DataFrame:
    """The confusion matrix of each network, at a probability of 0.5 and at the threshold chosen on its validation patches.

    Returns:
        Two rows for each name: TP, FP, FN and TN as the mean over replicates with the lowest and the highest, precision and recall with
        95 % intervals over replicates and blocks of ground.
    """
    rows = {}
    for name, folds in results.items():
        log_odds, parts = tested(folds)
        for threshold, scores in (("0.5", log_odds), ("chosen", less_threshold(folds, labels))):
            rows[f"{name}, threshold {threshold}"] = _counts(scores, parts, labels) | {
                metric.__name__: _interval(metric, scores, folds, study, labels) for metric in (precision, recall)
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def _counts(scores: Sequence[Scores], parts: Sequence[Indices], labels: Labels) -> dict[str, object]:
    """The four numbers of the confusion matrix, each as `mean (lowest–highest)` over replicates."""
    pairs = zip(scores, parts, strict=True)
    each = np.array([confusion_matrix(labels[p], s[p] >= 0, labels=(0, 1)).ravel() for s, p in pairs])
    counts = dict(zip(("TN", "FP", "FN", "TP"), each.T, strict=True))
    return {n: f"{counts[n].mean():.0f} ({counts[n].min()}–{counts[n].max()})" for n in ("TP", "FP", "FN", "TN")}


def _interval(
    metric: Metric, scores: Sequence[Scores], folds: Sequence[Result], study: Study, labels: Labels
) -> Interval:
    parts, groups = tested(folds)[1], folds[0].groups
    values = replicates.sampled(metric, labels, scores, parts, groups, study.resamples)
    return replicates.estimate(values, replicates.blocks(parts, groups)).interval
