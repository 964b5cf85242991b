"""What choosing each fold's best weights by their validation F1 does to scores."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common.arrays import Labels, Values
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study
from landslide_nb.metrics.bootstrap import folds_f1, interval


def selection(results: Mapping[str, Sequence[Result]], study: Study, labels: Labels) -> pd.DataFrame:
    """Last weights against those of the best validation F1: what the choice seems to give, and what it gives.

    Every F1 is the mean over folds of each network's own: on its validation patches, and on the hold-out test where there is
    one. So both are of single networks, and comparable; the test F1 of other tables is of their mean probability.

    Returns:
        A row for each run: chosen (epochs, fold by fold); validation and test F1 by the best weights; "optimism" is the first
        minus the second, "of it by the choice" minus the same of the last weights, which were not chosen and differ from zero
        only as validation and test patches differ; "best − last" on the same patches, on validation (biased) and on the test.
    """
    return pd.DataFrame.from_dict(
        {name: _row(each, study.resamples, labels) for name, each in results.items()}, orient="index"
    ).rename_axis("run")


def _row(results: Sequence[Result], resamples: int, labels: Labels) -> dict[str, object]:
    best = [result.best_probabilities >= 0.5 for result in results]
    last = [result.probabilities >= 0.5 for result in results]

    def draws(parts: Sequence[NDArray[np.int64]], seed: int) -> tuple[Values, Values]:
        return folds_f1(labels, parts, best, resamples, seed), folds_f1(labels, parts, last, resamples, seed)

    seems, was = draws([result.validation for result in results], 0)
    epochs = [int(r.history["epoch"].iloc[r.history["validation_f1"].fillna(-1).argmax()]) for r in results]
    row: dict[str, object] = {
        "chosen": ", ".join(map(str, epochs)),
        "validation F1, best": interval(seems),
        "validation: best − last": interval(seems - was),
    }
    if not len(results[0].test):
        return row
    gives, gave = draws([result.test for result in results], 1)
    return row | {
        "test F1, best": interval(gives),
        "test: best − last": interval(gives - gave),
        "optimism": interval(seems - gives),
        "of it by the choice": interval((seems - gives) - (was - gave)),
    }
