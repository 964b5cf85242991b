"""Chapter 10: the answer, in sentences."""

from collections.abc import Mapping

import pandas as pd
from IPython.display import Markdown

from landslide_nb.experiments import verdicts

TEXTS = (
    (verdicts.REPLICATES, "**Replicates**"),
    (verdicts.REVERSES, "**Goes the other way**"),
    (verdicts.INCONCLUSIVE, "**Inconclusive**"),
    (verdicts.NOT_TESTABLE, "**Not testable here**"),
)


def answer(claims: pd.DataFrame, scores: pd.DataFrame, source: str, missing: Mapping[str, object]) -> Markdown:
    """The verdicts by kind, how small an effect would have been seen, what is missing, and what plain trees reach.

    Args:
        claims: as `tables.claims` makes it.
        scores: as `tables.scores` makes it.
        source: what the patches are.
        missing: rows of Table 2 that are not trained here, by name.
    """
    rows = claims.iloc[1:]
    lines = []
    for outcome, text in TEXTS:
        names = [str(name) for name in rows.index[rows["verdict"] == outcome]]
        if names:
            lines.append(f"- {text} on {source}, {len(names)} of {len(rows)} changes: {'; '.join(names)}.")
        elif outcome in (verdicts.REPLICATES, verdicts.REVERSES):
            lines.append(f"- {text} on {source}: none of {len(rows)} changes.")
    if len(rows):
        lines.append(f"- A change of {rows['smallest visible'].max():.3f} in F1 would have been seen in each of them.")
    if missing:
        lines.append(f"- **Not trained yet**: {'; '.join(missing)}.")
    trees = [name for name in scores.index if "85 statistics" in name]
    if trees:
        here, theirs = scores.loc[trees[0], "here"], scores["paper"].iloc[0]
        lines.append(
            f"- **Trees without pixels**: {trees[0]} reach F1 {here} on the challenge's real training patches, where the paper's"
            f" baseline network has {theirs:.3f} on the challenge's test patches. These are other patches, and events may be"
            " shared across folds."
        )
    return Markdown("\n".join(lines))
