"""Chapter 10: how many of the paper's changes replicate."""

import pandas as pd
from IPython.display import Markdown

from landslide_nb.chapters.c10.tables import HOLDS, LONGER, OPEN, REVERSED, verdict


def claims(table: pd.DataFrame, source: str, note: str) -> Markdown:
    """How many of the paper's changes hold, by name, and what the numbers are of."""
    lines = [f"- {note}"]
    for outcome, text in (
        (HOLDS, "hold: our interval lies on the paper's side of zero"),
        (REVERSED, "do the reverse: our interval lies on the other side"),
        (OPEN, "cannot be told from no change"),
    ):
        names = [str(name) for name in table.index[table["here it"] == outcome]]
        lines.append(f"- {len(names)} of {len(table)} {text}{': ' + '; '.join(names) if names else ''}.")
    if LONGER in table:
        short = [verdict(row["here"], row["paper"]) for row in table.to_dict("records")]
        turned = [
            f"{name} ({outcome})"
            for (name, row), outcome in zip(table.iterrows(), short, strict=True)
            if outcome != row["here it"]
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
