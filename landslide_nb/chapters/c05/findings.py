"""What chapter 05 found, said with the numbers that it computed, beside what the paper found."""

import numpy as np
import pandas as pd
from IPython.display import Markdown

from landslide_nb.display.shared import LONGER
from landslide_nb.display.wording import by_name, excludes_zero, in_words


def ablations(table: pd.DataFrame, stems: pd.DataFrame, chosen: pd.DataFrame) -> Markdown:
    """Chapter 05: which changes can be told from none, here and in the paper; the stem; what choosing weights does."""
    ours, paper = by_name(table.iloc[1:], "ours"), by_name(table.iloc[1:], "paper")
    significant = [name for name in ours if excludes_zero(ours[name])]
    same = [np.sign(ours[name].value) == np.sign(paper[name]) for name in ours]
    best = max(paper, key=lambda name: paper[name])
    changed = "; ".join(
        f"{name} {by.value:+.3f} [{by.low:+.3f}, {by.high:+.3f}], {in_words(by)}"
        for name, by in by_name(stems.iloc[1:], "difference").items()
    )
    return Markdown(
        f"- Of {len(ours)} changes, {len(significant)} differ from the baseline by more than chance allows"
        f" (95 % paired interval){': ' + ', '.join(significant) if significant else ''}.\n"
        f"- {sum(same)} of {len(same)} have the sign that the paper reports. There, {best!r} gains most ({paper[best]:+.3f});"
        f" here it is {ours[best].value:+.3f} [{ours[best].low:+.3f}, {ours[best].high:+.3f}].\n"
        + _budget(table)
        + f"- The stem, against timm's repeated filters: {changed}.\n"
        + _selection(chosen)
    )


def _budget(table: pd.DataFrame) -> str:
    """What a longer training changes of it, where there is one."""
    if LONGER not in table:
        return ""
    rest = table.iloc[1:]
    short, long, paper = (by_name(rest, name) for name in ("ours", LONGER, "paper"))
    first = table["gained"].iloc[0]
    kinds = {
        "lose by more than chance allows": [name for name in long if long[name].high < 0],
        "gain by more than chance allows": [name for name in long if long[name].low > 0],
    }
    counts = "; ".join(
        f"{len(names)} {kind}{': ' + ', '.join(names) if names else ''}" for kind, names in kinds.items()
    )
    nearer = [name for name in long if abs(long[name].value - paper[name]) < abs(short[name].value - paper[name])]
    most = max(nearer, key=lambda name: abs(long[name].value - short[name].value), default=None)
    text = (
        f"- **The budget.** Trained for longer, the baseline gains {first:+.3f}. Of {len(long)} changes against it, then, {counts}."
        f" {len(nearer)} are nearer to the paper's number than after the shorter training"
    )
    if most is None:
        return f"{text}.\n"
    return f"{text}, most of all {most}: {short[most].value:+.3f} before, {long[most]:+.3f} then, {paper[most]:+.3f} in the paper.\n"


def _selection(chosen: pd.DataFrame) -> str:
    """What choosing the best weights seems to give, and what it gives, over rows."""
    seems = np.array([each.value for each in chosen["validation: best − last"]])
    text = (
        f"- **Choosing each fold's best weights** adds {seems.mean():+.3f} to the validation F1 that they were chosen by, on average"
        f" over {len(chosen)} rows ({seems.min():+.3f} to {seems.max():+.3f})."
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
        f" On the hold-out test it adds {gives.mean():+.3f} ({gives.min():+.3f} to {gives.max():+.3f}). Rows in which that is a gain by"
        f" more than chance allows: {better}; a loss: {worse}. So {by_choice.mean():+.3f} of the validation score is the choice itself;"
        f" rows in which that bias is more than chance allows: {biased}. The paper chooses so too, and reports other patches' scores."
    )
