"""One HDF5 file for all patches of a data set, which travels with them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import h5py
import numpy as np
from pydantic import ValidationError

from landslide_nb.common.arrays import Labels, Pixels
from landslide_nb.common.errors import DataError, unreadable
from landslide_nb.common.files import PatientFile, replacing
from landslide_nb.common.progress import Report, followed
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.copies import Copies, warn_of_copies
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.patches import Masks, Names, Patches, beside_of, combine, digest

FORMAT: Final = "landslide-nb patches 2"
FIRST_FORMAT: Final = "landslide-nb patches 1"  # of the challenge only


class Part(NamedTuple):
    """What `write_parts` writes as one group.

    Attributes:
        ids: N distinct names.
        labels: int8 `(N,)` or None.
        pixels: N arrays float32 `(C, H, W)`, taken one after the other, so that they need not all be in memory.
        rows: the ids in the order, and as often, as the challenge's CSV lists them; None if that is `ids`.
        groups: `(N,)`, as `Patches` has them, or None.
        regions: likewise.
        masks: likewise, `(N, H, W)`.
    """

    ids: tuple[str, ...]
    labels: Labels | None
    pixels: Iterable[Pixels]
    rows: tuple[str, ...] | None = None
    groups: Names | None = None
    regions: Names | None = None
    masks: Masks | None = None

    @classmethod
    def of(cls, patches: Patches) -> "Part":
        """Patches in memory as a part."""
        beside = (patches.groups, patches.regions, patches.masks)
        return cls(patches.ids, patches.labels, patches.pixels, None, *beside)

    def patches(self, data_set: DataSet) -> Patches:
        """The part in memory; its pixels are used up."""
        pixels = np.empty((len(self.ids), *data_set.shape), np.float32)
        for place, patch in zip(range(len(self.ids)), self.pixels, strict=True):
            pixels[place] = patch
        warn_of_copies(self.ids, pixels, self.labels)
        return Patches(self.ids, pixels, self.labels, data_set, self.groups, self.regions, self.masks)


def write_parts(
    path: str | Path, data_set: DataSet, parts: Mapping[str, Part], report: Report | None = None
) -> tuple[str, ...]:
    """Write the parts into one HDF5 file, patch by patch, under a temporary name that is renamed when all is written.

    Returns:
        What a user has to know of them: patches that are copies of others.

    Raises:
        DataError: if patches with the same pixels have two labels.
    """
    copies = Copies()
    with replacing(Path(path)) as temporary, PatientFile(temporary, "w+") as stream, h5py.File(stream, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["data_set"] = data_set.to_json()
        for name, part in parts.items():
            pixels = stream.watched(followed(part.pixels, len(part.ids), name, report))
            _write_part(file.create_group(name), part._replace(pixels=pixels), data_set, copies)
    return (copies.note,) if copies.note else ()


def _write_part(group: h5py.Group, part: Part, data_set: DataSet, copies: Copies) -> None:
    labels = [None] * len(part.ids) if part.labels is None else part.labels.tolist()
    for name, texts in {"ids": part.ids, "rows": part.rows, "groups": part.groups, "regions": part.regions}.items():
        if texts is not None:
            group[name] = np.array([str(text).encode() for text in texts], dtype=h5py.string_dtype())
    if part.labels is not None:
        group["labels"] = part.labels
    if part.masks is not None:
        group.create_dataset("masks", data=part.masks, compression="gzip", compression_opts=4)
    digests, stored = [], None
    for i, (name, label, patch) in enumerate(zip(part.ids, labels, part.pixels, strict=True)):
        if stored is None:
            shape = (len(part.ids), *patch.shape)
            stored = group.create_dataset("pixels", shape, np.float32, chunks=(1, *patch.shape))
        copies.add(name, patch, label)
        stored[i] = patch
        digests.append(digest(name, patch, label, beside_of(part.groups, part.regions, part.masks, i)))
    if stored is None:
        group.create_dataset("pixels", (0, len(data_set.bands), 1, 1), np.float32)
    group.attrs["fingerprint"] = combine(digests)


def read(path: str | Path, part: str | None = None) -> Patches:
    """Read a part of a file, by default its first ("train" before "test"), and check it against its fingerprint.

    Raises:
        DataError: if the file is missing, not one of ours, without that part, or damaged.
    """
    with opened(Path(path)) as file:
        parts = sorted(file, reverse=True)
        group = file.get(part or parts[0]) if parts else None
        if group is None:
            raise DataError(f"{path} has no part {part!r}; it has {', '.join(parts) or 'none'}")
        labels = group["labels"][()] if "labels" in group else None
        patches = Patches(_texts(group, "ids"), group["pixels"][()], labels, data_set_of(file), *beside_in(group))
        if patches.fingerprint != group.attrs["fingerprint"]:
            raise DataError(f"{path} is damaged: its patches do not match its fingerprint; write it again")
    warn_of_copies(patches.ids, patches.pixels, patches.labels)
    return patches


def read_data_set(path: str | Path) -> DataSet:
    """The data set that a file is of, without its patches."""
    with opened(Path(path)) as file:
        return data_set_of(file)


def read_fingerprint(path: str | Path) -> str:
    """The fingerprint of the part that `read` reads by default."""
    with opened(Path(path)) as file:
        return str(file[sorted(file, reverse=True)[0]].attrs["fingerprint"])


def read_labels(path: str | Path) -> Labels:
    """The labels of the part that `read` reads by default, without its pixels; none of an unlabelled part."""
    with opened(Path(path)) as file:
        group = file[sorted(file, reverse=True)[0]]
        return np.asarray(group["labels"][()] if "labels" in group else [], np.int8)


def read_rows(path: str | Path, part: str = "test") -> tuple[str, ...]:
    """The ids of a part in the order, and as often, as the challenge's CSV lists them."""
    with opened(Path(path)) as file:
        if part not in file:
            raise DataError(f"{path} has no part {part!r}; it has {', '.join(file) or 'none'}")
        group = file[part]
        return _texts(group, "rows" if "rows" in group else "ids")


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file of ours, read-only; anything wrong with it becomes a `DataError`."""
    if not path.is_file():
        raise DataError(f"{path} does not exist; `landslide-nb convert FOLDER {path.name}` makes one")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") not in (FORMAT, FIRST_FORMAT):
                raise DataError(f"{path} is not a file of patches written by `landslide-nb convert`")
            yield file
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read as HDF5 patches ({error}); write it again") from error


def data_set_of(file: h5py.File) -> DataSet:
    """The data set of an open file; one of the first format is of the challenge.

    Raises:
        DataError: if it does not say, or a file of the first format has other bands than the challenge.
    """
    if file.attrs["format"] == FORMAT:
        try:
            return DataSet.from_json(file.attrs["data_set"])
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            raise DataError(f"{file.filename} does not say what its patches are ({message}); write it again") from error
    if (bands := tuple(file.attrs["bands"])) != CHALLENGE.bands.names:
        raise DataError(
            f"{file.filename} has the bands {', '.join(bands)}; expected {', '.join(CHALLENGE.bands.names)}"
        )
    return CHALLENGE


def beside_in(group: h5py.Group) -> tuple[Names | None, Names | None, Masks | None]:
    """Groups, regions and masks of a part, where it has them."""
    groups, regions = (np.array(_texts(group, name)) if name in group else None for name in ("groups", "regions"))
    return groups, regions, group["masks"][()] if "masks" in group else None


def _texts(group: h5py.Group, name: str) -> tuple[str, ...]:
    return tuple(text.decode() for text in group[name][()])
