"""Verdicts follow their rule, and nothing is said of networks that have not learnt."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslide_nb.experiments import verdicts
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.verdicts import INCONCLUSIVE, NOT_TESTABLE, REPLICATES, REVERSES, lack, verdict
from landslide_nb.metrics.replicates import Estimate

N, TRAIN = 100, 60
LABELS = (np.arange(N) % 2).astype(np.int8)
CLEAR = 0.01  # a standard error that is small beside 0.1
STEADY = (0.5, 0.8, 0.9, 0.9, 0.9, 0.9)


def network(wrong: int = 0, validation: tuple[float | None, ...] = STEADY, elsewhere: bool = False) -> Result:
    """A network that misses this many of its 30 landslides in training; `elsewhere`, all those that it has not seen."""
    called = LABELS.copy()
    called[np.flatnonzero(LABELS[:TRAIN])[:wrong]] = 0
    if elsewhere:
        called[TRAIN:] = 1 - LABELS[TRAIN:]
    log_odds: NDArray[np.float32] = np.where(called == 1, 9, -9).astype(np.float32)
    train, rest = np.arange(TRAIN), np.arange(TRAIN, N)
    history = pd.DataFrame({"epoch": np.arange(len(validation)) + 1, "validation_f1": np.array(validation, float)})
    parts = (train, train, np.ones(TRAIN, np.float32), history, 1.0, train, rest, rest[:0], Path("run"))
    return Result(log_odds, -log_odds, np.zeros((N, 1), np.float32), *parts)


@pytest.mark.parametrize(
    ("ours", "paper", "expected"),
    [(0.1, 0.05, REPLICATES), (-0.1, -0.05, REPLICATES), (0.1, -0.05, REVERSES), (-0.1, 0.05, REVERSES)],
)
def test_a_clear_difference_is_judged_by_its_side(ours: float, paper: float, expected: str) -> None:
    """A change that makes networks worse here would be said to replicate the paper's gain."""
    assert verdict(Estimate(ours, CLEAR, 10), paper) == expected


@pytest.mark.parametrize("paper", [0.05, -0.05])
def test_an_interval_with_zero_in_it_decides_nothing(paper: float) -> None:
    """Chance would be reported as a replication, or as a reversal."""
    assert verdict(Estimate(0.1, 0.1, 10), paper) == INCONCLUSIVE
    assert verdict(Estimate(-0.1, 0.1, 10), paper) == INCONCLUSIVE
    assert verdict(Estimate(0.0, 0.0, 1), paper) == INCONCLUSIVE


@given(st.sampled_from([-1, 1]), st.floats(0.001, 1), st.floats(1, 100))
@settings(deadline=None)
def test_zero_on_the_edge_is_inside(side: int, error: float, freedom: float) -> None:
    """An interval that ends at zero, as with few patches it may, would exclude it."""
    half = Estimate(0, error, freedom).interval.high
    edge = Estimate(side * half, error, freedom)
    assert 0 in edge.interval[1:]
    assert verdict(edge, 0.05) == INCONCLUSIVE
    assert verdict(Estimate(side * half * 1.01, error, freedom), side * 0.05) == REPLICATES


def test_a_change_of_nothing_in_the_paper_is_not_replicated_by_a_change() -> None:
    """A loss here would be said to replicate where the paper's two scores are equal, and a gain not."""
    assert {verdict(Estimate(side * 0.1, CLEAR, 10), 0.0) for side in (-1, 1)} == {REVERSES}


def test_what_is_no_number_decides_nothing() -> None:
    """A score that could not be computed would be a reversal."""
    assert verdict(Estimate(float("nan"), float("nan"), 1), 0.05) == INCONCLUSIVE
    assert verdict(Estimate(0.1, float("nan"), 1), 0.05) == INCONCLUSIVE


def test_what_lacks_something_is_not_tested() -> None:
    """A method would be refuted by networks that were not trained long enough to say anything of it."""
    assert verdict(Estimate(-0.1, CLEAR, 10), 0.05, "train F1 0.50 < 0.9") == NOT_TESTABLE


def test_networks_that_have_learnt_lack_nothing() -> None:
    """The book would have no verdict at all."""
    assert lack([network(), network(wrong=2)], LABELS) == ""


def test_networks_that_have_not_learnt_their_training_patches_are_named() -> None:
    """A network that has learnt nothing would count as evidence."""
    assert lack([network(wrong=15)] * 3, LABELS) == f"train F1 {2 / 3:.2f} < {verdicts.LEARNT:g}"
    silent = lack([network(wrong=30)], LABELS)  # no landslide is called: F1 is 0, and no library warns
    assert silent == f"train F1 0.00 < {verdicts.LEARNT:g}"


def test_what_is_learnt_is_the_mean_of_the_last_weights_on_own_training_patches() -> None:
    """A network would be blamed for patches that it has not seen, or for weights that were chosen on others."""
    assert lack([network(elsewhere=True)], LABELS) == ""  # and its best weights are wrong everywhere
    assert lack([network(), network(), network(wrong=6)], LABELS) == ""
    assert "train F1" in lack([network(wrong=6)], LABELS)


def test_networks_that_still_get_better_are_named() -> None:
    """A slower method would be refuted by stopping before it has come to anything."""
    assert lack([network(validation=(0.1, 0.5, 0.6, 0.7, 0.8))], LABELS) == "validation F1 still rising by 0.200"


@pytest.mark.parametrize(
    "validation",
    [
        (0.1, 0.2, 0.6, 0.9),
        (None, 0.1, None, 0.2, None, 0.6, None, 0.9),
        (0.9, 0.9, 0.9, 0.1, 0.2, 0.6, 0.9, None),
    ],
)
def test_only_the_last_four_scores_count(validation: tuple[float | None, ...]) -> None:
    """An edition that scores every third epoch would be judged by epochs that have no score."""
    assert lack([network(validation=validation)], LABELS) == "validation F1 still rising by 0.600"


@pytest.mark.parametrize("validation", [(0.9, 0.8, 0.7, 0.6), (0.1, 0.5, 0.9), (), (0.8, 0.8, 0.81, 0.805)])
def test_falling_steady_or_few_scores_are_not_rising(validation: tuple[float, ...]) -> None:
    """A network that gets worse, or one of a short run, would be said to get better."""
    assert lack([network(validation=validation)], LABELS) == ""


def test_rising_is_the_mean_over_networks() -> None:
    """One fold that wavers would leave a row without a verdict."""
    up, down = network(validation=(0.7, 0.7, 0.8, 0.8)), network(validation=(0.8, 0.8, 0.7, 0.7))
    assert lack([up, down], LABELS) == ""
    assert lack([up, up, down], LABELS) == "validation F1 still rising by 0.033"
