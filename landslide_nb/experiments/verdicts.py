"""Verdicts on the paper's changes, by rule."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from sklearn.metrics import f1_score

from landslide_nb.common.arrays import Labels
from landslide_nb.experiments.result import Result
from landslide_nb.metrics.bootstrap import Interval
from landslide_nb.metrics.replicates import Estimate

REPLICATES: Final = "replicates"
REVERSES: Final = "reverses"
INCONCLUSIVE: Final = "inconclusive"
NOT_TESTABLE: Final = "not testable"
LEARNT: Final = 0.9  # the F1 on its own training patches below which a network says nothing of a method
DECIMALS: Final = 3  # of the paper's scores, and of ours beside them
RISING: Final = 0.01  # by how much the validation F1 may still rise at the end


def verdict(ours: Estimate, paper: float, lacking: str = "") -> str:
    """What our difference says of the paper's.

    Args:
        ours: the difference of two scores here.
        paper: the paper's, which has no interval.
        lacking: why either network cannot be judged, as `lack` says it.
    """
    if lacking:
        return NOT_TESTABLE
    _, low, high = ours.interval
    if not (low > 0 or high < 0):  # so that what is no number decides nothing
        return INCONCLUSIVE
    return REPLICATES if ours.value * paper > 0 else REVERSES


def excludes(ours: Interval, paper: float) -> bool:
    """Whether our interval leaves no room for the paper's change, to the decimals that both are printed with."""
    low, high, change = (round(value, DECIMALS) for value in (ours.low, ours.high, paper))
    return not low <= change <= high


def lack(results: Sequence[Result], labels: Labels) -> str:
    """What some networks lack to be judged: they have not learnt their own training patches, or were still getting better; or nothing."""
    trained = float(np.mean([f1_score(labels[r.train], r.log_odds[r.train] >= 0, zero_division=0) for r in results]))
    if trained < LEARNT:
        return f"train F1 {trained:.2f} < {LEARNT:g}"
    risen = float(np.mean([_risen(result) for result in results]))
    return f"validation F1 still rising by {risen:.3f}" if risen > RISING else ""


def _risen(result: Result) -> float:
    """The mean of the last two validation F1 minus that of the two before."""
    scored = result.history["validation_f1"].dropna().to_numpy(float)
    return float(scored[-2:].mean() - scored[-4:-2].mean()) if len(scored) >= 4 else 0.0
