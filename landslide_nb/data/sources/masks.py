"""A folder of images with masks: `images/image_12.png` and `masks/mask_12.png`, or equal names; PNG, GeoTIFF, `.npy` or HDF5."""

import re
from pathlib import Path
from typing import Final

from landslide_nb.common.errors import DataError
from landslide_nb.common.progress import Report
from landslide_nb.data.bands import BandSet
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.sources.cutting import cut_into_patches
from landslide_nb.data.sources.options import Found, Options
from landslide_nb.data.sources.pairs import Pair, find_pairs
from landslide_nb.data.sources.rasters import SUFFIXES
from landslide_nb.data.sources.roles import band

LOOKS_FOR: Final = "images/ and masks/"
OPTIONS: Final = frozenset(Options.model_fields)


def recognises(folder: Path) -> bool:
    """Whether it has images and masks."""
    return (folder / "images").is_dir() and (folder / "masks").is_dir()


def data_set(folder: Path, options: Options) -> DataSet:
    """What its patches are, as the options say it; title and name are the folder's where they do not."""
    return _data_set(folder, options, _units(_pairs(folder), options))


def parts(folder: Path, options: Options, report: Report | None = None) -> Found:
    """Its part "train"; the masks are read now, images when their pixels are asked for."""
    pairs = _pairs(folder)
    units = _units(pairs, options)
    return cut_into_patches(pairs, _data_set(folder, options, units), options, units, report)


def _pairs(folder: Path) -> list[Pair]:
    return find_pairs(folder / "images", folder / "masks", SUFFIXES)


def _units(pairs: list[Pair], options: Options) -> tuple[str, ...]:
    """The units that are said, or "8 bit" of PNG; none otherwise."""
    if options.unit and len(options.unit) not in (1, len(options.bands)):
        raise DataError(
            f"--unit names {len(options.unit)} units for {len(options.bands)} bands; expected one, or one for each"
        )
    kinds = {pair.image.suffix.lower() == ".png" for pair in pairs}
    if not options.unit and len(kinds) > 1:
        raise DataError(f"{pairs[0].image.parent} has PNG and other files; say with --unit what their numbers are")
    return options.unit or (("8 bit",) if kinds == {True} else ())


def _data_set(folder: Path, options: Options, units: tuple[str, ...]) -> DataSet:
    each = units if len(units) > 1 else (units or ("relative",)) * len(options.bands)
    name = folder.resolve().name
    return DataSet(
        name=re.sub(r"[^\w-]+", "_", name) or "masks",
        title=options.title or name or "masks",
        bands=BandSet(bands=tuple(band(role, unit) for role, unit in zip(options.bands, each, strict=True))),
        patch_size=options.patch,
        credit=options.credit or "not stated",
        licence=options.licence or "not stated",
    )
