"""From an experiment of a study to an ensemble that can be handed on, with the scores that its card tells."""

import difflib
from collections.abc import Sequence

import numpy as np

from landslide_nb.analysis.scores import (
    Labels,
    Values,
    auroc_interval,
    best_threshold,
    f1_interval,
    hold_out,
    out_of_fold,
)
from landslide_nb.card import Card, Data
from landslide_nb.data.folds import Indices
from landslide_nb.ensemble import Ensemble
from landslide_nb.errors import StudyError
from landslide_nb.exported import of_runs
from landslide_nb.progress import Say
from landslide_nb.runs import Result, Run, fit
from landslide_nb.study import Study

BEST = "best"


def experiment(study: Study, name: str = BEST) -> tuple[str, Study]:
    """An experiment of a study with its name; "best" is the last row of Table 2.

    Raises:
        StudyError: if none has this name.
    """
    named = study.experiments()
    if name == BEST:
        return next((title, each) for title, each in named.items() if each.settings == study.best().settings)
    if name not in named:
        near = difflib.get_close_matches(name, named, 3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(map(repr, named))}"
        raise StudyError(f"no network is called {name!r}; {hint}")
    return name, named[name]


def pack(study: Study, name: str = BEST, say: Say = lambda line: None) -> tuple[Ensemble, Card]:
    """All folds of an experiment as an ensemble, and its card; runs that are not there are trained first.

    The threshold is that of the highest F1 out of fold. Both kinds of scores are of the last weights, which are those exported.
    """
    title, chosen = experiment(study, name)
    if chosen.smote_scope == "before_split":
        raise StudyError(f"{title!r} leaks validation patches into training; export another experiment")
    results = fit({title: chosen}, say)[title]
    labels = Run(chosen, 0).data[0].known_labels
    indices, probabilities = out_of_fold(results)
    threshold = best_threshold(labels[indices], probabilities)
    runs = of_runs([result.folder for result in results])
    data: Data = "simulated" if study.simulated else "twins" if study.twins else "given"
    card = Card(
        title, data, scores(results, labels, threshold, study.resamples), f"Edition `{study.edition}`: {study.note}"
    )
    return Ensemble(runs.folds, threshold), card


def scores(results: Sequence[Result], labels: Labels, threshold: float, resamples: int) -> dict[str, str]:
    """F1 and AUROC with 95 % intervals, out of fold and, where there is one, on the hold-out test."""
    told = _scores("out of fold", labels, out_of_fold(results), threshold, resamples)
    if len(results[0].test):
        told |= _scores("hold-out test, mean of the folds", labels, hold_out(results, best=False), threshold, resamples)
    return told


def _scores(
    part: str, labels: Labels, told: tuple[Indices, Values], threshold: float, resamples: int
) -> dict[str, str]:
    indices, probabilities = told
    true = labels[indices]
    text = {f"F1, {part}": f"{f1_interval(true, probabilities >= threshold, resamples)} on {len(true)} patches"}
    if part == "out of fold":
        text[f"F1, {part}"] += "; too good, since the threshold was chosen on them"
    if len(np.unique(true)) == 2:
        text[f"AUROC, {part}"] = f"{auroc_interval(true, probabilities, resamples)}"
    return text
