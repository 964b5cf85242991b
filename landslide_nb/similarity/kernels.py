"""SSIM over all windows, exactly: what numba prepares of each patch, and listed pairs; `ssim_lanes` does all pairs.

A window's covariance is a small difference of large sums. Pixels are therefore centred per band, scaled by a power of two
and rounded to steps of 2⁻¹⁸ of the largest: then a window's sum is exact in float32, and its sum of products in float64.
Everything after the covariance is float32. Indices-number reflectances are not changed by the rounding.
"""

from typing import Any, Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from landslide_nb.common.arrays import Indices

WINDOW: Final = 7
AREA: Final = WINDOW * WINDOW
K1: Final = 0.01
K2: Final = 0.03
STEP: Final = 2.0**-18  # 49 values of 18 bits and a sign sum up to less than 2²⁴: exact in float32
LINE: Final = (
    64  # bytes of a cache line, and of a full vector: one that straddles two lines takes twice as long to load
)
PADDING: Final = 32  # rows are padded to a multiple of this, so that every loop along a row runs in full vectors
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
# No reassociation: a pair has the same sum whichever tile and thread it falls to.
FAST: Final = {"contract", "nsz", "arcp"}


class Bands(NamedTuple):
    """What scales each band, float64 `(C,)`: stored pixels are `(pixel − centre) · scale`."""

    centre: Doubles
    scale: Doubles
    c1: Doubles  # (K1 · range)² in stored units
    c2: Doubles


class Planes(NamedTuple):
    """What `_band` needs of some patches, in stored units, rows padded to a multiple of `PADDING`.

    Attributes:
        pixels: float32 `(n, C, H, P)`.
        sums: over each window, float32 `(n, C, H − 6, P)`, exact.
        spread: the sample variance of each window plus half of c2, float32 `(n, C, H − 6, P)`.
    """

    pixels: Floats
    sums: Floats
    spread: Floats


def zeros(*shape: int) -> Floats:
    """A float32 array whose first byte starts a cache line; NumPy's start wherever."""
    size = int(np.prod(shape))
    flat = np.zeros(size + LINE // 4, np.float32)
    start = -flat.ctypes.data % LINE // 4
    return flat[start : start + size].reshape(shape)


@numba.njit(cache=True)
def working(size: int, kind: type[np.floating]) -> Any:
    """Room for `size` numbers inside a kernel, from the start of a cache line on."""
    flat = np.empty(size + LINE, kind)
    start = -flat.ctypes.data % LINE // flat.itemsize
    return flat[start : start + size]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def fill_planes(start: int, end: int, chosen: Indices, pixels: Floats, bands: Bands, planes: Planes) -> None:
    """Fill the planes of the chosen patches from `start` to `end`."""
    for patch in range(start, end):
        for band in range(pixels.shape[1]):
            stored, sums, spread = planes.pixels[patch, band], planes.sums[patch, band], planes.spread[patch, band]
            scale = bands.scale[band] / STEP
            plane, centre, half = pixels[chosen[patch], band], bands.centre[band], bands.c2[band] / 2
            fill_plane(plane, centre, scale, half, stored, sums, spread)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def fill_plane(
    pixels: Floats, centre: float, scale: float, half: float, stored: Floats, sums: Floats, spread: Floats
) -> None:
    """Fill the planes of one band of a patch; sums run down the columns, then along the row, without rounding."""
    height, width = pixels.shape
    total, squares = np.zeros(width), np.zeros(width)
    for row in range(height):
        for col in range(width):
            value = np.rint((np.float64(pixels[row, col]) - centre) * scale) * STEP
            stored[row, col] = value
            total[col] += value
            squares[col] += value * value
        if row >= WINDOW:
            for col in range(width):
                value = np.float64(stored[row - WINDOW, col])
                total[col] -= value
                squares[col] -= value * value
        if row >= WINDOW - 1:
            top = row - WINDOW + 1
            for col in range(width - WINDOW + 1):
                s = total[col] + total[col + 1] + total[col + 2] + total[col + 3]
                s += total[col + 4] + total[col + 5] + total[col + 6]
                q = squares[col] + squares[col + 1] + squares[col + 2] + squares[col + 3]
                q += squares[col + 4] + squares[col + 5] + squares[col + 6]
                sums[top, col] = s
                spread[top, col] = (q - s * s * (1 / AREA)) * (1 / (AREA - 1)) + half


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def fill_pairs(
    start: int,
    end: int,
    first: Indices,
    second: Indices,
    left: Planes,
    right: Planes,
    bands: Bands,
    width: int,
    result: Floats,
) -> None:
    """Fill `result[pair]` for the pairs of a patch of `left` and one of `right`."""
    c, _, padded = left.pixels.shape[1:]
    share = 1 / (c * width * left.sums.shape[2])
    columns, threes = working(padded + PADDING, np.float64), working(padded + PADDING, np.float64)
    lanes = working(padded, np.float32)
    columns[:], threes[:] = 0, 0
    for pair in range(start, end):
        for band in range(c):
            total = _band(left, first[pair], right, second[pair], bands, band, width, columns, threes, lanes)
            result[pair] += np.float32(total * share)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def _band(
    left: Planes,
    i: int,
    right: Planes,
    j: int,
    bands: Bands,
    band: int,
    width: int,
    columns: Doubles,
    threes: Doubles,
    lanes: Floats,
) -> float:
    """The sum over windows of one band of a pair; the last three are working space of a padded row."""
    centre = np.float32(2 * bands.centre[band] * bands.scale[band])
    _rows(
        left.pixels[i, band],
        right.pixels[j, band],
        left.sums[i, band],
        right.sums[j, band],
        left.spread[i, band],
        right.spread[j, band],
        centre,
        np.float32(bands.c1[band]),
        np.float32(bands.c2[band]),
        columns,
        threes,
        lanes,
    )
    total = 0.0
    for col in range(width):
        total += lanes[col]
    return total


@numba.njit(inline="never", cache=True, error_model="numpy", fastmath=FAST)
def _rows(
    x: Floats,
    y: Floats,
    sum_x: Floats,
    sum_y: Floats,
    spread_x: Floats,
    spread_y: Floats,
    centre: np.float32,
    c1: np.float32,
    c2: np.float32,
    columns: Doubles,
    threes: Doubles,
    lanes: Floats,
) -> None:
    """Sum the index down each column of windows, into `lanes`; those behind the last window hold rubbish.

    Window sums of the products run down the columns and are exact. Along the row, 7 = 3 + 3 + 1. With a, b the means,
    2ab = ((a + b)² − (a − b)²) / 2 and a² + b² = ((a + b)² + (a − b)²) / 2, so that swapping x and y changes nothing.
    """
    height, padded = x.shape
    half, part = np.float32(0.5), np.float32(1 / AREA)
    twice, share = np.float32(2 / (AREA - 1)), 1 / AREA
    for col in range(padded):
        columns[col] = 0
        lanes[col] = 0
    for row in range(WINDOW):
        for col in range(padded):
            columns[col] += np.float64(x[row, col]) * np.float64(y[row, col])
    for row in range(height - WINDOW + 1):
        for col in range(padded):
            threes[col] = columns[col] + columns[col + 1] + columns[col + 2]
        for col in range(padded):
            a, b = sum_x[row, col], sum_y[row, col]
            products = threes[col] + threes[col + 3] + columns[col + 6]
            covariance = np.float32(products - np.float64(a) * np.float64(b) * share)
            both, apart = (a + b) * part + centre, (a - b) * part
            level, gap = both * both * half + c1, apart * apart * half
            spread = spread_x[row, col] + spread_y[row, col]
            lanes[col] += (level - gap) * (covariance * twice + c2) / ((level + gap) * spread)
        if row + WINDOW < height:
            for col in range(padded):
                columns[col] += np.float64(x[row + WINDOW, col]) * np.float64(y[row + WINDOW, col])
                columns[col] -= np.float64(x[row, col]) * np.float64(y[row, col])
