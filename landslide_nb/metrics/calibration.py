"""Whether a probability means what it says: reliability, expected calibration error, and its picture."""

from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from landslide_nb.common.arrays import Labels, Values
from landslide_nb.metrics.bootstrap import Interval

BINS: Final = 10


def reliability(labels: Labels, probabilities: Values, bins: int = BINS) -> pd.DataFrame:
    """Patches by what is said of them, in equal steps of probability: mean probability beside the share of landslides.

    Returns:
        A row for each bin that holds a patch: `patches`, `said`, `true`, and the 95 % interval of the latter (Wilson).
    """
    places = np.minimum((np.asarray(probabilities) * bins).astype(int), bins - 1)
    rows = []
    for place in np.unique(places):
        inside = places == place
        positive, n = int(labels[inside].sum()), int(inside.sum())
        interval = binomtest(positive, n).proportion_ci(method="wilson")
        rows.append((n, float(probabilities[inside].mean()), positive / n, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["patches", "predicted", "observed", "low", "high"])


def expected_calibration_error(labels: Labels, probabilities: Values, bins: int = BINS) -> float:
    """Mean distance of said from true over the bins, each weighted by its patches (Guo et al. 2017, Eq. 3)."""
    places = np.minimum((np.asarray(probabilities) * bins).astype(int), bins - 1)
    gaps = np.bincount(places, weights=np.asarray(probabilities, np.float64) - labels, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def calibration_error(labels: Labels, probabilities: Values, resamples: int, seed: int = 0) -> Interval:
    """Expected calibration error with its percentile-bootstrap interval over patches.

    The error of a resample lies above that of its sample, because noise within bins adds up; so does the whole interval.
    """
    rng, n = np.random.default_rng(seed), len(labels)
    drawn = (rng.integers(n, size=n) for _ in range(resamples))
    values = [expected_calibration_error(labels[i], probabilities[i]) for i in drawn]
    low, high = np.percentile(values, (2.5, 97.5))
    estimate = expected_calibration_error(labels, probabilities)
    return Interval(estimate, min(float(low), estimate), float(high))
