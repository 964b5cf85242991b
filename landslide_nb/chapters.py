"""Executing a chapter strictly, and the facts of a build.

papermill lets much pass: an unknown parameter, a value of the wrong type, `sys.exit(0)`, a half-written output. Here a
chapter is whole or it is not there.
"""

import ast
import json
import os
import platform
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import nbformat
import papermill
from IPython.core.getipython import get_ipython
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from landslide_nb.data.patches import replacing
from landslide_nb.errors import ChapterError
from landslide_nb.models.settings import Settings
from landslide_nb.runs import code_version
from landslide_nb.study import EDITIONS, Study

INJECTED: Final = "# Parameters"  # the first line of the cell that papermill adds
LISTED: Final = (
    *("torch", "timm", "scikit-learn", "lightgbm", "umap-learn", "numpy", "pandas", "matplotlib"),
    *("papermill", "jupyter-book"),
)


def study(namespace: Mapping[str, Any]) -> Study:
    """The study of a chapter from what its parameters cell, and the one papermill adds, have set.

    Args:
        namespace: the notebook's `globals()`.

    Raises:
        StudyError: if a parameter is unknown or its value wrong; papermill itself checks nothing.
    """
    shell = get_ipython()
    cells: list[str] = shell.user_ns["In"] if shell else []
    names = dict.fromkeys(name for cell in cells if _sets_parameters(cell) for name in _assigned(cell))
    return Study.load(**{name: namespace[name] for name in names if name in namespace})


def _sets_parameters(cell: str) -> bool:
    return cell.startswith(INJECTED) or bool(re.match(r"edition\s*=", cell))


def _assigned(cell: str) -> list[str]:
    targets = [node.targets[0] for node in ast.parse(cell).body if isinstance(node, ast.Assign)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def find(chapter: str, folder: Path) -> Path:
    """The notebook that a number, a name or a path means.

    Raises:
        ChapterError: if there is none.
    """
    if Path(chapter).suffix == ".ipynb" and Path(chapter).is_file():
        return Path(chapter)
    found = sorted(folder.glob(f"{chapter}*.ipynb"))
    if len(found) != 1:
        names = ", ".join(path.stem for path in sorted(folder.glob("*.ipynb"))) or f"none in {folder}"
        raise ChapterError(
            f"{'no' if not found else 'more than one'} chapter is called {chapter!r}; there are: {names}"
        )
    return found[0]


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
    facts = {"chapter": notebook.stem, "seconds": seconds, "edition": chosen.edition, "data": Path(chosen.data).name}
    output.with_suffix(".json").write_text(json.dumps(facts, indent=1))
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


def drift(notebook: Path, executed: Path) -> str:
    """What an executed chapter lacks of its notebook, in one sentence; nothing where both have the same cells.

    Args:
        notebook: the chapter as written.
        executed: the same chapter with outputs; the cell that papermill adds is left out of the comparison.
    """
    if not executed.is_file():
        return f"{executed} is missing: `make reference` executes {notebook} and puts it there"
    written, ran = _sources(notebook), _sources(executed)
    if written == ran:
        return ""
    first = next((i for i, (a, b) in enumerate(zip(written, ran, strict=False)) if a != b), min(len(written), len(ran)))
    return f"{executed} is older than {notebook}, cell {first + 1} differs: `make reference` executes it again"


def code_drift(page: Path) -> str:
    """Whether a book's runs were made by other code than this, in one sentence; nothing where it is the same.

    Args:
        page: as `build_page` made it.
    """
    found = re.search(r"\| code of the runs \| `(\w+)` \|", page.read_text()) if page.is_file() else None
    if not found:
        return f"{page} does not exist, or does not say what code its numbers come from: `make reference` writes it"
    now = code_version()["code"]
    if found[1] == now:
        return ""
    return (
        f"the numbers beside {page} come from the code {found[1]}, and it is {now} now: `make reference` runs it again"
    )


def _sources(notebook: Path) -> list[tuple[str, str]]:
    cells = nbformat.read(notebook, as_version=4).cells
    return [(it.cell_type, it.source) for it in cells if "injected-parameters" not in it.metadata.get("tags", [])]


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


def parameters_page() -> str:
    """All parameters with their meaning and each edition's value, as a MyST page."""
    editions = {name: Study.load(name) for name in EDITIONS}
    lines = ["# Parameters", ""]
    lines += ["Each chapter takes all of these, as `-p NAME VALUE`. The columns say what each edition sets.", ""]
    for title, names in (
        ("Of a training run", list(Settings.model_fields)),
        ("Of the study", [name for name in Study.model_fields if name not in Settings.model_fields]),
    ):
        lines += [
            f"## {title}",
            "",
            f"| name | meaning | {' | '.join(editions)} |",
            "|---|---|" + "---|" * len(editions),
        ]
        for name in names:
            values = " | ".join(_cell(getattr(study, name)) for study in editions.values())
            lines.append(f"| `{name}` | {Study.model_fields[name].description} | {values} |")
        lines.append("")
    return "\n".join(lines)


def _cell(value: object) -> str:
    """A parameter's value in a table: long texts and lists are only hinted at."""
    if isinstance(value, dict):
        return f"{len(value)} of them"
    return "a sentence on every page" if isinstance(value, str) and " " in value else f"`{value}`"


def build_page(folder: Path, edition: str, commit: str) -> str:
    """What was built, when, with what, and how long each chapter took, as a MyST page.

    Args:
        folder: holds the executed chapters and their facts.
        edition: of the build.
        commit: of the sources.
    """
    loaded = Study.load(edition)
    facts = [json.loads(path.read_text()) for path in sorted(folder.glob("[0-9]*.json"))]
    lines = ["# About this build", "", f"> {loaded.note}", "", "| | |", "|---|---|"]
    rows = {
        "edition": edition,
        "data": facts[0]["data"] if facts else loaded.data,
        "data fingerprint": f"`{loaded.patches().fingerprint}`",
        "commit": f"`{commit}`",
        "code of the runs": f"`{code_version()['code']}`",
        "built": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    lines += ["", "## Seconds per chapter", "", "| chapter | edition | seconds |", "|---|---|---:|"]
    lines += [f"| {{doc}}`{fact['chapter']}` | {fact['edition']} | {fact['seconds']:.0f} |" for fact in facts]
    lines += ["", "## Versions", "", "| library | version |", "|---|---|"]
    versions = {"python": platform.python_version()} | {name: version(name) for name in LISTED}
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in versions.items()), ""])
