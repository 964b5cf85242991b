"""From an experiment of a study to an ensemble that can be handed on, with the scores that its card tells."""

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from landslide_nb.common.arrays import Indices, Labels, Values
from landslide_nb.common.errors import StudyError
from landslide_nb.common.progress import Report
from landslide_nb.experiments import grids
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.results import hold_out, out_of_fold
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.runs import fit
from landslide_nb.experiments.study import Study
from landslide_nb.inference import incremental
from landslide_nb.inference.bundle import of_runs, read_run
from landslide_nb.inference.card import Card, Data
from landslide_nb.inference.ensemble import Ensemble, Fold, Network, Trees
from landslide_nb.metrics.bootstrap import auroc_interval, f1_interval, interval
from landslide_nb.metrics.thresholds import best_threshold

BEST: Final = "best"
ENSEMBLE: Final = "ensemble"


def experiment(study: Study, name: str = BEST) -> tuple[str, Study]:
    """An experiment of a study with its name; "best" is the last row of Table 2.

    Raises:
        StudyError: if none has this name.
    """
    named = grids.experiments(study)
    if name == BEST:
        return next((title, each) for title, each in named.items() if each.settings == grids.best(study).settings)
    if name not in named:
        near = difflib.get_close_matches(name, named, 3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(map(repr, named))}"
        raise StudyError(f"no network is called {name!r}; {hint}")
    return name, named[name]


def pack(
    study: Study, name: str = BEST, report: Report = lambda line: None, fold: int | None = None
) -> tuple[Ensemble, Card]:
    """All folds of an experiment as an ensemble, or one of them, and its card; runs that are not there are trained first.

    "ensemble" is the last step of chapter 09: networks and trees with the weights that it gives them.
    Of one experiment the threshold is that of the highest F1 out of fold: its probabilities are not calibrated, and the ensemble's rule
    (`stack.threshold`) rests on that they are. Both kinds of scores are of the last weights, which are those exported.
    """
    if fold is not None and (name == ENSEMBLE or not 1 <= fold <= study.folds):
        raise StudyError(f"fold is {fold}; expected one from 1 to {study.folds}, of one experiment")
    if name == ENSEMBLE:
        return pack_incremental(study, report)
    title, chosen = experiment(study, name)
    if chosen.smote_scope == "before_split":
        raise StudyError(f"{title!r} leaks validation patches into training; export another experiment")
    results = fit({title: chosen}, report, weights=True)[title]
    labels = Run(chosen, 0).data[0].known_labels
    indices, probabilities = out_of_fold(results)
    threshold = best_threshold(labels[indices], probabilities)
    kept = results if fold is None else [results[fold - 1]]
    card = _card(study, title, scores(kept, labels, threshold, study.resamples))
    return of_runs([result.folder for result in kept]).replace(threshold), card


def pack_incremental(study: Study, report: Report = lambda line: None) -> tuple[Ensemble, Card]:
    """The last step of chapter 09 as an ensemble, and its card."""
    contenders, patches = grids.contenders(study), study.patches()
    results, labels, split = fit(contenders, report, weights=True), patches.known_labels, study.splits(patches)
    name, step = list(incremental.steps(incremental.members(study, results, patches)).items())[-1]
    combiner = incremental.combined(step, split, labels)
    weights = dict(zip(step.members, combiner.weigh.coef_[0].tolist(), strict=True))
    trees = incremental.fit_trees(incremental.statistics_of(patches), labels, split, study.seed)
    folds = []
    for fold, grown in enumerate(trees):
        parts: dict[str, Network | Trees] = {}
        for member in step.members:
            if member == incremental.TREES:
                parts[member] = Trees(grown.booster_.model_to_string(), patches.data_set.bands)
            elif member.endswith(incremental.FLIPS):
                plain = member.removesuffix(incremental.FLIPS)
                parts[member] = replace(read_run(results[plain][fold].folder), flips=True)
            else:
                parts[member] = read_run(results[member][fold].folder)
        folds.append(Fold(parts, weights, float(combiner.weigh.intercept_[0])))
    scored = incremental.score(step, split, labels, study.resamples)
    texts = {"F1, out of fold": f"{interval(scored.unseen)} on {len(split.development)} patches"}
    if scored.hold_out is not None:
        texts["F1, hold-out test"] = f"{interval(scored.hold_out)} on {len(split.test)} patches"
    title = f"Incremental ensemble, {name.removeprefix('+ ')} included"
    return Ensemble(tuple(folds), patches.data_set, combiner.threshold), _card(study, title, texts)


def _card(study: Study, title: str, texts: dict[str, str]) -> Card:
    data: Data = "simulated" if study.simulated else "twins" if study.twins else "given"
    return Card(title, data, texts, f"Edition `{study.edition}`: {study.note}")


def scores(results: Sequence[Result], labels: Labels, threshold: float, resamples: int) -> dict[str, str]:
    """F1 and AUROC with 95 % intervals, out of fold and, where there is one, on the hold-out test."""
    texts = _scores("out of fold", labels, out_of_fold(results), threshold, resamples)
    if len(results[0].test):
        texts |= _scores(
            "hold-out test" if len(results) == 1 else "hold-out test, mean of the folds",
            labels,
            hold_out(results, best=False),
            threshold,
            resamples,
        )
    return texts


def _scores(
    part: str, labels: Labels, predicted: tuple[Indices, Values], threshold: float, resamples: int
) -> dict[str, str]:
    indices, probabilities = predicted
    true = labels[indices]
    text = {f"F1, {part}": f"{f1_interval(true, probabilities >= threshold, resamples)} on {len(true)} patches"}
    if part == "out of fold":
        text[f"F1, {part}"] += "; too good, since the threshold was chosen on them"
    if len(np.unique(true)) == 2:
        text[f"AUROC, {part}"] = f"{auroc_interval(true, probabilities, resamples)}"
    return text
