"""SSIM of all pairs over all windows, exactly: numba's kernel takes one patch and many others at once, a lane each.

With a patch in each lane, what one step writes the next one reads at the same place: no loop waits for a store that it reads
shifted, as loops along a row do, and window sums slide along a row as well as down it. Sums of products are exact in
float64 (see `ssim_kernels`), so in whatever order they slide, nothing is lost. Loops over lanes are of one type each: mixed,
float32 would run in vectors of half the width.
"""

from typing import Final, NamedTuple

import numba
import numpy as np

from landslide_nb.common.arrays import Indices
from landslide_nb.similarity.kernels import (
    AREA,
    FAST,
    STEP,
    WINDOW,
    Bands,
    Doubles,
    Floats,
    Planes,
    fill_plane,
    working,
)

LANES: Final = 32  # patches beside each other: two full vectors of float32
CHUNK: Final = 8  # patches that meet the same row of lanes one after the other, while that is in the cache


class Lanes(NamedTuple):
    """What `fill_tile` needs of patches, `LANES` beside each other, in stored units.

    Attributes:
        pixels: float32 `(packs, C, H, W · LANES)`.
        sums: over each window, float32 `(packs, C, H − 6, (W − 6) · LANES)`, exact.
        spread: the sample variance of each window plus half of c2, as `sums`.
    """

    pixels: Floats
    sums: Floats
    spread: Floats


class Room(NamedTuple):
    """Working space of `_pack`.

    Attributes:
        columns: products of each column's pixels within the rows of the windows, `(CHUNK, W · LANES)`.
        sliding: of the first six columns of a window, `(LANES,)`.
        covariance: of each window of a row, `((W − 6) · LANES,)`.
        total: the index of a row of windows, `(LANES,)`.
    """

    columns: Doubles
    sliding: Doubles
    covariance: Floats
    total: Floats


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def fill_lanes(start: int, end: int, chosen: Indices, pixels: Floats, bands: Bands, lanes: Lanes) -> None:
    """Fill the packs from `start` to `end` with the chosen patches; lanes behind the last one keep what they hold."""
    _, c, height, width = pixels.shape
    windows = (LANES, height - WINDOW + 1, width - WINDOW + 1)
    stored = np.empty((LANES, height, width), np.float32)
    sums, spread = np.empty(windows, np.float32), np.empty(windows, np.float32)
    for pack in range(start, end):
        count = min(LANES, len(chosen) - pack * LANES)
        for band in range(c):
            scale, half = bands.scale[band] / STEP, bands.c2[band] / 2
            for lane in range(count):
                plane = pixels[chosen[pack * LANES + lane], band]
                fill_plane(plane, bands.centre[band], scale, half, stored[lane], sums[lane], spread[lane])
            _interleave(stored[:count], lanes.pixels[pack, band])
            _interleave(sums[:count], lanes.sums[pack, band])
            _interleave(spread[:count], lanes.spread[pack, band])


@numba.njit(cache=True, error_model="numpy")
def _interleave(planes: Floats, rows: Floats) -> None:
    """Write each of the planes into its lane, row by row, so that what is written stays in the cache."""
    for row in range(planes.shape[1]):
        for lane in range(planes.shape[0]):
            for col in range(planes.shape[2]):
                rows[row, col * LANES + lane] = planes[lane, row, col]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def fill_tile(start: int, end: int, tasks: Indices, left: Planes, right: Lanes, bands: Bands, result: Floats) -> None:
    """Add up `result[i, j]` for the tasks from `start` to `end`: each is `CHUNK` patches from one on, and a pack."""
    n, m = result.shape
    height, width = right.sums.shape[2], right.sums.shape[3] // LANES
    size = (width + WINDOW - 1) * LANES
    room = Room(
        working(CHUNK * size, np.float64).reshape(CHUNK, size),
        working(LANES, np.float64),
        working(width * LANES, np.float32),
        working(LANES, np.float32),
    )
    total = np.empty((CHUNK, LANES))
    for task in range(start, end):
        first, pack = tasks[task]
        last = min(n, first + CHUNK)
        for band in range(len(bands.c1)):
            total[:] = 0
            _pack(left, first, last, right, pack, bands, band, room, total)
            for i in range(first, last):
                for lane in range(min(LANES, m - pack * LANES)):
                    result[i, pack * LANES + lane] += total[i - first, lane] / (len(bands.c1) * height * width)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def _pack(
    left: Planes,
    first: int,
    last: int,
    right: Lanes,
    pack: int,
    bands: Bands,
    band: int,
    room: Room,
    total: Doubles,
) -> None:
    """Add the index over all windows of one band, of the patches from `first` to `last` and each of a pack, to `total`.

    Row by row, and the patches within: each row of the pack is fetched once.
    """
    height, width = right.sums.shape[2], right.sums.shape[3] // LANES
    y, nothing = right.pixels[pack, band], np.zeros(left.pixels.shape[3], np.float32)
    centre = np.float32(2 * AREA * bands.centre[band] * bands.scale[band])
    c1, c2 = np.float32(2 * AREA**2 * bands.c1[band]), np.float32(bands.c2[band])
    room.columns[:] = 0
    for row in range(WINDOW):
        for i in range(first, last):
            _next_row(left.pixels[i, band, row], y[row], nothing, y[row], room.columns[i - first])
    for row in range(height):
        b, spread_y = right.sums[pack, band, row], right.spread[pack, band, row]
        for i in range(first, last):
            a, spread_x = left.sums[i, band, row, :width], left.spread[i, band, row, :width]
            columns, x = room.columns[i - first], left.pixels[i, band]
            _covariances(a, b, columns, room.sliding, room.covariance)
            room.total[:] = 0
            _indices(a, b, spread_x, spread_y, room.covariance, centre, c1, c2, room.total)
            for lane in range(LANES):
                total[i - first, lane] += room.total[lane]
            if row + 1 < height:
                _next_row(x[row + WINDOW], y[row + WINDOW], x[row], y[row], columns)


@numba.njit(inline="never", cache=True, error_model="numpy", fastmath=FAST)
def _next_row(x: Floats, y: Floats, old_x: Floats, old_y: Floats, columns: Doubles) -> None:
    """Add the products of the row that the windows reach, and take those of the one that they leave."""
    for col in range(len(columns) // LANES):
        value, old = np.float64(x[col]), np.float64(old_x[col])
        for at in range(col * LANES, (col + 1) * LANES):
            columns[at] = columns[at] + value * np.float64(y[at]) - old * np.float64(old_y[at])


@numba.njit(inline="never", cache=True, error_model="numpy", fastmath=FAST)
def _covariances(a: Floats, b: Floats, columns: Doubles, sliding: Doubles, covariance: Floats) -> None:
    """The sum of products less the product of sums, of each window of a row."""
    for lane in range(LANES):
        sliding[lane] = columns[lane] + columns[LANES + lane] + columns[2 * LANES + lane]
        sliding[lane] += columns[3 * LANES + lane] + columns[4 * LANES + lane] + columns[5 * LANES + lane]
    for col in range(len(a)):
        value, at = np.float64(a[col]), col * LANES
        for lane in range(LANES):
            products = sliding[lane] + columns[at + 6 * LANES + lane]
            sliding[lane] = products - columns[at + lane]
            covariance[at + lane] = products - value * np.float64(b[at + lane]) * (1 / AREA)


@numba.njit(inline="never", cache=True, error_model="numpy", fastmath=FAST)
def _indices(
    a: Floats,
    b: Floats,
    spread_x: Floats,
    spread_y: Floats,
    covariance: Floats,
    centre: np.float32,
    c1: np.float32,
    c2: np.float32,
    total: Floats,
) -> None:
    """Add the index of each window of a row.

    With a, b the sums and z what centring took from both, 2ab and a² + b² are, but for a factor of both, (a + b + z)² −/+ (a − b)²:
    swapping a and b changes nothing, and a window against itself gives 1.
    """
    twice = np.float32(2 / (AREA - 1))
    for col in range(len(a)):
        own, own_spread, at = a[col], spread_x[col], col * LANES
        for lane in range(LANES):
            both, apart = own + b[at + lane] + centre, own - b[at + lane]
            level = both * both + c1
            index = (level - apart * apart) * (covariance[at + lane] * twice + c2)
            total[lane] += index / ((level + apart * apart) * (own_spread + spread_y[at + lane]))
