"""Scores are scikit-learn's, intervals behave, and no head or fold scores what it has seen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from landslide_nb.display import wording
from landslide_nb.display.table import show
from landslide_nb.experiments import comparisons, verdicts
from landslide_nb.experiments.published import published
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.results import hold_out, out_of_fold, reported
from landslide_nb.experiments.study import Study
from landslide_nb.metrics import bootstrap, replicates
from landslide_nb.metrics.bootstrap import Interval, auroc_interval, f1_difference, f1_interval
from landslide_nb.models import heads

N, TEST = 60, 12
STUDY = Study.load("smoke", resamples=200)
PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


def predictions(n: int = 300) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Labels, a third of them positive, and probabilities that know something of them."""
    rng = np.random.default_rng(4)
    labels = (rng.random(n) < 0.3).astype(np.int8)
    return labels, np.clip(0.3 + 0.3 * labels + 0.2 * rng.standard_normal(n), 0, 1).astype(np.float32)


def synthetic(folds: int = 3, n_test: int = TEST) -> tuple[list[Result], NDArray[np.int8]]:
    """Results of folds whose log-odds tell the fold and whether the patch was trained on: `fold + 0.5` if so."""
    rng = np.random.default_rng(8)
    order = rng.permutation(N)
    test, rest = np.sort(order[:n_test]), order[n_test:]
    labels = (np.arange(N) % 3 == 0).astype(np.int8)
    results = []
    for number in range(folds):
        validation = np.sort(rest[number::folds])
        train = np.setdiff1d(rest, validation)
        told = np.full(N, number, np.float32)
        told[train] += 0.5
        embeddings = rng.standard_normal((N, 6)).astype(np.float32) + labels[:, None]
        weight = np.ones(len(train), np.float32)
        history = pd.DataFrame({"seconds": [1.0], "validation_f1": [0.5]})
        parts = (train, train, weight, history, 1.0, train, validation, test, Path(f"run-{number}"))
        results.append(Result(told, told + 10, embeddings, *parts))
    return results, labels


def sure(said: ArrayLike) -> NDArray[np.float32]:
    """Log-odds of a network that is sure of what it says, 0 or 1."""
    return np.where(np.asarray(said) > 0, 9, -9).astype(np.float32)


def changed(result: Result, **fields: object) -> Result:
    """The same result with some fields replaced."""
    return Result(**(vars(result) | fields))


def noisy(results: list[Result], labels: NDArray[np.int8]) -> list[Result]:
    """The same folds, whose last weights err on three patches of ten."""
    rng = np.random.default_rng(2)
    return [changed(r, log_odds=sure(np.where(rng.random(N) < 0.3, 1 - labels, labels))) for r in results]


@given(PAIRS)
def test_f1_is_that_of_scikit_learn(pairs: list[tuple[bool, bool]]) -> None:
    """The book's main number would not be the one that the field calls F1."""
    labels, predicted = np.array(pairs).T
    assert bootstrap.f1(labels, predicted) == pytest.approx(f1_score(labels, predicted, zero_division=0))


def test_f1_works_along_an_axis() -> None:
    """The resamples of an interval would be mixed with each other."""
    labels, predicted = np.random.default_rng(0).random((2, 5, 20)) < 0.4
    each = [f1_score(a, b, zero_division=0) for a, b in zip(labels, predicted, strict=True)]
    np.testing.assert_allclose(bootstrap.f1(labels, predicted, axis=-1), each)
    np.testing.assert_allclose(bootstrap.f1(labels.T, predicted.T, axis=0), each)


def test_an_interval_holds_its_estimate() -> None:
    """A number would stand beside an interval of something else."""
    labels, probabilities = predictions()
    interval = f1_interval(labels, probabilities >= 0.5, 500)
    assert interval.value == pytest.approx(f1_score(labels, probabilities >= 0.5))
    assert interval.low < interval.value < interval.high
    assert f"{interval:.2f}" == f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def test_intervals_cover_95_percent() -> None:
    """A difference would be called more than chance too often, or never."""
    rng, inside = np.random.default_rng(1), 0
    labels = rng.random((200, 150)) < 0.4
    predicted = np.where(rng.random((200, 150)) < 0.2, ~labels, labels)
    truth = 2 * 0.4 * 0.8 / (0.4 + 0.4 * 0.8 + 0.6 * 0.2)
    for y, p in zip(labels, predicted, strict=True):
        interval = f1_interval(y.astype(np.int8), p, 200)
        inside += interval.low <= truth <= interval.high
    assert 178 <= inside <= 199


def test_more_patches_make_a_narrower_interval() -> None:
    """An interval would not say how much the number of patches can tell."""
    widths = []
    for n in (100, 1600):
        labels, probabilities = predictions(n)
        interval = f1_interval(labels, probabilities >= 0.5, 300)
        widths.append(interval.high - interval.low)
    assert widths[1] == pytest.approx(widths[0] / 4, rel=0.4)


def test_intervals_are_reproducible() -> None:
    """The same results would give another book each time."""
    labels, probabilities = predictions()
    assert f1_interval(labels, probabilities >= 0.5, 200) == f1_interval(labels, probabilities >= 0.5, 200)
    assert f1_interval(labels, probabilities >= 0.5, 200) != f1_interval(labels, probabilities >= 0.5, 200, seed=1)
    assert auroc_interval(labels, probabilities, 50) == auroc_interval(labels, probabilities, 50)


def test_a_prediction_does_not_differ_from_itself() -> None:
    """The baseline would gain or lose against itself."""
    labels, probabilities = predictions()
    assert f1_difference(labels, probabilities >= 0.5, probabilities >= 0.5, 200) == Interval(0, 0, 0)


def test_differences_are_paired() -> None:
    """Two predictions that differ in one patch would have an interval as wide as two independent ones."""
    labels, probabilities = predictions()
    predicted = probabilities >= 0.5
    nearly = predicted.copy()
    nearly[np.flatnonzero(labels == 1)[0]] ^= True
    difference, alone = f1_difference(labels, predicted, nearly, 300), f1_interval(labels, predicted, 300)
    assert difference.value == pytest.approx(f1_score(labels, predicted) - f1_score(labels, nearly))
    assert difference.high - difference.low < 0.3 * (alone.high - alone.low)


def test_auroc_is_that_of_scikit_learn() -> None:
    """The area under the curve would be of the wrong class, or of thresholded predictions."""
    labels, probabilities = predictions()
    interval = auroc_interval(labels, probabilities, 200)
    assert interval.value == roc_auc_score(labels, probabilities)
    assert interval.low < interval.value < interval.high


def test_out_of_fold_takes_each_patch_from_the_fold_that_did_not_train_on_it() -> None:
    """A score would be of patches that the network has learnt by heart."""
    results, _ = synthetic()
    indices, probabilities = out_of_fold(results)
    assert indices.tolist() == sorted(set(range(N)) - set(results[0].test.tolist()))
    fold = {int(i): number for number, result in enumerate(results) for i in result.validation}
    np.testing.assert_allclose(logit(probabilities), [fold[int(i)] for i in indices], atol=1e-9)


def test_the_test_part_is_predicted_by_the_mean_of_the_folds() -> None:
    """The test score would be one fold's, or of other weights than it says."""
    results, _ = synthetic()
    indices, best = hold_out(results)
    assert np.array_equal(indices, results[0].test)
    np.testing.assert_allclose(best, expit([10, 11, 12]).mean(), rtol=1e-12)
    np.testing.assert_allclose(hold_out(results, best=False)[1], expit([0, 1, 2]).mean(), rtol=1e-12)


def test_without_a_test_part_the_score_is_out_of_fold() -> None:
    """With the challenge's data, whose test has no labels, there would be no score, or one of training patches."""
    with_test, without = synthetic()[0], synthetic(n_test=0)[0]
    assert np.array_equal(reported(with_test)[0], with_test[0].test)
    indices, probabilities = reported(without)
    told = logit(probabilities)
    assert len(indices) == N and np.allclose(told, told.round(), atol=1e-9), "one of them was trained on"


def test_train_f1_is_of_training_patches() -> None:
    """Train F1 would be taken over patches that were not trained on."""
    results, labels = synthetic(folds=2)
    said = [np.where(np.isin(np.arange(N), r.train), labels, 1 - labels) for r in results]
    known = [changed(r, log_odds=sure(p)) for r, p in zip(results, said, strict=True)]
    assert comparisons.train_f1(known, STUDY, labels) == Interval(1, 1, 1)


def test_train_f1_is_the_mean_of_the_folds_own() -> None:
    """A fold with more landslides would weigh more than another, or a patch count as often as it was trained on."""
    results, labels = synthetic()
    known = noisy(results, labels)
    each = [f1_score(labels[r.train], r.log_odds[r.train] >= 0) for r in known]
    interval = comparisons.train_f1(known, STUDY, labels)
    assert interval.value == pytest.approx(np.mean(each))
    assert interval.low < interval.value < interval.high


def test_f1_over_folds_is_that_of_scikit_learn_on_each_resample() -> None:
    """An interval would be of patches counted once, however often they are drawn."""
    results, labels = synthetic()
    rng = np.random.default_rng(5)
    told = [rng.random(N) < 0.4 for _ in results]
    parts = [r.validation for r in results]
    everyone = np.unique(np.concatenate(parts))
    again = np.random.default_rng(7)
    drawn = everyone[again.integers(len(everyone), size=(30, len(everyone)))]
    expected = [
        np.mean([
            f1_score(labels[i[np.isin(i, part)]], p[i[np.isin(i, part)]], zero_division=0)
            for part, p in zip(parts, told, strict=True)
        ])
        for i in (everyone, *drawn)
    ]  # fmt: skip
    np.testing.assert_allclose(bootstrap.folds_f1(labels, parts, told, 30, seed=7), expected)


def test_changes_are_against_the_first_row() -> None:
    """A stem would be compared with another than timm's, or on other patches."""
    results, labels = synthetic()
    right = [changed(r, best_log_odds=sure(labels)) for r in results]
    table = comparisons.changes({"first": results, "second": right}, STUDY, labels)
    test = results[0].test
    assert table["difference"]["first"] == Interval(0, 0, 0)
    everything = f1_score(labels[test], np.ones(len(test)))  # the first says yes to all
    assert table["difference"]["second"].value == pytest.approx(1 - everything)
    assert table["test F1"]["second"].value == 1
    assert table["AUROC"]["second"].value == 1 and table["difference in AUROC"]["second"].value == pytest.approx(0.5)
    assert table["out-of-fold F1"]["second"] == table["out-of-fold F1"]["first"], "last weights, which are the same"
    yes = [f1_score(labels[r.validation], np.ones(len(r.validation))) for r in results]
    assert table["out-of-fold F1"]["first"].value == pytest.approx(np.mean(yes))


def test_a_difference_is_paired_on_patches_and_replicates() -> None:
    """Two settings that differ in one patch of each fold would have an interval as wide as two independent ones."""
    results, labels = synthetic(n_test=0)
    known = noisy(results, labels)
    nearly = []
    for result in known:
        log_odds = result.log_odds.copy()
        right = result.validation[(log_odds[result.validation] >= 0) == labels[result.validation]]
        log_odds[right[0]] *= -1
        nearly.append(changed(result, log_odds=log_odds))
    found = comparisons.difference(nearly, known, STUDY, labels)
    each = [
        f1_score(labels[a.validation], a.log_odds[a.validation] >= 0)
        - f1_score(labels[b.validation], b.log_odds[b.validation] >= 0)
        for a, b in zip(nearly, known, strict=True)
    ]
    assert found.value == pytest.approx(np.mean(each)) and found.value < 0
    alone = comparisons.scores({"alone": known}, STUDY, labels)["test F1"]["alone"]
    assert found.interval.high - found.interval.low < 0.5 * (alone.high - alone.low)
    assert comparisons.difference(known, known, STUDY, labels) == comparisons.FIRST
    same = comparisons.difference([changed(r) for r in known], known, STUDY, labels)
    assert same.interval == Interval(0, 0, 0), "another name for the same networks"


def test_blocks_of_ground_widen_intervals() -> None:
    """Neighbours that are right or wrong together would count as if each were news."""
    results, labels = synthetic(folds=2, n_test=0)
    groups = np.array([f"block {place // 10}" for place in range(N)])
    wrong = np.isin(groups, ["block 1", "block 4"])
    said = sure(np.where(wrong, 1 - labels, labels))
    alone = [changed(r, log_odds=said) for r in results]
    together = [changed(r, groups=groups) for r in alone]
    study = STUDY.replace(resamples=2000)
    for table in (comparisons.scores, comparisons.changes):
        narrow, wide = (table({"it": it}, study, labels)["test F1"]["it"] for it in (alone, together))
        assert narrow.value == wide.value
        assert wide.high - wide.low > 1.1 * (narrow.high - narrow.low)


def test_scores_are_means_over_replicates_of_scikit_learns() -> None:
    """A score would be of patches thrown together from networks whose log-odds have no common zero."""
    results, labels = synthetic(n_test=0)
    rng = np.random.default_rng(6)
    known = [
        changed(r, log_odds=(2 * labels - 1 + shift + rng.standard_normal(N)).astype(np.float32))
        for shift, r in zip((-2, 0, 2), results, strict=True)
    ]
    row = comparisons.scores({"it": known}, STUDY, labels).loc["it"]
    expected = {
        "AUROC": roc_auc_score,
        "average precision": average_precision_score,
        "test F1": lambda y, log_odds: f1_score(y, log_odds >= 0),
    }
    for name, score in expected.items():
        each = [score(labels[r.validation], r.log_odds[r.validation]) for r in known]
        assert row[name].value == pytest.approx(np.mean(each)), name
        assert row[name].low < row[name].value < row[name].high
    assert row["replicates"] == 3
    assert row["train F1"] == comparisons.train_f1(known, STUDY, labels)


@pytest.mark.parametrize("n_test", [TEST, 0])
def test_a_threshold_is_chosen_where_it_is_not_scored(n_test: int) -> None:
    """The second F1 would be of a threshold that has seen the labels which it is scored on."""
    results, labels = synthetic(n_test=n_test)
    shifted = sure(labels) / 9 + 5  # a perfect order, and every patch above 0
    known = [changed(r, log_odds=shifted, best_log_odds=shifted) for r in results]
    row = comparisons.scores({"it": known}, STUDY, labels).loc["it"]
    assert row["test F1"].value < 0.7 and row["test F1, threshold chosen"].value == 1
    other = labels.copy()
    scored = known[0].test if n_test else known[0].validation
    other[scored] = 1 - other[scored]
    assert comparisons._threshold(known, 0, other) == comparisons._threshold(known, 0, labels)
    chosen = known[0].validation if n_test else np.concatenate([r.validation for r in known[1:]])
    other = labels.copy()
    other[chosen] = 1 - other[chosen]  # now it is best to call every patch
    assert comparisons._threshold(known, 0, other) < 4 < comparisons._threshold(known, 0, labels)


def test_ablations_stand_beside_the_papers_and_are_judged() -> None:
    """A row would have another row's number of the paper, or a verdict on networks that have learnt nothing."""
    results, labels = synthetic()
    names = ["baseline", "Mixup + CutMix", "+ cosine schedule", "+ step schedule"]
    good = [changed(r, log_odds=sure(labels), best_log_odds=sure(labels)) for r in results]
    bad = [changed(r, log_odds=sure(labels)) for r in results]  # its best weights say yes to all
    ignorant = [changed(r, log_odds=sure(0 * labels)) for r in good]
    table = comparisons.ablations(dict(zip(names, (bad, good, bad, ignorant), strict=True)), STUDY, labels)
    paper = published("table2").set_index("row")
    assert list(table.index) == names
    np.testing.assert_allclose(table["paper"], paper["test_f1"][names] - paper["test_f1"].iloc[0])
    assert table["paper train F1"].tolist() == paper["train_f1"][names].tolist()
    assert table["verdict"].tolist() == ["–", verdicts.REPLICATES, verdicts.INCONCLUSIVE, verdicts.NOT_TESTABLE]
    assert table["lacks"].tolist() == ["", "", "", "train F1 0.00 < 0.9"]
    assert table["ours"]["baseline"] == Interval(0, 0, 0) and np.isnan(table["smallest visible"]["baseline"])
    p_values = [
        comparisons.difference(each, bad, STUDY, labels).p for each in (good, [changed(r) for r in bad], ignorant)
    ]
    assert table["Holm p"][1:].tolist() == pytest.approx(replicates.holm(p_values))


def test_tables_are_shown_in_the_formats_that_are_asked_for() -> None:
    """Images a second would have three decimals, or a missing interval be `nan`."""
    table = pd.DataFrame({"a": [Interval(1, 2, 3), np.nan], "b": [0.25, 2.0], "c": ["x", "y"]}, index=["i", "j"])
    shown = show(table.rename_axis("corner"), {"a": ".0f"})
    assert shown.to_numpy().tolist() == [["1 [2,\N{NO-BREAK SPACE}3]", "0.250", "x"], ["–", "2.00", "y"]]
    assert (shown.columns.name, shown.index.name) == ("corner", None)
    assert show(pd.DataFrame({"a": [True, False], "b": [True, "–"]})).to_numpy().tolist() == [
        ["yes", "yes"],
        ["no", "–"],
    ]


def test_tables_have_three_digits_and_a_space_before_percent_signs() -> None:
    """Squares of digital numbers would have three decimals, and 17.6% would stand beside 95 %."""
    values = [62964.072, 608.47, 18.826, 1.046, 0.9999, 0.123456, 0.0, -1862.3]
    table = pd.DataFrame({"a": values, "b": "61.9%"}, index=[f"{i}% of it" for i in range(8)])
    text = show(table)
    assert text["a"].to_list() == ["62,964", "608", "18.8", "1.05", "1.00", "0.123", "0.000", "-1,862"]
    assert text.index[1] == "1\N{NO-BREAK SPACE}% of it" and text["b"].iloc[0] == "61.9\N{NO-BREAK SPACE}%"
    assert show(pd.DataFrame({"a": [0.5]}), {"a": ".0%"})["a"].iloc[0] == "50\N{NO-BREAK SPACE}%"
    assert (
        show(pd.DataFrame({"a": [Interval(37.42, 28.04, 46.6)]}))["a"].iloc[0] == "37.4 [28.0,\N{NO-BREAK SPACE}46.6]"
    )


@pytest.mark.parametrize(("values", "said"), [((0.46, 0.4601), "0.46"), ((0.1, 0.25), "0.10 to 0.25")])
def test_a_range_of_one_number_is_one_number(values: tuple[float, float], said: str) -> None:
    """The book said "by 0.46 to 0.46"."""
    assert wording.reach(values, ".2f") == said


@pytest.mark.parametrize("c", [1.0, 0.1])
def test_the_svm_is_scikit_learns_on_standardised_embeddings(c: float) -> None:
    """Table 3 would be of another head than the paper's."""
    results, labels = synthetic()
    x = results[0].embeddings * np.array([1, 100, 1, 1, 1e-3, 1], np.float32)
    scaler = StandardScaler().fit(x)
    reference = SVC(C=c).fit(scaler.transform(x), labels).decision_function(scaler.transform(x))
    np.testing.assert_allclose(heads.decide(heads.svm(c).fit(x, labels), x), reference)


@given(
    st.floats(-1024, 1024, width=32).filter(lambda x: x == 0 or abs(x) > 1e-15) | st.sampled_from([40.0, 1e-7, -1e-7])
)
def test_the_networks_own_decision_is_at_one_half(log_odds: float) -> None:
    """The network's own layer would be compared at another threshold than it is scored at elsewhere, or as if less sure than it is."""
    results, labels = synthetic(folds=2)
    result = Result(**(vars(results[0]) | {"log_odds": np.full(N, log_odds, np.float32)}))
    with pytest.MonkeyPatch.context() as patch:  # the other heads are not looked at
        patch.setattr(heads, "lightgbm", lambda seed: SVC())
        decisions = comparisons.head_decisions(result, Study.load("smoke", svm_c=(1.0,)), labels)["FC"]
    assert (decisions == np.float64(np.float32(log_odds))).all() and np.isfinite(decisions).all()
    assert ((decisions >= 0) == (result.probabilities >= 0.5)).all()


@pytest.mark.parametrize("kind", ["probabilities", "best_probabilities"])
def test_probabilities_are_those_of_the_log_odds(kind: str) -> None:
    """A table would show probabilities of other weights than it says, or of a patch that is hardly a landslide none at all."""
    results, _ = synthetic(folds=2)
    own = results[0].log_odds if kind == "probabilities" else results[0].best_log_odds
    told = getattr(results[0], kind)
    assert told.dtype == np.float64
    np.testing.assert_allclose(told, 1 / (1 + np.exp(-own.astype(np.float64))), rtol=1e-12)
    extreme = Result(**(vars(results[0]) | {"log_odds": np.array([-80.0, 30.0], np.float32)}))
    assert 0 < extreme.probabilities[0] < 1e-30 and 0.5 < extreme.probabilities[1] < 1


@given(st.floats(0, 1, width=32) | st.sampled_from([0.5, 0.49999997, 0.50000006]))
def test_log_odds_of_probabilities_are_finite_and_keep_the_side(probability: float) -> None:
    """A stack would be fitted to infinities, or a tree's decision be turned."""
    decision = heads.log_odds_of(np.array([probability], np.float32))[0]
    assert np.isfinite(decision)
    assert (decision >= 0) == (np.float32(probability) >= 0.5)


def test_lightgbm_decides_at_one_half() -> None:
    """Trees would be compared at another threshold than the other heads."""
    results, labels = synthetic()
    head = heads.lightgbm(0, n_estimators=5).fit(results[0].embeddings, labels)
    decided = heads.decide(head, results[0].embeddings) > 0
    assert np.array_equal(decided, head.predict(results[0].embeddings) == 1)


@pytest.mark.parametrize("n_test", [TEST, 0])
def test_heads_are_fitted_on_training_embeddings_only(n_test: int) -> None:
    """A head would win because it has seen the patches that it is scored on."""
    results, labels = synthetic(n_test=n_test)
    study = Study.load("smoke", svm_c=(0.5,), resamples=100)
    assert list(comparisons.compare_heads(results, study, labels).index) == ["FC", "LightGBM", "SVM, C = 0.5"]
    rng, result = np.random.default_rng(3), results[0]
    other = np.setdiff1d(np.arange(N), result.train)
    embeddings, known = result.embeddings.copy(), labels.copy()
    embeddings[other], known[other] = 9 * rng.standard_normal((len(other), 6)), 1 - known[other]
    unknown = changed(result, embeddings=embeddings)
    before, after = (comparisons.head_decisions(r, study, y) for r, y in ((result, labels), (unknown, known)))
    for name, decided in before.items():
        np.testing.assert_allclose(decided[result.train], after[name][result.train], err_msg=name)


@given(st.sampled_from([10.0, 1.0, 0.75, 0.5, 0.1, 0.01]), st.integers(0, 20))
def test_the_sweep_is_a_plain_fit_for_each_c(c: float, seed: int) -> None:
    """The kernel that all C share would be another than each fit's own: wrong width, or of patches that are held out."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((80, 30)) * rng.uniform(0.01, 100, 30)).astype(np.float32)
    labels, train = (rng.random(80) < 0.4).astype(np.int8), np.sort(rng.permutation(80)[:50])
    plain = heads.decide(heads.svm(c).fit(x[train], labels[train]), x)
    found = heads.svm_c_path(x, labels, train, (c, 3.0))[c]
    np.testing.assert_allclose(found, plain, atol=3e-3)  # libsvm stops at 1e-3 from the optimum


def test_heads_are_scored_on_patches_that_none_was_fitted_on() -> None:
    """Table 3 would show a training score, or lack the paper's number beside ours."""
    results, labels = synthetic(n_test=0)
    study = Study.load("smoke", svm_c=(1.0, 0.1), resamples=100)
    table = comparisons.compare_heads(results, study, labels)
    decided = [heads.decide(heads.svm(1.0).fit(r.embeddings[r.train], labels[r.train]), r.embeddings) for r in results]
    scores = [f1_score(labels[r.validation], p[r.validation] >= 0) for r, p in zip(results, decided, strict=True)]
    assert 0.2 < np.mean(scores) < 0.9, "the embeddings are too easy or too hard to show anything"
    assert table["test F1"]["SVM, C = 1"].value == pytest.approx(np.mean(scores))
    each = [f1_score(labels[r.train], p[r.train] >= 0) for r, p in zip(results, decided, strict=True)]
    assert table["train F1"]["SVM, C = 1"].value == pytest.approx(np.mean(each), abs=0.02)
    assert table["ours"]["SVM, C = 1"].value == pytest.approx(np.mean(scores) - table["test F1"]["FC"].value)
    assert table["paper test F1"]["SVM, C = 0.1"] == 0.8938
    assert table["paper"]["SVM, C = 0.1"] == pytest.approx(0.8938 - 0.8915)
    assert table["ours"]["FC"] == Interval(0, 0, 0)
    assert set(table["verdict"]) == {"–", verdicts.NOT_TESTABLE}, "the network has learnt nothing"


def test_a_published_runs_heads_are_read() -> None:
    """Heads would be fitted anew to embeddings that are not published."""
    results, labels = synthetic()
    decisions = {name: np.full(N, place - 1.0) for place, name in enumerate(("FC", "LightGBM", "SVM, C = 0.5"))}
    known = [changed(r, embeddings=np.empty((0, 0), np.float32), decisions=decisions) for r in results]
    assert comparisons.head_decisions(known[0], STUDY, labels) == decisions
    table = comparisons.compare_heads(known, STUDY, labels)
    assert list(table.index) == list(decisions)
    assert table["test F1"]["FC"].value == 0 and table["ours"]["LightGBM"].value > 0
