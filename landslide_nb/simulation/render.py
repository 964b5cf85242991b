"""Patches that have given statistics: the values of each band, and where they lie.

The two are made apart. A band's 4,096 values follow from its mean, standard deviation, extremes, skewness and kurtosis
(`marginals`). Where they lie follows from random fields that bands share (terrain, vegetation, speckle) and from shapes
(a scar and what looks like one): the pixel whose field is k-th smallest gets the k-th smallest value. So the statistics
hold whatever the arrangement is. What it shows of real spatial structure is a guess.

A seed has to give the same bytes on any machine, but numpy's functions round differently on different processors. So fields
are float64, and only their order counts: a difference in the last place changes it once in some millions of patches.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
import pandas as pd
import scipy.fft
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.common.cores import cores
from landslide_nb.common.errors import DataError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.simulation.maxent import quantiles
from landslide_nb.tabular.statistics import COLUMNS, MOMENTS, SIGNALS

SIZE: Final = CHALLENGE.patch_size
OPTICAL, BACKSCATTER = CHALLENGE.bands.optical, CHALLENGE.bands.backscatter
BATCH: Final = 32
# How far a scar lifts its pixels above the rest, in standard deviations of a field, and its half axes in pixels.
OPTICAL_LIFT: Final = 4.0
CHANGE_LIFT: Final = 5.0
LENGTH: Final = (11, 25)
WIDTH: Final = (4, 8)
LOOK_ALIKES: Final = 0.4
REPEATED: Final = 0.1
LIMIT: Final = 0.999  # of an index, before its artanh
STEP: Final = 2.0**-20  # values of a field that are nearer to each other are in the order of their pixels
# Beyond it, numpy takes the C library's logarithm in float32, which is not the same everywhere; one in 4,000 values is.
NOISE_LIMIT: Final = 3.65

Field = NDArray[np.floating]


def render(statistics: pd.DataFrame, seed: int) -> Patches:
    """Patches in the challenge's format that have the statistics of each row, and its label if there is one.

    Args:
        statistics: columns as `statistics.describe` gives them.
        seed: of the arrangement; the same seed gives the same bytes, on any machine and number of threads.

    Raises:
        DataError: if a column is missing.
    """
    pixels = np.empty((len(statistics), *CHALLENGE.shape), np.float32)
    for i, patch in enumerate(stream(statistics, seed)):
        pixels[i] = patch
    labels = statistics["label"].to_numpy(np.int8) if "label" in statistics else None
    return Patches(tuple(statistics["ID"].astype(str)), pixels, labels)


def stream(statistics: pd.DataFrame, seed: int) -> Iterator[NDArray[np.float32]]:
    """What `render` makes, patch by patch `(C, H, W)` and in order; a few batches are in memory at a time."""
    missing = [column for column in COLUMNS if column not in statistics]
    if missing:
        raise DataError(f"the statistics lack the column {missing[0]!r} ({len(missing)} of {len(COLUMNS)} are missing)")
    threads = cores()
    ahead: deque[Future[NDArray[np.float32]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(statistics), BATCH):
            rng = np.random.default_rng([seed, start])  # a batch's own, so that threads do not matter
            ahead.append(pool.submit(_render, statistics.iloc[start : start + BATCH], rng))
            if len(ahead) > 2 * threads:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()


def _render(rows: pd.DataFrame, rng: Generator) -> NDArray[np.float32]:
    """Pixels of one batch: the values of each band and index, placed in the order of fields."""
    moments = rows[[f"{signal}_{moment}" for signal in SIGNALS for moment in MOMENTS]].to_numpy(np.float64)
    solved = quantiles(moments.reshape(-1, len(MOMENTS)), SIZE**2).astype(np.float64)
    values = solved.reshape(len(rows), len(SIGNALS), -1)
    terrain = random_fields(len(rows), rng, 4.4)
    light, *changes = _scar(rows, terrain, rng)
    optical = np.round(_optical(values, light, rng))
    fields = _radar(rows, terrain, changes, rng)
    radar = [_place(values[:, len(OPTICAL) + i], field) for i, field in enumerate(fields)]
    return _repeat_neighbours(np.stack([*optical, *radar], 1), rng).astype(np.float32)


def _place(values: Field, field: Field) -> Field:
    """Sorted values `(N, P)` at the pixels of a field `(N, H, W)`: the k-th smallest where the field's k-th smallest is."""
    pixels = values.shape[1]
    # Whole numbers, no two alike, have one order, however they are sorted; argsort's order of equal ones is the processor's.
    keys = np.rint(field.reshape(len(field), -1) / STEP).astype(np.int64) * pixels + np.arange(pixels)
    placed = np.empty_like(values)
    np.put_along_axis(placed, np.sort(keys, axis=1) % pixels, values, axis=1)
    return placed.reshape(field.shape)


def _optical(values: Field, scar: Field, rng: Generator) -> list[Field]:
    """Red, green, blue and NIR `(N, H, W)` whose NDVI and NDWI come near to the row's.

    NIR and the two indices are placed first; red and green follow from them pixel by pixel, and their own values are put
    in that order. NIR and an index are correlated so that the visible band gets its spread of logarithms.
    """
    n = len(scar)
    red, green, blue, nir, ndvi, ndwi = (
        values[:, SIGNALS.index(name)] for name in ("R", "G", "B", "NIR", "NDVI", "NDWI")
    )
    bright, plants = random_fields(n, rng, 3.0), random_fields(n, rng, 3.0) - scar
    grain = [random_fields(n, rng, 2.4) for _ in range(3)]
    infrared = _place(nir, bright - scar)
    greenness = _place(ndvi, _correlated(bright, plants, _log_correlation(nir, red, ndvi)))
    wetness = _place(ndwi, -_correlated(bright, 0.95 * plants + 0.3 * grain[0], _log_correlation(nir, green, -ndwi)))
    red = _place(red, _logarithm(infrared) - 2 * np.arctanh(greenness.clip(-LIMIT, LIMIT)) + 0.02 * grain[1])
    green = _place(green, _logarithm(infrared) + 2 * np.arctanh(wetness.clip(-LIMIT, LIMIT)))
    visible = sum(
        _logarithm(band) / np.maximum(_logarithm(band).std((1, 2), keepdims=True), 1e-3) for band in (red, green)
    )
    return [red, green, _place(blue, visible + 0.4 * grain[2]), infrared]


def _radar(rows: pd.DataFrame, terrain: Field, scars: Sequence[Field], rng: Generator) -> list[Field]:
    """A field `(N, H, W)` for each of the eight SAR bands; only the order of its pixels matters."""
    n = len(rows)
    fields = []
    slope = np.gradient(terrain, axis=2)
    slope /= slope.std((1, 2), keepdims=True)
    for look, band, scar in ((1, "D", scars[0]), (-1, "A", scars[1])):  # the passes see a slope from opposite sides
        shared = 0.75 * look * slope + 0.5 * random_fields(n, rng, 3.4)
        fields += [0.85 * shared + 0.53 * random_fields(n, rng, 3.4) for _ in range(2)]
        common = random_fields(n, rng, 1.4)
        fields += [
            0.7 * common + 0.7 * random_fields(n, rng, 1.4) + _sign(rows, f"{band}{change}") * scar
            for change in ("DVV", "DVH")
        ]
    return fields


def random_fields(n: int, rng: Generator, roughness: float) -> Field:
    """`n` random fields `(n, H, W)`, mean 0 and standard deviation 1, whose power falls with frequency^roughness."""
    side = SIZE + SIZE // 2  # a periodic field is cut, so that opposite edges are not alike
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    amplitude = (fy**2 + fx**2 + (0.5 / SIZE) ** 2) ** (-roughness / 4)
    noise = rng.standard_normal((2, n, *amplitude.shape), dtype=np.float32).clip(-NOISE_LIMIT, NOISE_LIMIT)
    field: Field = scipy.fft.irfft2((noise[0] + 1j * noise[1]) * amplitude, s=(side, side))[:, :SIZE, :SIZE]
    field -= field.mean((1, 2), keepdims=True)
    field /= field.std((1, 2), keepdims=True)
    return field


def _correlated(first: Field, second: Field, correlation: Field) -> Field:
    return correlation * first + np.sqrt(1 - correlation**2) * second


def _log_correlation(nir: Field, visible: Field, index: Field) -> Field:
    """The correlation of NIR with an index of both that gives the visible band its spread of logarithms, `(N, 1, 1)`.

    log(visible) = log(NIR) − 2 artanh(index), so the variances of all three leave one covariance.
    """
    a, b, c = _logarithm(nir), 2 * np.arctanh(np.clip(index, -LIMIT, LIMIT)), _logarithm(visible)
    covariance = (a.var(1) + b.var(1) - c.var(1)) / 2
    correlation = covariance / np.maximum(a.std(1) * b.std(1), 1e-6)
    clipped: Field = np.clip(correlation, -0.97, 0.97)
    return clipped[:, None, None]


def _logarithm(band: Field) -> Field:
    return np.log(np.maximum(band, 1))


def _sign(rows: pd.DataFrame, band: str) -> Field:
    """Which tail of a band's values is the longer one, `(N, 1, 1)`: that is where the change lies."""
    upper = rows[f"{band}_max"] - rows[f"{band}_mean"] > rows[f"{band}_mean"] - rows[f"{band}_min"]
    return np.where(upper, 1, -1)[:, None, None]


def _scar(rows: pd.DataFrame, terrain: Field, rng: Generator) -> Field:
    """Lifts `(3, N, H, W)` of the optical bands and of the changes that the descending and the ascending pass see.

    A landslide lies along the slope, in the same place in all three. What looks like one (a clear-cut, a river, a road, wet
    soil) lies across the slope, in one of the three only.
    """
    n = len(rows)
    row, column = np.mgrid[:SIZE, :SIZE]
    x0, y0 = rng.uniform(12, SIZE - 12, (2, n, 1, 1))
    dy, dx = (np.asarray(gradient) for gradient in np.gradient(terrain, axis=(1, 2)))
    centre = (np.arange(n), y0[:, 0, 0].astype(int), x0[:, 0, 0].astype(int))
    is_scar = rows.get("label", pd.Series(0, rows.index)).to_numpy()[:, None, None] == 1
    across_slope = rng.uniform(0.6, np.pi - 0.6, (n, 1, 1))
    angle = np.arctan2(dy[centre], dx[centre])[:, None, None] + np.where(is_scar, 0, across_slope)
    along = (column - x0) * np.cos(angle) + (row - y0) * np.sin(angle)
    across = (row - y0) * np.cos(angle) - (column - x0) * np.sin(angle)
    length, width = rng.uniform(*LENGTH, (n, 1, 1)), rng.uniform(*WIDTH, (n, 1, 1))
    distance = np.hypot(along / length, across / width) + 0.25 * random_fields(n, rng, 2.0)
    shape = 1 / (1 + np.exp(np.minimum(6 * (distance - 1), 50)))
    seen = is_scar | (rng.random((n, 1, 1)) < LOOK_ALIKES) & (
        rng.integers(3, size=(n, 1, 1)) == np.arange(3)[:, None, None, None]
    )
    lift = np.array([OPTICAL_LIFT, CHANGE_LIFT, CHANGE_LIFT])[:, None, None, None]
    strength = np.exp(rng.normal(0, 0.3, (3, n, 1, 1)))
    lifted: Field = shape * seen * lift * strength
    return lifted


def _repeat_neighbours(pixels: Field, rng: Generator) -> Field:
    """Repeat some columns of backscatter, as resampling by the nearest neighbour does; mean, spread and extremes stay."""
    radar = pixels[:, BACKSCATTER]
    flat = radar.reshape(len(radar), radar.shape[1], -1)
    mean, std = flat.mean(2, keepdims=True), flat.std(2, keepdims=True)
    places = np.stack([flat.argmin(2), flat.argmax(2)], 2)
    extremes = np.take_along_axis(flat, places, 2)
    repeated = np.flatnonzero(rng.random(SIZE - 1) < REPEATED) + 1
    radar[..., repeated] = radar[..., repeated - 1]
    flat = radar.reshape(flat.shape)
    flat = mean + (flat - flat.mean(2, keepdims=True)) * (std / np.maximum(flat.std(2, keepdims=True), 1e-9))
    flat = np.clip(flat, extremes[..., :1], extremes[..., 1:])
    np.put_along_axis(flat, places, extremes, 2)
    pixels[:, BACKSCATTER] = flat.reshape(radar.shape)
    return pixels
