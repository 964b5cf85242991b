"""When landslides are rarer than in training: what the probabilities themselves say of that, and what to do about it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.analysis.scores import Interval, f1, f1_difference, f1_interval
from landslide_nb.models.nested import STACK, OutOfFold
from landslide_nb.models.stack import threshold

Values = NDArray[np.float64]
STEPS: Final = 1000


def corrected(probabilities: Values, rate: float, new_rate: float) -> Values:
    """Probabilities where landslides have another rate than those they were calibrated on (Saerens et al. 2002, Eq. 2.4)."""
    yes, no = probabilities * new_rate / rate, (1 - probabilities) * (1 - new_rate) / (1 - rate)
    return np.asarray(yes / (yes + no))


def estimated_rate(probabilities: Values, rate: float) -> float:
    """The rate of landslides among unlabelled patches, by expectation and maximisation (Saerens et al. 2002, Eq. 2.9).

    It takes the rate alone to have changed, not what a patch with or without a landslide looks like.

    Args:
        probabilities: calibrated ones of the unlabelled patches `(N,)`.
        rate: among the patches that they were calibrated on.
    """
    new = rate
    for _ in range(STEPS):
        before, new = new, float(corrected(probabilities, rate, new).mean())
        if abs(new - before) < 1e-9:
            break
    return new


def thinned(labels: NDArray[np.int8], rate: float, seed: int) -> NDArray[np.int64]:
    """Indices of all patches without a landslide, and of as many with one, drawn at random, as make up the rate."""
    positive, negative = (np.flatnonzero(labels == value) for value in (1, 0))
    kept = round(len(negative) * rate / (1 - rate))
    drawn = np.random.default_rng(seed).choice(positive, min(kept, len(positive)), replace=False)
    return np.sort(np.concatenate([negative, drawn]))


def compare(
    found: OutOfFold, rates: Sequence[float], resamples: int, model: str = STACK, draws: int = 100
) -> pd.DataFrame:
    """What correcting for another rate does to F1, on out-of-fold patches thinned to that rate.

    Uncorrected: probabilities and thresholds as the folds made them. Corrected: the rate is estimated from the probabilities of
    the thinned patches without their labels; the threshold is half of the F1 expected at it. `gain` is paired, on the first draw;
    `mean gain` is over draws of the landslides that stay.
    """
    rate, rows = float(found.labels.mean()), {}
    for new_rate in rates:
        each = [_one(found, thinned(found.labels, new_rate, seed), rate, model) for seed in range(draws)]
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
    found: OutOfFold, chosen: NDArray[np.int64], rate: float, model: str
) -> tuple[NDArray[np.int8], NDArray[np.bool_], NDArray[np.bool_], float]:
    """Labels of the chosen patches, decisions without and with correction, and the estimated rate."""
    told = found.probabilities[model][chosen]
    new_rate = estimated_rate(told, rate)
    adapted = corrected(told, rate, new_rate)
    return found.labels[chosen], found.decided[model][chosen], adapted >= threshold(adapted), new_rate
