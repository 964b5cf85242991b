"""Scores of replicates, with an interval of what really varies: the patches, and the networks.

Replicates are networks of the same settings that differ by fold and seed. The variance of their mean score is

    s² / R + v

s² being the variance over R replicates on the same patches, and v that of the mean when blocks of ground are drawn anew. The interval is
Student's, with the degrees of freedom of Satterthwaite (1946) for a sum of two variances. `benchmarks/interval_coverage.py` counts how
often such intervals hold the truth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from landslide_nb.common.arrays import Indices, Labels, Scores, Values
from landslide_nb.data.patches import Names
from landslide_nb.metrics.bootstrap import Interval

LEVEL: Final = 0.95  # of an interval
POWER: Final = 0.8  # with which the smallest visible effect would be seen
Metric = Callable[[NDArray[np.bool_], Scores, Values], Values]  # labels (n,), scores (n,), weights (B, n) to (B,)


@dataclass(frozen=True)
class Estimate:
    """A mean over replicates, or a difference of two.

    Attributes:
        value: the mean.
        error: its standard error.
        freedom: its degrees of freedom.
    """

    value: float
    error: float
    freedom: float

    @property
    def interval(self) -> Interval:
        """The value with its 95 % interval."""
        half = self.error * float(t.ppf((1 + LEVEL) / 2, self.freedom)) if self.error else 0.0
        return Interval(self.value, self.value - half, self.value + half)

    @property
    def visible(self) -> float:
        """The smallest true effect whose interval would exclude zero four times in five."""
        return (
            self.error * float(t.ppf((1 + LEVEL) / 2, self.freedom) + t.ppf(POWER, self.freedom)) if self.error else 0.0
        )

    @property
    def p(self) -> float:
        """The two-sided p value of no effect."""
        return float(2 * t.sf(abs(self.value) / self.error, self.freedom)) if self.error else float(self.value == 0)


def f1(labels: NDArray[np.bool_], scores: Scores, weights: Values) -> Values:
    """F1 of scores that are positive, or zero, where a landslide is called; 0 where nothing is positive."""
    called = scores >= 0
    both, total = (weights @ it.astype(np.float64) for it in (labels & called, labels * 1 + called))
    return np.asarray(np.where(total > 0, 2 * both / np.maximum(total, 1e-9), 0.0))


def auroc(labels: NDArray[np.bool_], scores: Scores, weights: Values) -> Values:
    """Area under the ROC curve; equal scores count half."""
    positive, negative = _by_level(labels, scores, weights)
    below = negative.cumsum(1) - negative / 2
    with np.errstate(invalid="ignore"):
        return np.asarray((positive * below).sum(1) / (positive.sum(1) * negative.sum(1)))


def average_precision(labels: NDArray[np.bool_], scores: Scores, weights: Values) -> Values:
    """Precision at each level of the score, weighted by the recall that it adds: scikit-learn's."""
    positive, negative = (each[:, ::-1] for each in _by_level(labels, scores, weights))
    hits, called = positive.cumsum(1), (positive + negative).cumsum(1)
    with np.errstate(invalid="ignore"):
        return np.asarray((positive * hits / np.maximum(called, 1e-9)).sum(1) / positive.sum(1))


def _by_level(labels: NDArray[np.bool_], scores: Scores, weights: Values) -> tuple[Values, Values]:
    """The weights `(B, levels)` of positive and of negative patches at each distinct score, in rising order."""
    order = np.argsort(scores, kind="stable")
    first = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)
    positive, negative = (weights[:, order] * of[order] for of in (labels, ~labels))
    return np.add.reduceat(positive, first, axis=1), np.add.reduceat(negative, first, axis=1)


def sampled(
    metric: Metric,
    labels: Labels,
    scores: Sequence[Scores],
    parts: Sequence[Indices],
    groups: Names | None,
    resamples: int,
    seed: int = 0,
) -> Values:
    """A metric of each replicate on its own part: of the patches as they are, then of blocks of ground drawn anew.

    The same parts, groups and seed draw the same blocks, so two such arrays can be subtracted: that pairs them on patches and replicates.

    Args:
        metric: `f1`, `auroc` or `average_precision`.
        labels: `(N,)`.
        scores: of each replicate, `(N,)`, of all patches; log-odds, less the threshold's for F1.
        parts: the patches that each is scored on.
        groups: `(N,)`, the block of each patch; None where each patch stands alone.
        resamples: how often blocks are drawn.
        seed: of drawing.

    Returns:
        `(R, 1 + resamples)`.
    """
    everyone = np.unique(np.concatenate(parts))
    block = everyone if groups is None else np.unique(groups[everyone], return_inverse=True)[1]
    weights = _weights(block.astype(np.int64).tobytes(), resamples, seed)
    truth, rows = labels == 1, []
    for score, part in zip(scores, parts, strict=True):
        rows.append(
            metric(truth[part], np.asarray(score[part], np.float64), weights[:, np.searchsorted(everyone, part)])
        )
    return np.stack(rows)


@lru_cache(maxsize=2)  # all rows of a table are scored on the same patches
def _weights(blocks: bytes, resamples: int, seed: int) -> Values:
    """How often each resample has each patch, `(1 + resamples, N)`; the first row is the patches as they are.

    Args:
        blocks: the number of each patch's block, int64 `(N,)` as bytes.
        resamples: how often blocks are drawn.
        seed: of drawing.
    """
    _, block = np.unique(np.frombuffer(blocks, np.int64), return_inverse=True)
    number = int(block.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), resamples)
    weights = np.concatenate([np.ones((1, len(block))), drawn[:, block]]).astype(np.float64)
    weights.flags.writeable = False
    return weights


def blocks(parts: Sequence[Indices], groups: Names | None) -> int:
    """How many blocks of ground some patches lie in."""
    everyone = np.unique(np.concatenate(parts))
    return len(everyone if groups is None else np.unique(groups[everyone]))


def estimate(values: Values, count: int) -> Estimate:
    """The mean over replicates and how well it is known.

    Args:
        values: `(R, 1 + B)`, as `sampled` gives them, or the difference of two such arrays.
        count: how many blocks the patches lie in.
    """
    replicates, mean = values[:, 0], values.mean(0)
    among = float(replicates.var(ddof=1)) / len(replicates) if len(replicates) > 1 else 0.0
    of_patches = float(np.nanvar(mean[1:])) if count > 1 else 0.0
    total = among + of_patches
    parts = (among**2 / max(len(replicates) - 1, 1), of_patches**2 / max(count - 1, 1))
    return Estimate(float(mean[0]), sqrt(total), total**2 / sum(parts) if total else 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """P values that stay valid when the smallest of several is picked (Holm 1979)."""
    order, adjusted, largest = np.argsort(p_values), np.empty(len(p_values)), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, (len(p_values) - rank) * p_values[place])
        adjusted[place] = min(1.0, largest)
    return [float(value) for value in adjusted]
