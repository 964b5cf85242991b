"""The parameters of a chapter, as its parameters cell and papermill set them."""

import ast
import re
from collections.abc import Mapping
from typing import Any, Final

from IPython.core.getipython import get_ipython

from landslide_nb.experiments.study import Study

INJECTED: Final = "# Parameters"  # the first line of the cell that papermill adds


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
