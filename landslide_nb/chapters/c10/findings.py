"""Chapter 10: the answer, in sentences."""

from collections.abc import Mapping

import pandas as pd
from IPython.display import Markdown

from landslide_nb.display.wording import sentences
from landslide_nb.experiments import verdicts
from landslide_nb.experiments.published import published


def answer(claims: pd.DataFrame, scores: pd.DataFrame, source: str, missing: Mapping[str, object]) -> Markdown:
    """What replicates, what does not or is open, what could not be tested; and what LightGBM reaches without pixels.

    Args:
        claims: as `tables.claims` makes it.
        scores: as `tables.scores` makes it.
        source: what the patches are.
        missing: rows of Table 2 that are not trained here, by name.
    """
    rows = claims.iloc[1:]
    lines = [_replicates(rows, source), _does_not(rows, source) + _open(rows), *_untested(rows, missing)]
    without = [name for name in scores.index if "85 statistics" in name]
    if without:
        here, theirs = scores.loc[without[0], "here"], scores["paper"].iloc[0]
        lines.append(
            f"- **Without pixels**: {without[0]}: F1 {here} on the challenge's real training patches, where the paper's"
            f" baseline network has {theirs:.3f} on the challenge's test patches. These are other patches, and events may be"
            " shared across folds."
        )
    return sentences("\n".join(lines))


def _replicates(rows: pd.DataFrame, source: str) -> str:
    names = _names(rows, verdicts.REPLICATES)
    return f"- **Replicates** on {source}{_counted(names, rows)}"


def _does_not(rows: pd.DataFrame, source: str) -> str:
    """What goes the other way, and what is inconclusive but leaves no room for the paper's change."""
    reversed_, out = _names(rows, verdicts.REVERSES), _names(rows, verdicts.INCONCLUSIVE, out=True)
    parts = [*(f"{name} (reverses)" for name in reversed_), *out]
    why = " What the paper reports is excluded: it lies outside our 95 % interval." if out else ""
    return f"- **Does not replicate** on {source}{_counted(parts, rows)}{why}"


def _open(rows: pd.DataFrame) -> str:
    """The changes of which nothing is known but how small they are."""
    if not (names := _names(rows, verdicts.INCONCLUSIVE, out=False)):
        return ""
    seen = rows["smallest visible"].max()
    said = f"the paper's changes are not excluded. One of {seen:.3f} in F1 would have been seen in each row."
    return f" **Inconclusive**: {'; '.join(names)}; {said}"


def _untested(rows: pd.DataFrame, missing: Mapping[str, object]) -> list[str]:
    """What networks cannot be judged by, and what was not trained."""
    paper = published("table2")
    synthetic = [str(name) for name in paper["row"][paper["smote"]] if name not in rows.index and name not in missing]
    kinds = {
        "not testable here": _names(rows, verdicts.NOT_TESTABLE),
        "not trained yet": [*missing],
        "for want of a rare class in these patches": synthetic,
    }
    parts = [f"{kind}: {'; '.join(names)}" for kind, names in kinds.items() if names]
    return [f"- **Could not be tested**, {'. Also '.join(parts)}."] if parts else []


def _names(rows: pd.DataFrame, outcome: str, out: bool | None = None) -> list[str]:
    """The changes with a verdict; with `out`, those whose interval excludes the paper's change, or those that do not."""
    judged = rows[rows["verdict"] == outcome]
    pairs = zip(judged.index, judged["ours"], judged["paper"], strict=True)
    return [str(name) for name, ours, paper in pairs if out is None or verdicts.excludes(ours, paper) == out]


def _counted(names: list[str], rows: pd.DataFrame) -> str:
    return f", {len(names)} of {len(rows)} changes: {'; '.join(names)}." if names else f": none of {len(rows)} changes."
