"""Chapter 04: backbones compared: their size and speed, and their F1."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from landslide_nb.common.arrays import Labels
from landslide_nb.display.wording import by_name
from landslide_nb.experiments import comparisons, plan
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.speed import speed
from landslide_nb.experiments.study import Study
from landslide_nb.metrics.bootstrap import Interval

FORMATS: Final = {
    "parameters (M)": ".2f",
    "GFLOPs": ".2f",
    "forward (images/s)": ".0f",
    "training (images/s)": ".0f",
    "memory (MB)": ".0f",
}


def sizes(studies: Mapping[str, Study]) -> pd.DataFrame:
    """What each backbone starts from, how large it is, and how fast on this machine; what is not kept is measured first.

    Returns:
        A row for each: weights; parameters in millions; GFLOPs of the forward pass of an image; images a second, median of
        steps with the slowest and the fastest; MB of a training step's peak. Missing where the machine is too small.
    """
    rows = {}
    for name, study in studies.items():
        of = plan.cost(study.backbone, study.seen, study.image_size)
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
    """F1 of each backbone, the highest test F1 first, and the difference of test F1 to the study's own on the same patches."""
    own = {study.backbone: results[study.backbone]} if study.backbone in results else {}
    table = comparisons.changes(own | dict(results), study, labels)
    test = by_name(table, "test F1")
    order = sorted(results, key=lambda name: -test[name].value)
    return table.loc[order].rename_axis("backbone")
