"""Notebooks as files: found by number, read with a word where one is damaged or of another language."""

import ast
from pathlib import Path
from typing import Any, Final

import nbformat
from nbformat import NotebookNode

from landslide_nb.common.errors import ChapterError, reason

LANGUAGE: Final = "python"
KERNEL: Final = "python3"  # of this environment, whatever one the notebook was saved with


def find(chapter: str, folder: Path) -> Path:
    """The notebook that a number, a name or a path means.

    Raises:
        ChapterError: if there is none.
    """
    if Path(chapter).suffix == ".ipynb" and Path(chapter).is_file():
        return Path(chapter)
    if not folder.is_dir():
        raise ChapterError(
            f"no chapter is called {chapter!r} here, and there is no folder {folder} in {Path.cwd()}; go to the folder of the"
            " clone, name the notebook's path, or say where the chapters are with --notebooks"
        )
    matches = [path for path in sorted(folder.glob("*.ipynb")) if path.name.startswith(chapter)]
    if len(matches) != 1:
        names = ", ".join(path.stem for path in sorted(folder.glob("*.ipynb"))) or f"none in {folder}"
        raise ChapterError(
            f"{'no' if not matches else 'more than one'} chapter is called {chapter!r}; there are: {names}"
        )
    return matches[0]


def read(path: Path) -> NotebookNode:
    """A notebook of any version.

    Raises:
        ChapterError: if the file is empty, cut off, or something else.
    """
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except (ValueError, nbformat.ValidationError, AttributeError, KeyError, TypeError) as error:
        what = "is empty" if path.stat().st_size == 0 else f"is no notebook ({reason(error)})"
        raise ChapterError(f"{path} {what}; save it again from Jupyter, or fetch it again with git") from error
    return notebook


def defaults(path: Path) -> dict[str, Any]:
    """What a chapter's own cell of parameters sets, by name; nothing of a notebook without such a cell, or of values that are computed."""
    tagged = (cell.source for cell in read(path).cells if "parameters" in cell.metadata.get("tags", []))
    values: dict[str, Any] = {}
    for node in ast.parse(next(tagged, "")).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        ):
            values[node.targets[0].id] = node.value.value
    return values


def check_runnable(path: Path) -> None:
    """Refuse a notebook that no chapter can be made of, before a kernel starts.

    Raises:
        ChapterError: if it is damaged, has no code, or is written in another language.
    """
    notebook = read(path)
    kernel, known = (notebook.metadata.get(name, {}) for name in ("kernelspec", "language_info"))
    language = kernel.get("language") or known.get("name") or LANGUAGE
    if language.lower() not in (LANGUAGE, "ipython"):
        raise ChapterError(f"{path} is written in {language}; expected a notebook in Python")
    if not any(cell.cell_type == "code" and cell.source.strip() for cell in notebook.cells):
        raise ChapterError(f"{path} has no code to execute; expected a chapter")
