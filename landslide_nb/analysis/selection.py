"""The validation rotation, and what choosing each fold's best weights by their validation F1 does to scores."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from numpy.typing import NDArray

from landslide_nb.analysis.scores import Values, folds_f1, interval
from landslide_nb.analysis.style import BLUE, GREY, ORANGE, Picture, panels
from landslide_nb.data.folds import Split
from landslide_nb.runs import Result
from landslide_nb.study import Study

Labels = NDArray[np.int8]
ROLES = (("trains", "#D9D9D9", ""), ("validates", ORANGE, "///"), ("hold-out test", BLUE, "..."))


def rotation(split: Split, labels: Labels) -> pd.DataFrame:
    """How many patches each fold trains and validates on, how many of them have a landslide; and that each validates once."""
    test = (len(split.test), int(labels[split.test].sum()))
    rows = {}
    for number, (train, validation) in enumerate(split.folds, 1):
        parts = (len(train), int(labels[train].sum()), len(validation), int(labels[validation].sum()))
        rows[str(number)] = (*parts, *test, len(set(train) & (set(validation) | set(split.test))))
    columns = [f"{part}{of}" for part in ("training", "validation", "test") for of in ("", ", landslides")]
    return pd.DataFrame.from_dict(rows, orient="index", columns=[*columns, "in two parts"]).rename_axis("fold")


def times_validated(split: Split) -> pd.Series:
    """How many patches outside the test part validate once, twice, … or never."""
    validated = np.concatenate([validation for _, validation in split.folds])
    everyone = np.unique(np.concatenate([split.development, *(train for train, _ in split.folds)]))
    times = pd.Series(validated).value_counts().reindex(everyone, fill_value=0)
    return times.value_counts().sort_index().rename("patches").rename_axis("times validated")


def folds(split: Split, labels: Labels) -> Picture:
    """Which patches train, validate and test in each fold; patches are ordered by the fold that they validate in."""
    order = np.concatenate([*(np.sort(validation) for _, validation in split.folds), split.test])
    place = np.empty(order.max() + 1, np.int64)
    place[order] = np.arange(len(order))
    roles = np.zeros((len(split.folds), len(order)))
    for row, (_, validation) in zip(roles, split.folds, strict=True):
        row[place[validation]], row[place[split.test]] = 1, 2
    shown = ROLES if len(split.test) else ROLES[:2]
    figure, axes = panels(1, 1, 6.2, 0.8 + 0.3 * len(roles))
    axis = axes[0, 0]
    colours = ListedColormap([colour for _, colour, _ in ROLES])
    axis.imshow(roles, aspect="auto", interpolation="nearest", cmap=colours, vmin=0, vmax=2)
    _hatched(axis, roles)
    axis.set_yticks(range(len(roles)), [f"fold {number}" for number in range(1, len(roles) + 1)])
    axis.set_xlabel("patches, ordered by the fold that they validate in")
    handles = [Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name) for name, colour, hatch in shown]
    axis.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
    times = times_validated(split).to_dict()
    said = f"each of {len(split.development)} patches validates once"
    if set(times) != {1}:
        said = ", ".join(f"{count} patches validate {often} times" for often, count in times.items())
    shares = ", ".join(f"{labels[validation].mean():.1%}" for _, validation in split.folds)
    alt = (
        f"A bar for each of {len(roles)} folds; the validating stretch moves on from fold to fold: {said};"
        f" {len(split.test)} are held out for the test."
    )
    caption = f"The validation part rotates: {said}. Share of landslides in the validation parts: {shares}."
    return Picture(figure, "fig-rotation", alt, caption)


def _hatched(axis: Axes, roles: NDArray[np.float64]) -> None:
    """Stripes over what validates and dots over the test part, for those who do not see the colours."""
    for number, row in enumerate(roles):
        for role, (_, _, hatch) in enumerate(ROLES):
            if hatch and (found := np.flatnonzero(row == role)).size:
                axis.axvspan(
                    found[0] - 0.5,
                    found[-1] + 0.5,
                    1 - (number + 1) / len(roles),
                    1 - number / len(roles),
                    fill=False,
                    hatch=hatch,
                    edgecolor="white",
                    lw=0,
                )


def selection(results: Mapping[str, Sequence[Result]], study: Study, labels: Labels) -> pd.DataFrame:
    """Last weights against those of the best validation F1: what the choice seems to give, and what it gives.

    Every F1 is the mean over folds of each network's own: on its validation patches, and on the hold-out test where there is
    one. So both are of single networks, and comparable; the test F1 of other tables is of their mean probability.

    Returns:
        A row for each run: chosen (epochs, fold by fold); validation and test F1 by the best weights; "optimism" is the first
        minus the second, "of it by the choice" minus the same of the last weights, which were not chosen and differ from zero
        only as validation and test patches differ; "best − last" on the same patches, on validation (biased) and on the test.
    """
    return pd.DataFrame.from_dict(
        {name: _row(each, study.resamples, labels) for name, each in results.items()}, orient="index"
    ).rename_axis("run")


def _row(results: Sequence[Result], resamples: int, labels: Labels) -> dict[str, object]:
    best = [result.best_probabilities >= 0.5 for result in results]
    last = [result.probabilities >= 0.5 for result in results]

    def draws(parts: Sequence[NDArray[np.int64]], seed: int) -> tuple[Values, Values]:
        return folds_f1(labels, parts, best, resamples, seed), folds_f1(labels, parts, last, resamples, seed)

    seems, was = draws([result.validation for result in results], 0)
    epochs = [int(r.history["epoch"].iloc[r.history["validation_f1"].fillna(-1).argmax()]) for r in results]
    row: dict[str, object] = {
        "chosen": ", ".join(map(str, epochs)),
        "validation F1, best": interval(seems),
        "validation: best − last": interval(seems - was),
    }
    if not len(results[0].test):
        return row
    gives, gave = draws([result.test for result in results], 1)
    return row | {
        "test F1, best": interval(gives),
        "test: best − last": interval(gives - gave),
        "optimism": interval(seems - gives),
        "of it by the choice": interval((seems - gives) - (was - gave)),
    }


def last_against_best(table: pd.DataFrame) -> Picture:
    """What choosing the best epoch seems to give and what it gives; `table` as `selection` makes it."""
    tested = "optimism" in table
    figure, axes = panels(1, 2, 3.6, 0.9 + 0.36 * len(table), sharey=True)
    series = [("on the validation fold", "validation", "^", ORANGE, 0.15)]
    series += [("on the hold-out test", "test", "o", BLUE, -0.15)] if tested else []
    for label, of, marker, colour, shift in series:
        _points(axes[0, 0], table[f"{of} F1, best"], marker, colour, shift, label)
        _points(axes[0, 1], table[f"{of}: best − last"], marker, colour, shift, label)
    axes[0, 0].set_yticks(range(len(table))[::-1], list(table.index))
    axes[0, 0].set(xlabel="F1 by the best weights", ylim=(-0.5, len(table) - 0.5))
    axes[0, 1].set_xlabel("F1 by the best minus by the last")
    axes[0, 1].axvline(0, color=GREY, lw=0.8)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    text = "; ".join(
        f"{name}: " + ", ".join(f"{of} {row[f'{of}: best − last'].value:+.2f}" for _, of, *_ in series)
        for name, row in table.iterrows()
    )
    caption = (
        "Left: F1 of each fold's best weights where they were chosen, and where they were not. Right: what choosing them adds to"
        " the last epoch's. Means over folds of single networks, 95 % intervals."
    )
    return Picture(figure, "fig-last-best", f"F1 by best weights minus by last ones. {text}.", caption)


def _points(axis: Axes, values: pd.Series, marker: str, colour: str, shift: float, label: str) -> None:
    value, low, high = np.array([tuple(each) for each in values]).T
    error = np.array([value - low, high - value]).clip(min=0)
    y = np.arange(len(values))[::-1] + shift
    axis.errorbar(value, y, xerr=error, fmt=marker, color=colour, capsize=2, ms=5, label=label)
