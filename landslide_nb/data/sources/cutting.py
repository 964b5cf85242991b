"""Images with masks become patches: where they are cut, which label each has, what groups and regions they belong to.

A first pass over the masks decides which patches there are; a second reads the images, one after the other.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landslide_nb.common.arrays import Indices, Labels, Pixels
from landslide_nb.common.errors import DataError, NodataError
from landslide_nb.common.progress import Report, followed
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.hdf5 import Part
from landslide_nb.data.patches import check_pixels
from landslide_nb.data.sources.groups import group_of, region_of
from landslide_nb.data.sources.options import Found, Options, without_data
from landslide_nb.data.sources.pairs import Pair
from landslide_nb.data.sources.rasters import read_image, read_mask

Mask = NDArray[np.bool_]  # (H, W), of an image or of a patch


class Square(NamedTuple):
    """A patch before its pixels are read.

    Attributes:
        place: the position of its image.
        row: of its upper left pixel.
        column: of its upper left pixel.
        label: 1 or 0; None in between.
        mask: where a landslide is.
    """

    place: int
    row: int
    column: int
    label: int | None
    mask: Mask


@dataclass(frozen=True)
class Images:
    """The images of a data set, whose masks were read before.

    Attributes:
        pairs: images and masks.
        sides: height and width of each mask.
        data_set: what the patches are.
        options: how to cut them.
        units: as `read_image` takes them.
    """

    pairs: Sequence[Pair]
    sides: list[tuple[int, int]]
    data_set: DataSet
    options: Options
    units: tuple[str, ...]

    def pixels(self, squares: Sequence[Square]) -> Iterator[Pixels]:
        """The pixels of these squares. Images that have none are read, too: a fault does not depend on the seed."""
        size = self.options.patch
        wanted = {place: list(some) for place, some in groupby(squares, lambda square: square.place)}
        for place, pair in enumerate(self.pairs):
            pixels = self._image(pair, self.sides[place])
            if self.options.nodata is None:
                check_pixels(pixels, str(pair.image), self.data_set.bands)
            for square in wanted.get(place, ()):
                yield pixels[:, square.row : square.row + size, square.column : square.column + size].copy()

    def complete(self, squares: Sequence[Square]) -> list[Square]:
        """Those squares in which no pixel has the value that stands for no data; the images are read once more for it."""
        if self.options.nodata is None:
            return list(squares)
        complete = []
        for square, pixels in zip(squares, self.pixels(squares), strict=True):
            where = f"{self.pairs[square.place].image}, patch from row {square.row}, column {square.column}"
            try:
                check_pixels(pixels, where, self.data_set.bands, self.options.nodata)
            except NodataError:
                continue
            complete.append(square)
        return complete

    def _image(self, pair: Pair, shape: tuple[int, int]) -> NDArray[np.float32]:
        """An image as float32 `(C, H, W)`, of the same shape as its mask; its values are not checked."""
        key = self.options.keys[0] if self.options.keys else None
        image = read_image(pair.image, len(self.data_set.bands), self.units, key, self.options.nodata)
        if image.shape[:2] != shape:
            raise DataError(f"{pair.image} has {_by(image.shape)} pixels, its mask {_by(shape)}; expected the same")
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is refused
            return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)


def cut_into_patches(
    pairs: Sequence[Pair], data_set: DataSet, options: Options, units: tuple[str, ...], report: Report | None = None
) -> Found:
    """The part "train" of images with masks, in the order of the pairs, then of rows and columns.

    Args:
        pairs: images and masks.
        data_set: what the patches are.
        options: how to cut, label, thin and group.
        units: as `read_image` takes them.
        report: takes a line of progress now and then.

    Raises:
        DataError: if a mask is bad, smaller than a patch, or no patch is left; of images, when their pixels are taken.
    """
    sides, squares = _survey(pairs, options, report)
    known = [square for square in squares if square.label is not None]
    if not known:
        raise DataError(f"no patch is left of {len(squares)}: each has some landslide, and less than --positive-share")
    images = Images(pairs, sides, data_set, options, units)
    complete = images.complete(known)
    empty, known = len(known) - len(complete), complete
    if not known:
        raise DataError(f"each of {empty} patches has pixels without data ({options.nodata:g})")
    ids = [f"{pairs[square.place].image.stem}-r{square.row}-c{square.column}" for square in known]
    labels = np.array([square.label for square in known], np.int8)
    chosen = thin(ids, labels, options.positive_rate, options.seed)
    selected, homes = [known[i] for i in chosen], [pairs[known[i].place] for i in chosen]
    part = Part(
        ids=tuple(ids[i] for i in chosen),
        labels=labels[chosen],
        pixels=images.pixels(selected),
        groups=np.array([group_of(pair, options.block, options.regions) for pair in homes]),
        regions=np.array([region_of(pair, options.regions) for pair in homes]) if options.regions else None,
        masks=np.array([square.mask for square in selected]).astype(np.uint8),
    )
    left_out = {"between": len(squares) - len(known) - empty, "thinned": len(known) - len(selected), "empty": empty}
    return Found({"train": part}, tuple(_notes(options, sides, labels[chosen], **left_out)))


def corners(height: int, width: int, size: int) -> list[tuple[int, int]]:
    """The upper left pixels of the whole squares in an image, row by row; what is left at the right and bottom is not used."""
    rows, columns = (range(0, side - size + 1, size) for side in (height, width))
    return [(row, column) for row in rows for column in columns]


def label_of(mask: Mask, share: float) -> int | None:
    """1 if at least this share of a patch is landslide, 0 if none of it is, None in between."""
    marked = int(mask.sum())
    return 0 if marked == 0 else 1 if marked / mask.size >= share else None


def thin(ids: Sequence[str], labels: Labels, rate: float | None, seed: int) -> Indices:
    """Which patches are left when the class that is too frequent is thinned at random until this rate is positive.

    Chance is a hash of seed and id, so that it does not depend on the order of patches, or on those that are added later.

    Args:
        ids: N distinct names.
        labels: `(N,)`, 0 or 1.
        rate: between 0 and 1; None leaves all.
        seed: another one leaves others.

    Returns:
        Positions, rising.

    Raises:
        DataError: if a class is missing, or would be.
    """
    if rate is None:
        return np.arange(len(ids))
    positive = int(labels.sum())
    negative = len(labels) - positive
    left = {
        1: min(positive, round(negative * rate / (1 - rate))),
        0: min(negative, round(positive * (1 - rate) / rate)),
    }
    if not min(left.values()):
        raise DataError(f"{positive} positive and {negative} negative patches cannot be thinned to a rate of {rate:g}")
    ranks = {
        label: sorted(np.flatnonzero(labels == label).tolist(), key=lambda i: _chance(ids[i], seed)) for label in left
    }
    return np.sort(np.concatenate([ranks[label][: left[label]] for label in left]))


def _chance(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}|{name}".encode()).digest()


def _survey(
    pairs: Sequence[Pair], options: Options, report: Report | None
) -> tuple[list[tuple[int, int]], list[Square]]:
    """The first pass: height and width of each mask, and the squares in all of them."""
    sides, squares, size = [], [], options.patch
    for place, mask in enumerate(_masks(pairs, options, report)):
        sides.append((mask.shape[0], mask.shape[1]))
        for row, column in corners(*sides[-1], size):
            part = mask[row : row + size, column : column + size].copy()  # a view would keep all of the mask
            squares.append(Square(place, row, column, label_of(part, options.positive_share), part))
    return sides, squares


def _masks(pairs: Sequence[Pair], options: Options, report: Report | None) -> Iterator[Mask]:
    """The masks, one by one; landslides have to be marked by the same number in all."""
    key, marks = options.keys[1] if options.keys else None, dict[float, str]()
    for pair in followed(pairs, len(pairs), "masks", report):
        mask, mark = read_mask(pair.mask, key)
        if min(mask.shape) < options.patch:
            raise DataError(
                f"{pair.mask} has {_by(mask.shape)} pixels; expected a patch, {options.patch}, or more a side"
            )
        if mark is not None:
            marks.setdefault(mark, pair.mask.name)
        if len(marks) > 1:
            (one, first), (other, second) = marks.items()
            raise DataError(
                f"{pair.mask.parent}: {first} marks landslides by {one:g}, {second} by {other:g}; expected one number"
            )
        yield mask


def _by(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} × {shape[1]}"


def _notes(options: Options, sides: list[Any], labels: Labels, between: int, thinned: int, empty: int) -> Iterator[str]:
    """What a user has to know."""
    if empty:
        yield without_data(empty, options.nodata)
    if between:
        yield f"left out: {between} patches with some landslide, but less than {options.positive_share:g} of their pixels"
    if thinned:
        yield f"left out: {thinned} patches at random, to have {options.positive_rate:g} positive"
    if cut := sum(any(side % options.patch for side in shape) for shape in sides):
        yield f"left out: the right or bottom rest of {cut} images, whose sides are no multiples of {options.patch} pixels"
    if len(set(labels.tolist())) < 2:
        yield f"all patches are {'positive' if labels[0] else 'negative'}: they can be predicted, but nothing can be learnt from them"
