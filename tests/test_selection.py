"""What choosing the best epoch does is measured where nothing was chosen, and each patch validates once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from landslide_nb.chapters.c05 import figures, findings, rotation
from landslide_nb.data.splits import Split, split
from landslide_nb.experiments import selection
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study
from landslide_nb.metrics.bootstrap import Interval

N, TEST = 600, 300
STUDY = Study.load("smoke", resamples=400)
Labels = NDArray[np.int8]


def results(best_on_validation: float, best_on_test: float, n_test: int = TEST) -> tuple[list[Result], Labels]:
    """Three folds whose last weights err on three patches of ten, and whose best ones err by these shares."""
    rng = np.random.default_rng(3)
    labels = (rng.random(N) < 0.4).astype(np.int8)
    parts = split(labels, n_test, 3, 0)
    made = []
    for number, (train, validation) in enumerate(parts.folds):
        last = _wrong(labels, np.full(N, 0.3), rng)
        share = np.full(N, best_on_test)
        share[validation] = best_on_validation
        history = pd.DataFrame({"epoch": [1, 2, 3], "validation_f1": [0.1, 0.2 + number, 0.3]})
        best, embeddings, weight = (
            _wrong(labels, share, rng),
            np.zeros((N, 1), np.float32),
            np.ones(len(train), np.float32),
        )
        rest = (weight, history, 1.0, train, validation, parts.test, Path("run"))
        made.append(Result(last, best, embeddings, train, train, *rest))
    return made, labels


def _wrong(labels: Labels, share: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    return np.where(np.where(rng.random(N) < share, 1 - labels, labels) == 1, 9, -9).astype(np.float32)


def test_scores_are_of_single_networks() -> None:
    """A mean of networks would be compared with each alone, and look like a gain of the choice."""
    made, labels = results(0.1, 0.3)
    row = selection.selection({"run": made}, STUDY, labels).loc["run"]
    alone = [f1_score(labels[r.validation], r.best_log_odds[r.validation] >= 0) for r in made]
    assert row["validation F1, best"].value == pytest.approx(np.mean(alone))
    tested = [f1_score(labels[r.test], r.best_log_odds[r.test] >= 0) for r in made]
    assert row["test F1, best"].value == pytest.approx(np.mean(tested))
    assert row["optimism"].value == pytest.approx(np.mean(alone) - np.mean(tested))


def test_the_chosen_epochs_are_those_of_the_best_score() -> None:
    """A reader would be told of other epochs than those whose weights are kept."""
    made, labels = results(0.3, 0.3)
    assert selection.selection({"run": made}, STUDY, labels)["chosen"]["run"] == "3, 2, 2"


def test_a_choice_that_only_seems_to_gain_is_found_out() -> None:
    """What is better only where it was chosen would be reported as better."""
    made, labels = results(0.05, 0.3)
    row = selection.selection({"run": made}, STUDY, labels).loc["run"]
    assert row["validation: best − last"].low > 0
    assert row["test: best − last"].low < 0 < row["test: best − last"].high
    assert row["optimism"].low > 0 and row["of it by the choice"].low > 0


def test_a_choice_that_really_gains_is_no_bias() -> None:
    """Every choice would be called biased."""
    made, labels = results(0.1, 0.1)
    row = selection.selection({"run": made}, STUDY, labels).loc["run"]
    assert row["test: best − last"].low > 0
    assert row["of it by the choice"].low < 0 < row["of it by the choice"].high


def test_last_weights_that_are_best_differ_by_nothing() -> None:
    """Equal weights would differ by the luck of two resamplings."""
    made, labels = results(0.3, 0.3)
    same = [Result(**(vars(r) | {"best_log_odds": r.log_odds})) for r in made]
    row = selection.selection({"run": same}, STUDY, labels).loc["run"]
    zero = Interval(0, 0, 0)
    assert row["validation: best − last"] == row["test: best − last"] == row["of it by the choice"] == zero


def test_without_a_test_part_nothing_is_said_of_it() -> None:
    """With the challenge's data the chapter would fail, or show a score of patches that were chosen on."""
    made, labels = results(0.1, 0.1, n_test=0)
    table = selection.selection({"run": made}, STUDY, labels)
    assert list(table.columns) == ["chosen", "validation F1, best", "validation: best − last"]
    assert "hold-out" not in figures.last_against_best(table).alt
    assert "no hold-out part" in findings._selection(table)


def test_the_picture_and_the_finding_tell_both() -> None:
    """A reader would see what a choice seems to give, and not what it gives."""
    made, labels = results(0.05, 0.3)
    table = selection.selection({"a": made, "b": made}, STUDY, labels)
    picture = figures.last_against_best(table)
    for of in ("validation", "test"):
        assert f"{of} {table[f'{of}: best − last']['a'].value:+.2f}" in picture.alt
    said = findings._selection(table)
    assert f"{table['of it by the choice']['a'].value:+.3f} of the validation score is the choice itself" in said
    assert "interval of that bias lies above 0: 2." in said and "below 0: 0." in said


@pytest.mark.parametrize("n_test", [TEST, 0])
def test_each_patch_validates_once(n_test: int) -> None:
    """A patch that never validates would be missing out of fold, one that does twice would count twice."""
    labels = (np.arange(N) % 4 == 0).astype(np.int8)
    parts = split(labels, n_test, 3, 0)
    assert rotation.times_validated(parts).to_dict() == {1: N - n_test}
    table = rotation.rotation(parts, labels)
    assert table["validation"].sum() == N - n_test
    assert (table["training"] + table["validation"] + table["test"] == N).all()
    assert (table["in two parts"] == 0).all()
    positive = table[[f"{part}, landslides" for part in ("training", "validation", "test")]].sum(axis=1)
    assert (positive == labels.sum()).all()
    picture = rotation.folds(parts, labels)
    assert f"each of {N - n_test} patches validates once; {n_test} are held out" in picture.alt
    legend = picture.figure.axes[0].get_legend()
    assert legend is not None and len(legend.get_texts()) == (3 if n_test else 2)


def test_a_rotation_that_leaves_some_out_shows() -> None:
    """The book would say that each patch validates once, whatever the folds are."""
    everyone = np.arange(6)
    wrong = Split(everyone[:0], ((everyone[2:], everyone[:2]), (everyone[:5], everyone[1:3])))
    assert rotation.times_validated(wrong).to_dict() == {0: 3, 1: 2, 2: 1}
    assert rotation.rotation(wrong, np.zeros(6, np.int8))["in two parts"].tolist() == [0, 2]
    assert "3 patches validate 0 times" in rotation.folds(wrong, np.zeros(6, np.int8)).caption
