"""The incremental ensemble: nothing is chosen on the patches that a score is of, and a step's gain is of the same patches."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from landslide_nb.chapters.c09 import figures, findings, tables
from landslide_nb.data.patches import Patches
from landslide_nb.data.splits import Split, split
from landslide_nb.display.table import show
from landslide_nb.experiments import grids
from landslide_nb.experiments.study import Study
from landslide_nb.inference import incremental
from landslide_nb.inference.incremental import FLIPS, MULTI, ONE, TREES, Member, Step, score
from landslide_nb.metrics.bootstrap import Interval, interval

N, FOLDS, RESAMPLES = 900, 3, 200
Labels = NDArray[np.int8]


def drawn(noise: float, seed: int, n_test: int = 450) -> tuple[Member, Split, Labels]:
    """A member whose log-odds are the truth and noise, another for each fold, and infinite on what it was trained on."""
    rng = np.random.default_rng(5)
    labels = (rng.random(N) < 0.3).astype(np.int8)
    parts = split(labels, n_test, FOLDS, 0)
    scores = 2.0 * (2 * labels - 1) + noise * np.random.default_rng(seed).standard_normal((FOLDS, N))
    for fold, (train, _) in enumerate(parts.folds):
        scores[fold, train] = np.where(labels[train] == 1, 1e6, -1e6)
    return Member(scores, 1.5, 10.0, 2.0), parts, labels


def test_a_rung_is_scored_on_what_its_models_have_not_seen() -> None:
    """Training patches would make every step look perfect."""
    member, parts, labels = drawn(3.0, 1)
    scored = score(Step({"a": member}), parts, labels, RESAMPLES)
    assert 0.4 < interval(scored.unseen).value < 0.9
    assert scored.hold_out is not None and 0.4 < interval(scored.hold_out).value < 0.9


def test_nothing_is_fitted_on_the_fold_that_is_scored() -> None:
    """Weights and threshold would know the labels that they are judged by."""
    member, parts, labels = drawn(3.0, 1)
    before = score(Step({"a": member}), parts, labels, RESAMPLES)
    turned = labels.copy()
    turned[parts.test] = 1 - turned[parts.test]
    after = score(Step({"a": member}), parts, turned, RESAMPLES)
    assert (before.unseen == after.unseen).all(), "labels of the hold-out part reach the out-of-fold score"
    # A member that says nothing but where its own fold's labels are: a combiner fitted there would follow it.
    first = parts.folds[0][1]
    flipped = labels.copy()
    flipped[first] = 1 - flipped[first]
    kept = score(Step({"a": member}), parts, flipped, RESAMPLES)
    assert before.unseen[0] > kept.unseen[0], (
        "a combiner that learns the fold it is judged on would not care that its labels are turned"
    )


def test_the_mean_over_folds_is_one_decision() -> None:
    """The step to the mean would show something else than what averaging gives."""
    member, parts, labels = drawn(4.0, 2)
    single, mean = (score(Step({"a": member}, mean=m), parts, labels, RESAMPLES) for m in (False, True))
    assert single.hold_out is not None and mean.hold_out is not None
    assert mean.hold_out[0] > single.hold_out[0] + 0.05, "independent noise averages out"
    assert (single.unseen == mean.unseen).all(), "out of fold there is one network for each patch"


def test_members_that_know_different_things_add_up() -> None:
    """The weights would favour one member, and the ensemble be no better than it."""
    members = {str(seed): drawn(4.0, seed)[0] for seed in range(4)}
    _, parts, labels = drawn(4.0, 0)
    one = score(Step({"0": members["0"]}), parts, labels, RESAMPLES)
    all_of_them = score(Step(members), parts, labels, RESAMPLES)
    gained = tables.against(all_of_them, one)
    assert gained["out of fold"].low > 0 and gained["hold-out"].low > 0


def test_a_gain_is_paired_and_costs_are_summed() -> None:
    """Two independent intervals would be far too wide, or a step would look cheaper than it is."""
    member, parts, labels = drawn(3.0, 1)
    steps = {
        "one": Step({"a": member}),
        "same": Step({"a": member}),
        "two": Step({"a": member, "b": member}, mean=True),
    }
    scored = {name: score(step, parts, labels, RESAMPLES) for name, step in steps.items()}
    table = tables.table(steps, scored, FOLDS)
    assert np.isnan(table["adds"].iloc[0])
    assert table.loc["same", "adds"] == Interval(0, 0, 0) and table.loc["same", "adds there"] == Interval(0, 0, 0)
    costs = table.to_dict("index")["two"]
    assert [costs[name] for name in tables.FORMATS] == [2 * 3 * 1.5, 20.0, 3 * 4.0]
    alt = figures.incremental(table, "made-up scores").alt
    assert f"{table['hold-out F1'].iloc[0].value:.3f}" in alt and "two" in alt
    assert show(table, tables.FORMATS).shape == table.shape


def test_without_a_test_part_only_out_of_fold_scores_are_shown() -> None:
    """The challenge's own test has no labels: a column of nothing would be shown as a score."""
    member, parts, labels = drawn(3.0, 1, n_test=0)
    steps = {"one": Step({"a": member})}
    scored = {name: score(step, parts, labels, RESAMPLES) for name, step in steps.items()}
    table = tables.table(steps, scored, FOLDS)
    assert {"hold-out F1", "adds there"}.isdisjoint(table.columns)
    assert "hold-out" not in figures.incremental(table, "made-up scores").alt


def test_the_best_single_network_is_chosen_out_of_fold() -> None:
    """The hold-out part would have chosen the rival that the ensemble is compared with there."""
    scored = {
        "good on the hold-out": incremental.Scored(np.array([0.5, 0.5]), np.array([0.9, 0.9])),
        "good out of fold": incremental.Scored(np.array([0.6, 0.6]), np.array([0.1, 0.1])),
    }
    assert tables.best_single(scored) == "good out of fold"


def test_the_steps_add_one_thing_each() -> None:
    """A step would leave out what the one before had, or count the same network with and without flips."""
    study = Study.load("smoke", left_out=[])
    names = [TREES, *grids.contenders(study), MULTI + FLIPS]
    made = {name: drawn(3.0, seed)[0] for seed, name in enumerate(names)}
    steps = incremental.steps(made)
    used = [set(step.members) for step in steps.values()]
    assert all(len(each) == 1 for each in used[:7])
    assert used[-2] == {*names} - {TREES, MULTI} and used[-1] == {*names} - {MULTI}
    assert [step.mean for step in steps.values()] == [False] * 6 + [True] * 3
    labels = drawn(3.0, 0)[2]
    alone = tables.singles(made, drawn(3.0, 0)[1], labels, RESAMPLES)
    assert set(alone) == set(grids.contenders(study))


def test_one_kind_of_bands_has_the_steps_that_it_allows() -> None:
    """A study of pictures would fail at the encoders that it cannot have, or leave its flips out."""
    names = [TREES, "baseline", ONE, "resnet18", ONE + FLIPS]
    made = {name: drawn(3.0, seed)[0] for seed, name in enumerate(names)}
    steps = incremental.steps(made)
    assert [set(step.members) for step in steps.values()] == [
        *({TREES}, {"baseline"}, {ONE}, {ONE + FLIPS}, {ONE + FLIPS}),
        *({"baseline", "resnet18", ONE + FLIPS}, {*names} - {ONE}),
    ]
    assert [step.mean for step in steps.values()] == [False] * 4 + [True] * 3
    assert "encoder" not in " ".join(steps) and "modality" not in " ".join(steps)
    assert set(tables.singles(made, *drawn(3.0, 0)[1:], RESAMPLES)) == {"baseline", ONE, "resnet18"}


def test_trees_are_fitted_to_training_patches_only(tiny: Patches) -> None:
    """The first step would have seen what it is scored on."""
    parts = split(tiny.known_labels, 8, 2, 0)
    assert incremental.statistics_of(tiny).shape == (len(tiny), 85)
    before = incremental.trees(tiny, parts, 0).scores
    labels = tiny.known_labels.copy()
    train, validation = parts.folds[0]
    labels[validation] = 1 - labels[validation]
    labels[parts.test] = 1 - labels[parts.test]
    after = incremental.trees(Patches(tiny.ids, tiny.pixels, labels), parts, 0).scores
    assert (before[0] == after[0]).all()
    assert before.shape == (2, len(tiny)) and len(train)


def test_what_was_found_says_what_the_tables_say() -> None:
    """The text would claim a gain that the interval does not show."""
    import pandas as pd

    def row(adds: Mapping[str, float] | None) -> dict[str, object]:
        gain = np.nan if adds is None else Interval(adds["v"], adds["l"], adds["h"])
        return {"out-of-fold F1": Interval(0.5, 0.4, 0.6), "adds": gain, "adds there": gain, "prediction (s)": 12.0}

    climbed = pd.DataFrame.from_dict(
        {
            "trees": row(None),
            "+ up": row({"v": 0.2, "l": 0.1, "h": 0.3}),
            "+ down": row({"v": -0.2, "l": -0.3, "h": -0.1}),
            "+ neither": row({"v": 0.0, "l": -0.1, "h": 0.1}),
        },
        orient="index",
    )
    lost = pd.DataFrame({"no ascending pass": {"one stem": Interval(0.4, 0.3, 0.5), MULTI: Interval(0.3, 0.2, 0.4)}})
    rarer = pd.DataFrame([{"true rate": 0.11, "estimated rate": 0.12, "gain": Interval(0.01, -0.01, 0.02)}])
    gained = {"hold-out": Interval(0.03, 0.01, 0.05)}
    text = str(
        findings.incremental(climbed, "xcit", gained, lost, Interval(-0.1, -0.2, 0.0), rarer, "made-up patches").data
    )
    assert "up (+0.200 [+0.100, +0.300]) raises F1 (95 % interval above 0)" in text
    assert "down (-0.200 [-0.300, -0.100]) lowers it (interval below 0)" in text
    assert "the other 1 steps are inconclusive" in text and "xcit" in text
    alone = str(findings.incremental(climbed, "xcit", gained, lost.iloc[:1], None, rarer, "made-up patches").data)
    assert "more than half as much" not in alone and "none can be missing while others are there" in alone
    assert "more than half as much" in text and "+0.030 [+0.010, +0.050] hold-out, the 95 % interval excludes 0" in text


@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_hold_out_f1_of_single_models_is_the_mean_of_theirs(noise: float) -> None:
    """Before the folds are averaged, hold-out F1 would already be that of an ensemble."""
    member, parts, labels = drawn(noise, 3)
    scored = score(Step({"a": member}), parts, labels, RESAMPLES)
    from landslide_nb.tabular.stacking import Combiner

    own = np.concatenate([member.scores[fold, part] for fold, (_, part) in enumerate(parts.folds)])[:, None]
    combiner = Combiner.fit(own, labels[np.concatenate([part for _, part in parts.folds])])
    each = [
        f1_score(labels[parts.test], combiner.probabilities(s[parts.test, None]) >= combiner.threshold)
        for s in member.scores
    ]
    assert scored.hold_out is not None
    assert scored.hold_out[0] == pytest.approx(np.mean(each))
