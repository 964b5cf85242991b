"""Where the values of red, green, blue and near infrared lie, so that NDVI and NDWI come near to the row's.

NIR and the two indices are placed first; red and green follow from them pixel by pixel, and their own values are put in that
order. NIR and an index are correlated so that the visible band gets its spread of logarithms.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from landslide_nb.simulation.cues import Cues
from landslide_nb.simulation.fields import Field, each, place, random_fields, standardised
from landslide_nb.simulation.landcover import Mosaic
from landslide_nb.simulation.relief import Relief, shaded
from landslide_nb.simulation.scars import Ground
from landslide_nb.tabular.statistics import SIGNALS

LIMIT: Final = 0.999  # of an index, before its artanh
SUN: Final = (0.77, 0.64)  # in the morning of the northern hemisphere: to the east and to the south
CLOUD: Final = 6.0  # by how many standard deviations clouds outshine the ground where a patch is as bright as they are
STEEPEST: Final = 2.5
HAZE: Final = 1.5  # likewise, at most, in any patch that shows no scar


class Scene(NamedTuple):
    """What light shows of N patches; all `(N, H, W)`.

    Attributes:
        brightness: of the ground, standardised.
        greenness: likewise.
        bare: how much lower bare ground has the indices, which lifts red and green, and blue with them.
        infrared: the same in NIR.
        blue: how much more it is in blue.
        cloud: lift of clouds and haze.
        grain: what differs from one pixel to the next.
    """

    brightness: Field
    greenness: Field
    bare: Field
    infrared: Field
    blue: Field
    cloud: Field
    grain: Field


def scene(relief: Relief, mosaic: Mosaic, ground: Ground, cues: Cues, rng: Generator) -> Scene:
    """Shaded slopes, stands and fields, waves on water, clouds."""
    n = len(ground.masks)
    turn = 0.4 * rng.standard_normal(n)
    sun = np.stack([SUN[0] - turn * SUN[1], SUN[1] + turn * SUN[0]])
    coarse, fine = shaded(relief, sun)
    land, steep = 1 - cues.water, np.minimum(relief.steepness, STEEPEST)
    grain, growth = random_fields(n, rng, 1.8), random_fields(n, rng, np.where(cues.water == 1, 2.2, 4.0))
    level = each(land / (1 + steep))
    slopes = each(0.5 * land * steep) * coarse + each(cues.water + 0.6 * land * (0.4 + steep)) * fine
    brightness = slopes + 0.6 * level * mosaic.cover + each(0.3 * land) * random_fields(n, rng, 3.2) + 0.25 * grain
    greenness = each(0.3 + 0.4 * land) * growth + 0.8 * level * mosaic.cover + 0.3 * fine + 0.15 * np.roll(grain, 31, 2)
    bare, infrared, blue = (each(land) * lift for lift in (ground.lift, ground.infrared, ground.blue))
    clouds = _clouds(cues, rng) * each(1 - ground.scars.max((1, 2)))  # who can see a scar has a clear view
    return Scene(standardised(brightness), standardised(greenness), bare, infrared, blue, clouds, grain)


def _clouds(cues: Cues, rng: Generator) -> Field:
    """Soft-edged lifts `(N, H, W)`: thick where the patch is bright, a thin haze in some others."""
    n = len(cues.cloud)
    shape = random_fields(n, rng, 4.6)
    cover = shape - each(0.8 - 1.6 * cues.cloud)
    haze = each(HAZE * rng.random(n)) * np.maximum(shape, 0)
    lifted: Field = each(CLOUD * cues.cloud) * np.clip(cover, 0, 1.5) + haze
    return lifted


def arranged(values: Field, seen: Scene, rng: Generator) -> list[Field]:
    """Red, green, blue and NIR `(N, H, W)` from the sorted values `(N, S, P)` of all signals."""
    red, green, blue, nir, ndvi, ndwi = (
        values[:, SIGNALS.index(name)] for name in ("R", "G", "B", "NIR", "NDVI", "NDWI")
    )
    n = len(values)
    chroma = random_fields(n, rng, 2.6)
    first, second = _log_correlation(nir, red, ndvi), _log_correlation(nir, green, -ndwi)
    infrared = seen.brightness + 0.7 * seen.cloud + seen.infrared
    lost = seen.bare + 0.7 * seen.cloud
    greenness = _correlated(seen.brightness, seen.greenness, first) - lost
    wetness = _correlated(seen.brightness, 0.96 * seen.greenness + 0.28 * np.roll(chroma, 23, 1), second) - lost
    infrared, greenness, wetness = place(nir, infrared), place(ndvi, greenness), place(ndwi, -wetness)
    red = place(red, _logarithm(infrared) - 2 * np.arctanh(greenness.clip(-LIMIT, LIMIT)))
    green = place(green, _logarithm(infrared) + 2 * np.arctanh(wetness.clip(-LIMIT, LIMIT)))
    visible = sum(
        _logarithm(band) / np.maximum(_logarithm(band).std((1, 2), keepdims=True), 1e-3) for band in (red, green)
    )
    return [red, green, place(blue, visible + 0.6 * chroma + seen.blue), infrared]


def _correlated(first: Field, second: Field, correlation: Field) -> Field:
    return correlation * first + np.sqrt(1 - correlation**2) * second


def _log_correlation(nir: Field, visible: Field, index: Field) -> Field:
    """The correlation of NIR with an index of both that gives the visible band its spread of logarithms, `(N, 1, 1)`.

    log(visible) = log(NIR) − 2 artanh(index), so the variances of all three leave one covariance.
    """
    a, b, c = _logarithm(nir), 2 * np.arctanh(np.clip(index, -LIMIT, LIMIT)), _logarithm(visible)
    covariance = (a.var(1) + b.var(1) - c.var(1)) / 2
    correlation = covariance / np.maximum(a.std(1) * b.std(1), 1e-6)
    return each(np.clip(correlation, -0.97, 0.97))


def _logarithm(band: Field) -> Field:
    return np.log(np.maximum(band, 1))
