"""The parameters of a chapter, as its parameters cell and papermill set them."""

import ast
from collections.abc import Mapping
from typing import Any, Final

from IPython.core.getipython import get_ipython

from landslide_nb.common.errors import LandslideError, StudyError
from landslide_nb.experiments.study import Study

INJECTED: Final = "# Parameters"  # the first line of the cell that papermill adds
LEADS: Final = "edition"  # what every parameters cell sets, wherever in it


def study(namespace: Mapping[str, Any]) -> Study:
    """The study of a chapter from what its parameters cell, and the one papermill adds, have set.

    The parameters cell is the one that assigns `edition`: other lines, their order and comments are free. A cell that was run
    again counts with what it says now.

    Args:
        namespace: the notebook's `globals()`.

    Raises:
        StudyError: if no parameters cell was run, a parameter is unknown or its value wrong; papermill itself checks nothing.
    """
    shell = get_ipython()
    cells: list[str] = shell.user_ns["In"] if shell else []
    assigned = {cell: _assigned(cell) for cell in cells}
    if not any(LEADS in names for names in assigned.values()):
        raise StudyError(f"no parameters cell was run; it assigns {LEADS!r}, and is to be run before this one")
    counted = (names for cell, names in assigned.items() if LEADS in names or cell.startswith(INJECTED))
    names = dict.fromkeys(name for each in counted for name in each)
    try:
        return Study.load(**{name: namespace[name] for name in names if name in namespace})
    except LandslideError as error:
        if kernel := getattr(shell, "kernel", None):  # papermill prints a page of its own code before the sentence
            kernel.log.error(str(error))
        raise


def _assigned(cell: str) -> list[str]:
    """The names that a cell assigns, in whatever form; those of a cell that is no Python (a magic) are none."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:
        return []
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
