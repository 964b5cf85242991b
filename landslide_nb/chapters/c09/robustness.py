"""What a network loses where a pass is missing, clouds cover the ground, or there is more noise or another prior (chapter 09)."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common.arrays import Indices, Labels, Scores
from landslide_nb.display.picture import BLUE, GREEN, GREY, MARKERS, ORANGE, Picture, panels
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.explain.perturbations import conditions, log_odds_under
from landslide_nb.metrics.bootstrap import Interval, folds_f1, interval
from landslide_nb.metrics.prior_shift import corrected, estimated_rate, thinned
from landslide_nb.metrics.thresholds import expected_f1_threshold
from landslide_nb.tabular.stacking import Combiner

Draws = NDArray[np.floating]
WHOLE: Final = "as it is"
NO_ASCENDING: Final = "no ascending pass"
COLOURS: Final = (BLUE, ORANGE, GREEN, GREY, "#CC79A7")  # the last is Okabe and Ito's too


def losses(studies: Mapping[str, Study], resamples: int) -> dict[str, dict[str, Draws]]:
    """F1 of single networks on patches that they have not seen, under each condition; thresholds are fitted on other patches.

    Args:
        studies: by name; their runs are trained if they are missing.
        resamples: of the bootstrap; the same patches for every network and condition.

    Returns:
        By study, then by condition ("as it is" first): mean F1 over folds, the estimate first, then its draws. The hold-out part
        where there is one, else each fold's validation patches.
    """
    f1_draws = {}
    for name, study in studies.items():
        runs = [Run(study, fold) for fold in range(study.folds)]
        results, labels = [run.fit() for run in runs], runs[0].data[0].known_labels
        changes, combiners = conditions(study.data_set.bands), _combiners(results, labels)
        parts = [r.test if len(r.test) else r.validation for r in results]
        scores = [
            {WHOLE: result.log_odds[part].astype(np.float64)} | log_odds_under(run, part, changes)
            for run, result, part in zip(runs, results, parts, strict=True)
        ]
        f1_draws[name] = {
            condition: _f1(labels, parts, [each[condition] for each in scores], combiners, resamples)
            for condition in scores[0]
        }
    return f1_draws


def _combiners(results: Sequence[Result], labels: Labels) -> list[Combiner]:
    """What calibrates each fold's network and cuts its probabilities, fitted on patches that are not scored.

    With a hold-out part that is what all validation patches say, alike for all folds; without one, for each fold what the
    other folds' validation patches say, since its own are scored.
    """
    own = [result.log_odds[result.validation].astype(np.float64)[:, None] for result in results]
    parts = [labels[result.validation] for result in results]
    if len(results[0].test):
        return [Combiner.fit(np.concatenate(own), np.concatenate(parts))] * len(results)
    return Combiner.cross_fit(own, parts)


def _f1(
    labels: Labels, parts: list[Indices], scores: list[Scores], combiners: Sequence[Combiner], resamples: int
) -> Draws:
    predicted = np.zeros((len(parts), len(labels)), bool)
    for fold, (part, log_odds, combiner) in enumerate(zip(parts, scores, combiners, strict=True)):
        predicted[fold, part] = combiner.probabilities(log_odds[:, None]) >= combiner.threshold
    return folds_f1(labels, parts, list(predicted), resamples, seed=1)


def table(f1_draws: Mapping[str, Mapping[str, Draws]]) -> pd.DataFrame:
    """F1 as it is, then what each condition costs, with paired intervals."""
    rows = {
        name: {f"F1 {WHOLE}": interval(draws[WHOLE])}
        | {condition: interval(draws[WHOLE] - f1) for condition, f1 in draws.items() if condition != WHOLE}
        for name, draws in f1_draws.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def half(f1_draws: Mapping[str, Mapping[str, Draws]], condition: str, ours: str, theirs: str) -> Interval | None:
    """Half of what one network loses minus what another does; not negative: the other loses at most half as much.

    None where there is no such network, or no such condition.
    """
    if not {ours, theirs} <= set(f1_draws) or condition not in f1_draws[theirs]:
        return None
    lost = {name: f1_draws[name][WHOLE] - f1_draws[name][condition] for name in (ours, theirs)}
    return interval(lost[theirs] / 2 - lost[ours])


def prior(study: Study, rate: float, resamples: int) -> pd.DataFrame:
    """F1 where landslides are rarer: on the hold-out thinned to a rate, as the threshold stands and after correction.

    The rate is estimated from the probabilities of the thinned patches without their labels (`analysis.shift`); the mean of the
    folds' calibrated probabilities is what is corrected.
    """
    runs = [Run(study, fold) for fold in range(study.folds)]
    results, labels = [run.fit() for run in runs], runs[0].data[0].known_labels
    validation = np.concatenate([result.validation for result in results])
    seen, probabilities, cut = _calibrated(results, labels)
    chosen = thinned(labels[seen], rate, seed=0)
    few, was = probabilities[chosen], float(labels[validation].mean())
    estimated = estimated_rate(few, was)
    adapted = corrected(few, was, estimated)
    place, everyone = seen[chosen], np.zeros((2, len(labels)), bool)
    everyone[0, place], everyone[1, place] = few >= cut[chosen], adapted >= expected_f1_threshold(adapted)
    plain, better = (folds_f1(labels, [place], [decided], resamples, seed=2) for decided in everyone)
    row = {
        "true rate": float(labels[place].mean()),
        "estimated rate": estimated,
        "uncorrected F1": interval(plain),
        "corrected F1": interval(better),
        "gain": interval(better - plain),
    }
    return pd.DataFrame([row], index=pd.Index([f"{len(place)} patches"], name="thinned"))


def _calibrated(results: Sequence[Result], labels: Labels) -> tuple[Indices, Scores, Scores]:
    """The patches to score, their probabilities, and the threshold of each; nothing was fitted on these patches."""
    combiners, test = _combiners(results, labels), results[0].test
    if len(test):
        each = [
            c.probabilities(r.log_odds[test].astype(np.float64)[:, None])
            for c, r in zip(combiners, results, strict=True)
        ]
        return test, np.mean(each, axis=0), np.full(len(test), combiners[0].threshold)
    parts = [result.validation for result in results]
    own = [
        c.probabilities(r.log_odds[r.validation].astype(np.float64)[:, None])
        for c, r in zip(combiners, results, strict=True)
    ]
    cut = [np.full(len(part), c.threshold) for c, part in zip(combiners, parts, strict=True)]
    return np.concatenate(parts), np.concatenate(own), np.concatenate(cut)


def picture(f1_draws: Mapping[str, Mapping[str, Draws]], source: str) -> Picture:
    """F1 of each network under each condition, with intervals."""
    named = list(next(iter(f1_draws.values())))
    figure, axes = panels(1, 1, 7.2, 3.6)
    axis, sentences = axes[0, 0], []
    for number, (name, draws) in enumerate(f1_draws.items()):
        values = np.array([tuple(interval(draws[condition])) for condition in named])
        x = np.arange(len(named)) + 0.13 * (number - (len(f1_draws) - 1) / 2)
        error = np.abs(values[:, 1:] - values[:, :1]).T
        style = {"fmt": MARKERS[number], "color": COLOURS[number % len(COLOURS)], "capsize": 2, "ms": 5}
        axis.errorbar(x, values[:, 0], yerr=error, label=name, **style)
        sentences.append(f"{name}: " + ", ".join(f"{c} {v[0]:.2f}" for c, v in zip(named, values, strict=True)))
    axis.set_xticks(range(len(named)), [condition.replace(" ", "\n", 1) for condition in named])
    axis.set_ylabel("F1, 95 % intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    caption = f"F1 of single networks, mean over folds, on patches that they have not seen ({source}), as they are and changed."
    return Picture(figure, "fig-robustness", f"F1 under {len(named)} conditions. {'; '.join(sentences)}.", caption)
