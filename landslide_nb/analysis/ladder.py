"""What adds up: from trees on statistics to an ensemble, one thing at a time (chapter 09).

Every rung is treated alike: a logistic regression weighs and calibrates the scores of its members, and a threshold is taken
where F1 is expected to be highest; both are fitted out of fold. For out-of-fold F1 they come from the other folds' patches.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from numpy.typing import NDArray

from landslide_nb import plan
from landslide_nb.analysis.conditions import FLIPS, told
from landslide_nb.analysis.scores import Interval, folds_f1, interval
from landslide_nb.analysis.style import BLUE, GREY, ORANGE, Picture, panels
from landslide_nb.data.folds import Split
from landslide_nb.data.patches import Patches
from landslide_nb.data.statistics import COLUMNS, describe
from landslide_nb.models import heads
from landslide_nb.models.heads import Scores
from landslide_nb.models.speed import speed
from landslide_nb.models.stack import Combiner
from landslide_nb.runs import Result, Run
from landslide_nb.study import Study

Labels = NDArray[np.int8]
TREES: Final = "trees on 85 statistics"
MULTI: Final = "encoders, dropout"
FLIPPED: Final = "encoders, dropout, flips"
FORMATS: Final = {"parameters (M)": ".2f", "training (s)": ".0f", "prediction (s)": ".1f"}


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
class Rung:
    """A step of the ladder.

    Attributes:
        members: by name.
        mean: whether the folds' models are averaged on patches that none has seen; if not, each is scored alone.
    """

    members: Mapping[str, Member]
    mean: bool = False


@dataclass(frozen=True, eq=False)
class Scored:
    """What a rung comes to: F1 and its bootstrap draws, the estimate first; out of fold and, if there is one, on the test part."""

    unseen: NDArray[np.floating]
    hold_out: NDArray[np.floating] | None


def network(study: Study, results: Sequence[Result]) -> Member:
    """A study's networks as they are."""
    measured = speed(study.settings)
    return Member(
        np.stack([heads.fc_decision(result.probabilities) for result in results]),
        plan.cost(study.backbone, study.channels, study.image_size).parameters / 1e6,
        sum(result.seconds for result in results),
        1000 / measured.forward.median if measured else np.nan,
    )


def flipped(study: Study, results: Sequence[Result]) -> Member:
    """The same networks, each asked about a patch and its three mirror images, whose log-odds are averaged."""
    plain = network(study, results)
    scores = plain.scores.copy()
    for fold, result in enumerate(results):
        unseen = np.concatenate([result.validation, result.test])
        views = told(Run(study, fold), unseen, FLIPS)
        scores[fold, unseen] = np.mean(list(views.values()), axis=0)
    return Member(scores, plain.parameters, plain.training, plain.prediction * len(FLIPS))


def trees(patches: Patches, split: Split, seed: int) -> Member:
    """LightGBM on the 85 statistics of the same patches, fitted to each fold's training patches."""
    started = time.perf_counter()
    values = describe(patches)[list(COLUMNS)].to_numpy(np.float32)
    described = time.perf_counter()
    models = grown(values, patches.known_labels, split, seed)
    fitted = time.perf_counter()
    scores = np.stack([heads.decide(model, values) for model in models])
    each = (time.perf_counter() - fitted) / len(models) + (described - started)
    return Member(scores, np.nan, fitted - described, 1000 * each / len(patches))


def grown(values: NDArray[np.float32], labels: Labels, split: Split, seed: int) -> list[LGBMClassifier]:
    """Trees for each fold, fitted to the statistics `(N, 85)` of its training patches."""
    return [heads.lightgbm(seed).fit(values[train], labels[train]) for train, _ in split.folds]


def members(study: Study, results: Mapping[str, Sequence[Result]], patches: Patches) -> dict[str, Member]:
    """All that the ladder is built from: trees, and the networks that there are results of; the best of them with flips too.

    Args:
        study: of the chapter.
        results: of `study.contenders()`.
        patches: of the study.
    """
    contenders = study.contenders()
    found = {TREES: trees(patches, study.split(patches), study.seed)}
    found |= {name: network(contenders[name], each) for name, each in results.items()}
    return found | {FLIPPED: flipped(contenders[MULTI], results[MULTI])}


def rungs(found: Mapping[str, Member]) -> dict[str, Rung]:
    """The steps, in an order that was fixed before any score was known: each adds one thing."""
    networks = {name: member for name, member in found.items() if name not in (TREES, MULTI)}  # of MULTI, with flips
    single = {
        "85 statistics, trees": TREES,
        "a network: the baseline": "baseline",
        "+ a stem that starts at random": "one stem",
        "+ an encoder for each modality": "encoders",
        "+ modality dropout": MULTI,
        "+ test-time flips": FLIPPED,
    }
    steps = {name: Rung({used: found[used]}) for name, used in single.items()}
    steps["+ the mean over folds"] = Rung({FLIPPED: found[FLIPPED]}, mean=True)
    steps["+ all other networks"] = Rung(networks, mean=True)
    steps["+ the trees"] = Rung(networks | {TREES: found[TREES]}, mean=True)
    return steps


def singles(found: Mapping[str, Member], split: Split, labels: Labels, resamples: int) -> dict[str, Scored]:
    """Each network alone, scored as the rungs are."""
    alone = {name: Rung({name: member}) for name, member in found.items() if name not in (TREES, FLIPPED)}
    return {name: score(rung, split, labels, resamples) for name, rung in alone.items()}


def score(rung: Rung, split: Split, labels: Labels, resamples: int) -> Scored:
    """Out-of-fold and hold-out F1 of a rung.

    Args:
        rung: its members' scores.
        split: of the patches.
        labels: of all patches.
        resamples: of the bootstrap; the same patches are drawn for every rung, so that two can be subtracted.
    """
    scores, own = _stacked(rung, split)
    parts = [validation for _, validation in split.folds]
    decided = np.zeros(len(labels), bool)
    for fold, part in enumerate(parts):
        others = [other for other in range(len(parts)) if other != fold]
        combiner = Combiner.fit(
            np.concatenate([own[other] for other in others]), np.concatenate([labels[parts[other]] for other in others])
        )
        decided[part] = combiner.probabilities(own[fold]) >= combiner.threshold
    development = np.sort(np.concatenate(parts))
    unseen = folds_f1(labels, [development], [decided], resamples)
    if not len(split.test):
        return Scored(unseen, None)
    combiner = combined(rung, split, labels)
    probabilities = np.stack([combiner.probabilities(each[split.test]) for each in scores])
    said = probabilities.mean(0, keepdims=True) if rung.mean else probabilities
    tested = np.zeros((len(said), len(labels)), bool)
    tested[:, split.test] = said >= combiner.threshold
    return Scored(unseen, folds_f1(labels, [split.test] * len(said), list(tested), resamples, seed=1))


def combined(rung: Rung, split: Split, labels: Labels) -> Combiner:
    """What weighs a rung's members on patches that no fold has seen: fitted to all out-of-fold scores."""
    _, own = _stacked(rung, split)
    return Combiner.fit(np.concatenate(own), labels[np.concatenate([validation for _, validation in split.folds])])


def _stacked(rung: Rung, split: Split) -> tuple[Scores, list[Scores]]:
    """The members' scores `(F, N, M)`, and of each fold those of its validation patches."""
    scores = np.stack([member.scores for member in rung.members.values()], 2)
    return scores, [scores[fold, validation] for fold, (_, validation) in enumerate(split.folds)]


def table(steps: Mapping[str, Rung], scored: Mapping[str, Scored], folds: int) -> pd.DataFrame:
    """Each rung's F1, what it adds to the one before, on the same resampled patches, and what it costs.

    Args:
        steps: by name.
        scored: the same, as `score` gives it.
        folds: how many.

    Returns:
        A row for each rung: F1 and what it adds, out of fold and, where there is a test part, on the hold-out; parameters in
        millions; seconds of training, all folds; seconds to predict 1,000 patches.
    """
    rows: dict[str, dict[str, object]] = {}
    before: Scored | None = None
    for name, now in scored.items():
        row: dict[str, object] = {"out-of-fold F1": interval(now.unseen), "adds": _gain(now.unseen, before, "unseen")}
        if now.hold_out is not None:
            row |= {"hold-out F1": interval(now.hold_out), "adds there": _gain(now.hold_out, before, "hold_out")}
        rows[name] = row | _cost(steps[name], folds)
        before = now
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")


def _gain(draws: NDArray[np.floating], before: Scored | None, kind: str) -> object:
    return np.nan if before is None else interval(draws - getattr(before, kind))


def _cost(rung: Rung, folds: int) -> dict[str, float]:
    """Where folds are averaged, all their models are carried and asked."""
    copies = folds if rung.mean else 1
    members = rung.members.values()
    return {
        "parameters (M)": copies * float(pd.Series([member.parameters for member in members]).sum(min_count=1)),
        "training (s)": sum(member.training for member in members),
        "prediction (s)": copies * sum(member.prediction for member in members),
    }


def against(ours: Scored, theirs: Scored) -> dict[str, Interval]:
    """F1 of one minus F1 of another on the same resampled patches, out of fold and on the hold-out."""
    found = {"out of fold": interval(ours.unseen - theirs.unseen)}
    if ours.hold_out is not None and theirs.hold_out is not None:
        found["hold-out"] = interval(ours.hold_out - theirs.hold_out)
    return found


def best_single(singles: Mapping[str, Scored]) -> str:
    """The network of the highest out-of-fold F1: the hold-out has no say in it."""
    return max(singles, key=lambda name: singles[name].unseen[0])


def picture(table: pd.DataFrame, source: str) -> Picture:
    """F1 of each rung with intervals, out of fold and on the hold-out."""
    figure, axes = panels(1, 1, 7.0, 0.8 + 0.34 * len(table))
    axis, y = axes[0, 0], -np.arange(len(table))
    series = [("out-of-fold F1", "out of fold", "^", ORANGE, 0.14), ("hold-out F1", "hold-out", "o", BLUE, -0.14)]
    said = []
    for column, label, marker, colour, shift in series:
        if column not in table:
            continue
        values = np.array([tuple(each) for each in table[column]])
        error = np.abs(values[:, 1:] - values[:, :1]).T
        axis.errorbar(values[:, 0], y + shift, xerr=error, fmt=marker, color=colour, capsize=2, ms=5, label=label)
        axis.plot(values[:, 0], y + shift, color=GREY, lw=0.6, zorder=0)
        said.append(
            f"{label}: " + ", ".join(f"{name} {value[0]:.3f}" for name, value in zip(table.index, values, strict=True))
        )
    axis.set_yticks(y, list(table.index))
    axis.set_xlabel("F1, 95 % intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    alt = f"F1 from step to step. {'; '.join(said)}."
    return Picture(
        figure,
        "fig-ladder",
        alt,
        f"What each step comes to ({source}). The differences are in the table: they are paired.",
    )
