"""Damage to the files of a kept run, as a full disk, a power cut or a broken copy leaves it; seen without reading them whole."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile

from safetensors import SafetensorError, safe_open

ARRAYS: Final = ("log_odds", "best_log_odds", "embeddings", "first", "second", "weight", "centre", "scale")
# What the libraries raise for a file that is not whole, or not what it should be.
DAMAGE: Final = (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, SafetensorError)


def damaged_file(folder: Path, whole: bool = False) -> str | None:
    """The name of the first file of a run that cannot be what was written; None if all can be.

    Args:
        folder: of the run.
        whole: whether to read all of the arrays too, against their checksums.

    Raises:
        PermissionError: if a file may not be read, which is no damage.
    """
    for name, look in LOOKS.items():
        try:
            look(folder / name)
            if whole and name.endswith(".npz"):
                _compare(folder / name)
        except PermissionError:
            raise
        except DAMAGE:
            return name
    return None


def is_archive(path: Path) -> bool:
    """Whether a checkpoint has its end, where the list of its parts is."""
    try:
        _names(path)
    except DAMAGE:
        return False
    return True


def _record(path: Path) -> None:
    float(json.loads(path.read_text("utf-8"))["run_seconds"])


def _history(path: Path) -> None:
    """Every epoch has a line, and the last one an end."""
    lines = path.read_text("utf-8").split("\n")
    epochs = json.loads((path.parent / "run.json").read_text("utf-8")).get("epochs", len(lines) - 2)
    if "validation_f1" not in lines[0] or len(lines) - 2 != epochs or lines[-1]:
        raise ValueError(path)


def _arrays(path: Path) -> None:
    if not {f"{name}.npy" for name in ARRAYS} <= _names(path):
        raise ValueError(path)


def _compare(path: Path) -> None:
    with ZipFile(path) as archive:
        if archive.testzip():
            raise BadZipFile(path)


def _names(path: Path) -> set[str]:
    with ZipFile(path) as archive:
        return set(archive.namelist())


def _weights(path: Path) -> None:
    with safe_open(path, "numpy"):  # compares what is listed at the file's start with its size
        pass


LOOKS: Final[dict[str, Callable[[Path], None]]] = {
    "run.json": _record,
    "history.csv": _history,
    "arrays.npz": _arrays,
    "last.safetensors": _weights,
    "best.safetensors": _weights,
}
