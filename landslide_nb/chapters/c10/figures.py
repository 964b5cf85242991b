"""Chapter 10: the paper's changes and ours in one picture."""

import numpy as np
import pandas as pd

from landslide_nb.chapters.c10.tables import LONGER
from landslide_nb.display.picture import BLUE, GREEN, GREY, ORANGE, Picture, panels


def picture(table: pd.DataFrame, source: str) -> Picture:
    """The paper's changes and ours, one over the other."""
    series = [("here", f"here: {source}", "o", BLUE, 0.14), (LONGER, "here, trained for longer", "s", GREEN, -0.14)]
    series = [each for each in series if each[0] in table]
    figure, axes = panels(1, 1, 7.0, 0.9 + 0.31 * len(table))
    axis, y = axes[0, 0], -np.arange(len(table))
    axis.axvline(0, color=GREY, lw=0.8)
    for column, label, marker, colour, shift in series:
        ours = np.array([tuple(value) for value in table[column]])
        error = np.abs(ours[:, 1:] - ours[:, :1]).T
        axis.errorbar(ours[:, 0], y + shift, xerr=error, fmt=marker, color=colour, capsize=2, ms=5, label=label)
    axis.plot(table["paper"], y, "X", color=ORANGE, ms=7, label="the paper")
    axis.set_yticks(y, list(table.index))
    axis.set_xlabel("change of F1, 95 % paired intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    sentence = "; ".join(
        f"{name}: paper {row['paper']:+.3f}, " + ", ".join(f"{column} {row[column]:+.3f}" for column, *_ in series)
        for name, row in table.iterrows()
    )
    caption = f"What the paper's changes do there and here ({source}). It gives no intervals; an interval over zero tells neither way."
    return Picture(figure, "fig-holds", f"Changes of F1. {sentence}.", caption)
