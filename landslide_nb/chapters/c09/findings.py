"""What chapter 09 found, said with the numbers that it computed."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from IPython.display import Markdown

from landslide_nb.chapters.c09.robustness import NO_ASCENDING
from landslide_nb.display.wording import in_words, sentences
from landslide_nb.inference.incremental import MULTI
from landslide_nb.metrics.bootstrap import Interval


def incremental(
    climbed: pd.DataFrame,
    rival: str,
    gained: Mapping[str, Interval],
    lost: pd.DataFrame,
    halved: Interval | None,
    rarer: pd.DataFrame,
    source: str,
) -> Markdown:
    """What each step adds, what the ensemble gives beyond a network, and what stands when something is missing.

    Args:
        climbed: `tables.table`.
        rival: the best single network, by out-of-fold F1.
        gained: the last step minus that network.
        lost: `robustness.table`.
        halved: `robustness.half` of the ascending pass; None where there is none.
        rarer: `robustness.prior`.
        source: what the patches are.
    """
    column = "adds there" if "adds there" in climbed else "adds"
    where = "on the hold-out part" if column == "adds there" else "out of fold"
    steps: Any = climbed[column].iloc[1:].to_dict()
    up = [name for name, value in steps.items() if value.low > 0]
    down = [name for name, value in steps.items() if value.high < 0]
    price = climbed.iloc[-1]
    row: Any = rarer.iloc[0]
    lines = [
        f"- On {source}, {where}: {_listed(up, steps)} raises F1 (95 % interval above 0); {_listed(down, steps)} lowers it"
        f" (interval below 0); the other {len(steps) - len(up) - len(down)} steps are inconclusive.",
        f"- The last step minus the best single network ({rival}): "
        + "; ".join(f"{value:+.3f} {name}, {in_words(value)}" for name, value in gained.items())
        + f". It costs {price['prediction (s)']:.0f} s for 1,000 patches.",
        _missing(lost, halved),
        f"- At a rate of {row['true rate']:.0%} instead of what was trained on, correcting for the rate that the probabilities"
        f" themselves suggest ({row['estimated rate']:.0%}) changes F1 by {row['gain']:+.3f}.",
    ]
    return sentences("\n".join(lines))


def _missing(lost: pd.DataFrame, halved: Interval | None) -> str:
    """What is lost where a modality is missing."""
    if halved is None:
        return "- All bands are of one modality, so none can be missing while others are there."
    ascending = lost[NO_ASCENDING]
    return (
        f"- Without the ascending pass the single stem loses {ascending['one stem']:.3f}, encoders with modality dropout"
        f" {ascending[MULTI]:.3f}: {'at most half as much' if halved.value >= 0 else 'more than half as much'}"
        f" (half of the first minus the second: {halved:+.3f})."
    )


def _listed(names: list[str], steps: Mapping[str, Interval]) -> str:
    return ", ".join(f"{name.removeprefix('+ ')} ({steps[name]:+.3f})" for name in names) or "no step"
