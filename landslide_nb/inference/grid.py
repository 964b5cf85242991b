"""Grids on the ground: where their cells lie, how large these are, and which patches see them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transformed

from landslide_nb.common.arrays import Indices, Scores

WGS84: Final = "EPSG:4326"
AXIS: Final = 6_378_137.0  # metres, WGS 84
ECCENTRICITY: Final = 0.00669437999014  # squared
NEARLY: Final = 0.01  # by how much metres of a map projection may differ from those on the ground


@dataclass(frozen=True)
class Grid:
    """A grid of pixels, or of larger cells.

    Attributes:
        height: rows.
        width: columns.
        transform: from (column, row) to coordinates; (0, 0) is the outer corner of the first pixel.
        crs: what the coordinates are; None where nobody knows.
    """

    height: int
    width: int
    transform: Affine
    crs: CRS | None

    @property
    def placed(self) -> bool:
        """Whether it is known where on Earth it lies."""
        return self.crs is not None and (self.crs.is_projected or self.crs.is_geographic)

    def differs(self, other: "Grid") -> str:
        """What differs from another grid, in words; nothing where both are the same to a hundredth of a pixel."""
        if (self.height, self.width) != (other.height, other.width):
            return f"{self.height} × {self.width} pixels, not {other.height} × {other.width}"
        if self.crs != other.crs:
            return f"the CRS {named(self.crs)}, not {named(other.crs)}"
        corners = [(0, 0), (self.width, 0), (0, self.height), (self.width, self.height)]
        apart = max(abs(np.subtract(at(~self.transform, *at(other.transform, *it)), it)).max() for it in corners)
        return f"pixels that lie {apart:.3g} pixels elsewhere" if apart > 0.01 else ""

    def cells(self, stride: int) -> "Grid":
        """The grid of cells of stride × stride pixels that begins at the same corner; the last ones may reach beyond the scene."""
        height, width = -(-self.height // stride), -(-self.width // stride)
        return Grid(height, width, _scaled(self.transform, stride, stride), self.crs)

    def resampled(self, metres: float) -> "Grid":
        """The same area in pixels of so many metres a side, as far as whole ones fit."""
        across, down = (metres / length for length in self.metres)
        height, width = int(self.height / down + 1e-6), int(self.width / across + 1e-6)
        return Grid(height, width, _scaled(self.transform, across, down), self.crs)

    @cached_property
    def metres(self) -> tuple[float, float]:
        """The size of a pixel in the middle, across and down; in the metres of the projection where these are nearly true."""
        east, north = self.steps([self.height / 2 - 0.5], [self.width / 2 - 0.5])
        ground = np.hypot(east, north)[:, 0]
        if self.crs is not None and self.crs.is_projected:
            it, factor = self.transform, float(self.crs.linear_units_factor[1])
            nominal = np.hypot([it.a, it.b], [it.d, it.e]) * factor
            ground = nominal if (abs(nominal / ground - 1) < NEARLY).all() else ground
        return float(ground[0]), float(ground[1])

    def steps(self, rows: ArrayLike, columns: ArrayLike) -> tuple[Scores, Scores]:
        """How far one goes over the ground by a step of one column, and of one row, at the centres of pixels.

        Args:
            rows: `(N,)`.
            columns: `(N,)`.

        Returns:
            Metres to the east `(2, N)` and to the north `(2, N)`: by a column, by a row; on the ellipsoid WGS 84.
        """
        row, column = np.asarray(rows, np.float64) + 0.5, np.asarray(columns, np.float64) + 0.5
        half = np.array([[-0.5, 0], [0.5, 0], [0, -0.5], [0, 0.5]])[..., None]  # column, row
        x, y = at(self.transform, column + half[:, 0], row + half[:, 1])
        longitude, latitude = (
            np.reshape(values, x.shape) for values in transformed(self.crs, WGS84, x.ravel(), y.ravel())
        )
        turn = (longitude[1::2] - longitude[::2] + 180) % 360 - 180
        middle = np.radians(latitude.mean(0))
        curved = 1 - ECCENTRICITY * np.sin(middle) ** 2
        east = np.radians(turn) * np.cos(middle) * AXIS / np.sqrt(curved)
        north = np.radians(latitude[1::2] - latitude[::2]) * AXIS * (1 - ECCENTRICITY) / curved**1.5
        return np.asarray(east), np.asarray(north)

    def areas(self, rows: ArrayLike, columns: ArrayLike) -> Scores:
        """The area of pixels on the ground, m² `(N,)`, whatever the projection does to it."""
        if not np.size(rows):
            return np.zeros(0)
        east, north = self.steps(rows, columns)
        return np.asarray(abs(east[0] * north[1] - east[1] * north[0]))


def at(it: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """Where a transform brings points; affine's operator for it is another one in each of its editions."""
    return it.a * x + it.b * y + it.c, it.d * x + it.e * y + it.f


def _scaled(it: Affine, across: float, down: float) -> Affine:
    """The transform of pixels so many times as wide and as high."""
    return Affine(it.a * across, it.b * down, it.c, it.d * across, it.e * down, it.f)


def named(crs: CRS | None) -> str:
    """A CRS in a few words."""
    return "none" if crs is None else str(crs.to_string()).partition("[")[0].replace("PROJCS", "(own)")


@dataclass(frozen=True)
class Steps:
    """Patches along one side of a scene; the last one is moved back to the edge where a stride would lead beyond it.

    Attributes:
        size: of the scene, pixels.
        patch: pixels, at most the size.
        stride: pixels from patch to patch, at most a patch; the size of a cell, too.
    """

    size: int
    patch: int
    stride: int

    @cached_property
    def starts(self) -> Indices:
        """The first pixel of each patch."""
        last = self.size - self.patch
        starts = np.arange(0, last + 1, self.stride)
        return starts if starts[-1] == last else np.append(starts, last)

    @cached_property
    def seen(self) -> NDArray[np.int64]:
        """The patches that hold each cell whole: the first, and the one after the last; `(cells, 2)`, never empty."""
        first = np.arange(0, self.size, self.stride)
        end = np.minimum(first + self.stride, self.size)
        lowest = np.searchsorted(self.starts, end - self.patch, "left")
        return np.stack([lowest, np.searchsorted(self.starts, first, "right")], 1)
