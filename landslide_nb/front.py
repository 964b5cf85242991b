"""What the book's front page shows of its chapters: a patch, and the answer in one picture and one table."""

import base64
from pathlib import Path
from typing import Any

import nbformat

from landslide_nb import numbers

PICTURE = "answer.png"


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
    header, *rows = next(table for table in numbers.tables(chapter))
    lines = [
        *(f"> {note}", ""),
        *(f"```{{figure}} chapters/{PICTURE}", f":alt: {picture['alt']}", "", picture["caption"], "```", ""),
        *(f"| {' | '.join(header)} |", "|---" * len(header) + "|"),
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join([*lines, ""])


def _first_picture(chapter: Path) -> Any:
    outputs = (output for cell in nbformat.read(chapter, as_version=4).cells for output in cell.get("outputs", []))
    return next(output for output in outputs if "image/png" in output.get("data", {}))
