"""Chapter 05: the patches that networks get most wrong, to look at."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.special import expit

from landslide_nb.data.patches import Patches
from landslide_nb.display.picture import ORANGE, Picture, composite, panels, show_image
from landslide_nb.experiments.comparisons import tested
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study

EACH: Final = 6  # patches of each kind


def errors(results: Sequence[Result], study: Study) -> Picture | None:
    """False alarms and misses of some networks, the most certain first; None of published networks, whose patches have no pixels here."""
    return None if study.published else picture(results, study.patches(), study.source)


def picture(results: Sequence[Result], patches: Patches, source: str) -> Picture:
    """False alarms above misses, each with its mean probability and with how many networks contradict its label.

    Args:
        results: replicates of one setting.
        patches: those that they have trained and are tested on.
        source: what the patches are.
    """
    probability, contradicting, networks = _said(results, patches)
    seen = networks > 0
    kinds = {"false alarms": _worst(probability, seen, patches, 0), "misses": _worst(probability, seen, patches, 1)}
    figure, axes = panels(2, EACH, 1.25, 1.55)
    for row, (kind, places) in zip(axes, kinds.items(), strict=True):
        for number, axis in enumerate(row):
            if number < len(places):
                place = int(places[number])
                _patch(axis, patches, place)
                axis.set_title(f"{probability[place]:.2f}, {contradicting[place]} of {networks[place]}", fontsize=7.5)
            else:
                axis.set_axis_off()
        row[0].set_ylabel(kind, fontsize=8)
    told = "; ".join(
        f"{kind}: {', '.join(f'{patches.ids[place]} {probability[place]:.2f}' for place in found) or 'none'}"
        for kind, found in kinds.items()
    )
    caption = (
        f"Test patches that the networks get most wrong ({source}): above, without a landslide; below, with one, its mask outlined"
        " where it is known. Titles: mean probability of a landslide, and how many networks contradict the label; where all do, the label"
        f" may be what is wrong. {patches.data_set.credit}."
    )
    return Picture(figure, "fig-errors", f"Images of the worst errors, with mean probabilities. {told}.", caption)


def _said(
    results: Sequence[Result], patches: Patches
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each patch `(N,)`: mean probability, how many networks contradict its label, how many have scored it."""
    total, wrong, seen = np.zeros(len(patches)), np.zeros(len(patches), np.int64), np.zeros(len(patches), np.int64)
    for log_odds, part in zip(*tested(results), strict=True):
        total[part] += expit(log_odds[part])
        wrong[part] += (log_odds[part] >= 0) != patches.known_labels[part]
        seen[part] += 1
    return total / np.maximum(seen, 1), wrong, seen


def _worst(
    probability: NDArray[np.float64], seen: NDArray[np.bool_], patches: Patches, label: int
) -> NDArray[np.int64]:
    """Patches of one label that the mean probability contradicts, the most certain first."""
    away = probability if label == 0 else 1 - probability
    wrong = np.flatnonzero((patches.known_labels == label) & seen & (away >= 0.5))
    return wrong[np.argsort(-away[wrong])][:EACH]


def _patch(axis: Axes, patches: Patches, place: int) -> None:
    show_image(axis, composite(patches.pixels[place], patches.data_set.bands))
    if patches.masks is not None and patches.masks[place].any():
        axis.contour(patches.masks[place], levels=[0.5], colors=ORANGE, linewidths=1.2)
