"""Chapter 05: the validation part rotates over the folds."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from numpy.typing import NDArray

from landslide_nb.common.arrays import Labels
from landslide_nb.data.splits import Split
from landslide_nb.display.picture import BLUE, ORANGE, Picture, panels

ROLES = (("trains", "#D9D9D9", ""), ("validates", ORANGE, "///"), ("hold-out test", BLUE, "..."))


def rotation(split: Split, labels: Labels) -> pd.DataFrame:
    """How many patches each fold trains and validates on, how many of them have a landslide; and that each validates once."""
    test = (len(split.test), int(labels[split.test].sum()))
    rows = {}
    for number, (train, validation) in enumerate(split.folds, 1):
        parts = (len(train), int(labels[train].sum()), len(validation), int(labels[validation].sum()))
        rows[str(number)] = (*parts, *test, len(set(train) & (set(validation) | set(split.test))))
    columns = [f"{part}{of}" for part in ("training", "validation", "test") for of in ("", ", landslides")]
    return pd.DataFrame.from_dict(rows, orient="index", columns=[*columns, "in two parts"]).rename_axis("fold")


def times_validated(split: Split) -> pd.Series:
    """How many patches outside the test part validate once, twice, … or never."""
    validated = np.concatenate([validation for _, validation in split.folds])
    everyone = np.unique(np.concatenate([split.development, *(train for train, _ in split.folds)]))
    times = pd.Series(validated).value_counts().reindex(everyone, fill_value=0)
    return times.value_counts().sort_index().rename("patches").rename_axis("times validated")


def folds(split: Split, labels: Labels) -> Picture:
    """Which patches train, validate and test in each fold; patches are ordered by the fold that they validate in."""
    order = np.concatenate([*(np.sort(validation) for _, validation in split.folds), split.test])
    place = np.empty(order.max() + 1, np.int64)
    place[order] = np.arange(len(order))
    roles = np.zeros((len(split.folds), len(order)))
    for row, (_, validation) in zip(roles, split.folds, strict=True):
        row[place[validation]], row[place[split.test]] = 1, 2
    shown = ROLES if len(split.test) else ROLES[:2]
    figure, axes = panels(1, 1, 6.2, 0.8 + 0.3 * len(roles))
    axis = axes[0, 0]
    colours = ListedColormap([colour for _, colour, _ in ROLES])
    axis.imshow(roles, aspect="auto", interpolation="nearest", cmap=colours, vmin=0, vmax=2)
    _hatched(axis, roles)
    axis.set_yticks(range(len(roles)), [f"fold {number}" for number in range(1, len(roles) + 1)])
    axis.set_xlabel("patches, ordered by the fold that they validate in")
    handles = [Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name) for name, colour, hatch in shown]
    axis.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
    times = times_validated(split).to_dict()
    sentence = f"each of {len(split.development)} patches validates once"
    if set(times) != {1}:
        sentence = ", ".join(f"{count} patches validate {often} times" for often, count in times.items())
    shares = ", ".join(f"{labels[validation].mean():.1%}" for _, validation in split.folds)
    alt = (
        f"A bar for each of {len(roles)} folds; the validating stretch moves on from fold to fold: {sentence};"
        f" {len(split.test)} are held out for the test."
    )
    caption = f"The validation part rotates: {sentence}. Share of landslides in the validation parts: {shares}."
    return Picture(figure, "fig-rotation", alt, caption)


def _hatched(axis: Axes, roles: NDArray[np.float64]) -> None:
    """Stripes over what validates and dots over the test part, for those who do not see the colours."""
    for number, row in enumerate(roles):
        for role, (_, _, hatch) in enumerate(ROLES):
            if hatch and (columns := np.flatnonzero(row == role)).size:
                axis.axvspan(
                    columns[0] - 0.5,
                    columns[-1] + 0.5,
                    1 - (number + 1) / len(roles),
                    1 - number / len(roles),
                    fill=False,
                    hatch=hatch,
                    edgecolor="white",
                    lw=0,
                )
