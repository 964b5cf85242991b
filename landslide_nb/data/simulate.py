"""Simulated patches in the challenge's format, for those who do not have its data.

A first, plain model: correlated random fields for terrain, vegetation and speckle; clouds, water and nodata; a scar where
a landslide is, and look-alikes where none is. Levels and spreads of the bands follow the published pixel statistics of the
challenge's training patches (Zindi/ITU 2025, CC BY-SA 4.0). What is learned here says nothing about real landslides.
"""

from typing import Final

import numpy as np
import scipy.fft
from numpy.random import Generator
from numpy.typing import NDArray

from landslide_nb.data.bands import BAND_NAMES
from landslide_nb.data.patches import Patches
from landslide_nb.data.render import render
from landslide_nb.errors import DataError

__all__ = ["render", "simulate"]

SIZE: Final = 64
POSITIVE_RATE: Final = 1255 / 7147
BATCH: Final = 64
CLOUDY: Final = 0.05
NODATA: Final = 0.035
WATER: Final = 0.08
LOOK_ALIKE: Final = 0.3
# How hard it is: the spread of a scar's strength, and how far a look-alike reaches up to one.
SCAR_STRENGTH: Final = (2.6, 0.8)
LOOK_ALIKE_STRENGTH: Final = (1.2, 0.6)

Field = NDArray[np.float64]


def simulate(n: int, seed: int, positive_rate: float = POSITIVE_RATE) -> Patches:
    """Simulated patches: the same seed gives the same bytes.

    Args:
        n: how many.
        seed: of everything random.
        positive_rate: the share with a landslide; their number is rounded, not drawn. The challenge's by default.

    Returns:
        `n` patches `(n, 12, 64, 64)` with ids `SIM_…`, labelled.

    Raises:
        DataError: if `n` is negative or the rate is outside [0, 1].
    """
    if n < 0 or not 0 <= positive_rate <= 1:
        raise DataError(
            f"cannot simulate {n} patches with a positive rate of {positive_rate}; expected n ≥ 0, rate in [0, 1]"
        )
    rng = np.random.default_rng(seed)
    labels = np.zeros(n, np.int8)
    labels[: round(n * positive_rate)] = 1
    rng.shuffle(labels)
    pixels = np.empty((n, len(BAND_NAMES), SIZE, SIZE), np.float32)
    for i in range(0, n, BATCH):
        pixels[i : i + BATCH] = _render(labels[i : i + BATCH], rng)
    return Patches(tuple(f"SIM_{seed:03d}_{i:06d}" for i in range(n)), pixels, labels)


def _render(labels: NDArray[np.int8], rng: Generator) -> Field:
    """Pixels `(N, 12, 64, 64)` for the labels of one batch."""
    n = len(labels)
    terrain = _fields(n, rng, roughness=4.2)
    vegetation = _column(n, rng, 0.3, 0.8) + 0.8 * _fields(n, rng, roughness=2.2)
    scar = _scar(labels, terrain, rng)
    optical = _optical(vegetation, scar, rng)
    radar = _radar(terrain, vegetation, scar, rng)
    return np.concatenate([_hide(optical, rng), radar], 1)


def _fields(n: int, rng: Generator, roughness: float) -> Field:
    """`n` random fields `(n, 64, 64)`, mean 0 and standard deviation 1, whose power falls with frequency^roughness."""
    fy, fx = np.fft.fftfreq(2 * SIZE)[:, None], np.fft.rfftfreq(2 * SIZE)[None]
    amplitude = (fy**2 + fx**2 + (0.5 / SIZE) ** 2) ** (-roughness / 4)
    noise = rng.standard_normal((n, 2 * SIZE, 2 * SIZE))
    field: Field = scipy.fft.irfft2(scipy.fft.rfft2(noise) * amplitude, s=noise.shape[1:])[:, :SIZE, :SIZE]
    field = field - field.mean((1, 2), keepdims=True)
    scaled: Field = field / field.std((1, 2), keepdims=True)
    return scaled


def _column(n: int, rng: Generator, mean: float, std: float) -> Field:
    """One normal value for each patch, `(n, 1, 1)`."""
    return rng.normal(mean, std, (n, 1, 1))


def _scar(labels: NDArray[np.int8], terrain: Field, rng: Generator) -> dict[str, Field]:
    """What has happened on the ground: bareness and change, each `(N, 64, 64)`.

    A landslide strips vegetation and changes the surface in one elongated shape along the slope. A look-alike has the
    shape across the slope, or one of the two signs without the other (clear-cut, river, wet soil).
    """
    n = len(labels)
    row, column = np.mgrid[:SIZE, :SIZE].astype(float)
    x0, y0 = rng.uniform(12, SIZE - 12, (2, n, 1, 1))
    at = (np.arange(n), y0[:, 0, 0].astype(int), x0[:, 0, 0].astype(int))
    dy, dx = (np.asarray(slope) for slope in np.gradient(terrain, axis=(1, 2)))
    is_scar = labels[:, None, None] == 1
    downslope = np.arctan2(dy[at], dx[at])[:, None, None]
    angle = np.where(is_scar, downslope, downslope + rng.uniform(0.6, np.pi - 0.6, (n, 1, 1)))
    along = (column - x0) * np.cos(angle) + (row - y0) * np.sin(angle)
    across = (row - y0) * np.cos(angle) - (column - x0) * np.sin(angle)
    length, width = rng.uniform(7, 20, (n, 1, 1)), rng.uniform(2, 5, (n, 1, 1))
    edge: Field = 0.25 * _fields(n, rng, roughness=2.0)
    shape = 1 / (1 + np.exp(6 * (np.hypot(along / length, across / width) + edge - 1)))
    present = is_scar | (rng.random((n, 1, 1)) < LOOK_ALIKE)
    mean, std = (np.where(is_scar, a, b) for a, b in zip(SCAR_STRENGTH, LOOK_ALIKE_STRENGTH, strict=True))
    bare, change = np.abs(mean + std * rng.standard_normal((2, n, 1, 1)))
    one_sign = ~is_scar * rng.integers(0, 3, (n, 1, 1))
    return {
        "bare": shape * present * bare * (one_sign != 1),
        "change": shape * present * change * (one_sign != 2),
    }


def _optical(vegetation: Field, scar: dict[str, Field], rng: Generator) -> Field:
    """R, G, B, NIR in DN with the offset of about +1000, `(N, 4, 64, 64)`."""
    n = len(vegetation)
    light = np.exp(_column(n, rng, 0, 0.25))
    bare = scar["bare"]
    grain = [0.12 * _fields(n, rng, roughness=1.5) for _ in range(4)]
    red = 600 - 170 * vegetation + 260 * bare + 130 * grain[0]
    green = 690 - 100 * vegetation + 190 * bare + 120 * grain[1]
    blue = 610 - 100 * vegetation + 140 * bare + 110 * grain[2]
    nir = 1900 + 780 * vegetation - 420 * bare + 450 * grain[3]
    water = rng.random((n, 1, 1)) < WATER
    level = np.where(water, _fields(n, rng, roughness=4) > rng.uniform(-1.5, 1, (n, 1, 1)), False)
    nir = np.where(level, 180 + 40 * grain[3], nir)
    return 1000 + light[:, None] * np.maximum(np.stack([red, green, blue, nir], 1), 20)


def _hide(optical: Field, rng: Generator) -> Field:
    """Clouds over some patches and nodata at the edge of a few; integers, as shipped."""
    n = len(optical)
    cover = np.clip(1.2 + 0.8 * _fields(n, rng, roughness=3), 0, 1.5)[:, None]
    cloud = cover * rng.uniform(2800, 6500, (n, 1, 1, 1)) * (rng.random((n, 1, 1, 1)) < CLOUDY)
    optical = np.round(optical * np.exp(-cloud / 8000) + cloud)
    edge = np.where(rng.random((n, 1, 1, 1)) < NODATA, rng.integers(1, 40, (n, 1, 1, 1)), 0)
    return np.where(np.arange(SIZE) < edge, 0, np.clip(optical, 0, 20_000))


def _radar(terrain: Field, vegetation: Field, scar: dict[str, Field], rng: Generator) -> Field:
    """Eight SAR bands in dB, `(N, 8, 64, 64)`; the two passes look at the slope from opposite sides."""
    n = len(terrain)
    slope = np.gradient(terrain, axis=2)
    slope = slope / slope.std((1, 2), keepdims=True) * np.exp(_column(n, rng, 0.6, 0.6))
    bands = []
    for look, level, spread, drift in ((1, -10.4, 5.5, -0.9), (-1, -11.3, 4.0, 0.4)):
        steep = look * slope
        base = _column(n, rng, level, spread)
        speckle = [_fields(n, rng, roughness=3.4) for _ in range(2)]
        vv = base + 2.2 * steep + 2.4 * speckle[0]
        vh = base - 8.3 + _column(n, rng, 0, 2.5) + 2.6 * steep + 1.2 * vegetation + 2.6 * speckle[1]
        noise = np.exp(_column(n, rng, 0.75, 0.4))
        for offset, direction in ((drift, 1.0), (drift / 2, 1.3)):
            sign = rng.choice((-1.0, 1.0), (n, 1, 1))
            change = 2.2 * direction * sign * scar["change"] * noise**0.7
            bands.append(_column(n, rng, offset, 1.2) + noise * direction * _fields(n, rng, roughness=1.3) + change)
        bands[-2:-2] = [vv, vh]
    radar = np.stack(bands, 1)
    return _resample(np.clip(radar, -60, 30), rng)


def _resample(radar: Field, rng: Generator) -> Field:
    """Repeat some columns, as resampling to the optical grid by the nearest neighbour does."""
    repeated = np.flatnonzero(rng.random(SIZE - 1) < 0.1) + 1
    radar[..., repeated] = radar[..., repeated - 1]
    return radar
