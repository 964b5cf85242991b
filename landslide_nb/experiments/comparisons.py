"""Networks and heads compared: F1 with intervals, ours beside the paper's."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common import arrays
from landslide_nb.common.arrays import Labels
from landslide_nb.display.shared import LONGER
from landslide_nb.experiments.grids import row_name
from landslide_nb.experiments.published import published
from landslide_nb.experiments.results import out_of_fold, reported, training_f1
from landslide_nb.experiments.run import Result
from landslide_nb.experiments.study import Study
from landslide_nb.metrics.bootstrap import f1_difference, f1_interval, folds_f1, interval
from landslide_nb.metrics.scores import mcnemar
from landslide_nb.models import heads


def ablations(results: Mapping[str, Sequence[Result]], study: Study, labels: Labels) -> pd.DataFrame:
    """Table 2: F1 of each row and its difference to the baseline, ours and the paper's."""
    paper = published("table2").set_index("row").rename(index=lambda name: row_name(name, study))
    first = next(iter(results.values()))
    reference = reported(first)[1] >= 0.5
    rows = {}
    for name, folds in results.items():
        indices, probabilities = reported(folds)
        predicted = probabilities >= 0.5
        rows[name] = {
            "train F1": training_f1(folds, labels, study.resamples),
            "test F1": f1_interval(labels[indices], predicted, study.resamples),
            "ours": f1_difference(labels[indices], predicted, reference, study.resamples),
            "paper": paper.loc[name, "test_f1"] - paper["test_f1"].iloc[0],
            "paper train F1": paper.loc[name, "train_f1"],
            "paper test F1": paper.loc[name, "test_f1"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("row")


def budget(
    results: Mapping[str, Sequence[Result]], longer: Mapping[str, Sequence[Result]], study: Study, labels: Labels
) -> pd.DataFrame:
    """Table 2 at two lengths of training: F1 of each row, what more epochs give it, and its difference to that length's baseline."""
    short, long = ablations(results, study, labels), ablations(longer, study, labels)
    rows = {}
    for name in short.index:
        (indices, before), (_, after) = reported(results[name]), reported(longer[name])
        rows[name] = {
            "test F1": short.loc[name, "test F1"],
            "longer": long.loc[name, "test F1"],
            "gained": f1_difference(labels[indices], after >= 0.5, before >= 0.5, study.resamples),
            "ours": short.loc[name, "ours"],
            LONGER: long.loc[name, "ours"],
            "paper": short.loc[name, "paper"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("row")


def changes(results: Mapping[str, Sequence[Result]], study: Study, labels: Labels) -> pd.DataFrame:
    """F1 of runs that the paper has not, and the difference of test F1 to the first, on the same patches."""
    first = next(iter(results.values()))
    reference = reported(first)[1] >= 0.5
    rows = {}
    for name, folds in results.items():
        indices, probabilities = reported(folds)
        unseen, unseen_probabilities = out_of_fold(folds)
        rows[name] = {
            "train F1": training_f1(folds, labels, study.resamples),
            "out-of-fold F1": f1_interval(labels[unseen], unseen_probabilities >= 0.5, study.resamples),
            "test F1": f1_interval(labels[indices], probabilities >= 0.5, study.resamples),
            "difference": f1_difference(labels[indices], probabilities >= 0.5, reference, study.resamples),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def compare_heads(results: Sequence[Result], study: Study, labels: Labels) -> pd.DataFrame:
    """Table 3: the network's own layer, LightGBM and SVMs on the same embeddings, fold by fold, beside the paper's.

    Train F1 is the mean over the folds, resampled over patches. `McNemar p` compares with FC (mid-p).
    """
    paper = published("table3")
    theirs = {row["head"] if pd.isna(row["C"]) else f"SVM, C = {row['C']:g}": row for row in paper.to_dict("records")}
    each = [_decisions(result, study, labels) for result in results]
    decisions = {name: [fold[name] for fold in each] for name in each[0]}
    rows = {}
    for name, scores in decisions.items():
        indices, decided = _put_together(scores, results)
        _, reference = _put_together(decisions["FC"], results)
        rows[name] = {
            "train F1": interval(
                folds_f1(labels, [r.train for r in results], [each >= 0 for each in scores], study.resamples)
            ),
            "test F1": f1_interval(labels[indices], decided, study.resamples),
            "ours": f1_difference(labels[indices], decided, reference, study.resamples),
            "McNemar p": mcnemar(labels[indices], decided, reference),
            "paper": theirs[name]["test_f1"] - theirs["FC"]["test_f1"] if name in theirs else np.nan,
            "paper train F1": theirs[name]["train_f1"] if name in theirs else np.nan,
            "paper test F1": theirs[name]["test_f1"] if name in theirs else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("head")


def _decisions(result: Result, study: Study, labels: Labels) -> dict[str, arrays.Scores]:
    """Decisions for all patches by heads that are fitted on the fold's training embeddings only."""
    known, embeddings = result.train, result.embeddings
    trees = heads.lightgbm(study.seed).fit(embeddings[known], labels[known])
    decisions = {"FC": result.log_odds.astype(np.float64), "LightGBM": heads.decide(trees, embeddings)}
    return decisions | {
        f"SVM, C = {c:g}": s for c, s in heads.svm_c_path(embeddings, labels, known, study.svm_c).items()
    }


def _put_together(
    scores: Sequence[arrays.Scores], results: Sequence[Result]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Test patches by the vote of the folds' heads; without a test part, each patch by the fold that validates it."""
    test = results[0].test
    if len(test):
        return test, np.mean([s[test] for s in scores], axis=0) >= 0
    indices = np.concatenate([r.validation for r in results])
    return indices, np.concatenate([s[r.validation] for s, r in zip(scores, results, strict=True)]) >= 0
