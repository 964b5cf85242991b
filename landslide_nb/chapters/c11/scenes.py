"""Chapter 11: the scenes before and after an event, and their maps."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray

from landslide_nb.chapters.c11 import made
from landslide_nb.common.arrays import Pixels, Scores
from landslide_nb.common.cache import key_of
from landslide_nb.common.errors import DataError
from landslide_nb.common.progress import Report
from landslide_nb.common.source import PACKAGE
from landslide_nb.common.store import store
from landslide_nb.data.bands import BandSet
from landslide_nb.display.picture import stretched
from landslide_nb.experiments.study import Study
from landslide_nb.inference import bundle, layout, scene, scene_map
from landslide_nb.inference.grid import Grid
from landslide_nb.inference.stretched import Stretched

PUBLISHED: Final = PACKAGE.parent / "results" / "model"  # in a clone of the repository
FILES: Final = {"red": "B4.tif", "green": "B3.tif", "blue": "B2.tif"}  # Sentinel-2's names of bands
STRIDE: Final = 16  # pixels of a cell's side
METRES: Final = 10.0  # of a pixel, as in training
LONGEST: Final = 900  # pixels of a picture's longer side
SQUARE_KM: Final = 1e6


class Mapped(NamedTuple):
    """A scene and its map.

    Attributes:
        probability: of each cell `(h, w)`; NaN where there is no data.
        grid: of the cells.
        area: of each cell, km² `(h, w)`.
        image: the scene in red, green and blue, `(H, W, 3)` from 0 to 1; NaN where there is no data.
    """

    probability: Pixels
    grid: Grid
    area: Scores
    image: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Event:
    """What chapter 11 looks at.

    Attributes:
        before: the map of the scene before the event.
        after: that of the scene after it.
        threshold: the probability from which the model calls a patch a landslide.
        places: lon, lat and annotated_pixels of squares of 1,280 m; None where none are given.
        title: what the scene is.
    """

    before: Mapped
    after: Mapped
    threshold: float
    places: pd.DataFrame | None
    title: str


def event(study: Study, report: Report = print) -> Event:
    """The maps of a study's scenes, or of a made one, by the published model or the study's own; made once and kept.

    Raises:
        DataError: if there is no model, or only one of two scenes.
    """
    model = Stretched(bundle.read(_model(study)))
    if (study.scene is None) != (study.scene_before is None):
        raise DataError("scene and scene_before belong together: give the scene after the event, and the one before it")
    if study.scene is None:
        folder = store() / "scenes" / f"made-{study.data_seed}"
        before, after, places = made.write(folder, study.data_seed)
        maps = [_mapped(path, model, report) for path in (before, after)]
        return Event(maps[0], maps[1], model.threshold, places, "made scene")
    bands = model.data_set.bands
    files = [_files(Path(str(name)), bands) for name in (study.scene_before, study.scene)]
    listed = None if study.places is None else _read_places(Path(study.places))
    maps = [_mapped(each, model, report) for each in files]
    return Event(maps[0], maps[1], model.threshold, listed, "real scene, Sentinel-2")


def _model(study: Study) -> Path:
    return PUBLISHED if study.model is None else Path(study.model)


def _files(path: Path, bands: BandSet) -> Path | Mapping[str, Path]:
    """A raster of all bands, or a folder of Sentinel-2's bands, a file each."""
    if not path.is_dir():
        return path
    return {band.name: path / FILES[band.role] for band in bands.bands}


def _mapped(files: Path | Mapping[str, Path], model: Stretched, report: Report) -> Mapped:
    """The map of a scene, read from the store where it was made before."""
    paths = [files] if isinstance(files, Path) else list(files.values())
    identity = scene_map.identity_of(model.ensemble)
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else str(path) for path in paths]
    output = store() / "maps" / f"{key_of(files=hashes, model=identity, stride=STRIDE, metres=METRES)}.tif"
    with scene.opened(files, model.data_set.bands, nodata=0, resolution=METRES) as place:
        if not output.is_file():
            plan = layout.lay_out(place, model.data_set, STRIDE)
            with scene_map.mapped(model, place, output, plan, identity, report):
                pass
        pixels, missing = place.small(place.bands.rgb or (0, 0, 0), LONGEST)
    image = np.full((*missing.shape, 3), np.nan)
    image[~missing] = stretched(pixels[:, None, ~missing])[0]
    with rasterio.open(output) as file:
        probability: Pixels = file.read(1)
        grid = Grid(file.height, file.width, file.transform, file.crs)
    rows, columns = np.indices(probability.shape).reshape(2, -1)
    return Mapped(probability, grid, (grid.areas(rows, columns) / SQUARE_KM).reshape(probability.shape), image)


def _read_places(path: Path) -> pd.DataFrame:
    """A table of places; raises `DataError` if a column is missing, or a number in it."""
    columns = ["lon", "lat", "annotated_pixels"]
    if not path.is_file():
        raise DataError(f"{path} does not exist; expected a table with {', '.join(columns)}")
    table = pd.read_csv(path)
    if missing := [name for name in columns if name not in table]:
        raise DataError(f"{path} has no column {missing[0]}; expected {', '.join(columns)}")
    if not np.isfinite(table[columns].to_numpy(np.float64)).all():
        raise DataError(f"{path} has a place without a number; expected {', '.join(columns)} of each")
    return table[columns]
