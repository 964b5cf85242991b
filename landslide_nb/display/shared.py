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
    GREY,
    MARKERS,
    ORANGE,
    Picture,
    panels,
)

SCALE: Final = 0.085  # F1 to both sides: effects of 0.02 are to be seen


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
    axis.set_ylabel("number of patches")
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


def differences(table: pd.DataFrame, name: str, of: str) -> Picture:
    """Changes of F1 against the first row, ours with intervals beside the paper's; what lies outside of the scale is an arrow.

    Args:
        table: with `ours` (Interval), `paper` and `verdict`, a row for each change and for what they are compared with.
        name: of the picture.
        of: what ours are of: "real landslides".
    """
    rows = table.iloc[1:]
    figure, axes = panels(1, 1, 7.4, 1.0 + 0.36 * len(rows))
    axis, y = axes[0, 0], np.arange(len(rows))[::-1]
    axis.axvline(0, color=GREY, lw=0.8)
    ours = np.array([tuple(each) for each in rows["ours"]])
    error = np.abs(ours[:, 1:] - ours[:, :1]).T
    axis.errorbar(ours[:, 0], y + 0.14, xerr=error, fmt="o", color=BLUE, capsize=2, ms=5, label=f"here: {of}")
    axis.plot(rows["paper"], y - 0.14, "D", color=ORANGE, ms=4, label="paper: another data set, no interval")
    reach = max(SCALE, float(np.abs(ours).max()) if np.abs(ours).max() < 2 * SCALE else SCALE)
    axis.set_xlim(-reach, reach)
    for place, row in zip(y, ours, strict=True):
        if abs(row[0]) > reach:
            side = np.sign(row[0])
            axis.annotate(
                f"{row[0]:+.2f}", (side * reach, place), (side * reach * 0.8, place), arrowprops={"arrowstyle": "->"}
            )
    axis.set_yticks(y, [f"{row} ({said})" for row, said in zip(rows.index, rows["verdict"], strict=True)])
    axis.set_xlabel(f"change of F1 against {table.index[0]}, 95 % intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    text = "; ".join(
        f"{row}: here {v['ours']:+.3f}, paper {v['paper']:+.3f}, {v['verdict']}" for row, v in rows.iterrows()
    )
    caption = (
        f"What each change does to F1, against {table.index[0]}: here ({of}) and in the paper, each on its own patches."
    )
    return Picture(figure, name, f"Changes of F1. {text}.", caption)
