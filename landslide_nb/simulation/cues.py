"""What the statistics of a row tell of the ground: how steep it is, how much of backscatter is speckle, water, clouds."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BACKSCATTER: Final = ("DVV", "DVH", "AVV", "AVH")
# Of Δ = after − before in dB, this share of the standard deviation is the speckle of the image after: in the real patches the
# two correlate by this times std(Δ) / std(backscatter).
SPECKLE_OF_CHANGE: Final = 0.87
SPECKLE: Final = (0.12, 1.0)  # least and most of a backscatter's standard deviation
WATER: Final = 0.93  # the share of speckle in VH from which on, with an NDVI below 0, a patch is open water
LEVEL: Final = 1.2  # dB: what level ground has in backscatter beside speckle
STEEP: Final = 3.5  # dB more where it is steep
TILT: Final = 14.0  # dB by which the passes differ where the whole patch is a slope that faces one of them
CLEAR: Final = 1900.0  # mean of red, green and blue, DN, from which on clouds are likely
CLOUDED: Final = 3700.0  # and where they are all that is seen

Values = NDArray[np.float64]


class Cues(NamedTuple):
    """One value for each patch.

    Attributes:
        speckle: `(4, N)`, the share of the standard deviation of `BACKSCATTER` that is speckle.
        steepness: 0 for level ground, about 1 for mountains.
        tilt: of the whole patch: 1 where the slope faces the descending pass, −1 the ascending one.
        water: 1 for open water, else 0.
        cloud: 0 for a dark patch, 1 for one that is as bright as clouds.
    """

    speckle: Values
    steepness: Values
    tilt: Values
    water: Values
    cloud: Values


def cues(rows: pd.DataFrame) -> Cues:
    """What rows of statistics, as `statistics.describe` gives them, tell."""
    std = np.stack([_column(rows, f"{band}_std") for band in BACKSCATTER])
    change = np.stack([_column(rows, f"{band[0]}D{band[1:]}_std") for band in BACKSCATTER])
    noise = SPECKLE_OF_CHANGE * change
    speckle = np.clip(noise / np.maximum(std, 1e-6), *SPECKLE)
    ground = np.sqrt(np.maximum(std**2 - noise**2, 0))
    steepness = np.clip((ground[[0, 2]].mean(0) - LEVEL) / STEEP, 0, 1.6)
    water = (speckle[[1, 3]].mean(0) > WATER) & (_column(rows, "NDVI_mean") < 0)
    tilt = np.clip((_column(rows, "DVV_mean") - _column(rows, "AVV_mean")) / TILT, -0.9, 0.9) * np.minimum(
        2 * steepness, 1
    )
    brightness = np.stack([_column(rows, f"{band}_mean") for band in ("R", "G", "B")]).mean(0)
    cloud = np.clip((brightness - CLEAR) / (CLOUDED - CLEAR), 0, 1)
    return Cues(speckle, np.where(water, 0, steepness), np.where(water, 0, tilt), water.astype(np.float64), cloud)


def _column(rows: pd.DataFrame, name: str) -> Values:
    return rows[name].to_numpy(np.float64)
