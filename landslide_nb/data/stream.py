"""Patches one batch after another, however many there are: of a challenge folder, a folder of `.npy` files, or an HDF5 file."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from landslide_nb.common.errors import DataError, NodataError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.hdf5 import beside_in, data_set_of, opened, read_rows
from landslide_nb.data.patches import beside_of, check_pixels, combine, digest
from landslide_nb.data.reader import Reader
from landslide_nb.data.sources import zindi
from landslide_nb.data.tables import absent

T = TypeVar("T")


class Batch(NamedTuple):
    """Some patches of a stream.

    Attributes:
        ids: n names.
        pixels: float32 `(n, C, H, W)`, in memory that the batch after the next one is read into; laid out as the source is.
            Those of patches with a fault, or without data, mean nothing.
        faults: a sentence on each patch that is not as it should be, by its place in the batch.
        nodata: the places of patches that have the value which stands for no data.
    """

    ids: tuple[str, ...]
    pixels: NDArray[np.float32]
    faults: Mapping[int, str]
    nodata: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Folder:
    """Patches in `.npy` files.

    Attributes:
        rows: ids in the order, and as often, as they are asked for.
        files: where each is.
        listed_in: what asks for them.
        data_set: what they are expected to be.
        nodata: the value that stands for no data; None where nobody said one.
    """

    rows: tuple[str, ...]
    files: Mapping[str, Path]
    listed_in: Path
    data_set: DataSet
    nodata: float | None = None

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The distinct ids, in order."""
        return tuple(dict.fromkeys(self.rows))

    def batches(self, size: int) -> Iterator[Batch]:
        """All patches, `size` at a time, each id once."""
        read = Reader(self.data_set, self.nodata)
        for ids, memory in _buffers(self.ids, size, zindi.file_shape(self.data_set)):
            pixels = memory.transpose(0, 3, 1, 2)  # a view: channels last, as files and networks have them
            yield _checked(ids, pixels, lambda name, patch: read(self._path(name), patch))

    def _path(self, name: str) -> Path:
        if path := self.files.get(name):
            return path
        raise absent(name, self.files, self.listed_in)


@dataclass(frozen=True, eq=False)
class Archive:
    """Patches in an HDF5 file, written by `landslide-nb convert`.

    Attributes:
        rows: ids in the order, and as often, as they are asked for.
        path: of the file.
        part: "test", or another where there is no such.
        data_set: what it holds.
        nodata: the value that stands for no data; None where nobody said one.
    """

    rows: tuple[str, ...]
    path: Path
    part: str
    data_set: DataSet
    nodata: float | None = None

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The distinct ids, in the file's order."""
        with opened(self.path) as file:
            return tuple(name.decode() for name in file[self.part]["ids"][()])

    def batches(self, size: int) -> Iterator[Batch]:
        """All patches, `size` at a time.

        Raises:
            DataError: if patches are of another shape; after the last one, if they do not match the file's fingerprint.
        """
        digests: list[bytes] = []
        with opened(self.path) as file:
            group = file[self.part]
            stored = group["pixels"]
            shape = self.data_set.shape
            if stored.shape != (len(self.ids), *shape):
                raise DataError(f"{self.path} holds patches of shape {stored.shape[1:]}; expected {shape}")
            labels = group["labels"][()].tolist() if "labels" in group else [None] * len(self.ids)
            beside = beside_in(group)
            for ids, pixels in _buffers(self.ids, size, shape):
                start = len(digests)
                stored.read_direct(pixels, np.s_[start : start + len(ids)])
                more = (beside_of(*beside, place) for place in range(start, start + len(ids)))
                digests += map(digest, ids, pixels, labels[start:], more)
                yield _checked(ids, pixels, self._check)
            if combine(digests) != group.attrs["fingerprint"]:
                raise DataError(f"{self.path} is damaged: its patches do not match its fingerprint; write it again")

    def _check(self, name: str, patch: NDArray[np.float32]) -> None:
        check_pixels(patch, f"{self.path}, patch {name}", self.data_set.bands, self.nodata)


Stream = Folder | Archive


def _checked(
    ids: tuple[str, ...], pixels: NDArray[np.float32], check: Callable[[str, NDArray[np.float32]], None]
) -> Batch:
    """A batch of which each patch was read or checked, by its id and pixels."""
    faults, nodata = dict[int, str](), set[int]()
    for place, (name, patch) in enumerate(zip(ids, pixels, strict=True)):
        try:
            check(name, patch)
        except NodataError:
            nodata.add(place)
        except DataError as error:
            faults[place] = str(error)
    return Batch(ids, pixels, faults, frozenset(nodata))


def find(source: str | Path, data_set: DataSet = CHALLENGE, nodata: float | None = None) -> Stream:
    """The patches that a path means.

    Args:
        source: a folder with Test.csv, whose patches are taken in its order; a folder of `.npy` files without any list, which are
            taken by name; or an HDF5 file, whose test part is taken, or its labelled one if it has no other.
        data_set: what patches are expected, of which bands and size.
        nodata: the value that stands for no data; patches that have it are told apart from those that are wrong.

    Raises:
        DataError: if it is none of these, or a file of other bands or another size.
    """
    source = Path(source)
    if source.is_dir():
        return _folder(source, data_set, nodata)
    with opened(source) as file:
        parts, own_data_set = [str(name) for name in file], data_set_of(file)
    if own_data_set.bands != data_set.bands or own_data_set.patch_size != data_set.patch_size:
        raise DataError(f"{source} holds {_described(own_data_set)}; expected {_described(data_set)}")
    if not parts:
        raise DataError(f"{source} holds no patches; expected a part `test` or `train`")
    part = "test" if "test" in parts else parts[0]
    return Archive(read_rows(source, part), source, part, own_data_set, nodata)


def _described(data_set: DataSet) -> str:
    bands = ", ".join(f"{band.name} ({band.unit})" for band in data_set.bands.bands)
    return f"patches of {data_set.patch_size} pixels with the bands {bands}"


def _folder(folder: Path, data_set: DataSet, nodata: float | None) -> Folder:
    files, listed = zindi.files(folder), folder / "Test.csv"
    if listed.is_file():
        if not (rows := zindi.read_ids(listed)):
            raise DataError(f"{listed} lists no patches; expected a row for each that is to be predicted")
        return Folder(rows, files, listed, data_set, nodata)
    if (folder / "Train.csv").is_file():
        raise DataError(
            f"{folder} has Train.csv and no Test.csv, which would say what to predict; write one (a column ID), or name"
            " the folder below it that holds the .npy files"
        )
    if not files:
        raise DataError(f"{folder} holds no .npy files; expected one for each patch, or Test.csv and the patches")
    return Folder(tuple(sorted(files)), files, folder, data_set, nodata)


def _buffers(
    ids: tuple[str, ...], size: int, shape: tuple[int, int, int]
) -> Iterator[tuple[tuple[str, ...], NDArray[np.float32]]]:
    """Ids, `size` at a time, and memory for their pixels: two pieces of it in turn, since new memory costs as much as reading."""
    memory = cycle([np.empty((min(size, len(ids)), *shape), np.float32) for _ in range(2)])
    for start, pixels in zip(range(0, len(ids), size), memory, strict=False):
        some = ids[start : start + size]
        yield some, pixels[: len(some)]


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each made by a thread while the one before it is worked on."""
    done = object()
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, items, done)
        while (item := following.result()) is not done:
            following = pool.submit(next, items, done)
            yield item  # type: ignore[misc]
