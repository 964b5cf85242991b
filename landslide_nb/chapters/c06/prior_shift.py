"""Chapter 06: heads on statistics where landslides are rarer than in training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.metrics.bootstrap import Interval, f1, f1_difference, f1_interval
from landslide_nb.metrics.prior_shift import corrected, estimated_rate, thinned
from landslide_nb.metrics.thresholds import expected_f1_threshold
from landslide_nb.tabular.nested import STACK, OutOfFold


def compare(
    out_of_fold: OutOfFold, rates: Sequence[float], resamples: int, model: str = STACK, draws: int = 100
) -> pd.DataFrame:
    """What correcting for another rate does to F1, on out-of-fold patches thinned to that rate.

    Uncorrected: probabilities and thresholds as the folds made them. Corrected: the rate is estimated from probabilities of
    the thinned patches without their labels; the threshold is half of the F1 expected at it. `gain` is paired, on the first draw;
    `mean gain` is over draws of the landslides that stay.
    """
    rate, rows = float(out_of_fold.labels.mean()), {}
    for new_rate in rates:
        each = [_one(out_of_fold, thinned(out_of_fold.labels, new_rate, seed), rate, model) for seed in range(draws)]
        labels, plain, adapted, _ = each[0]
        gains = [float(f1(y == 1, b) - f1(y == 1, a)) for y, a, b, _ in each]
        rows[new_rate] = {
            "estimated rate": Interval(
                float(each[0][3]), *map(float, np.percentile([e[3] for e in each], (2.5, 97.5)))
            ),
            "uncorrected F1": f1_interval(labels, plain, resamples),
            "corrected F1": f1_interval(labels, adapted, resamples),
            "gain": f1_difference(labels, adapted, plain, resamples),
            "mean gain": float(np.mean(gains)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rate")


def _one(
    out_of_fold: OutOfFold, chosen: NDArray[np.int64], rate: float, model: str
) -> tuple[NDArray[np.int8], NDArray[np.bool_], NDArray[np.bool_], float]:
    """Labels of the chosen patches, decisions without and with correction, and the estimated rate."""
    probabilities = out_of_fold.probabilities[model][chosen]
    new_rate = estimated_rate(probabilities, rate)
    adapted = corrected(probabilities, rate, new_rate)
    return (
        out_of_fold.labels[chosen],
        out_of_fold.decided[model][chosen],
        adapted >= expected_f1_threshold(adapted),
        new_rate,
    )
