"""Chapter 10: every change that the paper reports beside ours, and the paper's scores beside ours."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from landslide_nb.experiments.published import trials
from landslide_nb.metrics.bootstrap import Interval, f1_interval
from landslide_nb.tabular import nested


def claims(ablated: pd.DataFrame, headed: pd.DataFrame) -> pd.DataFrame:
    """The paper's changes of F1, from its Tables 2 and 3, and ours.

    Args:
        ablated: `comparisons.ablations`, against the baseline.
        headed: `comparisons.compare_heads`, against the network's own layer; heads that the paper has not are left out.

    Returns:
        A first row for what others are compared with, then a row for each change: ours with its interval, the paper's, the smallest
        effect that would have been seen, the verdict.
    """
    first: dict[str, Any] = {"ours": Interval(0.0, 0.0, 0.0), "paper": 0.0, "smallest visible": np.nan, "verdict": "–"}
    rows = {"baseline, or own last layer": first}
    for table in (ablated.iloc[1:], headed.iloc[1:]):
        known = table[table["paper"].notna()]
        rows |= {str(name): {key: row[key] for key in first} for name, row in known.iterrows()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("change of F1")


def scores(
    ablated: pd.DataFrame, headed: pd.DataFrame, beyond: Mapping[str, Interval], source: str, budget: str
) -> pd.DataFrame:
    """F1 itself, the paper's beside ours: of its first network, its best one, its best head, and of what goes beyond it.

    Args:
        ablated: `comparisons.ablations`.
        headed: `comparisons.compare_heads`.
        beyond: scores of models that the paper has not, by what they are.
        source: what the patches of the networks are.
        budget: steps and networks of a row.
    """
    first, last, best = ablated.iloc[0], ablated.iloc[-1], str(headed["paper test F1"].idxmax())
    rows = {
        "baseline network": first,
        f"best network here ({ablated.index[-1]})": last,
        f"best head of the paper ({best})": headed.loc[best],
    }
    pairs = {
        name: {"paper": row["paper test F1"], "here": row["test F1"], "data, steps, networks": f"{source}, {budget}"}
        for name, row in rows.items()
    }
    of_statistics = "the challenge's real patches, out of fold"
    count = trials()
    chosen = f"{of_statistics}; chosen after {count} trials on them" if count else of_statistics
    pairs |= {
        name: {
            "paper": np.nan,
            "here": score,
            "data, steps, networks": chosen if name == nested.STACK else of_statistics,
        }
        for name, score in beyond.items()
    }
    return pd.DataFrame.from_dict(pairs, orient="index").rename_axis("F1 of")


def on_statistics(table: pd.DataFrame, resamples: int) -> dict[str, Interval]:
    """Out-of-fold F1 of plain trees, and of the best that statistics allow here, on a table of real statistics."""
    found = nested.out_of_fold(table)
    return {name: f1_interval(found.labels, found.decided[name], resamples) for name in (nested.PLAIN, nested.STACK)}
