"""The one cache: what is dear to compute is kept in the store under the hash of all that determines it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from landslide_nb.common.files import replacing
from landslide_nb.common.store import store

Arrays = Mapping[str, NDArray[Any]]


def key_of(**parts: object) -> str:
    """The hash of some values by name: the same values give the same key on any machine.

    Args:
        parts: arrays count by type, shape and bytes; bytes as they are; all else as JSON.
    """
    digest = hashlib.sha256()
    for name, value in sorted(parts.items()):
        digest.update(f"{name}:".encode())
        if isinstance(value, np.ndarray):
            digest.update(f"{value.dtype.str}{value.shape}".encode())
            digest.update(np.ascontiguousarray(value).data)
        else:
            digest.update(value if isinstance(value, bytes) else json.dumps(value, sort_keys=True).encode())
        digest.update(b"\n")
    return digest.hexdigest()[:20]


def path_of(kind: str, key: str, suffix: str) -> Path:
    """Where a result is kept, or will be."""
    return store() / kind / f"{key}{suffix}"


def kept_arrays(
    kind: str, key: str, make: Callable[[], Arrays], fits: Callable[[Arrays], bool] = lambda arrays: True
) -> dict[str, NDArray[Any]]:
    """The arrays under a key: read, or made and written; a file that is damaged, or not what it should be, is made again.

    Args:
        kind: what they are; a folder of the store.
        key: as `key_of` gives it.
        make: computes them.
        fits: whether what was read can be what `make` gives.
    """
    path = path_of(kind, key, ".npz")
    arrays = _read(path)
    if arrays is None or not fits(arrays):
        arrays = {name: np.asarray(value) for name, value in make().items()}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    return arrays


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    """What is kept there; None if there is nothing, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
