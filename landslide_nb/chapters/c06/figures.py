"""Chapter 06: the reliability diagram."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from landslide_nb.common.arrays import Labels, Values
from landslide_nb.display.picture import BLUE, GREEN, GREY, ORANGE, Picture, panels
from landslide_nb.metrics.calibration import expected_calibration_error, reliability

LOOKS: Final = ((ORANGE, "o", "--"), (BLUE, "s", "-"), (GREEN, "^", ":"), (GREY, "D", "-."))


def diagram(labels: Labels, compared: Mapping[str, Values], name: str) -> Picture:
    """Reliability diagram: the share of landslides among patches over their predicted probability."""
    figure, axes = panels(1, 1, 7.6, 3.8)
    axis, parts = axes[0, 0], []
    axis.plot((0, 1), (0, 1), color=GREY, lw=0.8)
    for (title, probabilities), (colour, marker, line) in zip(compared.items(), LOOKS, strict=False):
        bins = reliability(labels, probabilities)
        error = np.array([bins["observed"] - bins["low"], bins["high"] - bins["observed"]]).clip(min=0)
        axis.errorbar(
            bins["predicted"],
            bins["observed"],
            yerr=error,
            color=colour,
            marker=marker,
            ls=line,
            ms=4,
            capsize=2,
            label=title,
        )
        parts.append(f"{title} {expected_calibration_error(labels, probabilities):.3f}")
    axis.set(xlabel="predicted probability", ylabel="share of landslides", xlim=(0, 1), ylim=(0, 1))
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    alt = f"Share of landslides over the predicted probability, beside the diagonal. Expected calibration error: {'; '.join(parts)}."
    caption = (
        "Reliability on real statistics, with 95 % intervals. Below the diagonal, landslides are predicted to be likelier than"
        " they are."
    )
    return Picture(figure, name, alt, caption)
