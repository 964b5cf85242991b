"""Networks and heads compared: scores of replicates, with intervals over replicates and blocks of ground, ours beside the paper's."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from landslide_nb.common import arrays
from landslide_nb.common.arrays import Indices, Labels, Scores, Values
from landslide_nb.experiments import verdicts
from landslide_nb.experiments.grids import row_name
from landslide_nb.experiments.published import published
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study
from landslide_nb.metrics import replicates
from landslide_nb.metrics.bootstrap import Interval
from landslide_nb.metrics.replicates import Estimate, Metric
from landslide_nb.metrics.thresholds import best_threshold
from landslide_nb.models import heads

Named = Mapping[str, Sequence[Result]]
FIRST: Final = Estimate(0.0, 0.0, 1.0)  # of what others are compared with


def tested(results: Sequence[Result]) -> tuple[list[Scores], list[Indices]]:
    """The log-odds that tables score, and the patches that they are scored on, of each network.

    The hold-out test, by the weights of the best validation F1, as the paper has it; where there is none, each fold's validation patches
    by its last weights, which nothing chose.
    """
    if len(results[0].test):
        return [np.asarray(r.best_log_odds, np.float64) for r in results], [r.test for r in results]
    return validated(results)


def validated(results: Sequence[Result]) -> tuple[list[Scores], list[Indices]]:
    """The same out of fold: each network on its validation patches, by its last weights."""
    return [np.asarray(r.log_odds, np.float64) for r in results], [r.validation for r in results]


def scores(results: Named, study: Study, labels: Labels) -> pd.DataFrame:
    """What each network is worth, as the mean over replicates.

    Returns:
        A row for each name: train F1 (last weights, own training patches), AUROC, average precision, test F1 at 0.5 and at a threshold
        that was chosen on the replicate's validation patches.
    """
    rows = {}
    for name, folds in results.items():
        log_odds, parts = tested(folds)
        chosen = less_threshold(folds, labels)
        rows[name] = {
            "replicates": len(folds),
            "train F1": train_f1(folds, study, labels),
            "AUROC": _interval(replicates.auroc, log_odds, parts, folds, study, labels),
            "average precision": _interval(replicates.average_precision, log_odds, parts, folds, study, labels),
            "test F1": _interval(replicates.f1, log_odds, parts, folds, study, labels),
            "test F1, threshold chosen": _interval(replicates.f1, chosen, parts, folds, study, labels),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("row")


def train_f1(results: Sequence[Result], study: Study, labels: Labels) -> Interval:
    """F1 of networks on their own training patches, by the last weights."""
    log_odds = [np.asarray(r.log_odds, np.float64) for r in results]
    return _interval(replicates.f1, log_odds, [r.train for r in results], results, study, labels)


def less_threshold(results: Sequence[Result], labels: Labels) -> list[Scores]:
    """The log-odds that `tested` gives, less each network's threshold: zero or more where a landslide is called."""
    return [scores - _threshold(results, place, labels) for place, scores in enumerate(tested(results)[0])]


def _threshold(results: Sequence[Result], place: int, labels: Labels) -> float:
    """The log-odds from which on F1 is highest on patches that the network is not scored on."""
    log_odds, patches = to_choose_on(results, place)
    return best_threshold(labels[patches], log_odds)


def to_choose_on(results: Sequence[Result], place: int) -> tuple[Scores, Indices]:
    """What a network's threshold and calibration may be fitted on: log-odds and indices `(n,)` of patches that it is not scored on.

    Its validation fold; where there is no hold-out test, the other folds' networks on theirs.
    """
    own = results[place]
    if len(own.test):
        return np.asarray(own.best_log_odds[own.validation], np.float64), own.validation
    others = [r for r in results if r is not own]
    log_odds = np.concatenate([r.log_odds[r.validation] for r in others])
    return np.asarray(log_odds, np.float64), np.concatenate([r.validation for r in others])


def ablations(results: Named, study: Study, labels: Labels) -> pd.DataFrame:
    """Table 2: the change of F1 against the first row, ours and the paper's, and what ours says of it.

    Returns:
        A row for each name: train and test F1 (both ours and the paper's), ours, the paper's change, the smallest effect that would have
        been seen, Holm's p over the changes, the verdict, and what a network lacks where nothing can be said.
    """
    paper = published("table2").set_index("row").rename(index=lambda name: row_name(name, study))
    first = next(iter(results.values()))
    estimates = {name: difference(folds, first, study, labels) for name, folds in results.items()}
    lacks = {name: verdicts.lack(folds, labels) for name, folds in results.items()}
    rows = {}
    for name, folds in results.items():
        log_odds, parts = tested(folds)
        rows[name] = {
            "train F1": train_f1(folds, study, labels),
            "test F1": _interval(replicates.f1, log_odds, parts, folds, study, labels),
            "paper": paper.loc[name, "test_f1"] - paper["test_f1"].iloc[0],
            "paper train F1": paper.loc[name, "train_f1"],
            "paper test F1": paper.loc[name, "test_f1"],
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("row")
    return _judged(table, estimates, {name: lacks[name] or lacks[next(iter(results))] for name in results})


def difference(
    results: Sequence[Result], reference: Sequence[Result], study: Study, labels: Labels, metric: Metric = replicates.f1
) -> Estimate:
    """A test score of some networks, F1 if no other is named, minus that of others, paired on replicates and patches."""
    if results is reference:
        return FIRST
    values = [_sampled(metric, *tested(folds), folds, study, labels) for folds in (results, reference)]
    return replicates.estimate(values[0] - values[1], _blocks(results))


def changes(results: Named, study: Study, labels: Labels) -> pd.DataFrame:
    """F1 and AUROC of runs that the paper has not, and the differences of both test scores to the first, on the same patches."""
    first = next(iter(results.values()))
    rows = {}
    for name, folds in results.items():
        rows[name] = {
            "train F1": train_f1(folds, study, labels),
            "out-of-fold F1": _interval(replicates.f1, *validated(folds), folds, study, labels),
            "test F1": _interval(replicates.f1, *tested(folds), folds, study, labels),
            "difference": difference(folds, first, study, labels).interval,
            "AUROC": _interval(replicates.auroc, *tested(folds), folds, study, labels),
            "difference in AUROC": difference(folds, first, study, labels, replicates.auroc).interval,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def compare_heads(results: Sequence[Result], study: Study, labels: Labels) -> pd.DataFrame:
    """Table 3: the network's own layer, LightGBM and SVMs on the same embeddings, fold by fold, beside the paper's.

    All see the last weights. Columns as in `ablations`.
    """
    paper = published("table3")
    theirs = {row["head"] if pd.isna(row["C"]) else f"SVM, C = {row['C']:g}": row for row in paper.to_dict("records")}
    each = [head_decisions(result, study, labels) for result in results]
    decisions = {name: [fold[name] for fold in each] for name in each[0]}
    parts = [r.test if len(r.test) else r.validation for r in results]
    values = {
        name: _sampled(replicates.f1, scores, parts, results, study, labels) for name, scores in decisions.items()
    }
    estimates = {
        name: FIRST if name == "FC" else replicates.estimate(own - values["FC"], _blocks(results))
        for name, own in values.items()
    }
    rows = {}
    for name, scores in decisions.items():
        known = theirs.get(name)
        rows[name] = {
            "train F1": _interval(replicates.f1, scores, [r.train for r in results], results, study, labels),
            "test F1": replicates.estimate(values[name], _blocks(results)).interval,
            "paper": known["test_f1"] - theirs["FC"]["test_f1"] if known else np.nan,
            "paper train F1": known["train_f1"] if known else np.nan,
            "paper test F1": known["test_f1"] if known else np.nan,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("head")
    return _judged(table, estimates, dict.fromkeys(decisions, verdicts.lack(results, labels)))


def _judged(table: pd.DataFrame, estimates: Mapping[str, Estimate], lacks: Mapping[str, str]) -> pd.DataFrame:
    """A table with our changes, how small a change would have been seen, and the verdicts on those that the paper has, too."""
    paper = {str(name): float(value) for name, value in table["paper"].items()}
    judged = [name for name in list(estimates)[1:] if not np.isnan(paper[name])]
    p_values = dict(zip(judged, replicates.holm([estimates[name].p for name in judged]), strict=True))
    rows: dict[str, dict[str, Any]] = {}
    for name, estimate in estimates.items():
        said = name in p_values
        rows[name] = {
            "ours": estimate.interval,
            "smallest visible": estimate.visible if name != next(iter(estimates)) else np.nan,
            "Holm p": p_values.get(name, np.nan),
            "verdict": verdicts.verdict(estimate, paper[name], lacks[name]) if said else "–",
            "lacks": lacks[name],
        }
    return table.join(pd.DataFrame.from_dict(rows, orient="index"))


def head_decisions(result: Result, study: Study, labels: Labels) -> Mapping[str, arrays.Scores]:
    """Decisions for all patches by heads that are fitted on the fold's training embeddings only; of a published run, as published."""
    if result.decisions:
        return result.decisions
    known, embeddings = result.train, result.embeddings
    trees = heads.lightgbm(study.seed).fit(embeddings[known], labels[known])
    decisions = {"FC": result.log_odds.astype(np.float64), "LightGBM": heads.decide(trees, embeddings)}
    return decisions | {
        f"SVM, C = {c:g}": s for c, s in heads.svm_c_path(embeddings, labels, known, study.svm_c).items()
    }


def _sampled(
    metric: Metric,
    scores: Sequence[Scores],
    parts: Sequence[Indices],
    results: Sequence[Result],
    study: Study,
    labels: Labels,
) -> Values:
    return replicates.sampled(metric, labels, scores, parts, results[0].groups, study.resamples)


def _interval(
    metric: Metric,
    scores: Sequence[Scores],
    parts: Sequence[Indices],
    results: Sequence[Result],
    study: Study,
    labels: Labels,
) -> Interval:
    values = _sampled(metric, scores, parts, results, study, labels)
    return replicates.estimate(values, replicates.blocks(parts, results[0].groups)).interval


def _blocks(results: Sequence[Result]) -> int:
    """How many blocks of ground the tested patches lie in."""
    return replicates.blocks(tested(results)[1], results[0].groups)
