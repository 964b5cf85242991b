"""F1 and AUROC with bootstrap intervals over patches."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap
from sklearn.metrics import roc_auc_score

from landslide_nb.common.arrays import Indices, Labels, Values


class Interval(NamedTuple):
    """An estimate with its 95 % percentile-bootstrap interval over patches."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """As `0.812 [0.790, 0.834]`; the format applies to each number."""
        spec = spec or ".3f"
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def f1(labels: NDArray[np.bool_], predicted: NDArray[np.bool_], axis: int = -1) -> Values:
    """F1 along an axis, 0 where nothing is positive; equal to scikit-learn's, on many resamples at once."""
    both = (labels & predicted).sum(axis)
    total = labels.sum(axis) + predicted.sum(axis)
    return np.where(total > 0, 2 * both / np.maximum(total, 1), 0.0)


def f1_interval(labels: Labels, predicted: ArrayLike, resamples: int, seed: int = 0) -> Interval:
    """F1 of binary predictions with its interval.

    Args:
        labels: `(N,)`.
        predicted: bool `(N,)`.
        resamples: bootstrap resamples of the patches.
        seed: of the resampling.
    """
    return _bootstrap((labels == 1, np.asarray(predicted, bool)), f1, resamples, seed)


def f1_difference(
    labels: Labels, predicted: ArrayLike, reference: ArrayLike, resamples: int, seed: int = 0
) -> Interval:
    """F1 of one prediction minus F1 of another on the same patches, resampled together."""

    def difference(y: NDArray[np.bool_], a: NDArray[np.bool_], b: NDArray[np.bool_], axis: int = -1) -> Values:
        return f1(y, a, axis) - f1(y, b, axis)

    return _bootstrap(
        (labels == 1, np.asarray(predicted, bool), np.asarray(reference, bool)), difference, resamples, seed
    )


def auroc_interval(labels: Labels, probabilities: Values, resamples: int, seed: int = 0) -> Interval:
    """Area under the ROC curve with its interval; resamples are stratified by label, so each has both classes."""
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == value) for value in (0, 1)]
    drawn = (np.concatenate([rng.choice(group, len(group)) for group in groups]) for _ in range(resamples))
    values = [roc_auc_score(labels[i], probabilities[i]) for i in drawn]
    return Interval(float(roc_auc_score(labels, probabilities)), *map(float, np.percentile(values, (2.5, 97.5))))


def over_groups(
    statistic: Callable[[Indices], float], groups: NDArray[np.str_], resamples: int, seed: int = 0
) -> Interval:
    """A statistic with its interval over groups: patches of one block of ground are alike, so blocks are drawn, not patches.

    Args:
        statistic: of the patches at some indices, which may repeat.
        groups: `(N,)`, the block of each patch.
        resamples: of the bootstrap.
        seed: of the resampling.
    """
    rng, names = np.random.default_rng(seed), np.unique(groups)
    members = [np.flatnonzero(groups == name) for name in names]
    drawn = (rng.integers(len(names), size=len(names)) for _ in range(resamples))
    values = [statistic(np.concatenate([members[block] for block in blocks])) for blocks in drawn]
    estimate = statistic(np.arange(len(groups)))
    return Interval(float(estimate), *map(float, np.percentile(values, (2.5, 97.5))))


def _bootstrap(
    samples: Sequence[NDArray[np.bool_]], statistic: Callable[..., Values], resamples: int, seed: int
) -> Interval:
    estimate = float(statistic(*samples))
    if len(samples[0]) < 2:
        return Interval(estimate, estimate, estimate)
    drawn = bootstrap(
        samples,
        statistic,
        n_resamples=resamples,
        paired=True,
        vectorized=True,
        method="percentile",
        batch=500,
        rng=seed,
    ).bootstrap_distribution
    return Interval(estimate, *map(float, np.percentile(drawn, (2.5, 97.5))))


def folds_f1(
    labels: Labels, parts: Sequence[Indices], predicted: Sequence[NDArray[np.bool_]], resamples: int, seed: int = 0
) -> Values:
    """The mean over folds of each network's F1 on its own part, then the same on bootstrap resamples of the patches.

    A resample draws from the patches of all parts together, so a patch that is in several folds' parts counts alike in each.
    The same parts and seed draw the same patches: two such arrays can be subtracted, and are then compared on each resample.

    Args:
        labels: `(N,)`.
        parts: for each fold, indices of the patches that it is scored on.
        predicted: for each fold, bool `(N,)`.
        resamples: bootstrap resamples.
        seed: of the resampling.

    Returns:
        `(1 + resamples,)`, the estimate first.
    """
    everyone = np.unique(np.concatenate(parts))
    member = np.stack([np.isin(everyone, part) for part in parts], 1)
    positive, true = np.stack([p[everyone] for p in predicted], 1), labels[everyone, None] == 1
    hits = (member & positive & true).astype(np.float64)
    total = member * (positive.astype(np.float64) + true)
    rng, n = np.random.default_rng(seed), len(everyone)
    means = [_mean_f1(np.ones((1, n)), hits, total)]
    for start in range(0, resamples, 200):  # a few at a time: counts are (resamples, N)
        count = min(200, resamples - start)
        drawn = rng.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n)
        means.append(_mean_f1(counts.astype(np.float64), hits, total))
    return np.concatenate(means)


def _mean_f1(counts: Values, hits: Values, total: Values) -> Values:
    """The mean over folds of F1 for each resample, `(R,)`, from how often it draws each patch `(R, N)`."""
    means: Values = np.mean(2 * (counts @ hits) / np.maximum(counts @ total, 1), 1)
    return means


def interval(draws: Values) -> Interval:
    """The estimate, which comes first, and its 95 % percentile interval."""
    return Interval(float(draws[0]), *map(float, np.percentile(draws[1:], (2.5, 97.5))))
