"""SSIM over a sparse grid of windows: the first pass of the approximate search, on the processor.

For each window, the covariances of all pairs are a matrix product; windows are packed so that it runs in full vectors.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numba
import numpy as np

from landslide_nb.common.arrays import Indices
from landslide_nb.common.progress import Report, counting
from landslide_nb.similarity.exact import BLOCK_BYTES, LARGE, Tile, in_blocks, in_threads
from landslide_nb.similarity.kernels import AREA, FAST, WINDOW, Bands, Floats, working, zeros

PACK: Final = 128  # patches beside each other; one window of them (25 kB) fits the first cache


class Packs(NamedTuple):
    """What `_sparse` needs of some windows of some patches, `PACK` patches beside each other, in stored units.

    Attributes:
        values: less their window's mean, float32 `(packs, windows, 49, PACK)`.
        means: of each window, float32 `(packs, windows, PACK)`.
        spread: the sample variance of each window plus half of c2, float32 `(packs, windows, PACK)`.
    """

    values: Floats
    means: Floats
    spread: Floats


def sparse_tiles(pixels: Floats, bands: Bands, grid: int, report: Report | None) -> Iterator[Tile]:
    """As `tiles`, over every `grid`-th window in each direction only."""
    n, _, height, width = pixels.shape
    corners = [np.arange((side - WINDOW) % grid // 2, side - WINDOW + 1, grid) for side in (height, width)]
    windows = pixels.shape[1] * len(corners[0]) * len(corners[1])
    size = max(1, int(LARGE * BLOCK_BYTES / (4 * AREA * windows * PACK))) * PACK
    blocks = in_blocks(np.arange(n), pixels.shape, size=size)
    add = counting(n * (n - 1) // 2, "SSIM, pairs, at some windows", report)
    one, two = [_packs(len(blocks[0]), pixels.shape[1], len(corners[0]) * len(corners[1])) for _ in range(2)]
    turned = zeros(*one.values.shape[:2], PACK, AREA)
    for first, rows in enumerate(blocks):
        left = _pack(pixels, rows, bands, corners[0], corners[1], one)
        in_threads(_turn, len(left.values), left.values, turned)
        for columns in blocks[first:]:
            same = columns is rows
            right = left if same else _pack(pixels, columns, bands, corners[0], corners[1], two)
            values = _sparse_tile(turned, left, right, bands, same)[: len(rows), : len(columns)]
            add(len(rows) * (len(rows) - 1) // 2 if same else values.size)
            yield rows, columns, values


def _sparse_tile(turned: Floats, left: Packs, right: Packs, bands: Bands, same: bool) -> Floats:
    """As `tile_of`, over the packed windows; `turned` are the values of `left`, of each patch together."""
    pairs = np.argwhere(np.ones((len(left.values), len(right.values)), bool))
    if same:
        pairs = pairs[pairs[:, 0] <= pairs[:, 1]]
    result = np.zeros((len(left.values) * PACK, len(right.values) * PACK), np.float32)
    windows = left.values.shape[1]
    in_threads(_sparse, len(pairs), pairs, turned, left, right, bands, windows // len(bands.c1), result)
    result /= windows
    return np.triu(result) + np.triu(result, 1).T if same else result


def _packs(n: int, bands: int, places: int) -> Packs:
    """Room for so many windows of `n` patches; it is filled again and again, as that of `_room`."""
    shape = (-(-n // PACK), bands * places, PACK)
    return Packs(zeros(*shape[:2], AREA, PACK), zeros(*shape), zeros(*shape))


def _pack(pixels: Floats, chosen: Indices, bands: Bands, tops: Indices, lefts: Indices, room: Packs) -> Packs:
    """The windows at some corners of successive patches; what fills up the last pack means nothing."""
    packs = Packs(*(part[: -(-len(chosen) // PACK)] for part in room))
    in_threads(_fill_packs, len(packs.values), pixels[chosen[0] : chosen[-1] + 1], bands, tops, lefts, packs)
    return packs


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _fill_packs(
    start: int, end: int, pixels: Floats, bands: Bands, tops: Indices, lefts: Indices, packs: Packs
) -> None:
    """Fill the packs from `start` to `end`, a strip of windows at a time, so that what is written stays in the cache."""
    for task in range(start * len(bands.c1) * len(tops), end * len(bands.c1) * len(tops)):
        pack, strip = task // (len(bands.c1) * len(tops)), task % (len(bands.c1) * len(tops))
        band, top = strip // len(tops), tops[strip % len(tops)]
        for lane in range(min(PACK, len(pixels) - pack * PACK)):
            rows = pixels[pack * PACK + lane, band, top : top + WINDOW]
            for place in range(len(lefts)):
                window = strip * len(lefts) + place
                mean, variance = _pack_window(rows, lefts[place], bands.scale[band], packs.values[pack, window], lane)
                packs.means[pack, window, lane] = mean
                packs.spread[pack, window, lane] = variance + bands.c2[band] / 2


@numba.njit(cache=True, error_model="numpy", fastmath=FAST)
def _pack_window(rows: Floats, left: int, scale: float, values: Floats, lane: int) -> tuple[float, float]:
    """Write one window less its mean, in stored units, into a column of `values`; its mean and sample variance."""
    total = 0.0
    for row in range(WINDOW):
        for col in range(WINDOW):
            total += rows[row, left + col]
    mean, squares = total / AREA, 0.0
    for row in range(WINDOW):
        for col in range(WINDOW):
            value = (rows[row, left + col] - mean) * scale
            values[row * WINDOW + col, lane] = value
            squares += value * value
    return mean * scale, squares / (AREA - 1)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _turn(start: int, end: int, values: Floats, turned: Floats) -> None:
    """Write windows `(49, PACK)` of the packs from `start` to `end` as `(PACK, 49)`: once, not for each pair of packs."""
    for pack in range(start, end):
        for window in range(values.shape[1]):
            turned[pack, window] = values[pack, window].T


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _sparse(
    start: int,
    end: int,
    pairs: Indices,
    turned: Floats,
    left: Packs,
    right: Packs,
    bands: Bands,
    places: int,
    result: Floats,
) -> None:
    """Add up the index over the packed windows in `result[i, j]`, for pairs of packs from `start` to `end`.

    A matrix product for each window gives the covariances of all pairs of two packs.
    """
    products = working(2 * PACK, np.float32)
    part = working(PACK * PACK, np.float32).reshape(
        PACK, PACK
    )  # of its own, so that rows lie close, and the compiler knows that they do
    for pair in range(start, end):
        one, two = pairs[pair]
        part[:] = 0
        for window in range(left.values.shape[1]):
            c1, c2 = np.float32(bands.c1[window // places]), np.float32(bands.c2[window // places])
            x, y = turned[one, window], right.values[two, window].ravel()
            a, b = left.means[one, window], right.means[two, window]
            _add_window(x, y, a, b, left.spread[one, window], right.spread[two, window], c1, c2, products, part)
        result[one * PACK : (one + 1) * PACK, two * PACK : (two + 1) * PACK] = part


@numba.njit(inline="never", cache=True, error_model="numpy", fastmath=FAST)
def _add_window(
    x: Floats,
    y: Floats,
    mean_x: Floats,
    mean_y: Floats,
    spread_x: Floats,
    spread_y: Floats,
    c1: np.float32,
    c2: np.float32,
    products: Floats,
    result: Floats,
) -> None:
    """Add the index of one window of all pairs of two packs; `x` is `(PACK, 49)`, `y` `(49, PACK)` in one row.

    Two rows of the matrix product are made at a time, seven terms at a time: what is loaded of `y` is used twice. With
    distances known to the compiler it needs fewer checks of overlap, of which it makes only so many before it gives up on
    vectors; therefore `y` and the two rows lie flat.
    """
    twice = np.float32(2 / (AREA - 1))
    for i in range(0, PACK, 2):
        for j in range(2 * PACK):
            products[j] = 0
        for k in range(0, AREA, 7):
            n = i + 1
            a0, a1, a2, a3 = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
            b0, b1, b2, b3 = x[n, k], x[n, k + 1], x[n, k + 2], x[n, k + 3]
            a4, a5, a6, b4, b5, b6 = x[i, k + 4], x[i, k + 5], x[i, k + 6], x[n, k + 4], x[n, k + 5], x[n, k + 6]
            for j in range(k * PACK, (k + 1) * PACK):
                p, q, r, s = y[j], y[j + PACK], y[j + 2 * PACK], y[j + 3 * PACK]
                t, u, v = y[j + 4 * PACK], y[j + 5 * PACK], y[j + 6 * PACK]
                first, second = products[j - k * PACK], products[j - k * PACK + PACK]
                products[j - k * PACK] = first + a0 * p + a1 * q + a2 * r + a3 * s + a4 * t + a5 * u + a6 * v
                products[j - k * PACK + PACK] = second + b0 * p + b1 * q + b2 * r + b3 * s + b4 * t + b5 * u + b6 * v
        for row in range(i, i + 2):
            a, spread, start = mean_x[row], spread_x[row], (row - i) * PACK
            for j in range(PACK):
                b = mean_y[j]
                level, gap = a * a + b * b + c1, (a - b) * (a - b)
                index = (level - gap) * (products[start + j] * twice + c2) / (level * (spread + spread_y[j]))
                result[row, j] += index
