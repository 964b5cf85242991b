"""The code and the libraries that a run depends on; the runs' keys and the Snakefile have it from here."""

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from landslide_nb.common.source import code_of, files_of

TRAINING: Final = "landslide_nb.training.fold"  # a change there, or in what it imports, makes new runs
LIBRARIES: Final = ("numpy", "scikit-learn", "torch", "accelerate", "timm", "kornia", "segmentation-models-pytorch")


def training_files() -> tuple[Path, ...]:
    """The files of this package that a run's numbers come from."""
    return files_of(TRAINING)


@cache
def code_version() -> dict[str, str]:
    """A hash of the code that runs depend on, and the versions of the libraries that do the work."""
    return {"code": code_of(TRAINING)} | {name: public_version(name) for name in LIBRARIES}


def public_version(library: str) -> str:
    """The version of a library without its build: torch for a GPU (`2.14.1+cu130`) and for a CPU are of one version."""
    return version(library).partition("+")[0]
