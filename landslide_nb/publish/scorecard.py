"""The scorecard: each table, figure, algorithm and equation of the paper, and how near this book came.

Its words are in `scorecard.toml`; numbers and verdicts are those that the executed chapters show in their tables.
"""

import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Final

from landslide_nb.publish import nearness
from landslide_nb.publish.executed import Chapter
from landslide_nb.publish.myst import table

PAGE: Final = "scorecard.md"
NEAR: Final[Mapping[str, Callable[[Chapter], str]]] = {
    "table1": nearness.layers,
    "table2": nearness.ablations,
    "table3": nearness.heads,
    "algorithm1": nearness.smote,
    "algorithm2": nearness.cutmix,
    "equation1": nearness.mixup,
    "equation23": nearness.margin,
    "figure1": nearness.layers,
    "figure23": nearness.framework,
    "figure4a": nearness.neighbours,
    "figure4b": nearness.classes,
    "figure5": nearness.backbones,
    "figure6": nearness.projections,
    "figure7": nearness.occlusion,
}
OPENING: Final = """# Scorecard

Every table, figure, algorithm and equation of the paper {cite:p}`tang2025`, what was done of it here, and how near we came.
Numbers come from the chapters, with 95 % intervals in brackets. **Numbers on simulated patches neither confirm nor refute the paper.**

- *Replicates*: our interval excludes zero, on the paper's side.
- *Does not replicate*: our interval lies on the other side of zero (*reverses*),
  or it contains zero and not the paper's change (*excluded*).
- *Inconclusive*: our interval contains zero and the paper's change.
- *Not testable*: the networks, patches or labels that it takes are not here.
- *Not trained in this edition*: ready to run, and not run.
"""


def words() -> dict[str, dict[str, Any]]:
    """What the scorecard says of each part of the paper besides numbers, by key."""
    return tomllib.loads((files("landslide_nb") / "publish" / "scorecard.toml").read_text("utf-8"))


def page(chapters: Mapping[str, Chapter]) -> str:
    """The scorecard as a MyST page, to lie beside the chapters.

    Args:
        chapters: the executed chapters, by number.
    """
    rows = [_row(key, said, chapters[said["chapter"]]) for key, said in words().items()]
    header = ["in the paper", "what it is", "here", "how near", "why not nearer"]
    source = chapters["10"].study.source
    changes = ["table", "change of F1", "paper", f"here, {source}", "verdict"]
    parts = [
        OPENING,
        "## Part by part\n",
        table("The paper's parts, and how near this book came to each.", "table-scorecard", header, rows),
        "\n## Change by change\n",
        f"Each change of Tables 2 and 3, here on {source}; {chapters['10'].doc} says how they were judged.\n",
        table(
            f"The paper's changes of F1 and ours, on {source}.",
            "table-scorecard-changes",
            changes,
            nearness.changes(chapters["10"]),
        ),
    ]
    return "\n".join(parts) + "\n"


def _row(key: str, said: Mapping[str, Any], chapter: Chapter) -> list[str]:
    source = f"; on {chapter.study.source}" if said.get("data", True) else ""
    return [said["part"], said["what"], f"{said['here']}{source}: {chapter.doc}", NEAR[key](chapter), said["why"]]
