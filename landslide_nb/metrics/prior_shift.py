"""When landslides are rarer than in training: what the probabilities themselves say of that, and what to do about it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from landslide_nb.common.arrays import Scores

STEPS: Final = 1000


def corrected(probabilities: Scores, rate: float, new_rate: float) -> Scores:
    """Probabilities where landslides have another rate than those they were calibrated on (Saerens et al. 2002, Eq. 2.4)."""
    yes, no = probabilities * new_rate / rate, (1 - probabilities) * (1 - new_rate) / (1 - rate)
    return np.asarray(yes / (yes + no))


def estimated_rate(probabilities: Scores, rate: float) -> float:
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
    count = round(len(negative) * rate / (1 - rate))
    drawn = np.random.default_rng(seed).choice(positive, min(count, len(positive)), replace=False)
    return np.sort(np.concatenate([negative, drawn]))
