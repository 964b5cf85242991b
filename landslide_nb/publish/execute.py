"""Executing a chapter strictly.

papermill lets much pass: an unknown parameter, a value of the wrong type, `sys.exit(0)`, a half-written output. Here a
chapter is whole or it is not there.
"""

import json
import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from landslide_nb.common.errors import ChapterError
from landslide_nb.common.files import replacing, write_whole
from landslide_nb.display.wording import what_of
from landslide_nb.experiments.code import code_version
from landslide_nb.experiments.data import fingerprint
from landslide_nb.experiments.study import Study
from landslide_nb.publish import notebooks, provenance

OF_PATCHES: Final = re.compile(r"patch|landslide|test part", re.IGNORECASE)
LONGEST_SOCKET: Final = 80  # a path of a socket has 103 bytes at most on macOS, and the name is yet to come


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
    Study.load(**parameters)  # before the notebook is looked at: what was typed is named first
    notebooks.check_runnable(notebook)
    asked = notebooks.defaults(notebook) | dict(parameters)
    chosen = Study.load(**{name: value for name, value in asked.items() if name in Study.model_fields})
    started = time.perf_counter()
    with replacing(output) as temporary:
        _run(notebook, temporary, parameters)
        executed = notebooks.read(temporary)
        check_whole(executed, notebook.stem)
        nbformat.write(tidy(executed, chosen.source), temporary)
    seconds = time.perf_counter() - started
    facts = {
        "chapter": notebook.stem,
        "seconds": seconds,
        "edition": chosen.edition,
        "parameters": dict(parameters) | {"data": chosen.data},
        "inputs": provenance.hashed(chosen, notebooks.defaults(notebook)),
        "fingerprint": fingerprint(chosen),
        "code": code_version()["code"],
    }
    write_whole(output.with_suffix(".json"), json.dumps(facts, indent=1))
    return seconds


def _run(notebook: Path, output: Path, parameters: Mapping[str, Any]) -> None:
    """Have papermill execute a notebook, with this environment's kernel whatever it was saved with.

    Raises:
        ChapterError: naming the cell and the error, or that there is no kernel.
    """
    log = logging.getLogger("papermill")
    log.addFilter(_is_news)
    try:
        with TemporaryDirectory() as sockets:
            papermill.execute_notebook(
                str(notebook),
                str(output),
                dict(parameters),
                progress_bar=False,
                kernel_name=notebooks.KERNEL,
                language=notebooks.LANGUAGE,
                config=_kernel(sockets),
            )
    except PapermillExecutionError as error:
        raise ChapterError(f"{notebook.stem}, cell {error.exec_count}: {error.ename}: {error.evalue}") from None
    except DeadKernelError:
        raise ChapterError(
            f"{notebook.stem}: the kernel died, perhaps for want of memory; nothing was written"
        ) from None
    except NoSuchKernel:
        raise ChapterError("this environment has no kernel for notebooks; install one: pip install ipykernel") from None
    finally:
        log.removeFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Not that a parameter is unknown because it is not in the chapter's own cell: all are checked before."""
    return not record.getMessage().startswith("Passed unknown parameter")


def _kernel(folder: str) -> Config:
    """How to speak with the kernel: through a socket, on which no two collide, where the system has such and the name is short.

    It is ended without a last word: on an interrupt, as Jupyter would send it before, it may print an error.
    """
    config = Config(NotebookClient={"shutdown_kernel": "immediate"})
    if os.name != "nt" and len(folder) <= LONGEST_SOCKET:
        config.KernelManager = Config(transport="ipc", ip=f"{folder}/kernel")
    return config


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


def tidy(notebook: NotebookNode, source: str) -> NotebookNode:
    """An executed chapter for the book: no trace of when and where it ran, its pictures described.

    Execution metadata goes, cell ids are numbered, the injected cell is hidden, and the alternative text and caption
    that a picture carries in its output are given to its cell, where MyST-NB reads them. Captions of pictures, and of tables
    of patches, say what the data are; `book/_ext/captions.py` shows those of tables.

    Args:
        notebook: as executed; it is changed.
        source: what the patches are, as `Study.source` has it.
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
                    "image": {name: picture[name] for name in ("alt", "width") if name in picture},
                    "figure": {"name": picture["name"], "caption": picture["caption"]},
                }
        if figure := cell.metadata.get("mystnb", {}).get("figure"):  # an interactive one has it from the notebook
            figure["caption"] += what_of(figure["caption"], source)
        table = cell.metadata.get("table", {})
        if OF_PATCHES.search(table.get("caption", "")):
            table["of"] = what_of(table["caption"], source)
    return notebook
