"""Chapter 09: the steps of the incremental ensemble in tables."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.common.arrays import Labels
from landslide_nb.data.splits import Split
from landslide_nb.inference.incremental import FLIPS, TREES, Member, Scored, Step, score
from landslide_nb.metrics.bootstrap import Interval, interval

FORMATS: Final = {"parameters (M)": ".2f", "training (s)": ".0f", "prediction (s)": ".1f"}


def singles(members: Mapping[str, Member], split: Split, labels: Labels, resamples: int) -> dict[str, Scored]:
    """Each network alone, scored as the steps are."""
    alone = {
        name: Step({name: member}) for name, member in members.items() if name != TREES and not name.endswith(FLIPS)
    }
    return {name: score(step, split, labels, resamples) for name, step in alone.items()}


def table(steps: Mapping[str, Step], scored: Mapping[str, Scored], folds: int) -> pd.DataFrame:
    """Each step's F1, what it adds to the one before, on the same resampled patches, and what it costs.

    Args:
        steps: by name.
        scored: the same, as `score` gives it.
        folds: how many.

    Returns:
        A row for each step: F1 and what it adds, out of fold and, where there is a test part, on the hold-out; parameters in
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


def _cost(step: Step, folds: int) -> dict[str, float]:
    """Where folds are averaged, all their models are carried and asked."""
    copies = folds if step.mean else 1
    members = step.members.values()
    return {
        "parameters (M)": copies * float(pd.Series([member.parameters for member in members]).sum(min_count=1)),
        "training (s)": sum(member.training for member in members),
        "prediction (s)": copies * sum(member.prediction for member in members),
    }


def against(ours: Scored, theirs: Scored) -> dict[str, Interval]:
    """F1 of one minus F1 of another on the same resampled patches, out of fold and on the hold-out."""
    differences = {"out of fold": interval(ours.unseen - theirs.unseen)}
    if ours.hold_out is not None and theirs.hold_out is not None:
        differences["hold-out"] = interval(ours.hold_out - theirs.hold_out)
    return differences


def best_single(singles: Mapping[str, Scored]) -> str:
    """The network of the highest out-of-fold F1: the hold-out has no say in it."""
    return max(singles, key=lambda name: singles[name].unseen[0])
