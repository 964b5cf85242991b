"""What grows where: stands, fields and clearings with borders, and the grain of what grows."""

from typing import Final, NamedTuple

import numpy as np
from numpy.random import Generator

from landslide_nb.simulation.fields import SIZE, Field, each, random_fields, standardised

CELLS: Final = 9
WANDER: Final = 3.0  # pixels by which borders wander where nothing is level


class Mosaic(NamedTuple):
    """Land cover of N patches.

    Attributes:
        cover: `(N, H, W)`, standardised: the same value within a field or stand.
        cleared: `(N, H, W)`, 1 in the field that is bare if one is, else 0.
    """

    cover: Field
    cleared: Field


def mosaic(n: int, rng: Generator) -> Mosaic:
    """Cells around random points, with borders that are straight in some patches and wander in others."""
    wander = WANDER * rng.random(n)
    row, column = np.mgrid[:SIZE, :SIZE]
    y = row + each(wander) * random_fields(n, rng, 3.0)
    x = column + each(wander) * random_fields(n, rng, 3.0)
    centres, stretch = rng.uniform(-6, SIZE + 6, (2, n, CELLS)), np.exp(0.4 * rng.standard_normal(n))
    drawn = rng.standard_normal((n, CELLS))
    nearest = np.full(x.shape, np.inf)
    value = np.zeros(x.shape)
    for k in range(CELLS):
        distance = each(stretch) * (y - each(centres[0, :, k])) ** 2 + (x - each(centres[1, :, k])) ** 2
        closer = distance < nearest
        nearest = np.where(closer, distance, nearest)
        value = np.where(closer, each(drawn[:, k]), value)

    cleared = (value == each(drawn.max(1))).astype(np.float64)
    return Mosaic(standardised(value), cleared)
