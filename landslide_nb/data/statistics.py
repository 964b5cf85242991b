"""The 85 plain statistics of a patch: what a tree can know without seeing where anything is.

Columns and definitions are those of the table that was published for the challenge's training patches: population
standard deviation, Fisher kurtosis, biased skewness, of 12 bands, NDVI and NDWI, and the mean of red, green and blue.
"""

import zlib
from pathlib import Path
from typing import Final

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.data import zindi
from landslide_nb.data.bands import BAND_NAMES
from landslide_nb.data.patches import Patches
from landslide_nb.errors import DataError

SIGNALS: Final = (*BAND_NAMES, "NDVI", "NDWI")
MOMENTS: Final = ("mean", "std", "min", "max", "kurt", "skew")
COLUMNS: Final = ("cloud_score_brightness", *(f"{signal}_{moment}" for signal in SIGNALS for moment in MOMENTS))
BATCH: Final = 256


def describe(patches: Patches) -> pd.DataFrame:
    """The statistics of each patch.

    Args:
        patches: N patches.

    Returns:
        N rows: `ID`, `label` (where known) and the 85 `COLUMNS`, in float32. The shape of a constant band is 0.
    """
    batches = [of_pixels(patches.pixels[i : i + BATCH]) for i in range(0, len(patches), BATCH)]
    values = np.concatenate(batches) if batches else np.empty((0, len(COLUMNS)), np.float32)
    table = pd.DataFrame(values, columns=list(COLUMNS))
    if patches.labels is not None:
        table.insert(0, "label", patches.labels)
    table.insert(0, "ID", patches.ids)
    return table


def of_pixels(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Statistics `(N, 85)` of pixels `(N, 12, H, W)`; moments are accumulated in float64."""
    red, green, nir = pixels[:, 0], pixels[:, 1], pixels[:, 3]
    eps = np.float32(1e-7)
    ndvi = (nir - red) / (nir + red + eps)
    ndwi = (green - nir) / (green + nir + eps)
    signals = np.concatenate([pixels, np.stack([ndvi, ndwi], 1)], 1).reshape(len(pixels), len(SIGNALS), -1)
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
    brightness = mean[:, :3].mean(1, keepdims=True)
    return np.concatenate([brightness, moments.reshape(len(pixels), -1)], 1).astype(np.float32)


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
    try:
        table = pd.read_csv(path)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read as CSV ({str(error).strip()})") from error
    known = ["label"] if labelled or "label" in table else []
    expected = ["ID", *known, *COLUMNS]
    missing = [column for column in expected if column not in table]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]!r} ({len(missing)} of {len(expected)} are missing)")
    table = table[expected]
    if table.empty:
        raise DataError(f"{path} has no rows; expected one for each patch")
    wrong = table.isna() | table.isin((np.inf, -np.inf))
    if wrong.any(axis=None):
        line, column = np.argwhere(wrong.to_numpy())[0]
        name = table.columns[column]
        raise DataError(f"{path}, line {line + 2}: {name} is empty, NaN or infinite; expected a number")
    text = [column for column in COLUMNS if not pd.api.types.is_numeric_dtype(table[column])]
    if text or not table[known].isin((0, 1)).all(axis=None):
        raise DataError(f"{path}: column {text[0] if text else 'label'!r} holds a value that is no number it can have")
    if table["ID"].duplicated().any():
        raise DataError(f"{path}: {table['ID'][table['ID'].duplicated()].iloc[0]} stands twice")
    return table.astype(dict.fromkeys(COLUMNS, np.float32) | dict.fromkeys(known, np.int8))
