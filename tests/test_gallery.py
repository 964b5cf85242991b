"""The worst errors of networks, to look at."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from landslide_nb.chapters.c05 import gallery
from landslide_nb.data.patches import Patches
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study


def network(log_odds: NDArray[np.float64], test: NDArray[np.intp]) -> Result:
    """A network that has scored some test patches, and trained on none."""
    none, said = np.zeros(0, np.intp), log_odds.astype(np.float32)
    history = pd.DataFrame({"seconds": [1.0], "validation_f1": [0.5]})
    return Result(
        said,
        said,
        np.zeros((len(said), 2), np.float32),
        none,
        none,
        none.astype(np.float32),
        history,
        1.0,
        none,
        none,
        test,
        Path("run"),
    )


def test_the_most_certain_errors_are_shown_with_how_many_agree_on_them(tiny: Patches) -> None:
    """A reader would look at patches that the networks get right, or take one network's error for everybody's."""
    labels = tiny.known_labels
    test = np.arange(len(tiny))
    right = np.where(labels == 1, 4.0, -4.0)
    alarm, miss = np.flatnonzero(labels == 0)[0], np.flatnonzero(labels == 1)[0]
    wrong, unsure = right.copy(), right.copy()
    wrong[[alarm, miss]] *= -1
    unsure[alarm] *= -1
    picture = gallery.picture(
        [network(wrong, test), network(wrong, test), network(unsure, test)], tiny, "made-up patches"
    )
    titles = [axis.get_title() for axis in picture.figure.axes if axis.get_title()]
    assert titles == ["0.98, 3 of 3", "0.34, 2 of 3"]
    assert f"false alarms: {tiny.ids[alarm]} 0.98; misses: {tiny.ids[miss]} 0.34." in picture.alt
    assert "made-up patches" in picture.caption and tiny.data_set.credit in picture.caption


def test_patches_that_no_network_has_scored_are_no_errors(tiny: Patches) -> None:
    """Training patches would stand among the misses with a probability of zero."""
    test = np.flatnonzero(tiny.known_labels == 0)
    picture = gallery.picture([network(np.full(len(tiny), -4.0), test)], tiny, "made-up patches")
    assert "false alarms: none; misses: none." in picture.alt


def test_published_patches_have_no_pixels_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone without data would stop in the middle of chapter 05."""
    assert gallery.errors([], Study.load("real")) is None
