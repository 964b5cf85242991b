"""What a network loses where a pass is missing, clouds cover the ground, or there is more noise or another prior (chapter 09)."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common import arrays
from landslide_nb.common.arrays import Indices, Labels
from landslide_nb.display.picture import BLUE, GREEN, GREY, MARKERS, ORANGE, Picture, panels
from landslide_nb.experiments.run import Result, Run
from landslide_nb.experiments.study import Study
from landslide_nb.explain.perturbations import CONDITIONS, log_odds_under
from landslide_nb.metrics.bootstrap import Interval, folds_f1, interval
from landslide_nb.metrics.prior_shift import corrected, estimated_rate, thinned
from landslide_nb.metrics.thresholds import expected_f1_threshold
from landslide_nb.models import heads
from landslide_nb.tabular.stacking import Combiner

Draws = NDArray[np.floating]
WHOLE: Final = "as it is"
COLOURS: Final = (BLUE, ORANGE, GREEN, GREY, "#CC79A7")  # the last is Okabe and Ito's too


def losses(studies: Mapping[str, Study], resamples: int) -> dict[str, dict[str, Draws]]:
    """F1 of single networks on patches that they have not seen, under each condition; the threshold is fitted out of fold.

    Args:
        studies: by name; their runs are trained if they are missing.
        resamples: of the bootstrap; the same patches for every network and condition.

    Returns:
        By study, then by condition ("as it is" first): mean F1 over folds, the estimate first, then its draws. The hold-out part
        where there is one, else each fold's validation patches.
    """
    found = {}
    for name, study in studies.items():
        runs = [Run(study, fold) for fold in range(study.folds)]
        results, labels = [run.fit() for run in runs], runs[0].data[0].known_labels
        own, validation = _out_of_fold(results)
        combiner = Combiner.fit(own, labels[validation])
        parts = [r.test if len(r.test) else r.validation for r in results]
        scores = [
            {WHOLE: heads.fc_decision(result.probabilities[part])} | log_odds_under(run, part, CONDITIONS)
            for run, result, part in zip(runs, results, parts, strict=True)
        ]
        found[name] = {
            condition: _f1(labels, parts, [each[condition] for each in scores], combiner, resamples)
            for condition in scores[0]
        }
    return found


def _out_of_fold(results: Sequence[Result]) -> tuple[arrays.Scores, Indices]:
    """Log-odds `(n, 1)` of the validation patches by their own folds, and the patches' indices in the same order."""
    own = np.concatenate([heads.fc_decision(result.probabilities[result.validation]) for result in results])
    return own[:, None], np.concatenate([result.validation for result in results])


def _f1(
    labels: Labels, parts: list[NDArray[np.int64]], scores: list[arrays.Scores], combiner: Combiner, resamples: int
) -> Draws:
    said = np.zeros((len(parts), len(labels)), bool)
    for fold, (part, told_here) in enumerate(zip(parts, scores, strict=True)):
        said[fold, part] = combiner.probabilities(told_here[:, None]) >= combiner.threshold
    return folds_f1(labels, parts, list(said), resamples, seed=1)


def table(found: Mapping[str, Mapping[str, Draws]]) -> pd.DataFrame:
    """F1 as it is, then what each condition costs, with paired intervals."""
    rows = {
        name: {f"F1 {WHOLE}": interval(draws[WHOLE])}
        | {condition: interval(draws[WHOLE] - f1) for condition, f1 in draws.items() if condition != WHOLE}
        for name, draws in found.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def half(found: Mapping[str, Mapping[str, Draws]], condition: str, ours: str, theirs: str) -> Interval:
    """Half of what one network loses minus what another does; not negative: the other loses at most half as much."""
    lost = {name: found[name][WHOLE] - found[name][condition] for name in (ours, theirs)}
    return interval(lost[theirs] / 2 - lost[ours])


def prior(study: Study, rate: float, resamples: int) -> pd.DataFrame:
    """F1 where landslides are rarer: on the hold-out thinned to a rate, as the threshold stands and after correction.

    The rate is estimated from the probabilities of the thinned patches without their labels (`analysis.shift`); the mean of the
    folds' calibrated probabilities is what is corrected.
    """
    runs = [Run(study, fold) for fold in range(study.folds)]
    results, labels = [run.fit() for run in runs], runs[0].data[0].known_labels
    own, validation = _out_of_fold(results)
    combiner = Combiner.fit(own, labels[validation])
    test = results[0].test
    seen = test if len(test) else validation
    scores = [heads.fc_decision(r.probabilities[test])[:, None] for r in results] if len(test) else [own]
    probabilities = np.mean([combiner.probabilities(each) for each in scores], axis=0)
    chosen = thinned(labels[seen], rate, seed=0)
    few, was = probabilities[chosen], float(labels[validation].mean())
    estimated = estimated_rate(few, was)
    adapted = corrected(few, was, estimated)
    place, everyone = seen[chosen], np.zeros((2, len(labels)), bool)
    everyone[0, place], everyone[1, place] = few >= combiner.threshold, adapted >= expected_f1_threshold(adapted)
    plain, better = (folds_f1(labels, [place], [said], resamples, seed=2) for said in everyone)
    row = {
        "true rate": float(labels[place].mean()),
        "estimated rate": estimated,
        "uncorrected F1": interval(plain),
        "corrected F1": interval(better),
        "gain": interval(better - plain),
    }
    return pd.DataFrame([row], index=pd.Index([f"{len(place)} patches"], name="thinned"))


def picture(found: Mapping[str, Mapping[str, Draws]], source: str) -> Picture:
    """F1 of each network under each condition, with intervals."""
    conditions = list(next(iter(found.values())))
    figure, axes = panels(1, 1, 7.2, 3.6)
    axis, said = axes[0, 0], []
    for number, (name, draws) in enumerate(found.items()):
        values = np.array([tuple(interval(draws[condition])) for condition in conditions])
        x = np.arange(len(conditions)) + 0.13 * (number - (len(found) - 1) / 2)
        error = np.abs(values[:, 1:] - values[:, :1]).T
        style = {"fmt": MARKERS[number], "color": COLOURS[number % len(COLOURS)], "capsize": 2, "ms": 5}
        axis.errorbar(x, values[:, 0], yerr=error, label=name, **style)
        said.append(f"{name}: " + ", ".join(f"{c} {v[0]:.2f}" for c, v in zip(conditions, values, strict=True)))
    axis.set_xticks(range(len(conditions)), [condition.replace(" ", "\n", 1) for condition in conditions])
    axis.set_ylabel("F1, 95 % intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    caption = f"F1 of single networks, mean over folds, on patches that they have not seen ({source}), as they are and changed."
    return Picture(figure, "fig-robustness", f"F1 under six conditions. {'; '.join(said)}.", caption)
