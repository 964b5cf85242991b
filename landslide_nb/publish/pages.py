"""The pages that are made of a build: its parameters, and what was built when with what."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from landslide_nb.common.errors import ChapterError
from landslide_nb.experiments import listing
from landslide_nb.experiments.published import published
from landslide_nb.experiments.study import EDITIONS, Study
from landslide_nb.experiments.study_texts import PUBLISHED
from landslide_nb.publish import notebooks, provenance
from landslide_nb.publish.executed import Chapter, chapters
from landslide_nb.publish.myst import table

LISTED: Final = (
    *("torch", "timm", "scikit-learn", "lightgbm", "umap-learn", "numpy", "pandas", "matplotlib"),
    *("papermill", "jupyter-book"),
)


def parameters_page() -> str:
    """All parameters with their type, meaning and each edition's value, as a MyST page."""
    lines = ["# Parameters", ""]
    lines += ["Each chapter takes all of these, as `-p NAME VALUE`. The columns say what each edition sets;"]
    lines += ["`landslide-nb parameters` prints the same.", ""]
    for number, (title, listed) in enumerate(listing.parameters().items(), 1):
        header = ["name", "type", "meaning", *EDITIONS]
        rows = [[f"`{name}`", kind, meaning, *map(_value, values.values())] for name, kind, meaning, values in listed]
        caption = f"Parameters {title[0].lower()}{title[1:]}, and what each edition sets."
        lines += [f"## {title}", "", table(caption, f"table-parameters-{number}", header, rows), ""]
    return "\n".join(lines)


def _value(value: str) -> str:
    return value if " " in value else f"`{value}`"


def paper_ablations() -> str:
    """The paper's Table 2 as MyST; not as CSV, where `+ step schedule` would be an item of a list."""
    printed = published("table2")
    header = [name.replace("_f1", " F1").replace("smote", "SSIM-SMOTE") for name in printed.columns]
    rows = [[_printed(value) for value in row] for row in printed.to_numpy(object)]
    caption = "The paper's Table 2. Its test scores are those of the challenge's board."
    return table(caption, "table-paper-ablations", header, rows) + "\n"


def _printed(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}" if isinstance(value, float) else value


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
    of = chapters(folder).values()
    facts = [chapter.facts for chapter in of if chapter.facts]
    lines = ["# About this build", "", f"> {Study.load(edition).note}", ""]
    lines += [table("What was built, when and where.", "table-build", ["", ""], _built(facts, edition, commit).items())]
    lines += ["", *_seconds(facts), "", *_parameters(of), "", *_inputs(of)]
    versions = {"python": platform.python_version()} | {name: version(name) for name in LISTED}
    lines += ["", "## Versions", "", "Of the environment that wrote this page.", ""]
    lines += [table("Libraries and their versions.", "table-versions", ["library", "version"], versions.items()), ""]
    return "\n".join(lines)


def _built(facts: Sequence[Mapping[str, Any]], edition: str, commit: str) -> dict[str, str]:
    """What was built, of what, when and where."""
    return {
        "edition": edition,
        **_data(facts),
        "commit": f"`{commit}`",
        "built": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def _seconds(facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What each chapter was executed on and how long it took; what training took is told apart."""
    text = "What each chapter was executed on. Two codes mean that chapters were executed at two times."
    text += " Training is not in the seconds."
    if any(it["parameters"].get("data") == PUBLISHED for it in facts):
        text += f" Training the published networks: {provenance.training()}, by their records. What others took is not recorded."
    header = ["chapter", "edition", "data fingerprint", "code of the runs", "seconds"]
    rows = [
        [
            f"{{doc}}`{it['chapter']}`",
            it["edition"],
            f"`{it['fingerprint']}`",
            f"`{it['code']}`",
            f"{it['seconds']:.0f}",
        ]
        for it in facts
    ]
    caption = "Chapters, what they were executed on, and their seconds without training."
    return ["## Seconds per chapter", "", text, "", table(caption, "table-seconds", header, rows)]


def _parameters(of: Iterable[Chapter]) -> list[str]:
    """What each chapter was executed with, files by their names."""
    rows = [
        [chapter.doc, ", ".join(f"`{name}` {_named_value(name, it)}" for name, it in chapter.injected.items())]
        for chapter in of
    ]
    text = "Parameters that were given; all others are as the edition has them ({doc}`parameters`)."
    shown = table("What each chapter was executed with.", "table-given", ["chapter", "parameters given"], rows)
    return ["## Parameters given", "", text, "", shown]


def _named_value(name: str, value: object) -> str:
    if isinstance(value, str) and name in (*provenance.FILES, "data"):
        return provenance.called(Path(value)) if "/" in value else value
    return str(value)


def _inputs(of: Iterable[Chapter]) -> list[str]:
    """Every real input of the chapters."""
    found = provenance.inputs(of)
    title = ["## Real inputs", ""]
    if not found:
        return [*title, "None: all patches and scenes are simulated or made."]
    rows = [
        [f"`{it.parameter}`", it.name, it.size, _digits(it.sha256), it.licence, it.credit, _chapters(used)]
        for it, used in found.items()
    ]
    text = (
        "Files that were given, with the start of their SHA-256; the whole is in the facts beside a chapter (`NN_name.json`)."
        " Chapters that were executed before hashes were kept have none."
    )
    header = ["parameter", "file", "bytes", "SHA-256", "licence", "credit", "chapters"]
    return [*title, text, "", table("Real inputs of the executed chapters.", "table-inputs", header, rows)]


def _digits(sha256: str) -> str:
    return sha256 if sha256 == provenance.UNKNOWN else f"`{sha256[: provenance.SHOWN]}`"


def _chapters(used: Iterable[Chapter]) -> str:
    return ", ".join(f"{{doc}}`{it.path.stem[:2]} <{it.path.stem}>`" for it in used)


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
