"""Notebooks as readers have them: saved with another kernel, without one, empty, damaged, or looked for in the wrong folder."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import nbformat
import papermill
import pytest
from conftest import Command
from jupyter_client.kernelspec import NoSuchKernel
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from landslide_nb.chapters import parameters
from landslide_nb.common.errors import ChapterError, StudyError
from landslide_nb.publish import execute, notebooks

ROOT = Path(__file__).parents[1]
CONDA = {"kernelspec": {"name": "conda-env-mine-py", "display_name": "mine", "language": "python"}}
R = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}, "language_info": {"name": "R"}}


def saved(path: Path, metadata: Mapping[str, object], *sources: str) -> Path:
    """A notebook with such metadata; its first cell has the parameters."""
    cells = [new_code_cell(source) for source in sources]
    if cells:
        cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Mine"), *cells], metadata=dict(metadata)), path)
    return path


def test_any_python_kernel_will_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A chapter saved in conda, or by an editor that names no kernel, would end in a traceback; so would a long TMPDIR.

    Nor does papermill warn of parameters that are valid, and not in the chapter's own cell.
    """
    caplog.set_level(logging.WARNING, logger="papermill")
    for name, metadata in (("conda", CONDA), ("none", {})):
        source = saved(tmp_path / f"{name}.ipynb", metadata, 'edition = "smoke"', "folds")
        execute.execute(source, tmp_path / "out" / f"{name}.ipynb", {"edition": "smoke", "folds": 3})
        assert nbformat.read(tmp_path / "out" / f"{name}.ipynb", 4).cells[-1].outputs[0].data["text/plain"] == "3"
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is empty; save it again"),
        ('{"cells": [', "is no notebook"),
        ("[]", "is no notebook"),
        ("{}", "is no notebook"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "odd"}]}', "is no notebook"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', "has no code to execute"),
    ],
)
def test_what_is_no_chapter_is_refused(
    content: str, expected: str, tmp_path: Path, here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was cut off by a full disk would end in a traceback, an empty one be published."""
    monkeypatch.setattr(papermill, "execute_notebook", None)  # no kernel may start
    (tmp_path / "a.ipynb").write_text(content, "utf-8")
    done = here("chapter", tmp_path / "a.ipynb", "-o", tmp_path / "out.ipynb")
    assert done.returncode == 1 and f"a.ipynb {expected}" in done.stderr and done.stderr.count("\n") == 1, done
    assert [path.name for path in tmp_path.iterdir()] == ["a.ipynb"]


def test_another_language_is_refused(tmp_path: Path) -> None:
    """R would be read as Python, and the error be one of its grammar."""
    with pytest.raises(ChapterError, match="is written in R; expected a notebook in Python"):
        notebooks.check_runnable(saved(tmp_path / "a.ipynb", R, "x <- 1"))


def test_an_environment_without_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who installed the package alone would see papermill's traceback."""

    def none(*args: object, **options: object) -> None:
        raise NoSuchKernel("python3")

    monkeypatch.setattr(papermill, "execute_notebook", none)
    with pytest.raises(ChapterError, match="no kernel for notebooks; install one: pip install ipykernel"):
        execute.execute(saved(tmp_path / "a.ipynb", CONDA, "1"), tmp_path / "out.ipynb", {})


def test_a_long_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a socket has about a hundred letters: the kernel would not start, and say nothing."""
    assert os.name == "nt" or execute._kernel("/tmp/x").KernelManager.transport == "ipc"
    assert "KernelManager" not in execute._kernel("/tmp/" + 90 * "x")


def test_a_chapter_is_looked_for_in_another_folder(
    tmp_path: Path, here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One would not be told that one is in the wrong folder; a path would end in a traceback."""
    monkeypatch.chdir(tmp_path)
    for name in ("04", str(tmp_path / "04.ipynb")):
        done = here("chapter", name)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
        assert f"there is no folder notebooks in {tmp_path}; go to the folder of the clone" in done.stderr
    done = here("chapter", tmp_path / "04.ipynb", "--notebooks", ROOT / "notebooks")
    assert "is called" in done.stderr and "there are: 01_data_exploration" in done.stderr


@pytest.mark.parametrize("name", ["data", "weights", "statistics"])
def test_an_empty_text_is_refused(name: str, here: Command) -> None:
    """`-p data ""` would be the folder that one happens to be in."""
    done = here("plan", "-p", name, "")
    assert (
        done.returncode == 1 and done.stderr == f"error: parameter '{name}' is empty; give a value, or leave it out\n"
    )


def test_the_sentence_comes_first_too(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Plain papermill's traceback has the sentence at its end only, twenty lines below where one looks."""
    kernel = SimpleNamespace(log=logging.getLogger("IPKernelApp"))
    shell = SimpleNamespace(user_ns={"In": ['edition = "smoke"\nepoch = 3']}, kernel=kernel)
    monkeypatch.setattr(parameters, "get_ipython", lambda: shell)
    with pytest.raises(StudyError, match="unknown parameter 'epoch'"):
        parameters.study({"edition": "smoke", "epoch": 3})
    assert caplog.messages == ["unknown parameter 'epoch'; did you mean 'epochs'?"]
