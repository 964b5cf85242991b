"""The numbers of executed chapters: out of their tables into CSV, and compared with those of another execution.

A chapter's tables are what a reader sees. So they are taken from its outputs, and no chapter can forget to write one down.
"""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from landslide_nb.common.errors import ChapterError
from landslide_nb.common.files import replacing
from landslide_nb.publish import notebooks

Rows = list[list[str]]
NUMBER: Final = re.compile(r"[-+−]?\d+(?:,\d{3})*(?:\.\d+)?")
OF_THE_MACHINE: Final = re.compile(r"\((?:s|images/s|MB)\)")  # columns that another machine, or another hour, changes
TOLERANCE: Final = 0.005  # of scores; another processor has other last digits


class _Tables(HTMLParser):
    """The rows of all tables in a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[Rows] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            text = "".join(self._cell).replace("\N{NO-BREAK SPACE}", " ")
            self.tables[-1][-1].append(text.strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def tables(chapter: Path) -> list[Rows]:
    """All tables of an executed chapter, header first, as text."""
    parser = _Tables()
    for cell in notebooks.read(chapter).cells:
        for output in cell.get("outputs", []):
            parser.feed(output.get("data", {}).get("text/html", ""))
    return [table for table in parser.tables if table]


def write(chapters: Path, folder: Path) -> list[Path]:
    """Write every table of the executed chapters in a folder as CSV, and remove those that these chapters had before.

    Args:
        chapters: holds executed chapters.
        folder: where `04_backbones-2.csv`, the second table of chapter 04, goes.
    """
    written = []
    for chapter in _executed(chapters):
        for number, table in enumerate(tables(chapter), 1):
            path = folder / f"{chapter.stem}-{number}.csv"
            with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
                csv.writer(stream, lineterminator="\n").writerows(table)
            written.append(path)
    for old in {path for chapter in _executed(chapters) for path in folder.glob(f"{chapter.stem}-*.csv")} - set(
        written
    ):
        old.unlink()
    return written


def compare(chapters: Path, folder: Path, tolerance: float = TOLERANCE) -> list[str]:
    """What differs between the tables of executed chapters and those written before: a sentence for each cell.

    Args:
        chapters: holds executed chapters, perhaps not all.
        folder: as `write` has left it.
        tolerance: by how much two numbers may differ; columns of seconds, speeds and memory are not compared.

    Raises:
        ChapterError: if there is no executed chapter, or nothing to compare one with.
    """
    differences = []
    for chapter in _executed(chapters):
        ours = tables(chapter)
        paths = [folder / f"{chapter.stem}-{number}.csv" for number in range(1, len(ours) + 1)]
        if more := len(list(folder.glob(f"{chapter.stem}-*.csv"))) - len(ours):
            differences.append(f"{chapter.stem}: {len(ours)} tables, {len(ours) + more} in {folder}")
        for path, table in zip(paths, ours, strict=True):
            if path.is_file():
                differences += _differences(path, table, tolerance)
            elif more >= 0:
                differences.append(f"{path} does not exist; write the numbers of the reference again")
    return differences


def _executed(folder: Path) -> list[Path]:
    chapters = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not chapters:
        raise ChapterError(f"{folder} holds no executed chapter; expected files such as 04_backbones.ipynb")
    return chapters


def _differences(path: Path, table: Rows, tolerance: float) -> list[str]:
    with path.open(newline="", encoding="utf-8") as stream:
        theirs = list(csv.reader(stream))
    if [len(row) for row in theirs] != [len(row) for row in table] or theirs[0] != table[0]:
        return [f"{path.stem}: another shape or other columns than before"]
    header, differences = table[0], []
    for row, other in zip(table[1:], theirs[1:], strict=True):
        for name, now, before in zip(header, row, other, strict=True):
            if not OF_THE_MACHINE.search(name) and not _alike(now, before, tolerance):
                differences.append(f"{path.stem}, {row[0]}, {name}: {now!r}, before {before!r}")
    return differences


def _alike(now: str, before: str, tolerance: float) -> bool:
    """The same words, and numbers that are near: within the tolerance, or that share of themselves."""
    if NUMBER.sub("#", now) != NUMBER.sub("#", before):
        return False
    pairs = zip(_numbers(now), _numbers(before), strict=True)
    return all(abs(a - b) <= tolerance * max(1.0, abs(b)) + 1e-9 for a, b in pairs)


def _numbers(text: str) -> list[float]:
    return [float(number.replace(",", "").replace("−", "-")) for number in NUMBER.findall(text)]
