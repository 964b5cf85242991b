"""The pages that are made of a build: its parameters, and what was built when with what."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from landslide_nb.experiments import listing
from landslide_nb.experiments.code import code_version
from landslide_nb.experiments.data import fingerprint
from landslide_nb.experiments.study import EDITIONS, Study

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


def build_page(folder: Path, edition: str, commit: str) -> str:
    """What was built, when, with what, and how long each chapter took, as a MyST page.

    Args:
        folder: holds the executed chapters and their facts.
        edition: of the build.
        commit: of the sources.
    """
    loaded = Study.load(edition)
    facts = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("[0-9]*.json"))]
    lines = ["# About this build", "", f"> {loaded.note}", "", "| | |", "|---|---|"]
    rows = {
        "edition": edition,
        **_data(facts or [{"parameters": {"edition": edition}}]),
        "commit": f"`{commit}`",
        "code of the runs": f"`{code_version()['code']}`",
        "built": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    lines += ["", "## Seconds per chapter", "", "| chapter | edition | seconds |", "|---|---|---:|"]
    lines += [f"| {{doc}}`{fact['chapter']}` | {fact['edition']} | {fact['seconds']:.0f} |" for fact in facts]
    lines += ["", "## Versions", "", "| library | version |", "|---|---|"]
    versions = {"python": platform.python_version()} | {name: version(name) for name in LISTED}
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in versions.items()), ""])


def _data(facts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What the chapters were executed on: each data set, its credit and the fingerprint of its patches."""
    loaded = [Study.load(**fact["parameters"]) for fact in facts]
    distinct = {(s.data, s.data_seed, s.simulated_patches) if s.simulated or s.twins else (s.data,): s for s in loaded}
    studies = {fingerprint(study): study for study in distinct.values()}  # of two editions, each its own
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
    if study.simulated:
        return f"simulated patches, in the format of {title}"
    name = Path(study.data).name
    return f"{name}: statistical twins of patches of {title}" if study.twins else f"{name}: {title}"
