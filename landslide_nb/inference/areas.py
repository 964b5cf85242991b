"""Connected areas of a map in which a model sees landslides, as polygons."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.features import shapes
from rasterio.warp import transform_geom
from scipy.ndimage import label

from landslide_nb.common.arrays import Pixels
from landslide_nb.common.errors import DataError
from landslide_nb.common.files import write_whole
from landslide_nb.inference.grid import WGS84, Grid

DIGITS: Final = 7  # of a degree: a centimetre
SQUARE_KM: Final = 1e6  # m²


def check_placed(grid: Grid, name: str) -> None:
    """Raise `DataError` unless it is known where a scene lies: GeoJSON has longitude and latitude."""
    if not grid.placed:
        raise DataError(f"{name} is not georeferenced, so its areas have no place on Earth; leave --polygons out")


def write(path: Path, output: Path, threshold: float) -> str:
    """Write the areas of a map that reach a threshold as GeoJSON (RFC 7946).

    Cells that touch along a side are one area. Each has `area_m2`, on the ellipsoid, and `mean_probability` over its cells.
    The map is in memory for this, not the scene.

    Args:
        path: of the map.
        output: the file to write.
        threshold: a probability.

    Returns:
        How many there are and how large they are, in a sentence.

    Raises:
        DataError: if it cannot be written.
    """
    with rasterio.open(path) as file:
        probability: Pixels = file.read(1)
        grid = Grid(file.height, file.width, file.transform, file.crs)
    features = _features(probability, grid, threshold)
    write_whole(output, json.dumps({"type": "FeatureCollection", "features": features}) + "\n")
    whole = sum(feature["properties"]["area_m2"] for feature in features) / SQUARE_KM
    what = f"{len(features)} {'area' if len(features) == 1 else 'areas'}"
    return f"{what} of a probability of at least {threshold:.3f}, {whole:.4g} km² in all"


def _features(probability: Pixels, grid: Grid, threshold: float) -> list[dict[str, Any]]:
    labels, count = label(probability >= threshold)  # NaN is not
    if not count:
        return []
    rows, columns = np.nonzero(labels)
    places = labels[rows, columns]
    areas = np.bincount(places, grid.areas(rows, columns))
    means = np.bincount(places, probability[rows, columns]) / np.maximum(np.bincount(places), 1)
    drawn = list(shapes(labels.astype(np.int32), labels > 0, connectivity=4, transform=grid.transform))
    outlines = transform_geom(grid.crs, WGS84, [outline for outline, _ in drawn], precision=DIGITS)
    features = {
        int(place): {
            "type": "Feature",
            "properties": {
                "area_m2": round(float(areas[int(place)]), 1),
                "mean_probability": round(float(means[int(place)]), 6),
            },
            "geometry": _wound(outline),
        }
        for (_, place), outline in zip(drawn, outlines, strict=True)
    }
    return [features[place] for place in sorted(features)]


def _wound(geometry: dict[str, Any]) -> dict[str, Any]:
    """The outer ring anticlockwise and holes clockwise, as RFC 7946 asks for."""
    parts = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    parts = [[_turned(ring, number == 0) for number, ring in enumerate(part)] for part in parts]
    return {"type": geometry["type"], "coordinates": parts[0] if geometry["type"] == "Polygon" else parts}


def _turned(ring: list[tuple[float, float]], anticlockwise: bool) -> list[tuple[float, float]]:
    x, y = _ring(ring)
    return ring if (np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) > 0) == anticlockwise else ring[::-1]


def _ring(ring: list[tuple[float, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = np.asarray(ring, np.float64)
    x, y = (points - points[0]).T  # near zero, where no digits are lost
    return x, y
