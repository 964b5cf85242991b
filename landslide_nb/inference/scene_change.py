"""Two maps of one place: what has changed between them, and how much of it is above the threshold."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from landslide_nb.common.arrays import Pixels
from landslide_nb.common.errors import DataError, reason
from landslide_nb.common.files import replacing
from landslide_nb.inference import cog
from landslide_nb.inference.areas import SQUARE_KM
from landslide_nb.inference.grid import Grid
from landslide_nb.inference.scene_map import THRESHOLD
from landslide_nb.inference.scene_values import Mask


@dataclass
class Tally:
    """What is above the threshold, where both maps have data: m², or cells of maps that are not georeferenced.

    Attributes:
        grid: of both maps.
        sums: before, after, and after only.
        seen: how many cells both have.
    """

    grid: Grid
    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("before", "after", "new"), 0.0))
    seen: int = 0

    def add(self, top: int, before: Pixels, after: Pixels, threshold: float) -> None:
        """Add some rows `(h, W)`, the first of which is the row `top` of the map."""
        both = np.isfinite(before) & np.isfinite(after)
        self.seen += int(both.sum())
        was, now = both & (before >= threshold), both & (after >= threshold)
        for name, cells in (("before", was), ("after", now), ("new", now & ~was)):
            self.sums[name] += self._size(top, cells)

    def summary(self, threshold: float) -> str:
        """What there is of each, in a sentence."""
        scale, unit = (SQUARE_KM, "km²") if self.grid.placed else (1, "cells")
        sizes = ", ".join(f"{value / scale:.4g} {unit} {name}" for name, value in self.sums.items())
        return f"probability of at least {threshold:.3f}: {sizes}"

    def _size(self, top: int, cells: Mask) -> float:
        rows, columns = np.nonzero(cells)
        return float(self.grid.areas(rows + top, columns).sum()) if self.grid.placed else float(rows.size)


def compare(before: Path, after: Path, output: Path, threshold: float | None = None) -> str:
    """Write the difference of two maps, after minus before; NaN where either has no data.

    Args:
        before: a map, as `landslide-nb map` writes it.
        after: another one on the same grid.
        output: the file to write.
        threshold: from which a cell counts as landslide; by default that of the maps' model.

    Returns:
        The area above the threshold before, after, and after only, in a sentence.

    Raises:
        DataError: if a file is no map, both are not on one grid, have no cell in common, or are of models with two thresholds.
    """
    with ExitStack() as stack:
        files = [_open(path, stack) for path in (before, after)]
        grids = [Grid(file.height, file.width, file.transform, file.crs) for file in files]
        if differs := grids[1].differs(grids[0]):
            raise DataError(f"{after} has {differs} as {before}; map both scenes on one grid, with the same --stride")
        threshold = _threshold(files, before, after) if threshold is None else threshold
    tally = Tally(grids[0])
    with replacing(output) as temporary:
        rows = _differences(before, after, tally, threshold)
        cog.write(temporary, grids[0], rows, "change of the probability of a landslide", {}, output)
        if not tally.seen:
            raise DataError(f"{before} and {after} have no cell with data in common; nothing was written")
    return tally.summary(threshold)


def _open(path: Path, stack: ExitStack) -> Any:
    if not path.is_file():
        raise DataError(f"{path} does not exist; expected a map that `landslide-nb map` wrote")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            file = stack.enter_context(rasterio.open(path, driver="GTiff"))
        except (RasterioError, OSError) as error:
            raise DataError(
                f"{path} cannot be read ({reason(error)}); expected a map that `landslide-nb map` wrote"
            ) from error
    if file.count != 1 or np.dtype(file.dtypes[0]).kind != "f":
        raise DataError(
            f"{path} has {file.count} bands of {file.dtypes[0]}; expected one of probabilities, as `map` writes"
        )
    return file


def _threshold(files: list[Any], *paths: Path) -> float:
    """The threshold that both maps were made with."""
    told = [file.tags().get(THRESHOLD) for file in files]
    for path, text in zip(paths, told, strict=True):
        if text is None:
            raise DataError(f"{path} does not say its model's threshold; say one with --threshold")
    if told[0] != told[1]:
        raise DataError(f"{paths[0]} has the threshold {told[0]}, {paths[1]} {told[1]}; say one with --threshold")
    return float(told[0])


def _differences(before: Path, after: Path, tally: Tally, threshold: float) -> Iterator[Pixels]:
    top = 0
    for was, now in zip(_strips(before), _strips(after), strict=True):
        tally.add(top, was, now, threshold)
        top += len(was)
        yield from now - was


def _strips(path: Path) -> Iterator[Pixels]:
    """A map's rows, which are probabilities or NaN."""
    try:
        for strip in cog.strips(path):
            if ((strip < 0) | (strip > 1)).any():
                raise DataError(f"{path} holds {strip[(strip < 0) | (strip > 1)][0]:g}; expected probabilities, 0 to 1")
            yield strip
    except (RasterioError, OSError) as error:
        raise DataError(f"{path} cannot be read ({reason(error)}); make it again") from error
