"""Chapter 10: the paper's scores beside ours, and every change that it reports beside ours."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.experiments import comparisons
from landslide_nb.experiments.run import Result
from landslide_nb.experiments.study import Study
from landslide_nb.metrics.bootstrap import Interval

LONGER = "here, longer"
BothTables = tuple[pd.DataFrame, pd.DataFrame]
HOLDS, REVERSED, OPEN = "holds", "the reverse", "cannot be told"


def both_tables(results: Mapping[str, Sequence[Result]], study: Study, labels: NDArray[np.int8]) -> BothTables:
    """Tables 2 and 3: the rows against the first, heads on the embeddings of the last.

    Args:
        results: of the rows of Table 2, by name.
        study: that they are of.
        labels: of all patches.
    """
    return comparisons.ablations(results, study, labels), comparisons.compare_heads(
        list(results.values())[-1], study, labels
    )


def claims(ours: BothTables, longer: BothTables | None = None) -> pd.DataFrame:
    """The paper's changes of F1, from its Tables 2 and 3, and ours.

    Args:
        ours: `comparisons.ablations`, against the baseline, and `comparisons.compare_heads`, against the network's own layer; heads that
            the paper has not are left out.
        longer: both of networks that were trained for longer, if there are such.

    Returns:
        A row for each change: the paper's change in F1 (without an interval, on other patches), ours (paired), and what that
        says, of the longest training: whether our interval lies on the paper's side of zero, on the other, or on both.
    """
    rows: dict[str, dict[str, Any]] = {
        name: {"paper": row["paper"], "here": row["ours"]} for name, row in _changes(*ours).items()
    }
    for name, row in _changes(*longer).items() if longer else ():
        rows[name][LONGER] = row["ours"]
    for row in rows.values():
        row["here it"] = verdict(row.get(LONGER, row["here"]), row["paper"])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("change of F1")


def _changes(ablated: pd.DataFrame, headed: pd.DataFrame) -> dict[str, Any]:
    changes: Any = [
        *((f"Table 2: {name}", row) for name, row in ablated.iloc[1:].to_dict("index").items()),
        *((f"Table 3: {name}", row) for name, row in headed.to_dict("index").items() if name != "FC"),
    ]
    return {name: row for name, row in changes if not pd.isna(row["paper"])}


def scores(ablated: pd.DataFrame, headed: pd.DataFrame, beyond: Mapping[str, Interval], source: str) -> pd.DataFrame:
    """F1 itself, the paper's beside ours: of its first network, its best one, its best head, and of what goes beyond it.

    Args:
        ablated: `comparisons.ablations`.
        headed: `comparisons.compare_heads`.
        beyond: scores of models that the paper has not, by what they are and of what patches.
        source: what the patches of the other two are.
    """
    first, last, best = ablated.iloc[0], ablated.iloc[-1], str(headed["paper test F1"].idxmax())
    rows = {
        f"the baseline (Table 2), {source}": first,
        f"the best network (Table 2), {source}": last,
        f"the paper's best head, {best} (Table 3), {source}": headed.loc[best],
    }
    pairs = {name: {"paper": row["paper test F1"], "here": row["test F1"]} for name, row in rows.items()}
    pairs |= {name: {"paper": np.nan, "here": score} for name, score in beyond.items()}
    return pd.DataFrame.from_dict(pairs, orient="index").rename_axis("F1 of")


def verdict(ours: Interval, paper: float) -> str:
    """Whether an interval lies on the side of zero that the paper's number lies on."""
    if ours.low <= 0 <= ours.high:
        return OPEN
    return HOLDS if (ours.value > 0) == (paper > 0) else REVERSED
