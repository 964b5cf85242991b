"""What chapter 05 found, said with the numbers that it computed, beside what the paper found."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from IPython.display import Markdown

from landslide_nb.chapters.c05.looks import MAPS
from landslide_nb.display.wording import reach, sentences
from landslide_nb.experiments import verdicts
from landslide_nb.explain.attribution import GRADIENT


def ablations(
    table: pd.DataFrame,
    score: pd.DataFrame,
    chosen: pd.DataFrame,
    missing: Mapping[str, object],
    looked: pd.DataFrame | None = None,
) -> Markdown:
    """Chapter 05: the verdicts on the paper's changes; how well landslides are told; what choosing weights does.

    Args:
        table: `comparisons.ablations`.
        score: `comparisons.scores`.
        chosen: `selection.selection`.
        missing: rows of Table 2 that are not trained here, by name.
        looked: `looks.table`.
    """
    rows = table.iloc[1:]
    lines = [f"- {said(rows)}"]
    if len(rows):
        outside = [name for name, row in rows.iterrows() if verdicts.excludes(row["ours"], row["paper"])]
        lines.append(
            f"- An effect of {reach(rows['smallest visible'])} in F1 would have been seen. The paper's change lies outside of our"
            f" interval for {len(outside)} of {len(rows)}{_named(outside)}."
        )
    first = score.iloc[0]
    lines.append(
        f"- The baseline: AUROC {first['AUROC']}, F1 {first['test F1']} at 0.5 and {first['test F1, threshold chosen']} at a threshold"
        " chosen on other patches."
    )
    if missing:
        lines.append(f"- Not trained here: {'; '.join(missing)}.")
    lines += [] if looked is None else [_looked(looked)]
    return sentences("\n".join([*lines, _selection(chosen)]))


def _looked(table: pd.DataFrame) -> str:
    """Whether networks look at the scar more than chance, and more than the picture's own contrast does."""
    networks, parts = table.iloc[2:], []
    for kind in MAPS:
        above = networks[f"share in the scar, {kind}: over chance"]
        share = networks[f"share in the scar, {kind}"]
        parts.append(
            f"by {kind} {reach(it.value for it in share)}, above chance with an interval that"
            f" excludes 0 in {sum(it.low > 0 for it in above)} of {len(above)} rows"
        )
    chance, picture = (table[f"share in the scar, {GRADIENT}"].iloc[place].value for place in (0, 1))
    return (
        f"- **Share of attribution in the scar**: {'; '.join(parts)}. Chance is {chance:.3f}; the contrast of the picture, without any"
        f" network, has {picture:.3f}."
    )


def said(rows: pd.DataFrame) -> str:
    """How many changes have each verdict, by name."""
    parts = []
    for outcome in (verdicts.REPLICATES, verdicts.REVERSES, verdicts.INCONCLUSIVE, verdicts.NOT_TESTABLE):
        names = [str(name) for name in rows.index[rows["verdict"] == outcome]]
        parts.append(f"{outcome}: {len(names)}{_in_brackets(names)}")
    return f"Of {len(rows)} changes of the paper: {', '.join(parts)}."


def _in_brackets(names: list[str]) -> str:
    return f" ({'; '.join(names)})" if names else ""


def _named(names: list[object]) -> str:
    return f": {'; '.join(map(str, names))}" if names else ""


def _selection(chosen: pd.DataFrame) -> str:
    """What choosing the best weights seems to give, and what it gives, over rows."""
    seems = np.array([each.value for each in chosen["validation: best − last"]])
    text = (
        f"- **Choosing each fold's best weights** adds {seems.mean():+.3f} to the validation F1 that they were chosen by, on average"
        f" over {len(chosen)} rows ({reach(seems, '+.3f')})."
    )
    if "optimism" not in chosen:
        return text + " There is no hold-out part here to say what it is worth."
    gives, by_choice = (
        np.array([each.value for each in chosen[name]]) for name in ("test: best − last", "of it by the choice")
    )
    better = sum(each.low > 0 for each in chosen["test: best − last"])
    worse = sum(each.high < 0 for each in chosen["test: best − last"])
    biased = sum(each.low > 0 for each in chosen["of it by the choice"])
    return text + (
        f" On the hold-out test it adds {gives.mean():+.3f} ({reach(gives, '+.3f')}). Rows in which its"
        f" 95 % interval lies above 0: {better}; below 0: {worse}. So {by_choice.mean():+.3f} of the validation score is the choice itself;"
        f" rows in which the interval of that bias lies above 0: {biased}. The paper chooses so too, and reports other patches' scores."
    )
