"""Plain statistics of a patch: what a tree can know without seeing where anything is.

Columns and definitions are those of the table that was published for the challenge's training patches: population
standard deviation, Fisher kurtosis, biased skewness, of the bands, NDVI and NDWI, and the mean of red, green and blue: 85 of
the challenge's patches, as many of others as their bands allow.
"""

from pathlib import Path
from typing import Final

import h5py
import numpy as np
import pandas as pd

from landslide_nb.common.arrays import Features, Pixels
from landslide_nb.common.errors import DataError
from landslide_nb.data.bands import BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.data.tables import read_table

MOMENTS: Final = ("mean", "std", "min", "max", "kurt", "skew")
BRIGHTNESS: Final = "cloud_score_brightness"
INDICES: Final = {"NDVI": ("nir", "red"), "NDWI": ("green", "nir")}  # of two optical roles each
BATCH: Final = 256


def signals_of(bands: BandSet) -> tuple[str, ...]:
    """What is described: the bands, and the indices that they allow."""
    allowed = (name for name, roles in INDICES.items() if all(bands.find(role) is not None for role in roles))
    return (*bands.names, *allowed)


def columns_of(bands: BandSet) -> tuple[str, ...]:
    """The names of the statistics: the brightness where there are red, green and blue, then the moments of each signal."""
    brightness = (BRIGHTNESS,) if bands.rgb else ()
    return (*brightness, *(f"{signal}_{moment}" for signal in signals_of(bands) for moment in MOMENTS))


SIGNALS: Final = signals_of(CHALLENGE.bands)
COLUMNS: Final = columns_of(CHALLENGE.bands)  # the 85 of the challenge's table

LARGEST: Final = 1e18  # of a statistic; float32 cannot hold the square of a larger one
# A band's mean, lowest and highest value lie where its pixels can lie.
LEVELS: Final = {
    f"{band.name}_{moment}": band.plausible for band in CHALLENGE.bands.bands for moment in ("mean", "min", "max")
}


def columns_in(table: pd.DataFrame) -> list[str]:
    """The statistics of a table, without id and label."""
    return [name for name in table.columns if name not in ("ID", "label")]


def describe(patches: Patches) -> pd.DataFrame:
    """The statistics of each patch.

    Args:
        patches: N patches.

    Returns:
        N rows: `ID`, `label` (where known) and the statistics of the bands, in float32. The shape of a constant band is 0.
    """
    bands = patches.data_set.bands
    columns = columns_of(bands)
    batches = [of_pixels(patches.pixels[i : i + BATCH], bands) for i in range(0, len(patches), BATCH)]
    values = np.concatenate(batches) if batches else np.empty((0, len(columns)), np.float32)
    table = pd.DataFrame(values, columns=list(columns))
    if patches.labels is not None:
        table.insert(0, "label", patches.labels)
    table.insert(0, "ID", patches.ids)
    return table


def of_pixels(pixels: Pixels, bands: BandSet) -> Features:
    """Statistics `(N, F)` of pixels `(N, C, H, W)`, in the order of `columns_of(bands)`; moments are accumulated in float64."""
    signals = np.concatenate([pixels, *(index[:, None] for index in _indices(pixels, bands))], 1)
    signals = signals.reshape(*signals.shape[:2], -1)
    mean = signals.mean(2, dtype=np.float64)
    centred = signals - mean[..., None]
    squares = centred * centred
    variance = squares.mean(2)
    # A band is constant if its spread is rounding error of its mean.
    varies = variance > (1e-7 * mean) ** 2
    safe = np.where(varies, variance, 1.0)
    kurt = np.where(varies, np.einsum("ncp,ncp->nc", squares, squares) / signals.shape[2] / safe**2 - 3, 0)
    # Not safe**1.5, which processors round differently; a square root is exact.
    cubed = safe * np.sqrt(safe)
    skew = np.where(varies, np.einsum("ncp,ncp->nc", squares, centred) / signals.shape[2] / cubed, 0)
    moments = np.stack([mean, np.sqrt(variance), signals.min(2), signals.max(2), kurt, skew], 2)
    brightness = [mean[:, list(bands.rgb)].mean(1, keepdims=True)] if bands.rgb else []
    return np.concatenate([*brightness, moments.reshape(len(pixels), -1)], 1).astype(np.float32)


def _indices(pixels: Pixels, bands: BandSet) -> list[Pixels]:
    """The normalised differences that the bands allow, `(N, H, W)` each."""
    eps, indices = np.float32(1e-7), []
    for first, second in INDICES.values():
        places = bands.find(first), bands.find(second)
        if None not in places:
            a, b = (pixels[:, place] for place in places)
            indices.append((a - b) / (a + b + eps))
    return indices


def load(source: str | Path) -> pd.DataFrame:
    """The statistics of what is given: a table of them (labels or none), an HDF5 file, or a challenge folder.

    Of a file or folder with a test part it is that part, else the labelled one.

    Raises:
        DataError: as `read`, `Patches.read` and `zindi.read` do.
    """
    source = Path(source)
    if source.is_dir():
        train, test = zindi.read(source)
        return describe(test if len(test) else train)
    if source.is_file() and h5py.is_hdf5(source):
        with h5py.File(source) as file:
            part = "test" if "test" in file else None
        return describe(Patches.read(source, part))
    return read(source, labelled=False)


def read(path: str | Path, labelled: bool = True) -> pd.DataFrame:
    """Read a statistics table (CSV, plain or gzipped), strictly.

    Args:
        path: of the table.
        labelled: whether it must have labels; if not, it may.

    Raises:
        DataError: if it is missing, lacks a column, holds a NaN, repeats an ID or has a label other than 0 or 1.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path} does not exist; `landslide-nb statistics` writes such a table")
    table = read_table(path, ("ID", *(("label",) if labelled else ()), *COLUMNS), ("label", *COLUMNS))
    known = ["label"] if "label" in table else []
    table = table[["ID", *known, *COLUMNS]]
    if table.empty:
        raise DataError(f"{path} has no rows; expected one for each patch")
    _check_numbers(path, table)
    text = [column for column in COLUMNS if not pd.api.types.is_numeric_dtype(table[column])]
    if text or not table[known].isin((0, 1)).all(axis=None):
        raise DataError(f"{path}: column {text[0] if text else 'label'!r} holds a value that is no number it can have")
    if table["ID"].duplicated().any():
        raise DataError(f"{path}: {table['ID'][table['ID'].duplicated()].iloc[0]} stands twice")
    return table.reset_index(drop=True).astype(dict.fromkeys(COLUMNS, np.float32) | dict.fromkeys(known, np.int8))


def _check_numbers(path: Path, table: pd.DataFrame) -> None:
    """Raise `DataError` naming line and column of the first value that is missing, or that no patch can have."""
    wrong = table.isna() | table.isin((np.inf, -np.inf))
    if wrong.any(axis=None):
        row, column = np.argwhere(wrong.to_numpy())[0]
        where, name = f"{path}, line {table.index[row] + 2}", table.columns[column]
        raise DataError(f"{where}: {name} is empty, NaN or infinite; expected a number")
    for name in table.select_dtypes("number").columns.intersection(list(COLUMNS)):
        low, high = LEVELS.get(name, (-LARGEST, LARGEST))
        unfit = np.flatnonzero(~table[name].between(low, high))
        if unfit.size:
            where, value = f"{path}, line {table.index[unfit[0]] + 2}", table[name].iloc[unfit[0]]
            raise DataError(
                f"{where}: {name} is {value:g}; expected a number from {low:g} to {high:g}: nodata among the pixels?"
            )
