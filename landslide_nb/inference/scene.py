"""A scene: the bands of one place on one grid, in one raster or one for each band, read window by window and checked as patches are."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from landslide_nb.common.arrays import Pixels
from landslide_nb.common.errors import DataError, reason
from landslide_nb.common.inputs import check_raster
from landslide_nb.data.bands import BandSet
from landslide_nb.inference.grid import Grid
from landslide_nb.inference.scene_values import Mask, check, equals

DRIVERS: Final = {".vrt": "VRT", ".jp2": "JP2OpenJPEG"}  # by the ending; anything else is a GeoTIFF
CACHE: Final = (64_000_000, 512_000_000)  # bytes of decoded blocks that GDAL keeps, at least and at most


class Layer(NamedTuple):
    """Where a band of a scene is: an open raster, and its number there."""

    raster: Any
    number: int
    path: Path


@dataclass(frozen=True, eq=False)
class OpenScene:
    """A scene whose rasters are open.

    Attributes:
        layers: one for each band.
        bands: in the order of the layers.
        grid: of its pixels.
        files: all that is read, what a VRT refers to included.
        nodata: what the user said stands for no data, besides what the files say.
    """

    layers: tuple[Layer, ...]
    bands: BandSet
    grid: Grid
    files: tuple[Path, ...]
    nodata: float | None = None

    @property
    def name(self) -> str:
        """What to call it: the file of its first band."""
        return self.layers[0].path.name

    def read(self, row: int, column: int, height: int, width: int) -> tuple[Pixels, Mask]:
        """Pixels `(C, H, W)` of a window, and where any band has no data `(H, W)`.

        Raises:
            DataError: if a file cannot be read, or holds what cannot have been measured.
        """
        pixels, missing = np.empty((len(self.layers), height, width), np.float32), np.zeros((height, width), bool)
        window = Window(column, row, width, height)
        for place, (layer, band) in enumerate(zip(self.layers, self.bands.bands, strict=True)):
            values, without = self._band(layer, window=window)
            with np.errstate(over="ignore"):
                pixels[place] = values
            check(values, without, band, (layer.path, row, column))
            missing |= without
        return pixels, missing

    def small(self, places: Sequence[int], longest: int) -> tuple[Pixels, Mask]:
        """Some bands of the whole scene `(c, h, w)`, its longer side at most so many pixels, and where they have no data."""
        shrunk = min(1, longest / max(self.grid.height, self.grid.width))
        shape = tuple(max(1, round(side * shrunk)) for side in (self.grid.height, self.grid.width))
        read = [self._band(self.layers[place], out_shape=shape) for place in places]
        missing = np.logical_or.reduce([without for _, without in read])
        return np.stack([values for values, _ in read]).astype(np.float32), missing

    def _band(self, layer: Layer, **where: Any) -> tuple[NDArray[Any], Mask]:
        """A band's own numbers, and where they are no data."""
        raster, index = layer.raster, layer.number
        flags, alpha = raster.mask_flag_enums[index - 1], ColorInterp.alpha in raster.colorinterp
        masked = MaskFlags.per_dataset in flags and not (alpha and self._takes_alpha(raster))
        try:
            with rasterio.Env():  # threads have one each, which keeps GDAL's words to itself
                values = raster.read(index, **where)
                without = raster.read_masks(index, **where) == 0 if masked else np.zeros(values.shape, bool)
        except (RasterioError, OSError, ValueError) as error:
            raise DataError(f"{layer.path} cannot be read ({reason(error)}); write or fetch it again") from error
        for value in (raster.nodatavals[index - 1], self.nodata):
            if value is not None:
                without |= equals(values, value)
        return values, without | np.isnan(values) if values.dtype.kind == "f" else without

    def _takes_alpha(self, raster: Any) -> bool:
        """Whether what the file calls transparency is a band of the model: four bands of 8 bits are often written so."""
        used = [layer.number for layer in self.layers if layer.raster is raster]
        return any(raster.colorinterp[index - 1] is ColorInterp.alpha for index in used)


@contextmanager
def opened(
    files: Path | Mapping[str, Path], bands: BandSet, nodata: float | None = None, resolution: float | None = None
) -> Iterator[OpenScene]:
    """Open a scene.

    Args:
        files: one raster with all bands in their order, or one for each band by its name or role.
        bands: that are needed.
        nodata: what stands for no data, besides what the files say.
        resolution: metres a pixel to which it is resampled (bilinear).

    Raises:
        DataError: if a file or a band is missing, cannot be read, or lies on another grid than the others.
    """
    with ExitStack() as stack:
        if isinstance(files, Path):
            raster = _open(files, stack)
            layers = tuple(Layer(raster, index, files) for index in _indexes(raster, files, bands))
        else:
            layers = tuple(_single(files, place, bands, stack) for place in range(len(bands)))
        grids = [_grid(layer.raster) for layer in layers]
        for layer, grid in zip(layers, grids, strict=True):
            if differs := grid.differs(grids[0]):
                raise DataError(
                    f"{layer.path} has {differs} as {layers[0].path}; bring all bands to one grid first (gdalwarp)"
                )
        read = tuple(dict.fromkeys(Path(name) for layer in layers for name in (layer.path, *layer.raster.files)))
        scene = OpenScene(layers, bands, grids[0], read, nodata)
        scene = scene if resolution is None else _resampled(scene, resolution, stack)
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=_cache(layers)))
        yield scene


def band_named(name: str, bands: BandSet) -> int:
    """The position of a band by its name or its role.

    Raises:
        DataError: if there is none, or several have this role.
    """
    wanted = name.casefold()
    by_name = bands.places(lambda band: band.name.casefold() == wanted)
    found = by_name or bands.places(lambda band: band.role.casefold() == wanted)
    if len(found) != 1:
        known = ", ".join(f"{band.name} ({band.role})" for band in bands.bands)
        raise DataError(f"{name!r} is {'no band' if not found else 'more than one band'} of the model; it has {known}")
    return found[0]


def _open(path: Path, stack: ExitStack) -> Any:
    check_raster(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            raster = stack.enter_context(rasterio.open(path, driver=DRIVERS.get(path.suffix.lower(), "GTiff")))
        except (RasterioError, OSError) as error:
            raise DataError(
                f"{path} cannot be read ({reason(error)}); expected a GeoTIFF, or a .vrt or .jp2"
            ) from error
    if any(np.dtype(kind).kind not in "iuf" for kind in raster.dtypes):
        raise DataError(f"{path} holds {raster.dtypes[0]}; expected whole or floating-point numbers")
    return raster


def _single(files: Mapping[str, Path], place: int, bands: BandSet, stack: ExitStack) -> Layer:
    """The band at a place, from a file of its own."""
    named = [(name, path) for name, path in files.items() if band_named(name, bands) == place]
    role = bands.bands[place].name
    if len(named) != 1:
        missing = "is missing" if not named else "is given twice"
        raise DataError(
            f"band {role} {missing}; the model takes {', '.join(bands.names)}: give --band {role}=FILE once"
        )
    path = named[0][1]
    raster = _open(path, stack)
    if raster.count != 1:
        raise DataError(
            f"{path} has {raster.count} bands; --band takes files of one (`gdal_translate -b` cuts one out)"
        )
    return Layer(raster, 1, path)


def _indexes(raster: Any, path: Path, bands: BandSet) -> list[int]:
    """The bands of a file of all bands, transparency left out, after a look at what the file calls them."""
    indexes = list(raster.indexes)
    if len(indexes) != len(bands):
        indexes = [i for i, kind in zip(indexes, raster.colorinterp, strict=True) if kind is not ColorInterp.alpha]
    if len(indexes) != len(bands):
        raise DataError(
            f"{path} has {len(indexes)} bands; the model takes {len(bands)}, in this order: {', '.join(bands.names)}"
        )
    titles = [str(raster.descriptions[index - 1] or "").casefold() for index in indexes]
    known = [{text.casefold() for text in (band.name, band.role, band.title)} for band in bands.bands]
    if all(any(title in words for words in known) for title in titles):
        for title, words in zip(titles, known, strict=True):
            if title not in words:
                raise DataError(
                    f"{path} calls its bands {', '.join(titles)}; the model takes {', '.join(bands.names)}, in this order"
                )
    return indexes


def _grid(raster: Any) -> Grid:
    return Grid(raster.height, raster.width, raster.transform, raster.crs)


def _resampled(scene: OpenScene, resolution: float, stack: ExitStack) -> OpenScene:
    if not scene.grid.placed:
        raise DataError(f"{scene.name} is not georeferenced, so nobody knows its pixel; resample it yourself")
    grid = scene.grid.resampled(resolution)
    if min(grid.height, grid.width) < 1:
        raise DataError(f"{scene.name} is smaller than one pixel of {resolution:g} m; give a smaller --resolution")
    size = {"transform": grid.transform, "height": grid.height, "width": grid.width}
    warped: dict[int, Any] = {}
    for layer in scene.layers:
        if id(layer.raster) not in warped:
            how = size | {"src_nodata": _nodata(layer, scene.nodata), "tolerance": 0.01}  # pixels
            vrt = WarpedVRT(layer.raster, crs=grid.crs, resampling=Resampling.bilinear, **how)
            warped[id(layer.raster)] = stack.enter_context(vrt)
    layers = tuple(layer._replace(raster=warped[id(layer.raster)]) for layer in scene.layers)
    return replace(scene, layers=layers, grid=grid)


def _nodata(layer: Layer, by_user: float | None) -> float | None:
    """What must not be mixed into the pixels beside it."""
    by_file = layer.raster.nodatavals[layer.number - 1]
    if by_file is not None and by_user is not None and not np.isclose(by_file, by_user, equal_nan=True):
        raise DataError(
            f"{layer.path} says that {by_file:g} stands for no data, --nodata {by_user:g}; only one of them can be kept out while"
            " resampling: resample it yourself"
        )
    return by_user if by_file is None else float(by_file)


def _cache(layers: Sequence[Layer]) -> int:
    """Bytes of one row of blocks of all bands: patches below one another read it again."""
    rows = (layer.raster.block_shapes[layer.number - 1][0] for layer in layers)
    kinds = (np.dtype(layer.raster.dtypes[layer.number - 1]).itemsize for layer in layers)
    needed = sum(high * kind * layer.raster.width for high, kind, layer in zip(rows, kinds, layers, strict=True))
    return int(np.clip(1.25 * needed, *CACHE))
