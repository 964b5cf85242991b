"""Scores of replicates are scikit-learn's, and their intervals hold what really varies: the ground, and the networks."""

import runpy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import t
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from landslide_nb.common.arrays import Indices, Labels, Scores, Values
from landslide_nb.experiments.verdicts import INCONCLUSIVE, REPLICATES, verdict
from landslide_nb.metrics import bootstrap, replicates
from landslide_nb.metrics.replicates import Estimate, Metric, estimate, holm, sampled

ROOT = Path(__file__).parents[1]
COVERAGE = ROOT / "results" / "interval_coverage.csv"
METRICS: tuple[Metric, ...] = (replicates.f1, replicates.auroc, replicates.average_precision)
Reference = Callable[..., float]
QUICK = settings(max_examples=40, deadline=None)


def _f1(labels: Labels, scores: Scores, **rest: Any) -> float:
    return float(f1_score(labels, scores >= 0, zero_division=0, **rest))


REFERENCES: tuple[tuple[Metric, Reference], ...] = (
    (replicates.f1, _f1),
    (replicates.auroc, roc_auc_score),
    (replicates.average_precision, average_precision_score),
)


@st.composite
def samples(draw: st.DrawFn) -> tuple[NDArray[np.bool_], Scores, Values]:
    """Labels of both kinds, scores of few levels and whole weights that leave something of each kind."""
    n = draw(st.integers(2, 40))
    labels = draw(arrays(np.bool_, n))
    scores = draw(arrays(np.float64, n, elements=st.sampled_from([-2.5, -1.0, -1e-9, 0.0, 1e-9, 0.5, 3.0])))
    weights = draw(arrays(np.int64, n, elements=st.integers(0, 3)))
    assume(weights[labels].sum() and weights[~labels].sum())
    return labels, scores, weights.astype(np.float64)


@st.composite
def studies(draw: st.DrawFn) -> tuple[Labels, list[Scores], list[Indices], NDArray[np.str_]]:
    """Labels, scores of some replicates, a part for each, and blocks of one to four patches in no order."""
    groups = np.array(draw(st.lists(st.sampled_from("abcdefgh"), min_size=8, max_size=30)))
    n, number = len(groups), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    parts = [np.sort(rng.permutation(n)[: rng.integers(1, n + 1)]) for _ in range(number)]
    return rng.integers(0, 2, n).astype(np.int8), list(rng.integers(-3, 4, (number, n)) / 2), parts, groups


def spied(parts: list[Indices], groups: NDArray[np.str_] | None, n: int, resamples: int = 20) -> list[Values]:
    """The weights that each replicate's patches have in each resample."""
    seen: list[Values] = []

    def metric(labels: NDArray[np.bool_], scores: Scores, weights: Values) -> Values:
        seen.append(weights)
        return np.zeros(len(weights))

    sampled(metric, np.zeros(n, np.int8), [np.zeros(n)] * len(parts), parts, groups, resamples)
    return seen


@pytest.mark.parametrize(("metric", "reference"), REFERENCES)
@given(samples())
@QUICK
def test_scores_are_scikit_learns(
    metric: Metric, reference: Reference, sample: tuple[NDArray[np.bool_], Scores, Values]
) -> None:
    """The book's numbers would not be those that the field calls F1, AUROC and average precision."""
    labels, scores, _ = sample
    found = metric(labels, scores, np.ones((1, len(labels))))
    assert found.shape == (1,)
    assert found[0] == pytest.approx(reference(labels, scores), abs=1e-12)


@pytest.mark.parametrize(("metric", "reference"), REFERENCES)
@given(samples())
@QUICK
def test_a_weight_is_how_often_a_patch_is_there(
    metric: Metric, reference: Reference, sample: tuple[NDArray[np.bool_], Scores, Values]
) -> None:
    """An interval would be of resamples in which a patch that is drawn twice counts once, or of each other's."""
    labels, scores, weights = sample
    often = weights.astype(np.int64)
    found = metric(labels, scores, np.stack([weights, np.ones(len(labels)), 2 * weights]))
    repeated = reference(labels.repeat(often), scores.repeat(often))
    assert found == pytest.approx([repeated, reference(labels, scores), repeated], abs=1e-12)
    assert repeated == pytest.approx(reference(labels, scores, sample_weight=weights), abs=1e-12)


@given(samples(), st.floats(0.01, 100))
@QUICK
def test_ranks_alone_decide_what_is_a_rank(sample: tuple[NDArray[np.bool_], Scores, Values], factor: float) -> None:
    """AUROC and average precision would depend on how sure a network is, and not on whom it puts first."""
    labels, scores, weights = sample
    for metric in (replicates.auroc, replicates.average_precision):
        found, other = (metric(labels, each, weights[None]) for each in (scores, factor * scores + 7))
        if len(np.unique(factor * scores + 7)) == len(np.unique(scores)):
            np.testing.assert_allclose(found, other, atol=1e-12)


def test_without_one_class_there_is_no_rank() -> None:
    """A resample without a landslide would count as the worst score, or as the best."""
    labels, scores = np.array([True, False, False]), np.array([1.0, 0.0, -1.0])
    weights = np.array([[1.0, 1, 1], [0, 1, 2]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for metric in (replicates.auroc, replicates.average_precision):
            assert metric(labels, scores, weights).tolist() == pytest.approx([1, np.nan], nan_ok=True)
        values = np.array([[0.7, 0.6, np.nan, 0.8]])
        assert estimate(values, 5).error == pytest.approx(0.1)  # of the two that there are


@pytest.mark.parametrize("metric", METRICS)
@given(studies())
@QUICK
def test_a_setting_does_not_differ_from_itself(
    metric: Metric, study: tuple[Labels, list[Scores], list[Indices], NDArray[np.str_]]
) -> None:
    """Two settings would be compared on different draws of ground: the baseline would gain or lose against itself."""
    labels, scores, parts, groups = study
    first, second = (sampled(metric, labels, [s.copy() for s in scores], parts, groups, 15) for _ in range(2))
    assert first.shape == (len(parts), 16)
    assert np.array_equal(first, second, equal_nan=True)
    other = sampled(metric, labels, scores, parts, groups, 15, seed=1)
    assert np.array_equal(first[:, 0], other[:, 0], equal_nan=True)


@given(studies())
@QUICK
def test_blocks_are_drawn_whole(study: tuple[Labels, list[Scores], list[Indices], NDArray[np.str_]]) -> None:
    """Neighbours would be drawn one by one, as if each were news: intervals would be too narrow."""
    labels, _, parts, groups = study
    everyone = np.unique(np.concatenate(parts))
    names = np.unique(groups[everyone])
    number = len(names)
    assert replicates.blocks(parts, groups) == number
    of_block: dict[str, Values] = {}
    for weights, part in zip(spied(parts, groups, len(labels)), parts, strict=True):
        assert weights.shape == (21, len(part)) and (weights[0] == 1).all()
        for name, column in zip(groups[part], weights.T, strict=True):  # of any replicate
            assert np.array_equal(of_block.setdefault(str(name), column), column)
    assert sorted(of_block) == names.tolist()
    assert (np.sum(list(of_block.values()), axis=0) == number).all(), "as many blocks are drawn as there are"


@given(studies())
@QUICK
def test_patches_without_blocks_stand_alone(
    study: tuple[Labels, list[Scores], list[Indices], NDArray[np.str_]],
) -> None:
    """A study whose patches have no blocks would be drawn by something else than its patches."""
    labels, scores, parts, _ = study
    each = np.array([f"{place:03}" for place in range(len(labels))])
    assert replicates.blocks(parts, None) == replicates.blocks(parts, each) == len(np.unique(np.concatenate(parts)))
    alone, named = (sampled(replicates.f1, labels, scores, parts, groups, 15) for groups in (None, each))
    assert np.array_equal(alone, named)


@given(studies())
@QUICK
def test_each_replicate_is_scored_on_its_own_part(
    study: tuple[Labels, list[Scores], list[Indices], NDArray[np.str_]],
) -> None:
    """Out of fold, a network would be scored on patches that it was trained on."""
    labels, scores, parts, groups = study
    values = sampled(replicates.f1, labels, scores, parts, groups, 4)
    for row, own, part, weights in zip(values, scores, parts, spied(parts, groups, len(labels), 4), strict=True):
        assert row[0] == pytest.approx(_f1(labels[part], own[part]))
        again = [_f1(labels[part], own[part], sample_weight=each) if each.any() else 0.0 for each in weights]
        assert row == pytest.approx(again)
        changed = own.copy()
        changed[np.setdiff1d(np.arange(len(labels)), part)] *= -1
        assert np.array_equal(sampled(replicates.f1, labels, [changed], [part], groups, 1)[0, 0], row[0])


def test_of_one_replicate_only_the_ground_varies() -> None:
    """One network's score would have no interval, or the book would stop."""
    values = np.array([[0.8, 0.7, 0.9, 0.75, 0.85]])
    found = estimate(values, 12)
    assert (found.value, found.freedom) == (0.8, 11)
    assert found.error == pytest.approx(values[0, 1:].std())


def test_of_equal_replicates_only_the_ground_varies() -> None:
    """Networks that agree would make an interval wider than one of them alone."""
    values = np.repeat([[0.8, 0.7, 0.9, 0.75, 0.85]], 4, axis=0)
    found, alone = estimate(values, 12), estimate(values[:1], 12)
    assert found.error == pytest.approx(alone.error) and found.freedom == pytest.approx(alone.freedom)


def test_of_one_block_only_the_networks_vary() -> None:
    """A study of one landslide would say that it knows the ground, since each draw is the same."""
    values = np.repeat([[0.7], [0.8], [0.9]], 5, axis=1)
    found = estimate(values, 1)
    assert found.value == pytest.approx(0.8) and found.freedom == pytest.approx(2)
    assert found.error == pytest.approx(0.1 / np.sqrt(3))
    half = 4.302653 * 0.1 / np.sqrt(3)  # Student's t of two degrees of freedom, from a table
    assert tuple(found.interval) == pytest.approx((0.8, 0.8 - half, 0.8 + half), abs=1e-6)


def test_what_does_not_vary_has_no_width() -> None:
    """The first row of a table would stop it by a division by zero, or differ from itself."""
    found = estimate(np.full((3, 6), 0.25), 9)
    assert tuple(found.interval) == (0.25, 0.25, 0.25)
    assert (found.error, found.visible, found.p) == (0, 0, 0)
    assert estimate(np.zeros((3, 6)), 9).p == 1


def test_two_variances_are_added_as_satterthwaite_has_it() -> None:
    """An interval of three networks would be taken from the normal distribution: half as wide as it must be."""
    base, ground = np.array([[0.1], [0.2], [0.3]]), np.array([[0.0, 0.02, -0.02]])
    found = estimate(base + ground, 11)
    among, patches = 0.01 / 3, 0.0004
    assert found.value == pytest.approx(0.2)
    assert found.error == pytest.approx(np.sqrt(0.00373333333), rel=1e-8)
    assert found.freedom == pytest.approx((among + patches) ** 2 / (among**2 / 2 + patches**2 / 10))
    assert found.freedom == pytest.approx(2.5016, abs=1e-4)  # by hand
    assert found.p == pytest.approx(2 * t.sf(0.2 / found.error, found.freedom))
    alike = estimate(
        base + np.array([[0.0, 1, -1]]) * np.sqrt(among), 3
    )  # both variances are equal, with two degrees each
    assert alike.freedom == pytest.approx(4)
    half = 2.776445 * np.sqrt(2 * among)  # Student's t of four degrees of freedom, from a table
    assert tuple(alike.interval) == pytest.approx((0.2, 0.2 - half, 0.2 + half), abs=1e-6)


@given(st.integers(2, 8), st.integers(2, 50), st.integers(0, 10_000))
@QUICK
def test_an_estimate_is_wider_than_either_source_and_its_freedom_between(number: int, count: int, seed: int) -> None:
    """A source of variance would be lost, or degrees of freedom be made up that nobody has observed."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.5, 0.1, (number, 30))
    found = estimate(values, count)
    assert found.value == pytest.approx(values[:, 0].mean())
    assert found.error >= max(values[:, 0].std(ddof=1) / np.sqrt(number), values.mean(0)[1:].std()) - 1e-12
    assert min(number, count) - 1 - 1e-9 <= found.freedom <= number + count - 2 + 1e-9
    mirrored = estimate(-values, count)
    assert (mirrored.value, mirrored.error, mirrored.p) == pytest.approx((-found.value, found.error, found.p))
    assert (found.p < 0.05) == (not found.interval.low <= 0 <= found.interval.high)


@pytest.mark.parametrize("number", [3, 5, 10])
def test_the_visible_effect_is_seen_four_times_in_five(number: int) -> None:
    """A reader would be told that a study could have seen an effect that it would mostly have missed."""
    rng, times = np.random.default_rng(number), 1500
    visible = Estimate(0, 1 / np.sqrt(number), number - 1).visible
    drawn = rng.normal(visible, 1, (times, number, 1))
    seen = sum(estimate(each, 1).interval.low > 0 for each in drawn)
    assert 0.72 <= seen / times <= 0.9


def test_holm_is_as_published() -> None:
    """The smallest of several p values would be taken as if it were the only one."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # R: p.adjust(p, "holm")
    assert holm([0.02, 0.02, 0.9]) == pytest.approx([0.06, 0.06, 0.9])
    assert holm([0.4, 0.5]) == pytest.approx([0.8, 0.8]) and holm([0.3]) == [0.3] and holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.randoms(use_true_random=False))
@QUICK
def test_holm_keeps_the_order_and_lowers_nothing(p_values: list[float], random: Any) -> None:
    """A change with the smaller p value would be the less certain one, or looking at more would make one surer."""
    adjusted, m = holm(p_values), len(p_values)
    assert all(p <= a <= min(1, m * p) + 1e-12 for p, a in zip(p_values, adjusted, strict=True))
    by_p = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert by_p == sorted(by_p)
    assert min(adjusted) == pytest.approx(min(1, m * min(p_values)))
    places = list(range(m))
    random.shuffle(places)
    assert holm([p_values[place] for place in places]) == pytest.approx([adjusted[place] for place in places])


def calls(labels: Labels, wrong: float, rng: np.random.Generator) -> Scores:
    """Log-odds of a network that errs on this share of all patches."""
    turned = np.isin(np.arange(len(labels)), rng.permutation(len(labels))[: round(wrong * len(labels))])
    return np.where((labels == 1) ^ turned, 2.0, -2.0)


def test_two_seeds_of_one_setting_do_not_make_a_finding() -> None:
    """A reader would be told of a gain that is the luck of a seed: patches are many, networks are few.

    Two settings are the same but for the order of their three seeds. The networks of the first seed differ by more than any
    resampling of patches can explain, and an interval over patches alone calls that a difference of settings.
    """
    rng = np.random.default_rng(0)
    labels = (np.arange(900) % 3 == 0).astype(np.int8)
    errors = {"a": (0.08, 0.12, 0.17), "b": (0.16, 0.13, 0.09)}
    scores = {name: [calls(labels, wrong, rng) for wrong in each] for name, each in errors.items()}
    first = bootstrap.f1_difference(labels, scores["a"][0] >= 0, scores["b"][0] >= 0, 1000)
    assert first.low > 0, "over patches alone, the first seed shows a gain"
    same = bootstrap.f1_difference(labels, scores["a"][0] >= 0, scores["a"][2] >= 0, 1000)
    assert same.low > 0, "over patches alone, so do two seeds of one setting"
    parts = [np.arange(len(labels))] * 3
    values = {name: sampled(replicates.f1, labels, each, parts, None, 1000) for name, each in scores.items()}
    assert values["a"][0, 0] - values["b"][0, 0] == pytest.approx(first.value)
    found = estimate(values["a"] - values["b"], len(labels))
    assert found.interval.low < 0 < found.interval.high
    assert verdict(found, 0.05) == INCONCLUSIVE
    assert found.visible > first.value, "a gain as large as the first seed's could not have been seen"


def test_a_gain_that_every_seed_shows_is_a_finding() -> None:
    """The interval would be so wide that nothing could ever be found."""
    rng = np.random.default_rng(0)
    labels = (np.arange(900) % 3 == 0).astype(np.int8)
    errors = {"a": (0.05, 0.06, 0.05), "b": (0.16, 0.17, 0.16)}
    scores = {name: [calls(labels, wrong, rng) for wrong in each] for name, each in errors.items()}
    parts = [np.arange(len(labels))] * 3
    values = [sampled(replicates.f1, labels, each, parts, None, 1000) for each in scores.values()]
    assert verdict(estimate(values[0] - values[1], len(labels)), 0.05) == REPLICATES


@pytest.fixture(scope="module")
def bench() -> dict[str, Any]:
    """The names of the benchmark of intervals."""
    return runpy.run_path(str(ROOT / "benchmarks" / "interval_coverage.py"))


def test_the_coverage_is_of_the_draws_that_the_book_makes(bench: dict[str, Any]) -> None:
    """The book would show how well other intervals hold than its own."""
    cell = bench["Cell"](30, 0.176, "large")
    labels, called, groups = bench["example"](cell)
    found = bench["resampled"](labels[None] == 1, called[None], cell.blocks, 50)[0]
    parts = [np.arange(len(labels))] * called.shape[1]
    for values, networks in zip(found, called, strict=True):
        scores = [np.where(each, 1.0, -1.0) for each in networks]
        np.testing.assert_allclose(values, sampled(replicates.f1, labels, scores, parts, groups, 50), atol=1e-6)


def test_the_truth_is_what_very_much_ground_shows(bench: dict[str, Any]) -> None:
    """Coverage would be counted against another number than the one that studies estimate."""
    cell = bench["Cell"](40_000, 0.6, "small")
    labels, called = cell.draw(1, np.random.default_rng(0))
    shown = [np.mean([f1_score(labels[0], each) for each in setting]) for setting in called[0]]
    np.testing.assert_allclose(shown, cell.truth(20_000), atol=0.01)


def test_committed_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """The book would call intervals 95 % of which nobody has counted how often they hold."""
    table = pd.read_csv(COVERAGE)
    cells = ["replicates", "blocks", "rate", "spread"]
    by = {name: rows.set_index(cells)["coverage"] for name, rows in table.groupby(["of", "interval"])}
    assert (table["studies"] >= 500).all()
    estimated = by["difference", "estimate"]
    assert len(estimated) == 16 and estimated.index.is_unique
    error = np.sqrt(0.93 * 0.07 / table["studies"].min())  # of counting
    assert (estimated >= 0.93 - 2 * error).all(), estimated[estimated < 0.93]
    assert (estimated.xs(5, level="replicates") >= 0.94).all(), "as many replicates as real landslides have"
    for other in ("patches", "blocks"):  # what the book says of intervals that leave the networks out
        there = by["difference", other]
        assert (there < estimated).all() and there.xs("large", level="spread").max() < 0.85
