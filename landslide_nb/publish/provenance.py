"""Which files went into an executed chapter: their names, hashes and sizes, and to whom they are owed."""

import csv
import hashlib
import json
from collections.abc import Container, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from landslide_nb.experiments.study import Study
from landslide_nb.experiments.study_texts import DATA_SET, TWINS, published_folder
from landslide_nb.publish import notebooks
from landslide_nb.publish.executed import Chapter

FILES: Final = (
    "statistics",
    "patch",
    "scene",
    "scene_before",
    "places",
    "model",
)  # parameters that name a file or folder
SHOWN: Final = 16  # digits of a hash; the facts beside a chapter have all
UNKNOWN: Final = "not recorded"


class Input(NamedTuple):
    """A file or folder that chapters were given.

    Attributes:
        parameter: by which it was given.
        name: of the file, or of a folder and the one that it is in.
        sha256: of the file, in hexadecimal digits, or that it was not recorded.
        size: in bytes, as text, or that it was not recorded.
        licence: its terms.
        credit: who made it.
    """

    parameter: str
    name: str
    sha256: str
    size: str
    licence: str
    credit: str


def hashed(study: Study, asked: Container[str]) -> dict[str, dict[str, Any]]:
    """The files of a study that a chapter uses, by parameter: name, SHA-256 and bytes.

    Args:
        study: as the chapter was executed.
        asked: the parameters that the chapter itself has.
    """
    there = {name: path for name, path in _paths(study, asked).items() if path.exists()}
    return {name: {"name": called(path), **_digest(path)} for name, path in there.items()}


def called(path: Path) -> str:
    """A file by its name; a folder by its own and that of the folder that it is in, since many are called `after`."""
    return path.name if path.suffix else f"{path.parent.name}/{path.name}"


def inputs(chapters: Iterable[Chapter]) -> dict[Input, list[Chapter]]:
    """Every real input of executed chapters, each with the chapters that used it."""
    found: dict[Input, list[Chapter]] = {}
    for chapter in chapters:
        for each in _of(chapter):
            found.setdefault(each, []).append(chapter)
    return found


def training(folder: Path | None = None) -> str:
    """How many runs are published, and what their training took by their own records.

    Args:
        folder: of published runs; None: where they are.
    """
    paths = [path for path in sorted((folder or published_folder()).glob("*.json")) if path.name != DATA_SET]
    records = [json.loads(path.read_text("utf-8")) for path in paths]
    seconds = sum(it["run_seconds"] * it.get("threads", 1) * it.get("processes", 1) for it in records)
    return f"{len(records)} runs, {seconds / 3600:.1f} core-hours"


def _of(chapter: Chapter) -> Iterable[Input]:
    asked = _defaults(chapter)
    recorded = chapter.facts.get("inputs", {})
    for name, path in _paths(chapter.study, asked).items():
        about = recorded.get(name, {"name": called(path), "sha256": UNKNOWN, "bytes": None})
        size = UNKNOWN if about["bytes"] is None else f"{about['bytes']:,}"
        yield Input(name, about["name"], about["sha256"], size, *_owed(chapter.study, name, about["name"]))


def _defaults(chapter: Chapter) -> Container[str]:
    """The parameters of the chapter's own cell: a file that is given to all chapters is used by those that name it."""
    return notebooks.defaults(chapter.path) if chapter.path.is_file() else ()


def _paths(study: Study, asked: Container[str]) -> dict[str, Path]:
    """The files that are given and used, by parameter; of published predictions, the folder that holds them."""
    named = {name: getattr(study, name) for name in FILES if name in asked}
    paths = {name: Path(value) for name, value in named.items() if value}
    if study.simulated:
        return paths
    return {"data": published_folder() if study.published else Path(study.data.removeprefix(TWINS))} | paths


def _owed(study: Study, parameter: str, name: str) -> tuple[str, str]:
    """Licence and credit: of data by their own word, of other files by the list of those that this book knows."""
    if parameter == "data":
        return study.data_set.licence, study.data_set.credit
    with (files("landslide_nb") / "publish" / "inputs.csv").open(encoding="utf-8") as stream:
        known = {row["name"]: (row["licence"], row["credit"]) for row in csv.DictReader(stream)}
    return known.get(name, ("not known", "not known: a file of whoever built this"))


def _digest(path: Path) -> dict[str, Any]:
    """SHA-256 and bytes of a file; of a folder, those of its files, by name."""
    if path.is_file():
        with path.open("rb") as stream:
            return {"sha256": hashlib.file_digest(stream, "sha256").hexdigest(), "bytes": path.stat().st_size}
    whole, size = hashlib.sha256(), 0
    for each in sorted(it for it in path.rglob("*") if it.is_file()):
        digest = _digest(each)
        whole.update(f"{each.relative_to(path).as_posix()} {digest['sha256']}\n".encode())
        size += digest["bytes"]
    return {"sha256": whole.hexdigest(), "bytes": size}
