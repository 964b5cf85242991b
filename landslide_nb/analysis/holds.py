"""What of the paper holds here: its scores beside ours, and every change that it reports beside ours (chapter 10)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown
from numpy.typing import NDArray

from landslide_nb.analysis import tables
from landslide_nb.analysis.scores import Interval
from landslide_nb.analysis.style import BLUE, GREEN, GREY, ORANGE, Picture, panels
from landslide_nb.runs import Result
from landslide_nb.study import Study

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
    return tables.ablations(results, study, labels), tables.compare_heads(list(results.values())[-1], study, labels)


def claims(ours: BothTables, longer: BothTables | None = None) -> pd.DataFrame:
    """The paper's changes of F1, from its Tables 2 and 3, and ours.

    Args:
        ours: `tables.ablations`, against the baseline, and `tables.compare_heads`, against the network's own layer; heads that
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
        ablated: `tables.ablations`.
        headed: `tables.compare_heads`.
        beyond: scores of models that the paper has not, by what they are and of what patches.
        source: what the patches of the other two are.
    """
    first, last, best = ablated.iloc[0], ablated.iloc[-1], str(headed["paper test F1"].idxmax())
    rows = {
        f"the baseline (Table 2), {source}": first,
        f"the best network (Table 2), {source}": last,
        f"the paper's best head, {best} (Table 3), {source}": headed.loc[best],
    }
    told = {name: {"paper": row["paper test F1"], "here": row["test F1"]} for name, row in rows.items()}
    told |= {name: {"paper": np.nan, "here": score} for name, score in beyond.items()}
    return pd.DataFrame.from_dict(told, orient="index").rename_axis("F1 of")


def verdict(ours: Interval, paper: float) -> str:
    """Whether an interval lies on the side of zero that the paper's number lies on."""
    if ours.low <= 0 <= ours.high:
        return OPEN
    return HOLDS if (ours.value > 0) == (paper > 0) else REVERSED


def picture(table: pd.DataFrame, source: str) -> Picture:
    """The paper's changes and ours, one over the other."""
    series = [("here", f"here: {source}", "o", BLUE, 0.14), (LONGER, "here, trained for longer", "s", GREEN, -0.14)]
    series = [each for each in series if each[0] in table]
    figure, axes = panels(1, 1, 7.0, 0.9 + 0.31 * len(table))
    axis, y = axes[0, 0], -np.arange(len(table))
    axis.axvline(0, color=GREY, lw=0.8)
    for column, label, marker, colour, shift in series:
        ours = np.array([tuple(value) for value in table[column]])
        error = np.abs(ours[:, 1:] - ours[:, :1]).T
        axis.errorbar(ours[:, 0], y + shift, xerr=error, fmt=marker, color=colour, capsize=2, ms=5, label=label)
    axis.plot(table["paper"], y, "X", color=ORANGE, ms=7, label="the paper")
    axis.set_yticks(y, list(table.index))
    axis.set_xlabel("change of F1, 95 % paired intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    said = "; ".join(
        f"{name}: paper {row['paper']:+.3f}, " + ", ".join(f"{column} {row[column]:+.3f}" for column, *_ in series)
        for name, row in table.iterrows()
    )
    caption = f"What the paper's changes do there and here ({source}). It gives no intervals; an interval over zero tells neither way."
    return Picture(figure, "fig-holds", f"Changes of F1. {said}.", caption)


def found(table: pd.DataFrame, source: str, note: str) -> Markdown:
    """How many of the paper's changes hold, by name, and what the numbers are of."""
    lines = [f"- {note}"]
    for said, text in (
        (HOLDS, "hold: our interval lies on the paper's side of zero"),
        (REVERSED, "do the reverse: our interval lies on the other side"),
        (OPEN, "cannot be told from no change"),
    ):
        names = [str(name) for name in table.index[table["here it"] == said]]
        lines.append(f"- {len(names)} of {len(table)} {text}{': ' + '; '.join(names) if names else ''}.")
    if LONGER in table:
        short = [verdict(row["here"], row["paper"]) for row in table.to_dict("records")]
        turned = [
            f"{name} ({said})"
            for (name, row), said in zip(table.iterrows(), short, strict=True)
            if said != row["here it"]
        ]
        lines.append(
            f"- The verdicts are those of the longer training. After the shorter one, {len(turned)} are others:"
            f" {'; '.join(turned) or 'none'}."
        )
    lines.append(
        f"- All of ours are of {source} and of small networks. What the paper says of EfficientNetV2-L at its own size, and of the"
        " challenge's test part, could not be tested here: that takes the challenge's pixels and a GPU. The `paper` edition is"
        " ready for both."
    )
    return Markdown("\n".join(lines))
