"""Pictures that more than one chapter shows. A function draws and describes; it computes nothing of the study."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from landslide_nb.display.picture import (
    BLUE,
    CLASS_COLOURS,
    CLASS_HATCHES,
    CLASS_NAMES,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    Picture,
    panels,
)

LONGER: Final = "ours, longer"  # the column of networks that were trained for longer


def class_balance(counts: Mapping[str, Sequence[int]], name: str) -> Picture:
    """Patches of each class, for one or more sets (Fig. 4b): `counts` maps a set's name to (without, with landslide)."""
    figure, axes = panels(1, 1, 5.6, 2.6)
    axis = axes[0, 0]
    for label, colour, hatch, title, shift in zip(
        (0, 1), CLASS_COLOURS, CLASS_HATCHES, CLASS_NAMES, (-0.2, 0.2), strict=True
    ):
        values = [count[label] for count in counts.values()]
        bars = axis.bar(
            np.arange(len(counts)) + shift, values, 0.4, color=colour, hatch=hatch, edgecolor="white", label=title
        )
        axis.bar_label(bars, fmt="%d", fontsize=8)
    axis.set_xticks(range(len(counts)), list(counts))
    axis.set_ylabel("patches")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    parts = [f"{title}: {c[0]} without and {c[1]} with a landslide" for title, c in counts.items()]
    return Picture(
        figure, name, f"Bars of patches per class. {'; '.join(parts)}.", f"Patches of each class. {'; '.join(parts)}."
    )


def learning_curves(histories: Mapping[str, pd.DataFrame], name: str) -> Picture:
    """Training loss and validation F1 over epochs, a line each."""
    figure, axes = panels(1, 2, 3.3, 2.6)
    styles = ("-", "--", ":", "-.")
    for i, (title, history) in enumerate(histories.items()):
        line = {"ls": styles[i % 4], "marker": MARKERS[i % len(MARKERS)], "ms": 3, "lw": 1}
        axes[0, 0].plot(history["epoch"], history["loss"], label=title, **line)
        scored = history.dropna(subset=["validation_f1"])
        axes[0, 1].plot(scored["epoch"], scored["validation_f1"], label=title, **line)
    axes[0, 0].set(xlabel="epoch", ylabel="training loss (KL)")
    axes[0, 1].set(xlabel="epoch", ylabel="validation F1")
    axes[0, 1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    text = "; ".join(
        f"{title}: loss {h['loss'].iloc[-1]:.2f}, F1 {h['validation_f1'].iloc[-1]:.2f}"
        for title, h in histories.items()
    )
    return Picture(
        figure,
        name,
        f"Loss and validation F1 over epochs. At the end: {text}.",
        "Training loss and validation F1, first fold.",
    )


def differences(table: pd.DataFrame, name: str) -> Picture:
    """Differences of F1 to the first row, ours with intervals beside the paper's.

    Args:
        table: with `ours` (Interval) and `paper`, and `tables.LONGER` where networks were trained for longer too.
        name: of the picture.
    """
    series = [("ours", "ours", "o", BLUE, 0.2), (LONGER, "ours, trained for longer", "s", GREEN, 0.0)]
    series = [each for each in series if each[0] in table]
    figure, axes = panels(1, 1, 7.0, 0.9 + 0.36 * len(table))
    axis, y = axes[0, 0], np.arange(len(table))[::-1]
    for column, label, marker, colour, shift in series:
        values = np.array([tuple(each) for each in table[column]])
        error = np.abs(values[:, 1:] - values[:, :1]).T
        axis.errorbar(values[:, 0], y + shift, xerr=error, fmt=marker, color=colour, capsize=2, ms=5, label=label)
    axis.plot(table["paper"], y - 0.2, "D", color=ORANGE, ms=4, label="paper (another data set)")
    axis.axvline(0, color=GREY, lw=0.8)
    axis.set_yticks(y, list(table.index))
    axis.set_xlabel(f"test F1 minus that of {table.index[0]}, 95 % intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    shown = [(column, label) for column, label, *_ in series] + [("paper", "paper")]
    text = "; ".join(
        f"{row}: " + ", ".join(f"{label} {v[column]:+.2f}" for column, label in shown) for row, v in table.iterrows()
    )
    caption = f"What each change does to F1, against {table.index[0]}; ours and the paper's were measured on different patches."
    return Picture(figure, name, f"Differences of F1. {text}.", caption)
