"""Chapter 04: F1 over the number of parameters (the paper's Fig. 5)."""

from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from landslide_nb.display.picture import BLUE, GREY, MARKERS, Picture, panels
from landslide_nb.metrics.bootstrap import Interval

CLAIM: Final = (
    "In the paper's Fig. 5 EfficientNetV2-L scores highest on the test part, above all among networks of its size; RegNetY-32GF and"
    " WideResNet do well in training and carry less of it over; InceptionV3 scores lower. Its text gives none of these numbers."
)


def f1_over_parameters(size: pd.DataFrame, score: pd.DataFrame) -> Picture:
    """Test F1 with intervals, and train F1, over the number of parameters (Fig. 5); a marker for each backbone."""
    figure, axes = panels(1, 1, 7.4, 3.8)
    axis = axes[0, 0]
    millions, test, train = size.loc[score.index, "parameters (M)"], score["test F1"], score["train F1"]
    for number, (name, x, reached, learnt) in enumerate(zip(score.index, millions, test, train, strict=True)):
        _backbone(axis, x, reached, learnt.value, MARKERS[number % len(MARKERS)], name)
    axis.plot([], [], "o", mfc="white", color=GREY, label="hollow: train F1")
    axis.set(xscale="log", xlabel="parameters (millions, logarithmic)", ylabel="test F1, 95 % intervals")
    for which in (axis.xaxis.set_major_formatter, axis.xaxis.set_minor_formatter):
        which(StrMethodFormatter("{x:g}"))
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
    text = "; ".join(
        f"{name} {reached:.2f}, train {learnt.value:.2f}, at {x:.1f} M"
        for name, x, reached, learnt in zip(score.index, millions, test, train, strict=True)
    )
    caption = f"F1 of each backbone over its size: test filled, train hollow, the line between them is the gap. {CLAIM}"
    return Picture(figure, "fig-backbones", f"Test and train F1 over parameters: {text}.", caption)


def _backbone(axis: Axes, x: float, test: Interval, train: float, marker: str, name: str) -> None:
    axis.plot([x, x], [test.value, train], ":", color=GREY, lw=0.8)
    axis.plot(x, train, marker, mfc="white", color=GREY, ms=5)
    error = [[max(test.value - test.low, 0)], [max(test.high - test.value, 0)]]
    axis.errorbar(x, test.value, yerr=error, fmt=marker, color=BLUE, capsize=2, label=name)
