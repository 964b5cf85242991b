"""The incremental ensemble: from trees on statistics to all networks, one thing at a time.

Every step is treated alike: a logistic regression weighs and calibrates the scores of its members, and a threshold is taken
where F1 is expected to be highest; both are fitted out of fold. For out-of-fold F1 they come from the other folds' patches.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray

from landslide_nb.common.arrays import Features, Labels, Scores
from landslide_nb.data.patches import Patches
from landslide_nb.data.splits import Split
from landslide_nb.experiments import grids, plan
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.speed import speed
from landslide_nb.experiments.study import Study
from landslide_nb.explain.perturbations import flips, log_odds_under
from landslide_nb.metrics.bootstrap import folds_f1
from landslide_nb.models import heads
from landslide_nb.tabular.stacking import Combiner
from landslide_nb.tabular.statistics import columns_of, describe

TREES: Final = "trees on statistics"
MULTI: Final = "encoders, dropout"
ONE: Final = "one stem"
FLIPS: Final = ", flips"  # what a network that also sees flips is called by


@dataclass(frozen=True, eq=False)
class Member:
    """A model that was trained once for each of F folds.

    Attributes:
        scores: log-odds `(F, N)` for all patches; those of a fold's training patches are not looked at.
        parameters: of one fold's network, in millions; NaN of trees.
        training: seconds, all folds.
        prediction: seconds for 1,000 patches by one fold's model.
    """

    scores: Scores
    parameters: float
    training: float
    prediction: float


@dataclass(frozen=True, eq=False)
class Step:
    """A step of the incremental ensemble.

    Attributes:
        members: by name.
        mean: whether the folds' models are averaged on patches that none has seen; if not, each is scored alone.
    """

    members: Mapping[str, Member]
    mean: bool = False


@dataclass(frozen=True, eq=False)
class Scored:
    """What a step comes to: F1 and its bootstrap draws, the estimate first; out of fold and, if there is one, on the test part."""

    unseen: NDArray[np.floating]
    hold_out: NDArray[np.floating] | None


def network(study: Study, results: Sequence[Result]) -> Member:
    """A study's networks as they are."""
    measured = speed(study.settings)
    return Member(
        np.stack([result.log_odds.astype(np.float64) for result in results]),
        plan.cost(study.backbone, study.seen, study.image_size).parameters / 1e6,
        sum(result.seconds for result in results),
        1000 / measured.forward.median if measured else np.nan,
    )


def flipped(study: Study, results: Sequence[Result]) -> Member:
    """The same networks, each asked about a patch and its mirror images, whose log-odds are averaged."""
    plain, changes = network(study, results), flips(study.data_set.bands)
    scores = plain.scores.copy()
    for fold, result in enumerate(results):
        unseen = np.concatenate([result.validation, result.test])
        views = log_odds_under(Run(study, fold), unseen, changes)
        scores[fold, unseen] = np.mean(list(views.values()), axis=0)
    return Member(scores, plain.parameters, plain.training, plain.prediction * len(changes))


def trees(patches: Patches, split: Split, seed: int) -> Member:
    """LightGBM on the statistics of the same patches, fitted to each fold's training patches."""
    started = time.perf_counter()
    values = statistics_of(patches)
    described = time.perf_counter()
    models = fit_trees(values, patches.known_labels, split, seed)
    fitted = time.perf_counter()
    scores = np.stack([heads.decide(model, values) for model in models])
    each = (time.perf_counter() - fitted) / len(models) + (described - started)
    return Member(scores, np.nan, fitted - described, 1000 * each / len(patches))


def statistics_of(patches: Patches) -> Features:
    """The statistics `(N, F)` of patches, as trees see them."""
    return describe(patches)[list(columns_of(patches.data_set.bands))].to_numpy(np.float32)


def fit_trees(values: Features, labels: Labels, split: Split, seed: int) -> list[LGBMClassifier]:
    """Trees for each fold, fitted to the statistics `(N, F)` of its training patches."""
    return [heads.lightgbm(seed).fit(values[train], labels[train]) for train, _ in split.folds]


def flipped_network(names: Collection[str]) -> str:
    """Which of the networks also sees flips: that with encoders and dropout, or the one stem where all bands are of one kind."""
    return MULTI if MULTI in names else ONE


def members(study: Study, results: Mapping[str, Sequence[Result]], patches: Patches) -> dict[str, Member]:
    """All that the ensemble is built from: trees, and the networks that there are results of; one of them with flips too.

    Args:
        study: of the chapter.
        results: of `grids.contenders(study)`.
        patches: of the study.
    """
    contenders = grids.contenders(study)
    by_name = {TREES: trees(patches, study.splits(patches), study.seed)}
    by_name |= {name: network(contenders[name], each) for name, each in results.items()}
    chosen = flipped_network(results)
    return by_name | {chosen + FLIPS: flipped(contenders[chosen], results[chosen])}


def steps(members: Mapping[str, Member]) -> dict[str, Step]:
    """The steps, in an order that was fixed before any score was known: each adds one thing that the bands allow."""
    plain = flipped_network(members)
    last = plain + FLIPS
    # Of the network that has them, with flips.
    networks = {name: member for name, member in members.items() if name not in (TREES, plain)}
    single = {
        "statistics, trees": TREES,
        "a network: the baseline": "baseline",
        "+ a stem that starts at random": ONE,
        "+ an encoder for each modality": "encoders",
        "+ modality dropout": MULTI,
        "+ test-time flips": last,
    }
    sequence = {name: Step({used: members[used]}) for name, used in single.items() if used in members}
    sequence["+ the mean over folds"] = Step({last: members[last]}, mean=True)
    sequence["+ all other networks"] = Step(networks, mean=True)
    sequence["+ the trees"] = Step(networks | {TREES: members[TREES]}, mean=True)
    return sequence


def score(step: Step, split: Split, labels: Labels, resamples: int) -> Scored:
    """Out-of-fold and hold-out F1 of a step.

    Args:
        step: its members' scores.
        split: of the patches.
        labels: of all patches.
        resamples: of the bootstrap; the same patches are drawn for every step, so that two can be subtracted.
    """
    scores, own = _stacked(step, split)
    parts = [validation for _, validation in split.folds]
    decided = np.zeros(len(labels), bool)
    for part, mine, other in zip(parts, own, Combiner.cross_fit(own, [labels[part] for part in parts]), strict=True):
        decided[part] = other.probabilities(mine) >= other.threshold
    development = np.sort(np.concatenate(parts))
    unseen = folds_f1(labels, [development], [decided], resamples)
    if not len(split.test):
        return Scored(unseen, None)
    combiner = combined(step, split, labels)
    probabilities = np.stack([combiner.probabilities(each[split.test]) for each in scores])
    averaged = probabilities.mean(0, keepdims=True) if step.mean else probabilities
    tested = np.zeros((len(averaged), len(labels)), bool)
    tested[:, split.test] = averaged >= combiner.threshold
    return Scored(unseen, folds_f1(labels, [split.test] * len(averaged), list(tested), resamples, seed=1))


def combined(step: Step, split: Split, labels: Labels) -> Combiner:
    """What weighs a step's members on patches that no fold has seen: fitted to all out-of-fold scores."""
    _, own = _stacked(step, split)
    return Combiner.fit(np.concatenate(own), labels[np.concatenate([validation for _, validation in split.folds])])


def _stacked(step: Step, split: Split) -> tuple[Scores, list[Scores]]:
    """The members' scores `(F, N, M)`, and of each fold those of its validation patches."""
    scores = np.stack([member.scores for member in step.members.values()], 2)
    return scores, [scores[fold, validation] for fold, (_, validation) in enumerate(split.folds)]
