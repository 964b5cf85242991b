"""Structural similarity between all pairs of multi-band patches, and the nearest neighbours by it.

The index is that of scikit-image's `structural_similarity` with its defaults (uniform 7 × 7 windows, sample covariance,
K1 = 0.01, K2 = 0.03, no padding), averaged over bands, each band with its own data range.

A window's covariance is a small difference of large sums. Pixels are therefore centred per band, scaled by a power of two
and rounded to steps of 2⁻¹⁸ of the largest: then a window's sum is exact in float32, and its sum of products in float64.
Everything after the covariance is float32. Whole-number reflectances are not changed by the rounding.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal, NamedTuple
from zipfile import BadZipFile

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from landslide_nb.data.patches import replacing
from landslide_nb.errors import DataError
from landslide_nb.store import store

WINDOW: Final = 7
AREA: Final = WINDOW * WINDOW
K1: Final = 0.01
K2: Final = 0.03
STEP: Final = 2.0**-18  # 49 values of 18 bits and a sign sum up to less than 2²⁴: exact in float32
LANES: Final = 32  # rows are padded to a multiple of this, so that every loop along a row runs in full vectors
SQUARE: Final = 8  # patches a side of a square of pairs; one band of 16 patches (0.7 MB) fits a core's second cache
PACK: Final = 128  # patches beside each other in the sparse pass; one window of them (25 kB) fits the first cache
BLOCK_BYTES: Final = 360e6  # of what is prepared for a block of patches; two are held at a time

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]
Progress = Callable[[str], None]
Neighbours = tuple[Whole, Floats]

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


def data_range(pixels: Floats) -> Floats:
    """Largest minus smallest value of each band over the given patches `(N, C, H, W)`; 1 for a constant band."""
    spread = pixels.max((0, 2, 3)) - pixels.min((0, 2, 3))
    return np.where(spread > 0, spread, 1).astype(np.float32)


def similarity(pixels: Floats, ranges: ArrayLike | None = None) -> Floats:
    """The similarity of every patch to every other.

    Args:
        pixels: `(N, C, H, W)`, sides at least 7.
        ranges: the data range of each band, `(C,)`; by default that of these patches.

    Returns:
        float32 `(N, N)`, symmetric, 1 on the diagonal.

    Raises:
        DataError: if a side is smaller than the window, or the ranges are not one positive number for each band.
    """
    result = np.ones((len(pixels), len(pixels)), np.float32)
    for rows, columns, values in _tiles(pixels, _bands(pixels, ranges)):
        result[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = values
        result[columns[0] : columns[-1] + 1, rows[0] : rows[-1] + 1] = values.T
    np.fill_diagonal(result, 1)
    return result


def nearest(
    pixels: Floats,
    k: int = 5,
    ranges: ArrayLike | None = None,
    *,
    method: Literal["exact", "approximate"] = "exact",
    grid: int = 7,
    candidates: int = 30,
    device: str | None = None,
    keep: bool = True,
    progress: Progress | None = None,
) -> Neighbours:
    """The `k` most similar other patches of each patch, best first; of equal ones the one with the lower index.

    Args:
        pixels: `(N, C, H, W)`, sides at least 7.
        k: how many.
        ranges: the data range of each band, `(C,)`; by default that of these patches.
        method: "exact" compares all windows of all pairs. "approximate" compares every `grid`-th window in each direction
            of all pairs, and all windows of the best `candidates` of each patch: it may miss a neighbour, but the
            similarities that it returns are exact.
        grid: pixels between the windows of the first pass of "approximate".
        candidates: patches that the first pass of "approximate" leaves to each patch; at least `k` are taken.
        device: a torch device ("cuda") that computes instead of the processor; for "exact" only.
        keep: read the result from the store if it is there, and write it there if not.
        progress: called now and then with a line of text.

    Returns:
        indices int64 `(N, k)` and their similarities float32 `(N, k)`.

    Raises:
        DataError: if there are not more than `k` patches, or an argument is not as above.
    """
    _check(pixels, k, method, grid, device)
    pixels = np.ascontiguousarray(pixels, np.float32)
    bands = _bands(pixels, ranges)
    settings = f"{k} {method} {'' if method == 'exact' else (grid, candidates)} {device}"
    path = store() / "neighbours" / f"{_key(pixels, bands, settings)}.npz"
    if keep and (kept := _read(path, (len(pixels), k))):
        return kept
    if method == "exact":
        found = _search(_tiles(pixels, bands, device, progress), len(pixels), k)
    else:
        found = _coarse_to_fine(pixels, bands, k, grid, max(k, candidates), progress)
    if keep:
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, indices=found[0], similarities=found[1])
    return found


def recall(pixels: Floats, indices: Whole, sample: int = 200, seed: int = 0, ranges: ArrayLike | None = None) -> float:
    """The share of the true nearest neighbours that `indices` has, measured on some patches.

    Args:
        pixels: all patches, `(N, C, H, W)`.
        indices: what `nearest` found, `(N, k)`.
        sample: how many patches to find the true neighbours of, among all; at most N.
        seed: of the choice of patches.
        ranges: as given to `nearest`.

    Returns:
        Between 0 and 1.
    """
    n, k = indices.shape
    bands = _bands(pixels, ranges)
    chosen = np.sort(np.random.default_rng(seed).permutation(n)[:sample])
    found, values = _empty(len(chosen), k)
    left = _prepare(pixels, chosen, bands)
    for part in _blocks(np.arange(n), pixels.shape):
        tile = _tile(left, _prepare(pixels, part, bands), bands, pixels.shape, same=False)
        _offer(tile, chosen, part, found, values)
    return float(np.mean([np.isin(true, given) for true, given in zip(found, indices[chosen], strict=True)]))


def _check(pixels: Floats, k: int, method: str, grid: int, device: str | None) -> None:
    """Raise `DataError` if `nearest` cannot do what it is asked for."""
    if k < 1 or grid < 1:
        raise DataError(f"k is {k} and grid is {grid}; expected whole numbers from 1")
    if len(pixels) <= k:
        raise DataError(
            f"{len(pixels)} patches have fewer than {k} neighbours each; ask for a smaller k or give more patches"
        )
    if method not in ("exact", "approximate"):
        raise DataError(f"the method {method!r} is unknown; expected 'exact' or 'approximate'")
    if device and method != "exact":
        raise DataError(f"the method {method!r} runs on the processor only; with the device {device!r} ask for 'exact'")


def _bands(pixels: Floats, ranges: ArrayLike | None) -> Bands:
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


def _key(pixels: Floats, bands: Bands, settings: str) -> str:
    """A hash of all that the neighbours depend on: the data, the arguments and this code."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(f"{pixels.shape} {settings}".encode())
    for array in (*bands, pixels):
        digest.update(array.data)
    return digest.hexdigest()[:32]


def _read(path: Path, shape: tuple[int, int]) -> Neighbours | None:
    """The kept result; None if there is none, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            indices, similarities = file["indices"], file["similarities"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    if (indices.dtype, similarities.dtype) != (np.int64, np.float32):
        return None
    return (indices, similarities) if indices.shape == similarities.shape == shape else None


def _report(progress: Progress | None, what: str, total: int) -> Callable[[int], None]:
    """A function that is told how much is done since it was last told, and speaks at every tenth of the total."""
    done = 0

    def add(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        if progress and done * 10 // total > before * 10 // total:
            progress(f"SSIM: {done * 100 // total} % of {total:,} {what}")

    return add


def _blocks(patches: Whole, shape: tuple[int, ...], size: int | None = None) -> list[Whole]:
    """The patches in blocks that `_prepare` can hold, or of the given size."""
    _, bands, height, width = shape
    size = size or max(SQUARE, int(BLOCK_BYTES / (12 * bands * height * _padded(width))))
    return [patches[start : start + size] for start in range(0, len(patches), size)]


def _padded(width: int) -> int:
    return -(-width // LANES) * LANES


def _tiles(
    pixels: Floats, bands: Bands, device: str | None = None, progress: Progress | None = None
) -> Iterator[tuple[Whole, Whole, Floats]]:
    """The similarities of all pairs, tile by tile of the upper triangle: rows, columns, float32 `(rows, columns)`."""
    n = len(pixels)
    add = _report(progress, "pairs", n * (n - 1) // 2)
    blocks = _blocks(np.arange(n), pixels.shape)
    one = None if device else _room(len(blocks[0]), pixels.shape)
    two = one if device or len(blocks) == 1 else _room(len(blocks[0]), pixels.shape)
    for first, rows in enumerate(blocks):
        left = None if device else _prepare(pixels, rows, bands, one)
        for columns in blocks[first:]:
            same = columns is rows
            if left is None:
                values = _torch_tile(pixels[rows], pixels[columns], bands, str(device))
            else:
                right = left if same else _prepare(pixels, columns, bands, two)
                values = _tile(left, right, bands, pixels.shape, same)
            add(len(rows) * (len(rows) - 1) // 2 if same else values.size)
            yield rows, columns, values


def _tile(left: Planes, right: Planes, bands: Bands, shape: tuple[int, ...], same: bool) -> Floats:
    """The similarities of two blocks of patches, `(n_left, n_right)`; where they are the same, the lower half mirrored."""
    n, m = len(left.pixels), len(right.pixels)
    squares = np.argwhere(np.ones((-(-n // SQUARE), -(-m // SQUARE)), bool)) * SQUARE
    if same:
        squares = squares[squares[:, 0] <= squares[:, 1]]
    result = np.zeros((n, m), np.float32)
    _in_threads(_fill, len(squares), squares, left, right, bands, shape[3] - WINDOW + 1, same, result)
    return result + np.triu(result, 1).T if same else result


def _empty(n: int, k: int) -> Neighbours:
    """A list of no neighbours, to be filled by `_offer`."""
    return np.full((n, k), np.iinfo(np.int64).max), np.full((n, k), -np.inf, np.float32)


def _search(tiles: Iterator[tuple[Whole, Whole, Floats]], n: int, k: int) -> Neighbours:
    """The `k` best of each of `n` patches, from tiles of the upper triangle."""
    indices, best = _empty(n, k)
    for rows, columns, values in tiles:
        for own, others, offered in ((rows, columns, values), (columns, rows, values.T))[: 1 + (rows is not columns)]:
            part = slice(own[0], own[-1] + 1)
            _offer(np.ascontiguousarray(offered), own, others, indices[part], best[part])
    return indices, best


def _coarse_to_fine(
    pixels: Floats, bands: Bands, k: int, grid: int, candidates: int, progress: Progress | None
) -> Neighbours:
    """The `k` best by all windows among the `candidates` best by some windows."""
    n = len(pixels)
    chosen, _ = _search(_sparse_tiles(pixels, bands, grid, progress), n, min(candidates, n - 1))
    own = np.repeat(np.arange(n), chosen.shape[1])
    codes = np.minimum(own, chosen.ravel()) * n + np.maximum(own, chosen.ravel())
    pairs, place = np.unique(codes, return_inverse=True)
    values = _listed(pixels, bands, pairs // n, pairs % n, progress)[place].reshape(chosen.shape)
    order = np.lexsort((chosen, -values), axis=1)[:, :k]
    return np.take_along_axis(chosen, order, 1), np.take_along_axis(values, order, 1)


def _sparse_tiles(
    pixels: Floats, bands: Bands, grid: int, progress: Progress | None
) -> Iterator[tuple[Whole, Whole, Floats]]:
    """As `_tiles`, over every `grid`-th window in each direction only."""
    n, _, height, width = pixels.shape
    corners = [np.arange((side - WINDOW) % grid // 2, side - WINDOW + 1, grid) for side in (height, width)]
    windows = pixels.shape[1] * len(corners[0]) * len(corners[1])
    size = max(1, int(BLOCK_BYTES / (4 * AREA * windows * PACK))) * PACK
    blocks = _blocks(np.arange(n), pixels.shape, size)
    add = _report(progress, "pairs, at some windows", n * (n - 1) // 2)
    one, two = [_packs(len(blocks[0]), pixels.shape[1], len(corners[0]) * len(corners[1])) for _ in range(2)]
    for first, rows in enumerate(blocks):
        left = _pack(pixels, rows, bands, corners[0], corners[1], one)
        for columns in blocks[first:]:
            same = columns is rows
            right = left if same else _pack(pixels, columns, bands, corners[0], corners[1], two)
            values = _sparse_tile(left, right, bands, same)[: len(rows), : len(columns)]
            add(len(rows) * (len(rows) - 1) // 2 if same else values.size)
            yield rows, columns, values


def _sparse_tile(left: Packs, right: Packs, bands: Bands, same: bool) -> Floats:
    """As `_tile`, over the packed windows."""
    pairs = np.argwhere(np.ones((len(left.values), len(right.values)), bool))
    if same:
        pairs = pairs[pairs[:, 0] <= pairs[:, 1]]
    result = np.zeros((len(left.values) * PACK, len(right.values) * PACK), np.float32)
    windows = left.values.shape[1]
    _in_threads(_sparse, len(pairs), pairs, left, right, bands, windows // len(bands.c1), result)
    result /= windows
    return np.triu(result) + np.triu(result, 1).T if same else result


def _listed(pixels: Floats, bands: Bands, first: Whole, second: Whole, progress: Progress | None) -> Floats:
    """The similarities of the pairs `(first, second)`, first < second; block by block, as not all can be prepared."""
    result = np.empty(len(first), np.float32)
    add = _report(progress, "candidate pairs", len(first))
    blocks = _blocks(np.arange(len(pixels)), pixels.shape)
    size = len(blocks[0])
    one, two = _room(size, pixels.shape), _room(size, pixels.shape)
    for rows in blocks:
        left = _prepare(pixels, rows, bands, one)
        start, end = np.searchsorted(first, (rows[0], rows[-1] + 1))
        block = second[start:end] // size
        for column in np.unique(block):
            here = start + np.flatnonzero(block == column)
            patches, place = np.unique(second[here], return_inverse=True)
            right = _prepare(pixels, patches, bands, two)
            part, width = np.zeros(len(here), np.float32), pixels.shape[3] - WINDOW + 1
            _in_threads(_pairs, len(here), first[here] - rows[0], place, left, right, bands, width, part)
            result[here] = part
            add(len(here))
    return result


def _room(n: int, shape: tuple[int, ...]) -> Planes:
    """Planes for `n` patches, to be filled again and again: fresh memory costs more than what is written there."""
    _, c, height, width = shape
    windows = (n, c, height - WINDOW + 1, _padded(width))
    pixels = np.zeros((n, c, height, _padded(width)), np.float32)
    return Planes(pixels, np.zeros(windows, np.float32), np.ones(windows, np.float32))


def _prepare(pixels: Floats, chosen: Whole, bands: Bands, room: Planes | None = None) -> Planes:
    """The planes of the chosen patches among `(N, C, H, W)`, in the given room if there is some."""
    room = room or _room(len(chosen), pixels.shape)
    planes = Planes(*(plane[: len(chosen)] for plane in room))
    _in_threads(_fill_planes, len(chosen), chosen, np.ascontiguousarray(pixels, np.float32), bands, planes)
    return planes


def _in_threads(kernel: Callable[..., None], count: int, *arguments: object) -> None:
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


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _offer(values: Floats, own: Whole, others: Whole, indices: Whole, best: Floats) -> None:
    """Put patches into the sorted lists of the best: `values[i, j]` is the similarity of `own[i]` and `others[j]`."""
    k = indices.shape[1]
    for i in range(len(own)):
        for j in range(len(others)):
            value, other = values[i, j], others[j]
            if other == own[i] or value < best[i, k - 1]:
                continue
            if value == best[i, k - 1] and other > indices[i, k - 1]:
                continue
            place = k - 1
            while place > 0 and (
                value > best[i, place - 1] or (value == best[i, place - 1] and other < indices[i, place - 1])
            ):
                best[i, place], indices[i, place] = best[i, place - 1], indices[i, place - 1]
                place -= 1
            best[i, place], indices[i, place] = value, other


def _packs(n: int, bands: int, places: int) -> Packs:
    """Room for so many windows of `n` patches; it is filled again and again, as that of `_room`."""
    shape = (-(-n // PACK), bands * places, PACK)
    values = np.zeros((*shape[:2], AREA, PACK), np.float32)
    return Packs(values, np.zeros(shape, np.float32), np.ones(shape, np.float32))


def _pack(pixels: Floats, chosen: Whole, bands: Bands, tops: Whole, lefts: Whole, room: Packs) -> Packs:
    """The windows at some corners of successive patches; what fills up the last pack means nothing."""
    packs = Packs(*(part[: -(-len(chosen) // PACK)] for part in room))
    _in_threads(_fill_packs, len(packs.values), pixels[chosen[0] : chosen[-1] + 1], bands, tops, lefts, packs)
    return packs


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _fill_packs(start: int, end: int, pixels: Floats, bands: Bands, tops: Whole, lefts: Whole, packs: Packs) -> None:
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


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _sparse(
    start: int, end: int, pairs: Whole, left: Packs, right: Packs, bands: Bands, places: int, result: Floats
) -> None:
    """Add up the index over the packed windows in `result[i, j]`, for pairs of packs from `start` to `end`.

    A matrix product for each window gives the covariances of all pairs of two packs.
    """
    products, turned = np.empty(2 * PACK, np.float32), np.empty((PACK, AREA), np.float32)
    part = np.empty((PACK, PACK), np.float32)  # of its own, so that rows lie close, and the compiler knows that they do
    for pair in range(start, end):
        one, two = pairs[pair]
        part[:] = 0
        for window in range(left.values.shape[1]):
            c1, c2 = np.float32(bands.c1[window // places]), np.float32(bands.c2[window // places])
            turned[:] = left.values[one, window].T
            y, a, b = right.values[two, window].ravel(), left.means[one, window], right.means[two, window]
            _add_window(turned, y, a, b, left.spread[one, window], right.spread[two, window], c1, c2, products, part)
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


def _torch_tile(left: Floats, right: Floats, bands: Bands, device: str) -> Floats:
    """As `_tile`, by torch: a matrix product of centred windows for each place, a row of places at a time."""
    import torch  # noqa: PLC0415 (who has no use for it need not wait for it)

    Side = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # noqa: N806

    def side(pixels: Floats, band: int, row: int) -> Side:
        strip = (pixels[:, band, row : row + WINDOW] - bands.centre[band]) * bands.scale[band]
        windows = torch.from_numpy(strip.astype(np.float32)).to(device).unfold(2, WINDOW, 1)
        windows = windows.permute(2, 0, 1, 3).flatten(2)  # (places, n, 49)
        means = windows.mean(2, keepdim=True)
        windows = windows - means
        variances = windows.square().sum(2, keepdim=True) / (AREA - 1)
        return windows, means + bands.centre[band] * bands.scale[band], variances

    places = (left.shape[2] - WINDOW + 1) * (left.shape[3] - WINDOW + 1)
    total = torch.zeros(len(left), len(right), dtype=torch.float64, device=device)
    for band, (c1, c2) in enumerate(zip(bands.c1.tolist(), bands.c2.tolist(), strict=True)):
        for row in range(left.shape[2] - WINDOW + 1):
            (x, a, v), (y, b, w) = side(left, band, row), side(right, band, row)
            b, w = b.mT, w.mT
            level, gap = a * a + b * b + c1, (a - b).square()
            index = (level - gap) * (x @ y.mT * (2 / (AREA - 1)) + c2) / (level * (v + w + c2))
            total += index.sum(0)
    similarities: Floats = (total / (places * len(bands.c1))).float().cpu().numpy()
    return similarities
