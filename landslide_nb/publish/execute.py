"""Executing a chapter strictly.

papermill lets much pass: an unknown parameter, a value of the wrong type, `sys.exit(0)`, a half-written output. Here a
chapter is whole or it is not there.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from landslide_nb.common.errors import ChapterError
from landslide_nb.common.files import replacing, write_whole
from landslide_nb.experiments.study import Study


def find(chapter: str, folder: Path) -> Path:
    """The notebook that a number, a name or a path means.

    Raises:
        ChapterError: if there is none.
    """
    if Path(chapter).suffix == ".ipynb" and Path(chapter).is_file():
        return Path(chapter)
    matches = sorted(folder.glob(f"{chapter}*.ipynb"))
    if len(matches) != 1:
        names = ", ".join(path.stem for path in sorted(folder.glob("*.ipynb"))) or f"none in {folder}"
        raise ChapterError(
            f"{'no' if not matches else 'more than one'} chapter is called {chapter!r}; there are: {names}"
        )
    return matches[0]


def execute(notebook: Path, output: Path, parameters: Mapping[str, Any]) -> float:
    """Execute a chapter with parameters; the output appears only if every cell ran, in order, without an error.

    Args:
        notebook: the chapter as written.
        output: where the executed chapter goes; facts about it go beside it, as JSON.
        parameters: by name, as for `Study.load`.

    Returns:
        The seconds it took.

    Raises:
        StudyError: before anything runs, if a parameter is wrong.
        ChapterError: naming the cell and the error.
    """
    chosen = Study.load(**parameters)
    started = time.perf_counter()
    with replacing(output) as temporary, TemporaryDirectory() as sockets:
        try:
            papermill.execute_notebook(
                str(notebook),
                str(temporary),
                dict(parameters),
                progress_bar=False,
                config=Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"}),  # no port to collide on
            )
        except PapermillExecutionError as error:
            raise ChapterError(f"{notebook.stem}, cell {error.exec_count}: {error.ename}: {error.evalue}") from None
        except DeadKernelError:
            raise ChapterError(
                f"{notebook.stem}: the kernel died, perhaps for want of memory; nothing was written"
            ) from None
        executed = nbformat.read(temporary, as_version=4)
        check_whole(executed, notebook.stem)
        nbformat.write(tidy(executed), temporary)
    seconds = time.perf_counter() - started
    facts = {"chapter": notebook.stem, "seconds": seconds, "edition": chosen.edition, "parameters": dict(parameters)}
    write_whole(output.with_suffix(".json"), json.dumps(facts, indent=1))
    return seconds


def check_whole(notebook: NotebookNode, name: str) -> None:
    """Raise `ChapterError` unless every code cell was executed, in order, and none shows an error."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, 1):
        if cell.execution_count != number:
            raise ChapterError(
                f"{name}: code cell {number} was not executed in order ({cell.execution_count}); nothing was written"
            )
        if any(output.output_type == "error" for output in cell.outputs):
            raise ChapterError(f"{name}: code cell {number} shows an error; nothing was written")


def tidy(notebook: NotebookNode) -> NotebookNode:
    """An executed chapter for the book: no trace of when and where it ran, its pictures described.

    Execution metadata goes, cell ids are numbered, the injected cell is hidden, and the alternative text and caption
    that a picture carries in its output are given to its cell, where MyST-NB reads them.
    """
    notebook.metadata.pop("papermill", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        for key in ("papermill", "execution", "ExecuteTime"):
            cell.metadata.pop(key, None)
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags:
            cell.metadata["tags"] = [*tags, "remove-cell"]
        for output in cell.get("outputs", []):
            picture = output.get("metadata", {}).get("image/png", {})
            if "alt" in picture:
                cell.metadata["mystnb"] = {
                    "image": {"alt": picture["alt"]},
                    "figure": {"name": picture["name"], "caption": picture["caption"]},
                }
    return notebook
