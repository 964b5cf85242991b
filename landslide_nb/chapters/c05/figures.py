"""Chapter 05: last weights against the best ones."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from landslide_nb.display.picture import BLUE, GREY, ORANGE, Picture, panels


def last_against_best(table: pd.DataFrame) -> Picture:
    """What choosing the best epoch seems to give and what it gives; `table` as `selection` makes it."""
    tested = "optimism" in table
    figure, axes = panels(1, 2, 3.6, 0.9 + 0.36 * len(table), sharey=True)
    series = [("on the validation fold", "validation", "^", ORANGE, 0.15)]
    series += [("on the hold-out test", "test", "o", BLUE, -0.15)] if tested else []
    for label, of, marker, colour, shift in series:
        _points(axes[0, 0], table[f"{of} F1, best"], marker, colour, shift, label)
        _points(axes[0, 1], table[f"{of}: best − last"], marker, colour, shift, label)
    axes[0, 0].set_yticks(range(len(table))[::-1], list(table.index))
    axes[0, 0].set(xlabel="F1 by the best weights", ylim=(-0.5, len(table) - 0.5))
    axes[0, 1].set_xlabel("F1 by the best minus by the last")
    axes[0, 1].axvline(0, color=GREY, lw=0.8)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    text = "; ".join(
        f"{name}: " + ", ".join(f"{of} {row[f'{of}: best − last'].value:+.2f}" for _, of, *_ in series)
        for name, row in table.iterrows()
    )
    caption = (
        "Left: F1 of each fold's best weights where they were chosen, and where they were not. Right: what choosing them adds to"
        " the last epoch's. Means over folds of single networks, 95 % intervals."
    )
    return Picture(figure, "fig-last-best", f"F1 by best weights minus by last ones. {text}.", caption)


def _points(axis: Axes, values: pd.Series, marker: str, colour: str, shift: float, label: str) -> None:
    value, low, high = np.array([tuple(each) for each in values]).T
    error = np.array([value - low, high - value]).clip(min=0)
    y = np.arange(len(values))[::-1] + shift
    axis.errorbar(value, y, xerr=error, fmt=marker, color=colour, capsize=2, ms=5, label=label)
