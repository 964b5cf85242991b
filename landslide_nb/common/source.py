"""The code that a result depends on: a module and all of this package that it imports, hashed without comments and docstrings.

The hash is of the text that is left, not of what some Python makes of it: so it is the same with any version of Python.
"""

import ast
import hashlib
import tokenize
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1]
NAME: Final = PACKAGE.name
COMMON: Final = PACKAGE / "common"  # errors, progress, files: no number depends on them
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files_of(module: str) -> tuple[Path, ...]:
    """The file of a module and those of all modules that it imports, rooms' own files included; sorted.

    Args:
        module: as `landslide_nb.training.fold`.
    """
    files: set[Path] = set()
    waiting = [module]
    while waiting:
        for path in _files(waiting.pop()):
            if path not in files and COMMON not in path.parents:
                files.add(path)
                waiting += _imported(path)
    return tuple(sorted(files))


@cache
def code_of(module: str) -> str:
    """A hash of the code of `files_of(module)`; comments, docstrings and blank lines do not count."""
    digest = hashlib.sha256()
    for path in files_of(module):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\n{_code(path.read_text('utf-8'))}\n".encode())
    return digest.hexdigest()[:16]


def _files(module: str) -> list[Path]:
    """The file of a module, and those of the rooms on the way to it; nothing for a name inside a module."""
    parts = module.split(".")[1:]
    rooms = [PACKAGE.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [path for path in (*rooms, PACKAGE.joinpath(*parts).with_suffix(".py")) if path.is_file()]


def _imported(path: Path) -> list[str]:
    """What a file imports of this package, relative imports included; names inside modules among them."""
    here = (NAME, *path.relative_to(PACKAGE).parent.parts)
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = here[: len(here) - node.level + 1] if node.level else ()
            module = ".".join((*above, *((node.module,) if node.module else ())))
            if module.split(".")[0] == NAME:
                names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name.startswith(f"{NAME}.")]
    return names


def _code(text: str) -> str:
    """The lines of a source without docstrings, comments and blank ones."""
    lines = text.split("\n")
    for token in tokenize.generate_tokens(StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            for number in range(first.lineno, (first.end_lineno or first.lineno) + 1):
                lines[number - 1] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())
