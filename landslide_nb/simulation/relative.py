"""Statistics as a model sees them: those that nearly follow from others, as the little by which they do not."""

from typing import Final

import numpy as np
import pandas as pd

from landslide_nb.tabular.statistics import COLUMNS

DRAWN: Final = COLUMNS[1:]  # the brightness follows from the means of red, green and blue
INDICES: Final = {"NDVI": ("NIR", "R"), "NDWI": ("G", "NIR")}
RATIOS: Final = {f"{band}_{moment}": f"G_{moment}" for band in ("R", "B") for moment in ("mean", "std")}


def relative(rows: pd.DataFrame) -> pd.DataFrame:
    """Statistics as the mixtures see them: those that nearly follow from others, as the little by which they do not.

    Red and blue are divided by green; an index's mean loses the index of the means, and its spread is divided by what it
    would be if its two bands were independent.
    """
    coded = rows[list(DRAWN)].astype(np.float64)
    for index, bands in INDICES.items():
        mean, spread = _independent(coded, *bands)
        coded[f"{index}_mean"] -= mean
        coded[f"{index}_std"] /= spread
    for column, reference in RATIOS.items():
        coded[column] /= coded[reference].clip(lower=1)
    return coded


def absolute(coded: pd.DataFrame) -> pd.DataFrame:
    """The inverse of `relative`."""
    rows = coded.copy()
    for column, reference in RATIOS.items():
        rows[column] *= rows[reference].clip(lower=1)
    for index, bands in INDICES.items():
        mean, spread = _independent(rows, *bands)
        rows[f"{index}_mean"] += mean
        rows[f"{index}_std"] *= spread
    return rows


def _independent(rows: pd.DataFrame, first: str, second: str) -> tuple[pd.Series, pd.Series]:
    """Mean and spread, to first order, of (first − second) / (first + second) for independent bands."""
    a, b = rows[f"{first}_mean"], rows[f"{second}_mean"]
    total = (a + b).clip(lower=1)
    # Not np.hypot: the C library rounds it, and differently from one version to the next.
    spread = 2 * np.sqrt((b * rows[f"{first}_std"]) ** 2 + (a * rows[f"{second}_std"]) ** 2) / total**2
    return (a - b) / total, pd.Series(np.maximum(spread, 1e-6), rows.index)
