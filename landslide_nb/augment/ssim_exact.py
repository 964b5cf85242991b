"""SSIM over all windows, exactly: the kernels of `ssim` on the processor.

A window's covariance is a small difference of large sums. Pixels are therefore centred per band, scaled by a power of two
and rounded to steps of 2⁻¹⁸ of the largest: then a window's sum is exact in float32, and its sum of products in float64.
Everything after the covariance is float32. Whole-number reflectances are not changed by the rounding.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslide_nb.errors import DataError
from landslide_nb.progress import Say

WINDOW: Final = 7
AREA: Final = WINDOW * WINDOW
K1: Final = 0.01
K2: Final = 0.03
STEP: Final = 2.0**-18  # 49 values of 18 bits and a sign sum up to less than 2²⁴: exact in float32
LANES: Final = 32  # rows are padded to a multiple of this, so that every loop along a row runs in full vectors
SQUARE: Final = 8  # patches a side of a square of pairs; one band of 16 patches (0.7 MB) fits a core's second cache
BLOCK_BYTES: Final = 360e6  # of what is prepared for a block of patches; two are held at a time

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]
Tile = tuple[Whole, Whole, Floats]  # the patches of its rows, of its columns, and their similarities

# No reassociation: a pair has the same sum whichever tile and thread it falls to.
FAST: Final = {"contract", "nsz", "arcp"}


class Bands(NamedTuple):
    """What scales each band, float64 `(C,)`: stored pixels are `(pixel − centre) · scale`."""

    centre: Doubles
    scale: Doubles
    c1: Doubles  # (K1 · range)² in stored units
    c2: Doubles


class Planes(NamedTuple):
    """What `_band` needs of some patches, in stored units, rows padded to a multiple of `LANES`.

    Attributes:
        pixels: float32 `(n, C, H, P)`.
        sums: over each window, float32 `(n, C, H − 6, P)`, exact.
        spread: the sample variance of each window plus half of c2, float32 `(n, C, H − 6, P)`.
    """

    pixels: Floats
    sums: Floats
    spread: Floats


def data_range(pixels: Floats) -> Floats:
    """Largest minus smallest value of each band over the given patches `(N, C, H, W)`; 1 for a constant band."""
    spread = pixels.max((0, 2, 3)) - pixels.min((0, 2, 3))
    return np.where(spread > 0, spread, 1).astype(np.float32)


def bands_of(pixels: Floats, ranges: ArrayLike | None) -> Bands:
    """Centre, scale and constants of each band; raises `DataError` for small patches and unfit ranges."""
    bands, height, width = pixels.shape[1:]
    if min(height, width) < WINDOW:
        raise DataError(f"patches of {height}×{width} pixels are smaller than the {WINDOW}×{WINDOW} window")
    spans = np.asarray(data_range(pixels) if ranges is None else ranges, np.float64)
    if spans.shape != (bands,) or not (spans > 0).all():
        raise DataError(f"the ranges are {spans.tolist()}; expected one positive number for each of {bands} bands")
    centre = pixels.mean((0, 2, 3), dtype=np.float64)
    reach = np.maximum(pixels.max((0, 2, 3)) - centre, centre - pixels.min((0, 2, 3)))
    scale = np.exp2(-np.ceil(np.log2(np.where(reach > 0, reach, spans))))
    centre = np.rint(centre * scale / STEP) * STEP / scale
    return Bands(centre, scale, (K1 * spans * scale) ** 2, (K2 * spans * scale) ** 2)


def reporter(progress: Say | None, what: str, total: int) -> Callable[[int], None]:
    """A function that is told how much is done since it was last told, and speaks at every tenth of the total."""
    done = 0

    def add(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        if progress and done * 10 // total > before * 10 // total:
            progress(f"SSIM: {done * 100 // total} % of {total:,} {what}")

    return add


def in_blocks(patches: Whole, shape: tuple[int, ...], size: int | None = None) -> list[Whole]:
    """The patches in blocks that `prepare` can hold, or of the given size."""
    _, bands, height, width = shape
    size = size or max(SQUARE, int(BLOCK_BYTES / (12 * bands * height * _padded(width))))
    return [patches[start : start + size] for start in range(0, len(patches), size)]


def _padded(width: int) -> int:
    return -(-width // LANES) * LANES


def tiles(pixels: Floats, bands: Bands, progress: Say | None = None) -> Iterator[Tile]:
    """The similarities of all pairs, tile by tile of the upper triangle."""
    n = len(pixels)
    add = reporter(progress, "pairs", n * (n - 1) // 2)
    blocks = in_blocks(np.arange(n), pixels.shape)
    one = _room(len(blocks[0]), pixels.shape)
    two = one if len(blocks) == 1 else _room(len(blocks[0]), pixels.shape)
    for first, rows in enumerate(blocks):
        left = prepare(pixels, rows, bands, one)
        for columns in blocks[first:]:
            same = columns is rows
            right = left if same else prepare(pixels, columns, bands, two)
            values = tile_of(left, right, bands, pixels.shape, same)
            add(len(rows) * (len(rows) - 1) // 2 if same else values.size)
            yield rows, columns, values


def tile_of(left: Planes, right: Planes, bands: Bands, shape: tuple[int, ...], same: bool) -> Floats:
    """The similarities of two blocks of patches, `(n_left, n_right)`; where they are the same, the lower half mirrored."""
    n, m = len(left.pixels), len(right.pixels)
    squares = np.argwhere(np.ones((-(-n // SQUARE), -(-m // SQUARE)), bool)) * SQUARE
    if same:
        squares = squares[squares[:, 0] <= squares[:, 1]]
    result = np.zeros((n, m), np.float32)
    in_threads(_fill, len(squares), squares, left, right, bands, shape[3] - WINDOW + 1, same, result)
    return result + np.triu(result, 1).T if same else result


def listed(pixels: Floats, bands: Bands, first: Whole, second: Whole, progress: Say | None) -> Floats:
    """The similarities of the pairs `(first, second)`, first < second; block by block, as not all can be prepared."""
    result = np.empty(len(first), np.float32)
    add = reporter(progress, "candidate pairs", len(first))
    blocks = in_blocks(np.arange(len(pixels)), pixels.shape)
    size = len(blocks[0])
    one, two = _room(size, pixels.shape), _room(size, pixels.shape)
    for rows in blocks:
        left = prepare(pixels, rows, bands, one)
        start, end = np.searchsorted(first, (rows[0], rows[-1] + 1))
        block = second[start:end] // size
        for column in np.unique(block):
            here = start + np.flatnonzero(block == column)
            patches, place = np.unique(second[here], return_inverse=True)
            right = prepare(pixels, patches, bands, two)
            part, width = np.zeros(len(here), np.float32), pixels.shape[3] - WINDOW + 1
            in_threads(_pairs, len(here), first[here] - rows[0], place, left, right, bands, width, part)
            result[here] = part
            add(len(here))
    return result


def _room(n: int, shape: tuple[int, ...]) -> Planes:
    """Planes for `n` patches, to be filled again and again: fresh memory costs more than what is written there."""
    _, c, height, width = shape
    windows = (n, c, height - WINDOW + 1, _padded(width))
    pixels = np.zeros((n, c, height, _padded(width)), np.float32)
    return Planes(pixels, np.zeros(windows, np.float32), np.ones(windows, np.float32))


def prepare(pixels: Floats, chosen: Whole, bands: Bands, room: Planes | None = None) -> Planes:
    """The planes of the chosen patches among `(N, C, H, W)`, in the given room if there is some."""
    room = room or _room(len(chosen), pixels.shape)
    planes = Planes(*(plane[: len(chosen)] for plane in room))
    in_threads(_fill_planes, len(chosen), chosen, np.ascontiguousarray(pixels, np.float32), bands, planes)
    return planes


def in_threads(kernel: Callable[..., None], count: int, *arguments: object) -> None:
    """Call `kernel(start, end, *arguments)` for parts of `range(count)`, in as many threads as numba would take.

    Threads of our own: after numba's, torch would wait for as many at each of its steps, and that is slow on a busy machine.
    """
    threads: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    size = max(1, count // (8 * threads))  # parts enough that no thread idles at the end
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda start: kernel(start, min(count, start + size), *arguments), range(0, count, size)))


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _fill_planes(start: int, end: int, chosen: Whole, pixels: Floats, bands: Bands, planes: Planes) -> None:
    """Fill the planes of the chosen patches from `start` to `end`."""
    for patch in range(start, end):
        for band in range(pixels.shape[1]):
            stored, sums, spread = planes.pixels[patch, band], planes.sums[patch, band], planes.spread[patch, band]
            scale = bands.scale[band] / STEP
            given, centre, half = pixels[chosen[patch], band], bands.centre[band], bands.c2[band] / 2
            _fill_plane(given, centre, scale, half, stored, sums, spread)


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def _fill_plane(
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
def _fill(
    start: int,
    end: int,
    squares: Whole,
    left: Planes,
    right: Planes,
    bands: Bands,
    width: int,
    same: bool,
    result: Floats,
) -> None:
    """Fill `result[i, j]` in the squares from `start` to `end`, for i < j only if both sides are the `same`."""
    n, m = result.shape
    c, _, padded = left.pixels.shape[1:]
    share = 1 / (c * width * left.sums.shape[2])
    columns, threes, lanes = np.zeros(padded + LANES), np.zeros(padded + LANES), np.empty(padded, np.float32)
    for square in range(start, end):
        for band in range(c):
            for i in range(squares[square, 0], min(n, squares[square, 0] + SQUARE)):
                for j in range(max(squares[square, 1], i + 1 if same else 0), min(m, squares[square, 1] + SQUARE)):
                    total = _band(left, i, right, j, bands, band, width, columns, threes, lanes)
                    result[i, j] += np.float32(total * share)


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _pairs(
    start: int,
    end: int,
    first: Whole,
    second: Whole,
    left: Planes,
    right: Planes,
    bands: Bands,
    width: int,
    result: Floats,
) -> None:
    """Fill `result[pair]` for the pairs of a patch of `left` and one of `right`; the same arithmetic as `_fill`."""
    c, _, padded = left.pixels.shape[1:]
    share = 1 / (c * width * left.sums.shape[2])
    columns, threes, lanes = np.zeros(padded + LANES), np.zeros(padded + LANES), np.empty(padded, np.float32)
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
