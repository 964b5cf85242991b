"""Chapter 05: where networks look, against the masks."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common.arrays import Scores, Values
from landslide_nb.common.cache import kept_arrays, key_of
from landslide_nb.data.labelled import Labelled
from landslide_nb.display.picture import BLUE, GREY, ORANGE, Picture, panels
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.explain import attribution
from landslide_nb.explain.attribution import CHANCE, GRADIENT, INPUT, OCCLUSION, Looks, Scored
from landslide_nb.metrics import replicates
from landslide_nb.metrics.bootstrap import Interval

COUNT = 60  # landslides that are looked at
SCORES = {"share in the scar": 0, "pointing game": 1}
MAPS = (GRADIENT, OCCLUSION)
SHOWN = [  # in the chapter's table; the picture has the rest
    "networks",
    *(f"{name}, {kind}{of}" for name, of in zip(SCORES, (": over chance", ""), strict=True) for kind in MAPS),
]


def table(named: Mapping[str, Study], study: Study, known: Labelled) -> pd.DataFrame | None:
    """What the networks of some studies attribute to the scars; None where nobody has marked these, or nobody has looked.

    Args:
        named: studies of the same patches, by what the table calls them.
        study: how often blocks of ground are drawn.
        known: the patches.

    Returns:
        A row for what needs no network, then one for each study: both scores of both maps, and how far above chance they are on the
        same patches; means over replicates, with intervals over replicates and blocks of ground.
    """
    looks = _looks(named, study)
    kinds = {name: _replicates(each, looks) for name, each in named.items()}
    if not any(kinds.values()):
        return None
    rows = {"chance": _row({kind: [looks.scores[CHANCE]] for kind in MAPS}, looks, study, known)}
    picture = {kind: [looks.scores[INPUT]] for kind in MAPS}
    rows["contrast of the picture, no network"] = _row(picture, looks, study, known)
    rows |= {name: _row(each, looks, study, known) for name, each in kinds.items() if each}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("attribution of")


def _looks(named: Mapping[str, Study], study: Study) -> Looks:
    """What is published, or what the store's networks say of patches with masks."""
    if study.published:
        return attribution.read()
    first = Run(next(iter(named.values())), 0)
    patches, places = first.data[0], attribution.chosen(first, COUNT)
    if patches.masks is None or not len(places):
        return Looks(places, {})
    few = patches.take(places)
    scar = attribution.scars(few)
    scores = {CHANCE: attribution.chance(scar), INPUT: attribution.score(attribution.contrast(few.pixels), scar)}
    for run in (Run(each, fold) for each in named.values() for fold in range(study.folds)):
        kept = kept_arrays("attribution", key_of(run=run.key, places=places), partial(attribution.look, run, few))
        scores |= {f"{run.published_key}/{kind}": each for kind, each in kept.items()}
    return Looks(places, scores)


def _replicates(study: Study, looks: Looks) -> dict[str, list[Scored]]:
    """The scores of each replicate that has looked, by map; nothing where none has."""
    keys = [Run(study, fold).published_key for fold in range(study.folds)]
    seen = [key for key in keys if f"{key}/{GRADIENT}" in looks.scores]
    return {kind: [looks.scores[f"{key}/{kind}"] for key in seen] for kind in MAPS} if seen else {}


def _row(kinds: Mapping[str, Sequence[Scored]], looks: Looks, study: Study, known: Labelled) -> dict[str, object]:
    row: dict[str, object] = {"networks": max(len(each) for each in kinds.values())}
    for name, column in SCORES.items():
        for kind, scored in kinds.items():
            values, chance = [each[:, column] for each in scored], looks.scores[CHANCE][:, column]
            row[f"{name}, {kind}"] = _interval(values, looks, study, known)
            row[f"{name}, {kind}: over chance"] = _interval([each - chance for each in values], looks, study, known)
    return row


def _interval(values: Sequence[NDArray[np.float32]], looks: Looks, study: Study, known: Labelled) -> Interval:
    whole = []
    for each in values:
        scores = np.zeros(len(known.ids))
        scores[looks.patches] = each
        whole.append(scores)
    parts = [looks.patches] * len(whole)
    sampled = replicates.sampled(_mean, known.known_labels, whole, parts, known.groups, study.resamples)
    return replicates.estimate(sampled, replicates.blocks(parts, known.groups)).interval


def _mean(labels: NDArray[np.bool_], scores: Scores, weights: Values) -> Values:
    return np.asarray(weights @ scores / weights.sum(1))


def picture(table: pd.DataFrame, of: str) -> Picture:
    """The share of the attribution in the scar, by row; `table` as `table` makes it."""
    figure, axes = panels(1, 2, 3.6, 0.9 + 0.36 * len(table), sharey=True)
    rows = np.arange(len(table))[::-1]
    for axis, name in zip(axes[0], SCORES, strict=True):
        for kind, marker, colour, shift in ((GRADIENT, "o", BLUE, 0.12), (OCCLUSION, "s", ORANGE, -0.12)):
            value, low, high = np.array([tuple(each) for each in table[f"{name}, {kind}"]]).T
            axis.errorbar(
                value,
                rows + shift,
                xerr=[value - low, high - value],
                fmt=marker,
                color=colour,
                label=kind,
                ms=5,
                capsize=2,
            )
        axis.axvline(table[f"{name}, {GRADIENT}"].iloc[0].value, color=GREY, lw=0.8, ls="--")
        axis.set(xlabel=name, ylim=(-0.5, len(table) - 0.5))
    axes[0, 0].set_yticks(rows, [str(name) for name in table.index])
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    column = f"share in the scar, {GRADIENT}"
    text = "; ".join(f"{name} {row[column].value:.2f}" for name, row in table.iterrows())
    caption = f"What networks attribute to the scars of {of}, with 95 % intervals; dashed: chance."
    return Picture(figure, "fig-attribution", f"Share of the gradient that lies in the scar. {text}.", caption)
