"""Writing a map as a cloud-optimised GeoTIFF, strip by strip, and looking whether it is on the disk."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.windows import Window

from landslide_nb.common.arrays import Pixels
from landslide_nb.common.errors import DataError, reason
from landslide_nb.inference.grid import Grid

BLOCK: Final = 256  # pixels of a tile's side, and rows of a strip
COG: Final[dict[str, Any]] = {
    "driver": "COG",
    "compress": "DEFLATE",
    "blocksize": BLOCK,
    "overview_resampling": "AVERAGE",
    "bigtiff": "IF_SAFER",
}


def write(path: Path, grid: Grid, rows: Iterable[Pixels], title: str, tags: Mapping[str, str], named: Path) -> None:
    """Write a map of one band: float32, NaN where there is no data.

    Args:
        path: where it goes.
        grid: of the map.
        rows: each row `(W,)` from the top.
        title: of the band.
        tags: what else is to be known of it.
        named: what the user calls the file.

    Raises:
        DataError: if what is on the disk afterwards is not what was written: GDAL does not say that a disk is full.
    """
    plain = path.with_name(f"{path.name}.plain")
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "nodata": np.nan,
        "crs": grid.crs,
        "bigtiff": "IF_SAFER",
    }
    profile |= {"height": grid.height, "width": grid.width, "transform": grid.transform}
    profile |= {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "DEFLATE"}
    try:
        with rasterio.open(plain, "w", **profile) as file:
            file.set_band_description(1, title)
            file.update_tags(**tags)
            written = [_put(file, top, strip) for top, strip in _strips(rows)]
        rasterio.shutil.copy(plain, path, **COG)
        plain.unlink()
        whole = written == [zlib.crc32(strip.tobytes()) for strip in strips(path)]
        why = "what was read back is not what was written; is the disk full?"
    except (RasterioError, CPLE_BaseError, OSError) as error:
        whole, why = False, reason(error)
    finally:
        for left in path.parent.glob(
            f"{path.name}.*"
        ):  # the plain file, and what GDAL leaves of one that it could not write
            left.unlink(missing_ok=True)
    if not whole:
        raise DataError(f"{named} could not be written ({why}); nothing was, make room or name another place")


def strips(path: Path) -> Iterator[Pixels]:
    """A map's rows, some at a time `(h, W)`, from the top."""
    with rasterio.open(path) as file:
        for top in range(0, file.height, BLOCK):
            yield file.read(1, window=Window(0, top, file.width, min(BLOCK, file.height - top)))


def _strips(rows: Iterable[Pixels]) -> Iterator[tuple[int, Pixels]]:
    gathered: list[Pixels] = []
    top = 0
    for row in rows:
        gathered.append(row)
        if len(gathered) == BLOCK:
            yield top, np.stack(gathered)
            top, gathered = top + BLOCK, []
    if gathered:
        yield top, np.stack(gathered)


def _put(file: Any, top: int, strip: Pixels) -> int:
    file.write(strip, 1, window=Window(0, top, strip.shape[1], len(strip)))
    return zlib.crc32(strip.tobytes())
