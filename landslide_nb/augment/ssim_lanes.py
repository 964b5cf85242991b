"""SSIM of all pairs over all windows, exactly: numba's kernel takes one patch and many others at once, a lane each.

With a patch in each lane, what one step writes the next one reads at the same place: no loop waits for a store that it reads
shifted, as loops along a row do, and window sums slide along a row as well as down it. Sums of products are exact in
float64 (see `ssim_kernels`), so in whatever order they slide, nothing is lost. Loops over lanes are of one type each: mixed,
float32 would run in vectors of half the width.
"""

from typing import Final, NamedTuple

import numba
import numpy as np

from landslide_nb.augment.ssim_kernels import (
    AREA,
    FAST,
    STEP,
    WINDOW,
    Bands,
    Doubles,
    Floats,
    Planes,
    Whole,
    fill_plane,
    working,
)

LANES: Final = 32  # patches beside each other: two full vectors of float32
CHUNK: Final = 8  # patches that meet the same lanes one after the other, while these are in the cache


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


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def fill_lanes(start: int, end: int, chosen: Whole, pixels: Floats, bands: Bands, lanes: Lanes) -> None:
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
                given = pixels[chosen[pack * LANES + lane], band]
                fill_plane(given, bands.centre[band], scale, half, stored[lane], sums[lane], spread[lane])
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
def fill_tile(start: int, end: int, tasks: Whole, left: Planes, right: Lanes, bands: Bands, result: Floats) -> None:
    """Add up `result[i, j]` for the tasks from `start` to `end`: each is `CHUNK` patches from one on, and a pack."""
    n, m = result.shape
    height, width = right.sums.shape[2], right.sums.shape[3] // LANES
    columns, sliding = working((width + WINDOW - 1) * LANES, np.float64), working(LANES, np.float64)
    covariance, row_total, total = working(width * LANES, np.float32), working(LANES, np.float32), np.empty(LANES)
    for task in range(start, end):
        first, pack = tasks[task]
        for band in range(len(bands.c1)):
            for i in range(first, min(n, first + CHUNK)):
                total[:] = 0
                _pack(left, i, right, pack, bands, band, columns, sliding, covariance, row_total, total)
                for lane in range(min(LANES, m - pack * LANES)):
                    result[i, pack * LANES + lane] += total[lane] / (len(bands.c1) * height * width)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def _pack(
    left: Planes,
    i: int,
    right: Lanes,
    pack: int,
    bands: Bands,
    band: int,
    columns: Doubles,
    sliding: Doubles,
    covariance: Floats,
    row_total: Floats,
    total: Doubles,
) -> None:
    """Add the index over all windows of one band of a patch and of each of a pack to `total`; the four before it are working space."""
    x, y = left.pixels[i, band], right.pixels[pack, band]
    height, width = right.sums.shape[2], right.sums.shape[3] // LANES
    centre = np.float32(2 * bands.centre[band] * bands.scale[band])
    c1, c2, nothing = np.float32(bands.c1[band]), np.float32(bands.c2[band]), np.zeros(x.shape[1], np.float32)
    columns[:] = 0
    for row in range(WINDOW):
        _next_row(x[row], y[row], nothing, y[row], columns)
    for row in range(height):
        a, b = left.sums[i, band, row, :width], right.sums[pack, band, row]
        spread_x, spread_y = left.spread[i, band, row, :width], right.spread[pack, band, row]
        _covariances(a, b, columns, sliding, covariance)
        row_total[:] = 0
        _indices(a, b, spread_x, spread_y, covariance, centre, c1, c2, row_total)
        for lane in range(LANES):
            total[lane] += row_total[lane]
        if row + 1 < height:
            _next_row(x[row + WINDOW], y[row + WINDOW], x[row], y[row], columns)


@numba.njit(inline="never", cache=True, error_model="numpy", fastmath=FAST)
def _next_row(x: Floats, y: Floats, old_x: Floats, old_y: Floats, columns: Doubles) -> None:
    """Add the products of the row that the windows reach, and take those of the one that they leave."""
    for col in range(len(columns) // LANES):
        value, old, here = np.float64(x[col]), np.float64(old_x[col]), slice(col * LANES, (col + 1) * LANES)
        others, old_others, sums = y[here], old_y[here], columns[here]
        for lane in range(LANES):
            sums[lane] += value * np.float64(others[lane]) - old * np.float64(old_others[lane])


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

    With a, b the means, 2ab = ((a + b)² − (a − b)²) / 2 and a² + b² = ((a + b)² + (a − b)²) / 2: swapping them changes nothing.
    """
    half, part, twice = np.float32(0.5), np.float32(1 / AREA), np.float32(2 / (AREA - 1))
    for col in range(len(a)):
        own, own_spread, at = a[col], spread_x[col], col * LANES
        for lane in range(LANES):
            other = b[at + lane]
            both, apart = (own + other) * part + centre, (own - other) * part
            level, gap = both * both * half + c1, apart * apart * half
            index = (level - gap) * (covariance[at + lane] * twice + c2)
            total[lane] += index / ((level + gap) * (own_spread + spread_y[at + lane]))
