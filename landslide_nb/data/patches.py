"""Patches: ids, pixels, labels and what belongs to them, in memory. `hdf5` keeps them in one file."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslide_nb.common.arrays import Labels, Pixels
from landslide_nb.common.errors import DataError, NodataError
from landslide_nb.data.bands import PLAUSIBLE, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet

Names = NDArray[np.str_]  # (N,)
Masks = NDArray[np.uint8]  # (N, H, W), 1 where a landslide is
USUAL: Final = (-9999.0, -32768.0)  # what most often stands for no data


@dataclass(frozen=True, eq=False)
class Patches:
    """A set of N patches in memory.

    Attributes:
        ids: N distinct names.
        pixels: float32 `(N, C, H, W)`, in the order of the data set's bands; plausible in their units, as `bands.PLAUSIBLE` has them.
        labels: int8 `(N,)`, 1 where a landslide is in the patch; None where nobody knows.
        data_set: what the bands are, and whom to credit; the challenge's by default.
        groups: `(N,)`, the name of the block of ground that each is of, which no split cuts; None where every patch stands alone.
        regions: `(N,)`, the name of the region or event; None where nobody knows.
        masks: uint8 `(N, H, W)`, 1 where a landslide is; None where nobody knows.
    """

    ids: tuple[str, ...]
    pixels: Pixels
    labels: Labels | None = None
    data_set: DataSet = CHALLENGE
    groups: Names | None = None
    regions: Names | None = None
    masks: Masks | None = None

    def __post_init__(self) -> None:
        """Check shapes, types and values, so that whoever holds `Patches` need not.

        Raises:
            DataError: if ids repeat, a shape is wrong, a pixel cannot have been measured or a label is neither 0 nor 1.
        """
        check_ids(self.ids)
        n, bands = len(self.ids), self.data_set.bands
        if self.pixels.ndim != 4 or self.pixels.shape[:2] != (n, len(bands)) or self.pixels.dtype != np.float32:
            expected = f"float32 ({n}, {len(bands)}, H, W)"
            raise DataError(f"pixels are {self.pixels.dtype} {self.pixels.shape}; expected {expected}")
        for name, patch in zip(self.ids, self.pixels, strict=True):
            check_pixels(patch, f"patch {name}", bands)
        if self.labels is not None:
            check_labels(self.ids, self.labels)
        for what, names in (("groups", self.groups), ("regions", self.regions)):
            if names is not None and names.shape != (n,):
                raise DataError(f"{what} have the shape {names.shape}; expected ({n},), a name for each patch")
        if self.masks is not None and self.masks.shape != (n, *self.pixels.shape[2:]):
            raise DataError(f"masks have the shape {self.masks.shape}; expected {(n, *self.pixels.shape[2:])}")

    def __len__(self) -> int:
        """The number of patches."""
        return len(self.ids)

    def take(self, indices: ArrayLike) -> Self:
        """The patches at `indices` (or where a mask is true), in that order."""
        selection = np.asarray(indices)
        chosen = np.flatnonzero(selection) if selection.dtype == bool else selection.astype(np.int64)
        taken: dict[str, Any] = {name: getattr(self, name) for name in ("labels", "groups", "regions", "masks")}
        taken = {name: values if values is None else values[chosen] for name, values in taken.items()}
        return replace(self, ids=tuple(np.asarray(self.ids)[chosen].tolist()), pixels=self.pixels[chosen], **taken)

    @property
    def known_labels(self) -> Labels:
        """The labels, where there must be some.

        Raises:
            DataError: if the patches have none.
        """
        if self.labels is None:
            raise DataError(f"these {len(self)} patches have no labels; a training set is needed here")
        return self.labels

    @cached_property
    def fingerprint(self) -> str:
        """A hash of ids, pixels, labels, groups, regions and masks that does not depend on the order of the patches."""
        labels = [None] * len(self) if self.labels is None else self.labels.tolist()
        beside = (beside_of(self.groups, self.regions, self.masks, place) for place in range(len(self)))
        return combine(map(digest, self.ids, self.pixels, labels, beside))

    def write(self, path: str | Path, part: str = "train") -> None:
        """Write one HDF5 file with this as its only part; nothing is left behind if it fails."""
        from landslide_nb.data import hdf5  # noqa: PLC0415 - it needs this module

        hdf5.write_parts(path, self.data_set, {part: hdf5.Part.of(self)})

    @classmethod
    def read(cls, path: str | Path, part: str | None = None) -> "Patches":
        """Read a part of a file, by default its first ("train" before "test"), and check it against its fingerprint.

        Raises:
            DataError: if the file is missing, not one of ours, without that part, or damaged.
        """
        from landslide_nb.data import hdf5  # noqa: PLC0415

        return hdf5.read(path, part)


def digest(name: str, patch: Pixels, label: int | None, beside: bytes = b"") -> bytes:
    """The hash of one patch with its id and label, and with what else belongs to it."""
    head = f"{name}|{label}|{patch.shape}|".encode()
    return hashlib.sha256(head + np.ascontiguousarray(patch).tobytes() + beside).digest()


def beside_of(groups: Names | None, regions: Names | None, masks: Masks | None, place: int) -> bytes:
    """Group, region and mask of a patch as bytes; nothing of what it does not have."""
    named = (f"|{what}={names[place]}" for what, names in (("group", groups), ("region", regions)) if names is not None)
    return "".join(named).encode() + (b"" if masks is None else np.packbits(masks[place] > 0).tobytes())


def combine(digests: Iterable[bytes]) -> str:
    """One hash of many, whatever their order."""
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:16]


def check_ids(ids: tuple[str, ...]) -> None:
    """Raise `DataError` if an id stands twice, or could not name a file."""
    if len(set(ids)) != len(ids):
        repeated = next(name for name in ids if ids.count(name) > 1)
        raise DataError(f"patch {repeated} stands twice among {len(ids)} ids; expected distinct ids")
    if any("/" in name or not name for name in ids):
        raise DataError(f"patch ids must be file names; {next(n for n in ids if '/' in n or not n)!r} is none")


def is_plausible(patch: NDArray[np.floating], bands: BandSet) -> bool:
    """Whether every value of `(C, H, W)` can have been measured; NaN cannot."""
    low, high = bands.plausible
    if patch.strides[0] < patch.strides[2]:  # bands last, as in files: thirty times as fast row by row
        lowest, highest = patch.min(1).min(1), patch.max(1).max(1)
    else:
        lowest, highest = patch.min((1, 2)), patch.max((1, 2))
    within = (lowest >= low) & (highest <= high)  # of NaN, neither is true
    return bool(within.all()) and not _missing(patch, bands).any()


def has_value(patch: NDArray[np.floating], value: float) -> bool:
    """Whether a pixel has a value, up to what printing or resampling it leaves of its digits."""
    return bool(np.isclose(patch.astype(np.float64), np.float64(value), rtol=1e-5, atol=0, equal_nan=True).any())


def check_pixels(patch: NDArray[np.floating], where: str, bands: BandSet, nodata: float | None = None) -> None:
    """Check that every value can have been measured.

    Args:
        patch: `(C, H, W)`.
        where: the file, or the patch.
        bands: of the patch.
        nodata: what the user said stands for no data.

    Raises:
        NodataError: if a pixel has that value.
        DataError: naming the band, the pixel and the value, if one is NaN, infinite or not plausible.
    """
    if nodata is not None and has_value(patch, nodata):
        raise NodataError(f"{where} has pixels without data ({nodata:g})")
    if is_plausible(patch, bands):
        return
    low, high = (np.array(limits)[:, None, None] for limits in bands.plausible)
    wrong = ~((patch >= low) & (patch <= high)) | _missing(patch, bands)
    place, row, column = np.argwhere(wrong)[0]
    band, value = bands.bands[place], patch[place, row, column]
    finite = f"{band.unit} from {band.plausible[0]:g} to {band.plausible[1]:g}: nodata, or another unit?"
    expected = finite if np.isfinite(value) else "finite values: nodata?"
    raise DataError(
        f"{where}: {value!s} in band {band.name} at row {row}, column {column}; expected {expected}"
        f" (`--nodata {value!s}` of `convert` and `predict` leaves such patches out)"
    )


def _missing(patch: NDArray[np.floating], bands: BandSet) -> NDArray[np.bool_]:
    """Where a band of a unit that is not known has a value that nearly always stands for no data; `(C, 1, 1)` if there is no such."""
    unknown = np.array([band.unit not in PLAUSIBLE for band in bands.bands])[:, None, None]
    return unknown & np.isin(patch, USUAL) if unknown.any() else unknown


def check_labels(ids: tuple[str, ...], labels: Labels) -> None:
    """Raise `DataError` if there is not one label, 0 or 1, for each id."""
    if labels.shape != (len(ids),) or labels.dtype != np.int8:
        raise DataError(f"labels are {labels.dtype} {labels.shape}; expected int8 ({len(ids)},)")
    wrong = np.flatnonzero((labels != 0) & (labels != 1))
    if wrong.size:
        raise DataError(f"patch {ids[wrong[0]]} has label {labels[wrong[0]]}; expected 0 or 1")
