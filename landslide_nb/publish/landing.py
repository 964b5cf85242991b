"""What the book's front page and the README show of the chapters: a patch, and the answer in one picture and one table."""

import base64
import re
from pathlib import Path
from typing import Any

from landslide_nb.common.errors import ChapterError
from landslide_nb.publish import myst, notebooks, tables_csv

PICTURE = "answer.png"
START, END = "<!-- results -->", "<!-- end of results -->"
MARKED = re.compile(f"{START}.*?{END}", re.DOTALL)


def cover(chapter: Path) -> bytes:
    """The first picture of an executed chapter, as PNG."""
    return base64.b64decode(_first_picture(chapter).data["image/png"])


def answer(chapter: Path, note: str) -> str:
    """The sentences, the first picture, the first table and a note of an executed chapter, as MyST for the front page.

    Args:
        chapter: the executed chapter 10.
        note: what a reader has to know of the edition's numbers.
    """
    found, picture = _sentences(chapter), _first_picture(chapter).metadata["image/png"]
    width = f":width: {picture['width']}\n" if "width" in picture else ""
    shown = f"```{{figure}} chapters/{PICTURE}\n:alt: {picture['alt']}\n{width}\n{picture['caption']}\n```"
    header, *rows = _first_table(chapter)
    scores = myst.table("F1 itself, the paper's beside ours, each on its own patches.", "table-answer", header, rows)
    return f"{found}\n\n{shown}\n\n{scores}\n\n> {note}\n"


def readme(text: str, chapter: Path, note: str) -> str:
    """The README with the same sentences, picture and table between its marks.

    Args:
        text: the README.
        chapter: the executed chapter 10, in the folder of the committed book.
        note: as in `answer`.

    Raises:
        ChapterError: if a mark is missing.
    """
    picture = _first_picture(chapter).metadata["image/png"]
    path = chapter.with_name(PICTURE)
    image = f"![{picture['alt']}]({path.as_posix()})\n\n*{picture['caption']}*"
    header, *rows = _first_table(chapter)
    shown = f"{_sentences(chapter)}\n\n{note}\n\n{image}\n\n{myst.pipes(header, rows)}"
    if not MARKED.search(text):
        raise ChapterError(f"no place for the results; expected the lines {START} and {END}, in this order")
    return MARKED.sub(lambda match: f"{START}\n{shown}\n{END}", text)


def _sentences(chapter: Path) -> str:
    """What the chapter found: its first list.

    Raises:
        ChapterError: if it shows none.
    """
    outputs = (output for cell in notebooks.read(chapter).cells for output in cell.get("outputs", []))
    texts = (str(output.get("data", {}).get("text/markdown", "")) for output in outputs)
    if not (found := next((text for text in texts if text.startswith("- ")), "")):
        raise ChapterError(f"{chapter} says nothing of what it found; expected a list")
    return found.strip()


def _first_table(chapter: Path) -> tables_csv.Rows:
    return next(iter(tables_csv.tables(chapter)))


def _first_picture(chapter: Path) -> Any:
    outputs = (output for cell in notebooks.read(chapter).cells for output in cell.get("outputs", []))
    return next(output for output in outputs if "image/png" in output.get("data", {}))
