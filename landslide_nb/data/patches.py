"""Patches: ids, pixels and labels; one HDF5 file holds them all."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslide_nb.common.errors import DataError
from landslide_nb.common.files import replacing
from landslide_nb.data.bands import BAND_NAMES

FORMAT = "landslide-nb patches 1"


@dataclass(frozen=True, eq=False)
class Patches:
    """A set of patches in memory.

    Attributes:
        ids: N distinct names.
        pixels: float32 `(N, 12, H, W)`, band order of `bands.BANDS`; finite.
        labels: int8 `(N,)`, 1 where a landslide is in the patch; None where nobody knows.
    """

    ids: tuple[str, ...]
    pixels: NDArray[np.float32]
    labels: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        """Check shapes, types and values, so that whoever holds `Patches` need not.

        Raises:
            DataError: if ids repeat, a shape is wrong, a pixel is not finite or a label is neither 0 nor 1.
        """
        n = len(self.ids)
        if len(set(self.ids)) != n:
            repeated = next(name for name in self.ids if self.ids.count(name) > 1)
            raise DataError(f"patch {repeated} stands twice among {n} ids; expected distinct ids")
        if any("/" in name or not name for name in self.ids):
            raise DataError(f"patch ids must be file names; {next(n for n in self.ids if '/' in n or not n)!r} is none")
        if self.pixels.ndim != 4 or self.pixels.shape[:2] != (n, len(BAND_NAMES)) or self.pixels.dtype != np.float32:
            expected = f"float32 ({n}, {len(BAND_NAMES)}, H, W)"
            raise DataError(f"pixels are {self.pixels.dtype} {self.pixels.shape}; expected {expected}")
        for name, patch in zip(self.ids, self.pixels, strict=True):
            check_finite(patch, f"patch {name}")
        if self.labels is not None:
            check_labels(self.ids, self.labels)

    def __len__(self) -> int:
        """The number of patches."""
        return len(self.ids)

    def take(self, indices: ArrayLike) -> Self:
        """The patches at `indices` (or where a mask is true), in that order."""
        given = np.asarray(indices)
        chosen = np.flatnonzero(given) if given.dtype == bool else given.astype(np.int64)
        labels = None if self.labels is None else self.labels[chosen]
        return type(self)(tuple(np.asarray(self.ids)[chosen].tolist()), self.pixels[chosen], labels)

    @property
    def known_labels(self) -> NDArray[np.int8]:
        """The labels, where there must be some.

        Raises:
            DataError: if the patches have none.
        """
        if self.labels is None:
            raise DataError(f"these {len(self)} patches have no labels; a training set is needed here")
        return self.labels

    @cached_property
    def fingerprint(self) -> str:
        """A hash of ids, pixels and labels that does not depend on the order of the patches."""
        labels = [None] * len(self) if self.labels is None else self.labels.tolist()
        return combine(map(digest, self.ids, self.pixels, labels))

    def write(self, path: str | Path, part: str = "train") -> None:
        """Write one HDF5 file with this as its only part; nothing is left behind if it fails."""
        write_parts(path, {part: Part(self.ids, self.labels, self.pixels)})

    @classmethod
    def read(cls, path: str | Path, part: str | None = None) -> Self:
        """Read a part of a file, by default its first ("train" before "test"), and check it against its fingerprint.

        Raises:
            DataError: if the file is missing, not one of ours, without that part, or damaged.
        """
        with opened(Path(path)) as file:
            parts = sorted(file, reverse=True)
            group = file.get(part or parts[0]) if parts else None
            if group is None:
                raise DataError(f"{path} has no part {part!r}; it has {', '.join(parts) or 'none'}")
            ids = tuple(name.decode() for name in group["ids"][()])
            labels = group["labels"][()] if "labels" in group else None
            patches = cls(ids, group["pixels"][()], labels)
            if patches.fingerprint != group.attrs["fingerprint"]:
                raise DataError(f"{path} is damaged: its patches do not match its fingerprint; write it again")
        return patches


class Part(NamedTuple):
    """What `write_parts` writes as one group.

    Attributes:
        ids: N distinct names.
        labels: int8 `(N,)` or None.
        pixels: N arrays float32 `(12, H, W)`, taken one after the other, so that they need not all be in memory.
        rows: the ids in the order, and as often, as the challenge's CSV lists them; None if that is `ids`.
    """

    ids: tuple[str, ...]
    labels: NDArray[np.int8] | None
    pixels: Iterable[NDArray[np.float32]]
    rows: tuple[str, ...] | None = None


def write_parts(path: str | Path, parts: Mapping[str, Part]) -> None:
    """Write the parts into one HDF5 file, patch by patch, under a temporary name that is renamed when all is written."""
    with replacing(Path(path)) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["bands"] = list(BAND_NAMES)
        for name, part in parts.items():
            _write_part(file.create_group(name), part)


def _write_part(group: h5py.Group, part: Part) -> None:
    labels = [None] * len(part.ids) if part.labels is None else part.labels.tolist()
    group["ids"] = np.array([name.encode() for name in part.ids], dtype=h5py.string_dtype())
    if part.rows is not None:
        group["rows"] = np.array([name.encode() for name in part.rows], dtype=h5py.string_dtype())
    if part.labels is not None:
        group["labels"] = part.labels
    digests, stored = [], None
    for i, (name, label, patch) in enumerate(zip(part.ids, labels, part.pixels, strict=True)):
        if stored is None:
            shape = (len(part.ids), *patch.shape)
            stored = group.create_dataset("pixels", shape, np.float32, chunks=(1, *patch.shape))
        stored[i] = patch
        digests.append(digest(name, patch, label))
    if stored is None:
        group.create_dataset("pixels", (0, len(BAND_NAMES), 1, 1), np.float32)
    group.attrs["fingerprint"] = combine(digests)


def read_rows(path: str | Path, part: str = "test") -> tuple[str, ...]:
    """The ids of a part in the order, and as often, as the challenge's CSV lists them."""
    with opened(Path(path)) as file:
        if part not in file:
            raise DataError(f"{path} has no part {part!r}; it has {', '.join(file) or 'none'}")
        group = file[part]
        return tuple(name.decode() for name in group["rows" if "rows" in group else "ids"][()])


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file of ours, read-only; anything wrong with it becomes a `DataError`."""
    if not path.is_file():
        raise DataError(f"{path} does not exist; `landslide-nb convert FOLDER {path.name}` makes one")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise DataError(f"{path} is not a file of 12-band patches written by `landslide-nb convert`")
            if (bands := tuple(file.attrs["bands"])) != BAND_NAMES:
                raise DataError(f"{path} has the bands {', '.join(bands)}; expected {', '.join(BAND_NAMES)}")
            yield file
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read as HDF5 patches ({error}); write it again") from error


def digest(name: str, patch: NDArray[np.float32], label: int | None) -> bytes:
    """The hash of one patch with its id and label."""
    head = f"{name}|{label}|{patch.shape}|".encode()
    return hashlib.sha256(head + np.ascontiguousarray(patch).tobytes()).digest()


def combine(digests: Iterable[bytes]) -> str:
    """One hash of many, whatever their order."""
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:16]


def check_finite(patch: NDArray[np.floating], where: str) -> None:
    """Raise `DataError` naming `where`, the band and the pixel if a value is NaN or infinite; `patch` is `(12, H, W)`."""
    if not np.isfinite(patch).all():
        band, row, column = np.argwhere(~np.isfinite(patch))[0]
        value = patch[band, row, column]
        raise DataError(
            f"{where}: {value} in band {BAND_NAMES[band]} at row {row}, column {column}; expected finite values"
        )


def check_labels(ids: tuple[str, ...], labels: NDArray[np.int8]) -> None:
    """Raise `DataError` if there is not one label, 0 or 1, for each id."""
    if labels.shape != (len(ids),) or labels.dtype != np.int8:
        raise DataError(f"labels are {labels.dtype} {labels.shape}; expected int8 ({len(ids)},)")
    wrong = np.flatnonzero((labels != 0) & (labels != 1))
    if wrong.size:
        raise DataError(f"patch {ids[wrong[0]]} has label {labels[wrong[0]]}; expected 0 or 1")
