"""Backbones compared: their size and speed, their F1, and the picture of one over the other (the paper's Fig. 5)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

from landslide_nb import plan
from landslide_nb.analysis import tables
from landslide_nb.analysis.scores import Interval
from landslide_nb.analysis.style import BLUE, GREY, MARKERS, Picture, panels
from landslide_nb.models.speed import speed
from landslide_nb.runs import Result
from landslide_nb.study import Study

Labels = NDArray[np.int8]
FORMATS: Final = {
    "parameters (M)": ".2f",
    "GFLOPs": ".2f",
    "forward (images/s)": ".0f",
    "training (images/s)": ".0f",
    "memory (MB)": ".0f",
}
CLAIM: Final = (
    "The paper's Fig. 5 has EfficientNetV2-L ahead on the test part, above all of networks of about its size; RegNetY-32GF and"
    " WideResNet do well in training and carry less of it over; InceptionV3 falls behind. Its text gives none of these numbers."
)


def sizes(studies: Mapping[str, Study]) -> pd.DataFrame:
    """What each backbone starts from, how large it is, and how fast on this machine; what is not kept is measured first.

    Returns:
        A row for each: weights; parameters in millions; GFLOPs of the forward pass of an image; images a second, median of
        steps with the slowest and the fastest; MB of a training step's peak. Missing where the machine is too small.
    """
    rows = {}
    for name, study in studies.items():
        of = plan.cost(study.backbone, study.channels, study.image_size)
        measured = speed(study.settings)
        rows[name] = {
            "weights": study.weights if study.weights in ("imagenet", "none") else Path(study.weights).name,
            "parameters (M)": of.parameters / 1e6,
            "GFLOPs": of.flops / 1e9,
            "forward (images/s)": Interval(*measured.forward) if measured else np.nan,
            "training (images/s)": Interval(*measured.training) if measured else np.nan,
            "memory (MB)": measured.memory / 1e6 if measured else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("backbone")


def scores(results: Mapping[str, Sequence[Result]], study: Study, labels: Labels) -> pd.DataFrame:
    """F1 of each backbone, and the difference of test F1 to the study's own on the same patches."""
    own = {study.backbone: results[study.backbone]} if study.backbone in results else {}
    table = tables.changes(own | dict(results), study, labels)
    return table.loc[list(results)].rename_axis("backbone")


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
