"""Whether a probability means what it says: reliability, expected calibration error, and its picture."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from landslide_nb.analysis.scores import Interval
from landslide_nb.analysis.style import BLUE, GREEN, GREY, ORANGE, Picture, panels

Labels = NDArray[np.int8]
Values = NDArray[np.floating]
BINS: Final = 10
LOOKS: Final = ((ORANGE, "o", "--"), (BLUE, "s", "-"), (GREEN, "^", ":"), (GREY, "D", "-."))


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
    return pd.DataFrame(rows, columns=["patches", "said", "true", "low", "high"])


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


def diagram(labels: Labels, told: Mapping[str, Values], name: str) -> Picture:
    """Reliability diagram: the share of landslides among patches over the probability that was said of them."""
    figure, axes = panels(1, 1, 7.6, 3.8)
    axis, parts = axes[0, 0], []
    axis.plot((0, 1), (0, 1), color=GREY, lw=0.8)
    for (title, probabilities), (colour, marker, line) in zip(told.items(), LOOKS, strict=False):
        bins = reliability(labels, probabilities)
        error = np.array([bins["true"] - bins["low"], bins["high"] - bins["true"]]).clip(min=0)
        axis.errorbar(
            bins["said"], bins["true"], yerr=error, color=colour, marker=marker, ls=line, ms=4, capsize=2, label=title
        )
        parts.append(f"{title} {expected_calibration_error(labels, probabilities):.3f}")
    axis.set(xlabel="probability said", ylabel="share of landslides", xlim=(0, 1), ylim=(0, 1))
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    alt = f"Share of landslides over the probability said, beside the diagonal. Expected calibration error: {'; '.join(parts)}."
    caption = "Reliability, with 95 % intervals. Below the diagonal, landslides are said to be likelier than they are."
    return Picture(figure, name, alt, caption)
