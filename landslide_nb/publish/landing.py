"""What the book's front page and the README show of the chapters: a patch, and the answer in one picture and one table."""

import base64
import re
from pathlib import Path
from typing import Any

from landslide_nb.common.errors import ChapterError
from landslide_nb.publish import notebooks, tables_csv

PICTURE = "answer.png"
START, END = "<!-- results -->", "<!-- end of results -->"
MARKED = re.compile(f"{START}.*?{END}", re.DOTALL)


def cover(chapter: Path) -> bytes:
    """The first picture of an executed chapter, as PNG."""
    return base64.b64decode(_first_picture(chapter).data["image/png"])


def answer(chapter: Path, note: str) -> str:
    """The first picture and the first table of an executed chapter, as MyST to be included in the front page.

    Args:
        chapter: the executed chapter 10.
        note: what a reader has to know of the edition's numbers.
    """
    picture = _first_picture(chapter).metadata["image/png"]
    shown = f"```{{figure}} chapters/{PICTURE}\n:alt: {picture['alt']}\n\n{picture['caption']}\n```"
    return f"> {note}\n\n{_table(chapter)}\n\n{shown}\n"


def readme(text: str, chapter: Path, note: str) -> str:
    """The README with the same picture and table between its marks.

    Args:
        text: the README.
        chapter: the executed chapter 10, in the folder of the committed book.
        note: as in `answer`.

    Raises:
        ChapterError: if a mark is missing.
    """
    picture = _first_picture(chapter).metadata["image/png"]
    path = chapter.with_name(PICTURE)
    shown = f"{note}\n\n{_table(chapter)}\n\n![{picture['alt']}]({path.as_posix()})\n\n*{picture['caption']}*"
    if not MARKED.search(text):
        raise ChapterError(f"no place for the results; expected the lines {START} and {END}, in this order")
    return MARKED.sub(lambda match: f"{START}\n{shown}\n{END}", text)


def _table(chapter: Path) -> str:
    header, *rows = next(iter(tables_csv.tables(chapter)))
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return re.sub(r"(\[[^\s\]]+,) ", "\\1\N{NO-BREAK SPACE}", text)  # as `tables.show` has it


def _first_picture(chapter: Path) -> Any:
    outputs = (output for cell in notebooks.read(chapter).cells for output in cell.get("outputs", []))
    return next(output for output in outputs if "image/png" in output.get("data", {}))
