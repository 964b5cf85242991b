"""The pages that are made of a build: its parameters, and what was built when with what."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from landslide_nb.common.errors import ChapterError
from landslide_nb.experiments import listing
from landslide_nb.experiments.study import EDITIONS, Study
from landslide_nb.publish import notebooks

LISTED: Final = (
    *("torch", "timm", "scikit-learn", "lightgbm", "umap-learn", "numpy", "pandas", "matplotlib"),
    *("papermill", "jupyter-book"),
)


def parameters_page() -> str:
    """All parameters with their type, meaning and each edition's value, as a MyST page."""
    lines = ["# Parameters", ""]
    lines += ["Each chapter takes all of these, as `-p NAME VALUE`. The columns say what each edition sets;"]
    lines += ["`landslide-nb parameters` prints the same.", ""]
    for title, listed in listing.parameters().items():
        lines += [f"## {title}", "", f"| name | type | meaning | {' | '.join(EDITIONS)} |"]
        lines += ["|---|---|---|" + "---|" * len(EDITIONS)]
        for name, kind, meaning, values in listed:
            each = " | ".join(value if " " in value else f"`{value}`" for value in values.values())
            lines.append(f"| `{name}` | {kind} | {meaning} | {each} |")
        lines.append("")
    return "\n".join(lines)


def note_of(chapter: Path) -> str:
    """What a reader has to know of the numbers of an executed chapter: the note of its study, which its first cells show."""
    for cell in notebooks.read(chapter).cells:
        for output in cell.get("outputs", []):
            if (text := output.get("data", {}).get("text/markdown", "")).startswith("> "):
                return str(text).removeprefix("> ")
    raise ChapterError(f"{chapter} does not show its study; execute it again")


def build_page(folder: Path, edition: str, commit: str) -> str:
    """What was built, when, with what, and how long each chapter took, as a MyST page.

    Args:
        folder: holds the executed chapters and their facts; some may be of an earlier execution.
        edition: of the build.
        commit: of the sources.
    """
    loaded = Study.load(edition)
    facts = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("[0-9]*.json"))]
    lines = ["# About this build", "", f"> {loaded.note}", "", "| | |", "|---|---|"]
    rows = {
        "edition": edition,
        **_data(facts),
        "commit": f"`{commit}`",
        "built": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    lines += ["", "## Seconds per chapter", ""]
    lines += [
        "What each chapter was executed on; training is not in the seconds. Two codes mean that chapters were executed at two times.",
        "",
    ]
    lines += ["| chapter | edition | data fingerprint | code of the runs | seconds |", "|---|---|---|---|---:|"]
    lines += [
        f"| {{doc}}`{it['chapter']}` | {it['edition']} | `{it['fingerprint']}` | `{it['code']}` | {it['seconds']:.0f} |"
        for it in facts
    ]
    lines += ["", "## Versions", "", "| library | version |", "|---|---|"]
    versions = {"python": platform.python_version()} | {name: version(name) for name in LISTED}
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in versions.items()), ""])


def _data(facts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What the chapters were executed on: each data set, its credit and the fingerprint of its patches."""
    studies = {fact["fingerprint"]: Study.load(**fact["parameters"]) for fact in facts}
    rows = {}
    for number, (patches, study) in enumerate(studies.items(), 1):
        which = f" {number}" if len(studies) > 1 else ""
        title = study.data_set.title
        rows[f"data{which}"] = _named(study, title)
        derived = "simulator fitted to statistics by " if study.simulated else ""
        rows[f"credit{which}"] = f"{derived}{study.data_set.credit}; licence: {study.data_set.licence}"
        rows[f"data fingerprint{which}"] = f"`{patches}`"
    return rows


def _named(study: Study, title: str) -> str:
    """The data of a study, in words: what is simulated is called so."""
    if study.published:
        return f"published predictions: {title}"
    if study.simulated:
        return f"simulated patches, in the format of {title}"
    name = Path(study.data).name
    return f"{name}: statistical twins of patches of {title}" if study.twins else f"{name}: {title}"
