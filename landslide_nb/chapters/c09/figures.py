"""Chapter 09: the steps of the incremental ensemble in a picture."""

import numpy as np
import pandas as pd

from landslide_nb.display.picture import BLUE, GREY, ORANGE, Picture, panels


def incremental(table: pd.DataFrame, source: str) -> Picture:
    """F1 of each step with intervals, out of fold and on the hold-out."""
    figure, axes = panels(1, 1, 7.0, 0.8 + 0.34 * len(table))
    axis, y = axes[0, 0], -np.arange(len(table))
    series = [("out-of-fold F1", "out of fold", "^", ORANGE, 0.14), ("hold-out F1", "hold-out", "o", BLUE, -0.14)]
    sentences = []
    for column, label, marker, colour, shift in series:
        if column not in table:
            continue
        values = np.array([tuple(each) for each in table[column]])
        error = np.abs(values[:, 1:] - values[:, :1]).T
        axis.errorbar(values[:, 0], y + shift, xerr=error, fmt=marker, color=colour, capsize=2, ms=5, label=label)
        axis.plot(values[:, 0], y + shift, color=GREY, lw=0.6, zorder=0)
        sentences.append(
            f"{label}: " + ", ".join(f"{name} {value[0]:.3f}" for name, value in zip(table.index, values, strict=True))
        )
    axis.set_yticks(y, list(table.index))
    axis.set_xlabel("F1, 95 % intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    alt = f"F1 from step to step. {'; '.join(sentences)}."
    return Picture(
        figure,
        "fig-ladder",
        alt,
        f"What each step comes to ({source}). The differences are in the table: they are paired.",
    )
