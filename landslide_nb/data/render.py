"""Patches that have given statistics: the values of each band, and where they lie.

The two are made apart. A band's 4,096 values follow from its mean, standard deviation, extremes, skewness and kurtosis
(`marginals`). Where they lie follows from random fields that bands share (terrain, vegetation, speckle) and from shapes
(a scar, a cloud, missing data): the pixel whose field is k-th smallest gets the k-th smallest value. So the statistics
hold whatever the arrangement is. What it shows of real spatial structure is a guess.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import Final

import numpy as np
import pandas as pd
import scipy.fft
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.data.bands import BAND_NAMES
from landslide_nb.data.marginals import quantiles
from landslide_nb.data.patches import Patches
from landslide_nb.data.statistics import COLUMNS, MOMENTS
from landslide_nb.errors import DataError

SIZE: Final = 64
BATCH: Final = 32
# How far a scar lifts its pixels above the rest, in standard deviations of a field; look-alikes in one kind of band only.
SCAR: Final = {"optical": 1.6, "change": 2.4}
LOOK_ALIKES: Final = 0.5
REPEATED: Final = 0.1

Field = NDArray[np.floating]


def render(statistics: pd.DataFrame, seed: int) -> Patches:
    """Patches `(N, 12, 64, 64)` that have the statistics of each row, and its label if there is one.

    Args:
        statistics: columns as `statistics.describe` gives them.
        seed: of the arrangement; the same seed gives the same bytes, on any number of threads.

    Raises:
        DataError: if a column is missing.
    """
    missing = [column for column in COLUMNS if column not in statistics]
    if missing:
        raise DataError(f"the statistics lack the column {missing[0]!r} ({len(missing)} of {len(COLUMNS)} are missing)")
    labels = statistics["label"].to_numpy(np.int8) if "label" in statistics else None
    pixels = np.empty((len(statistics), len(BAND_NAMES), SIZE, SIZE), np.float32)
    starts = range(0, len(statistics), BATCH)

    def fill(start: int) -> None:
        part = slice(start, start + BATCH)
        scars = np.zeros(len(statistics.iloc[part]), np.int8) if labels is None else labels[part]
        pixels[part] = _render(statistics.iloc[part], scars, np.random.default_rng([seed, start]))

    with ThreadPoolExecutor(cpu_count()) as pool:
        list(pool.map(fill, starts))
    return Patches(tuple(statistics["ID"].astype(str)), pixels, labels)


def _render(rows: pd.DataFrame, labels: NDArray[np.int8], rng: Generator) -> Field:
    """Pixels of one batch: fields, then the bands' values in the fields' order."""
    fields = _arrange(rows, labels, rng).reshape(len(rows) * len(BAND_NAMES), -1)
    moments = rows[[f"{band}_{moment}" for band in BAND_NAMES for moment in MOMENTS]].to_numpy(np.float64)
    values = quantiles(moments.reshape(-1, len(MOMENTS)), SIZE**2)
    pixels = np.empty_like(values)
    np.put_along_axis(pixels, np.argsort(fields, axis=1), values, axis=1)
    pixels = pixels.reshape(len(rows), len(BAND_NAMES), SIZE, SIZE)
    pixels[:, :4] = np.round(pixels[:, :4])
    return _repeat_neighbours(pixels, rng)


def _arrange(rows: pd.DataFrame, labels: NDArray[np.int8], rng: Generator) -> Field:
    """A field for each band `(N, 12, 64, 64)`; only the order of its pixels matters."""
    n = len(rows)
    scar = _scar(rows, labels, rng)
    near_infrared, visible = random_fields(n, rng, 2.3), random_fields(n, rng, 2.3)
    grain = [random_fields(n, rng, 1.6) for _ in range(3)]
    nir_red, nir_green = (_nir_correlation(rows, band, index) for band, index in (("R", "NDVI"), ("G", "NDWI")))
    red = _correlated(near_infrared, 0.97 * visible + 0.24 * grain[0], nir_red)
    green = _correlated(near_infrared, 0.95 * visible + 0.3 * grain[1], nir_green)
    blue = _correlated(near_infrared, 0.93 * visible + 0.36 * grain[2], (nir_red + nir_green) / 2)
    light = [red + scar["optical"], green + scar["optical"], blue + scar["optical"], near_infrared - scar["optical"]]
    hidden = _nodata(rows, rng)
    radar = []
    slope = np.gradient(random_fields(n, rng, 4.4), axis=2)
    slope /= slope.std((1, 2), keepdims=True)
    for look, band in ((1, "D"), (-1, "A")):  # the two passes see a slope from opposite sides
        shared = 0.75 * look * slope + 0.5 * random_fields(n, rng, 3.4)
        radar += [0.85 * shared + 0.53 * random_fields(n, rng, 3.4) for _ in range(2)]
        common = random_fields(n, rng, 1.4)
        radar += [
            0.7 * common + 0.7 * random_fields(n, rng, 1.4) + _sign(rows, f"{band}{change}") * scar["change"]
            for change in ("DVV", "DVH")
        ]
    return np.stack([*(field - hidden for field in light), *radar], 1).astype(np.float32)


def random_fields(n: int, rng: Generator, roughness: float) -> Field:
    """`n` random fields `(n, 64, 64)`, mean 0 and standard deviation 1, whose power falls with frequency^roughness."""
    side = SIZE + SIZE // 2  # a periodic field is cut, so that opposite edges are not alike
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    amplitude = ((fy**2 + fx**2 + (0.5 / SIZE) ** 2) ** (-roughness / 4)).astype(np.float32)
    noise = rng.standard_normal((2, n, *amplitude.shape), dtype=np.float32)
    field: Field = scipy.fft.irfft2((noise[0] + 1j * noise[1]) * amplitude, s=(side, side))[:, :SIZE, :SIZE]
    field -= field.mean((1, 2), keepdims=True)
    field /= field.std((1, 2), keepdims=True)
    return field


def _correlated(first: Field, second: Field, correlation: Field) -> Field:
    return correlation * first + np.sqrt(1 - correlation**2) * second


def _nir_correlation(rows: pd.DataFrame, band: str, index: str) -> Field:
    """The correlation of a visible band with NIR that gives the index its spread, to first order, `(N, 1, 1)`."""
    visible, nir = rows[f"{band}_mean"].to_numpy(), rows["NIR_mean"].to_numpy()
    total = np.maximum(visible + nir, 1) ** 2
    a, b = 2 * nir * rows[f"{band}_std"].to_numpy() / total, 2 * visible * rows["NIR_std"].to_numpy() / total
    spread = rows[f"{index}_std"].to_numpy()
    correlation = (a**2 + b**2 - spread**2) / np.maximum(2 * a * b, 1e-9)
    clipped: Field = np.clip(correlation, -0.97, 0.97).astype(np.float32)
    return clipped[:, None, None]


def _sign(rows: pd.DataFrame, band: str) -> Field:
    """Which tail of a band's values is the longer one, `(N, 1, 1)`: that is where the change lies."""
    upper = rows[f"{band}_max"] - rows[f"{band}_mean"] > rows[f"{band}_mean"] - rows[f"{band}_min"]
    return np.where(upper, 1, -1)[:, None, None].astype(np.float32)


def _nodata(rows: pd.DataFrame, rng: Generator) -> Field:
    """A lift that puts an optical band's lowest values at one edge where some of them are zeros: missing data."""
    ramp = np.linspace(12, 0, SIZE, dtype=np.float32)
    edges: Sequence[Field] = (np.tile(ramp, (SIZE, 1)), np.tile(ramp[::-1], (SIZE, 1)))
    chosen = np.stack([edges[i] for i in rng.integers(2, size=len(rows))])
    empty = np.asarray((rows[["R_min", "G_min", "B_min", "NIR_min"]].to_numpy() <= 0).any(1))
    lift: Field = chosen * empty[:, None, None]
    return lift


def _scar(rows: pd.DataFrame, labels: NDArray[np.int8], rng: Generator) -> dict[str, Field]:
    """Lifts `(N, 64, 64)` of optical bands and of changes: a scar in both, a look-alike in one of them."""
    n = len(rows)
    row, column = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    x0, y0 = rng.uniform(12, SIZE - 12, (2, n, 1, 1)).astype(np.float32)
    angle = rng.uniform(0, np.pi, (n, 1, 1)).astype(np.float32)
    along = (column - x0) * np.cos(angle) + (row - y0) * np.sin(angle)
    across = (row - y0) * np.cos(angle) - (column - x0) * np.sin(angle)
    length, width = rng.uniform(8, 20, (n, 1, 1)), rng.uniform(2, 5, (n, 1, 1))
    distance = np.hypot(along / length, across / width) + 0.25 * random_fields(n, rng, 2.0)
    shape = 1 / (1 + np.exp(np.minimum(6 * (distance - 1), 50)))
    is_scar = labels[:, None, None] == 1
    one_sign = rng.integers(1, 3, (n, 1, 1)) * ~is_scar
    present = is_scar | (rng.random((n, 1, 1)) < LOOK_ALIKES)
    strength = np.exp(rng.normal(0, 0.3, (2, n, 1, 1)))
    return {
        "optical": (shape * present * SCAR["optical"] * strength[0] * (one_sign != 1)).astype(np.float32),
        "change": (shape * present * SCAR["change"] * strength[1] * (one_sign != 2)).astype(np.float32),
    }


def _repeat_neighbours(pixels: Field, rng: Generator) -> Field:
    """Repeat some SAR columns, as resampling by the nearest neighbour does; mean, spread and extremes stay."""
    radar = pixels[:, 4:]
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
    pixels[:, 4:] = flat.reshape(radar.shape)
    return pixels
