"""Chapter 11: a made scene, for those who have none: forest before, the same forest with bare scars after."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.warp import transform as transformed
from scipy.ndimage import gaussian_filter

from landslide_nb.common.files import replacing
from landslide_nb.inference.grid import WGS84

SIDE: Final = 640  # pixels of 10 m
SCARS: Final = 9
CRS: Final = "EPSG:32654"
CORNER: Final = (560_000.0, 4_740_000.0)  # metres, of the north-western corner
FOREST: Final = (620.0, 700.0, 480.0)  # red, green, blue, DN
BARE: Final = (1900.0, 1750.0, 1500.0)


def write(folder: Path, seed: int) -> tuple[Path, Path, pd.DataFrame]:
    """Write both scenes.

    Args:
        folder: of `before.tif` and `after.tif`: red, green and blue in DN.
        seed: of forest and scars.

    Returns:
        the files, and a place of 1,280 m for each square of the scene with the number of its pixels that slid: lon, lat,
        annotated_pixels.
    """
    rng = np.random.default_rng(seed)
    rough = sum(gaussian_filter(rng.standard_normal((SIDE, SIDE)), width) * width for width in (2, 6, 20))
    shade = 1 + 0.12 * rough / np.std(rough)
    before = np.stack([colour * shade * (1 + 0.03 * rng.standard_normal(shade.shape)) for colour in FOREST])
    scars = _scars(rng)
    bare = np.stack([np.full(shade.shape, colour) for colour in BARE]) * (0.9 + 0.1 * shade)
    after = np.where(scars, bare, before * 1.02)
    for name, pixels in (("before", before), ("after", after)):
        _write(folder / f"{name}.tif", pixels)
    return folder / "before.tif", folder / "after.tif", _places(scars)


def _scars(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Ragged scars, longer than wide, at random places."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    ragged = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 2) * 3
    scars = np.zeros((SIDE, SIDE), bool)
    for row, column in rng.uniform(30, SIDE - 30, (SCARS, 2)):
        angle, long, wide = rng.uniform(0, np.pi), rng.uniform(10, 22), rng.uniform(3, 6)
        along = (rows - row) * np.cos(angle) + (columns - column) * np.sin(angle)
        across = (columns - column) * np.cos(angle) - (rows - row) * np.sin(angle)
        scars |= (along / long) ** 2 + (across / wide) ** 2 + 0.5 * ragged < 1
    return scars


def _write(path: Path, pixels: NDArray[np.float64]) -> None:
    kind = {"driver": "GTiff", "count": 3, "height": SIDE, "width": SIDE, "dtype": "uint16", "crs": CRS}
    with (
        replacing(path) as temporary,
        rasterio.open(temporary, "w", **kind, transform=from_origin(*CORNER, 10, 10)) as file,
    ):
        file.write(pixels.clip(1, 10_000).astype(np.uint16))


def _places(scars: NDArray[np.bool_]) -> pd.DataFrame:
    """Squares of 128 pixels with the number of pixels that slid."""
    size = 128
    counts = scars.reshape(SIDE // size, size, SIDE // size, size).sum((1, 3))
    rows, columns = np.indices(counts.shape).reshape(2, -1)
    x, y = CORNER[0] + (columns + 0.5) * size * 10, CORNER[1] - (rows + 0.5) * size * 10
    lon, lat = transformed(CRS, WGS84, x, y)
    return pd.DataFrame({"lon": lon, "lat": lat, "annotated_pixels": counts.ravel()})
