"""Which numbers of a raster are measurements, which stand for no data, and which can be neither."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslide_nb.common.errors import DataError
from landslide_nb.data.bands import PLAUSIBLE, Band
from landslide_nb.data.patches import USUAL

Mask = NDArray[np.bool_]


def equals(values: NDArray[Any], nodata: float) -> Mask:
    """Where numbers are what stands for no data, up to what resampling leaves of its digits."""
    if values.dtype.kind != "f" or not np.isfinite(nodata):
        return np.isnan(values) if np.isnan(nodata) and values.dtype.kind == "f" else np.asarray(values == nodata)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(abs(values - nodata) <= 1e-5 * abs(nodata))


def check(values: NDArray[Any], without: Mask, band: Band, where: tuple[Path, int, int]) -> None:
    """Check that every number can have been measured, as in patches; and that none is the largest of its type.

    Args:
        values: `(H, W)`, as the file has them.
        without: where they are known to stand for no data.
        band: whose unit says what is plausible.
        where: the file, and the row and the column of the first value in it.

    Raises:
        DataError: naming the file, the band, the pixel and the value.
    """
    low, high = band.plausible
    wrong = ~((values >= low) & (values <= high))
    if band.unit not in PLAUSIBLE:
        wrong |= np.isin(values, USUAL)
    largest = np.iinfo(values.dtype).max if values.dtype.kind in "iu" and values.dtype.itemsize > 1 else None
    if largest is not None:
        wrong |= values == largest
    wrong &= ~without
    if not wrong.any():
        return
    row, column = np.argwhere(wrong)[0]
    value, (path, top, left) = values[row, column], where
    expected = f"{band.unit} from {low:g} to {high:g}: another unit, or no data?"
    if value == largest:
        expected = f"less than the largest number of {values.dtype}, which stands for an overflow or for no data"
    raise DataError(
        f"{path}: {value!s} in band {band.name} at row {top + row}, column {left + column}; expected {expected}"
        f" (--nodata {value!s} leaves such places out)"
    )
