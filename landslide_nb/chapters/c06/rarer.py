"""Chapter 06: networks on real landslides, on test patches that are thinned until landslides are rarer than in training."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pandas as pd
from scipy.special import expit

from landslide_nb.common.arrays import Indices, Labels, Scores
from landslide_nb.data.patches import Names
from landslide_nb.experiments.comparisons import less_threshold, tested, to_choose_on
from landslide_nb.experiments.result import Result
from landslide_nb.metrics.bootstrap import Interval, f1
from landslide_nb.metrics.calibration import expected_calibration_error
from landslide_nb.metrics.prior_shift import corrected, estimated_rate
from landslide_nb.metrics.thresholds import expected_f1_threshold
from landslide_nb.tabular.stacking import Combiner

DRAWS: Final = 40


class Replicate(NamedTuple):
    """A replicate on its tested patches, n of them; all else was fitted on patches that it is not scored on.

    Attributes:
        labels: `(n,)`.
        groups: `(n,)`, the block of ground of each; None where every patch stands alone.
        log_odds: `(n,)`.
        above: `(n,)`, the log-odds less those of the chosen threshold.
        calibrated: `(n,)`, probabilities by a logistic regression on the log-odds.
        rate: of landslides among the patches that they were calibrated on.
    """

    labels: Labels
    groups: Names | None
    log_odds: Scores
    above: Scores
    calibrated: Scores
    rate: float

    def take(self, chosen: Indices) -> Self:
        """The same on some of the patches."""
        arrays: dict[str, Any] = {name: each[chosen] for name, each in self._asdict().items() if np.ndim(each)}
        return self._replace(**arrays)


def thinned(labels: Labels, groups: Names | None, rate: float, seed: int) -> Indices:
    """All patches without a landslide, and so many with one as make up the rate: an equal share of each block's, drawn at random."""
    positive, negative = (np.flatnonzero(labels == value) for value in (1, 0))
    count = round(len(negative) * rate / (1 - rate))
    order = pd.Series(np.random.default_rng(seed).random(len(positive)))
    block = positive if groups is None else groups[positive]
    share = (order.groupby(block).rank() - order) / order.groupby(block).transform("size")
    return np.sort(np.concatenate([negative, positive[np.argsort(share.to_numpy())[:count]]]))


def compare(results: Sequence[Result], labels: Labels, rates: Sequence[float], draws: int = DRAWS) -> pd.DataFrame:
    """F1 and calibration on the tested patches as they are, and thinned to lower rates, without and with a correction for the rate.

    Args:
        results: of the network's replicates.
        labels: `(N,)`.
        rates: to thin to; those that are not below the tested patches' are left out.
        draws: of the landslides that stay, for each replicate.

    Returns:
        A row for each rate, the tested patches' first. Values are means over replicates and draws with the middle 95 % of them. The rate is
        estimated without labels (Saerens et al. 2002); the threshold of the corrected probabilities is half of the F1 expected at it.
    """
    replicates = _replicates(results, labels)
    own = float(np.mean([each.labels.mean() for each in replicates]))
    rows = {f"{own:.1%} (all test patches)": _row([_scores(each) for each in replicates])}
    for rate in (rate for rate in rates if rate < own):
        rows[f"{rate:.1%}"] = _row(
            [_scores(it.take(thinned(it.labels, it.groups, rate, seed))) for it in replicates for seed in range(draws)]
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("patches with a landslide")


def _replicates(results: Sequence[Result], labels: Labels) -> list[Replicate]:
    log_odds, parts = tested(results)
    above, replicates = less_threshold(results, labels), []
    for place, (scores, part) in enumerate(zip(log_odds, parts, strict=True)):
        others, patches = to_choose_on(results, place)
        calibrated = Combiner.fit(others[:, None], labels[patches]).probabilities(scores[part, None])
        groups = None if (blocks := results[place].groups) is None else blocks[part]
        rate = float(labels[patches].mean())
        replicates.append(Replicate(labels[part], groups, scores[part], above[place][part], calibrated, rate))
    return replicates


def _scores(replicate: Replicate) -> dict[str, float]:
    truth, rate = replicate.labels == 1, estimated_rate(replicate.calibrated, replicate.rate)
    adapted = corrected(replicate.calibrated, replicate.rate, rate)
    f1s = {
        "F1 at 0.5": float(f1(truth, replicate.log_odds >= 0)),
        "F1, threshold chosen": float(f1(truth, replicate.above >= 0)),
        "F1, prior corrected": float(f1(truth, adapted >= expected_f1_threshold(adapted))),
    }
    gain = f1s["F1, prior corrected"] - f1s["F1, threshold chosen"]
    errors = {"own": expit(replicate.log_odds), "calibrated": replicate.calibrated, "prior corrected": adapted}
    return (
        {"estimated rate": rate}
        | f1s
        | {"gain over the chosen threshold": gain}
        | {f"ECE, {kind}": expected_calibration_error(replicate.labels, each) for kind, each in errors.items()}
    )


def _row(scores: Sequence[dict[str, float]]) -> dict[str, Interval]:
    """The mean of each score, with the middle 95 %."""
    each = pd.DataFrame(scores)
    low, high = each.quantile(0.025), each.quantile(0.975)
    return {name: Interval(float(each[name].mean()), float(low[name]), float(high[name])) for name in scores[0]}
