"""The same pixels under two IDs: one patch that counts twice, and leaks where it is on both sides of a split."""

import hashlib
import warnings
from collections.abc import Iterable
from multiprocessing import parent_process

import numpy as np

from landslide_nb.common.arrays import Labels, Pixels
from landslide_nb.common.errors import DataError, DataWarning


class Copies:
    """Patches by the hash of their pixels, as they come by. Those that are constant in every band are alike without being copies."""

    def __init__(self) -> None:
        self._first: dict[bytes, tuple[str, int | None]] = {}
        self._pairs: list[tuple[str, str]] = []

    def add(self, name: str, patch: Pixels, label: int | None) -> None:
        """Take note of one patch `(C, H, W)`.

        Raises:
            DataError: if another with the same pixels has the other label.
        """
        if (patch == patch[:, :1, :1]).all():
            return
        key = hashlib.sha256(f"{patch.shape}".encode() + np.ascontiguousarray(patch).tobytes()).digest()
        first, known = self._first.setdefault(key, (name, label))
        if first == name:
            return
        if None not in (known, label) and known != label:
            raise DataError(
                f"{first} has label {known} and {name} label {label}, and their pixels are the same; keep one"
            )
        self._pairs.append((first, name))

    @property
    def note(self) -> str | None:
        """What a user has to know, in a sentence; None where there are no copies."""
        if not self._pairs:
            return None
        (first, second), count = self._pairs[0], len(self._pairs)
        return (
            f"{first} and {second} have the same pixels under two IDs ({count} such): such a patch counts twice, and is known to a"
            " model that is scored on its copy; keep one of each"
        )


def warn_of_copies(ids: Iterable[str], pixels: Iterable[Pixels], labels: Labels | None) -> None:
    """Warn of copies among patches that were read; a process that trains beside others leaves it to the one that began them.

    Raises:
        DataError: if two with the same pixels have two labels.
    """
    copies = Copies()
    for place, (name, patch) in enumerate(zip(ids, pixels, strict=True)):
        copies.add(name, patch, None if labels is None else int(labels[place]))
    if copies.note and parent_process() is None:
        warnings.warn(copies.note, DataWarning, stacklevel=2)
