"""Scores are scikit-learn's, intervals behave, and no head or fold scores what it has seen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from landslide_nb.display.table import show
from landslide_nb.experiments import comparisons
from landslide_nb.experiments.results import hold_out, out_of_fold, reported, training_f1
from landslide_nb.experiments.run import Result
from landslide_nb.experiments.study import Study
from landslide_nb.metrics import bootstrap
from landslide_nb.metrics.bootstrap import Interval, auroc_interval, f1_difference, f1_interval, folds_f1, interval
from landslide_nb.models import heads

N, TEST = 60, 12
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
        weight, history = np.ones(len(train), np.float32), pd.DataFrame({"seconds": [1.0]})
        parts = (train, train, weight, history, 1.0, train, validation, test, Path(f"run-{number}"))
        results.append(Result(told, told + 10, embeddings, *parts))
    return results, labels


def sure(said: ArrayLike) -> NDArray[np.float32]:
    """Log-odds of a network that is sure of what it says, 0 or 1."""
    return np.where(np.asarray(said) > 0, 9, -9).astype(np.float32)


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


def test_training_f1_is_of_training_patches() -> None:
    """Train F1 would be taken over patches that were not trained on."""
    results, labels = synthetic(folds=2)
    said = np.where(np.isin(np.arange(N), results[0].train), labels, 1 - labels)
    known = Result(**(vars(results[0]) | {"log_odds": sure(said)}))
    assert training_f1([known], labels, 100) == Interval(1, 1, 1)


def test_training_f1_is_the_mean_of_the_folds_own() -> None:
    """A fold with more landslides would weigh more than another, or a patch count as often as it was trained on."""
    results, labels = synthetic()
    rng = np.random.default_rng(2)
    told = [np.where(rng.random(N) < 0.3, 1 - labels, labels).astype(np.float32) for _ in results]
    known = [Result(**(vars(r) | {"log_odds": sure(p)})) for r, p in zip(results, told, strict=True)]
    each = [f1_score(labels[r.train], p[r.train]) for r, p in zip(results, told, strict=True)]
    interval = training_f1(known, labels, 500)
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
    right = [Result(**(vars(r) | {"best_log_odds": sure(labels)})) for r in results]
    table = comparisons.changes({"first": results, "second": right}, Study.load("smoke", resamples=100), labels)
    test = results[0].test
    assert table["difference"]["first"] == Interval(0, 0, 0)
    everything = f1_score(labels[test], np.ones(len(test)))  # the first says yes to all
    assert table["difference"]["second"].value == pytest.approx(1 - everything)
    assert table["test F1"]["second"].value == 1


def test_tables_are_shown_in_the_formats_that_are_asked_for() -> None:
    """Images a second would have three decimals, or a missing interval be `nan`."""
    table = pd.DataFrame({"a": [Interval(1, 2, 3), np.nan], "b": [0.25, 2.0], "c": ["x", "y"]}, index=["i", "j"])
    shown = show(table.rename_axis("corner"), {"a": ".0f"})
    assert shown.to_numpy().tolist() == [["1 [2,\N{NO-BREAK SPACE}3]", "0.250", "x"], ["–", "2.000", "y"]]
    assert (shown.columns.name, shown.index.name) == ("corner", None)


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
        decisions = comparisons._decisions(result, Study.load("smoke", svm_c=(1.0,)), labels)["FC"]
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
    changed = Result(**(vars(result) | {"embeddings": embeddings}))
    before, after = (comparisons._decisions(r, study, y) for r, y in ((result, labels), (changed, known)))
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
    decided = np.empty(N, bool)
    for result in results:
        head = heads.svm(1.0).fit(result.embeddings[result.train], labels[result.train])
        decided[result.validation] = head.predict(result.embeddings[result.validation]) == 1
    assert 0.2 < f1_score(labels, decided) < 0.9, "the embeddings are too easy or too hard to show anything"
    assert table["test F1"]["SVM, C = 1"].value == pytest.approx(f1_score(labels, decided))
    svm = [heads.svm(1.0).fit(r.embeddings[r.train], labels[r.train]).predict(r.embeddings) == 1 for r in results]
    training = interval(folds_f1(labels, [result.train for result in results], svm, 100))
    np.testing.assert_allclose(tuple(table["train F1"]["SVM, C = 1"]), tuple(training), atol=0.02)
    assert table["paper test F1"]["SVM, C = 0.1"] == 0.8938
    assert table["ours"]["FC"] == Interval(0, 0, 0)
