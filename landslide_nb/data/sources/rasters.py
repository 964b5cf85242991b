"""One image or mask from one file: PNG, GeoTIFF, `.npy` or HDF5. Anything wrong with a file becomes one sentence."""

import struct
import warnings
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landslide_nb.common.errors import DataError, reason, unreadable
from landslide_nb.data.sources.npy import read_npy

SUFFIXES: Final = (".png", ".tif", ".tiff", ".npy", ".h5")
DAMAGED: Final = (
    *(
        OSError,
        ValueError,
        EOFError,
        SyntaxError,
        TokenError,
        KeyError,
        TypeError,
        RuntimeError,
    ),  # each from some reader
    *(struct.error, zlib.error, Image.DecompressionBombError),
)
Array = NDArray[Any]


def read_image(
    path: Path, bands: int, units: tuple[str, ...], key: str | None = None, nodata: float | None = None
) -> Array:
    """Read an image as `(H, W, bands)`, in the numbers of its file.

    Args:
        path: of one of `SUFFIXES`.
        bands: how many it has to have.
        units: what its numbers may be; those of "8 bit" go from 0 to 255, and without any unit only floating-point numbers are taken,
            since whole ones are never "relative".
        key: its name in an HDF5 file; None if it is the only one.
        nodata: the value that is known to stand for no data, and may be there.

    Raises:
        DataError: naming the file and the fault.
    """
    image = _read(path, key, False, nodata)
    image = image[..., None] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[2] != bands:
        raise DataError(f"{path} has the shape {image.shape}; expected {bands} bands, in the last place")
    if image.dtype.kind == "b":
        raise DataError(f"{path} holds {image.dtype}; expected the numbers of an image")
    if not units and image.dtype.kind != "f":
        raise DataError(f"{path} holds {image.dtype}, and nothing says what it counts; say it with --unit")
    if set(units) == {"8 bit"} and image.dtype != np.uint8 and not _is_8_bit(image):
        raise DataError(f"{path} holds {image.dtype}; expected 8 bit, or --unit to say what its numbers are")
    return image


def read_mask(path: Path, key: str | None = None) -> tuple[NDArray[np.bool_], float | None]:
    """Read a mask: where a landslide is, `(H, W)`, and the number that marks it in the file; None if there is none.

    Raises:
        DataError: naming the file and the fault.
    """
    mask = _read(path, key, True)
    if mask.ndim == 3 and mask.shape[2] and (mask == mask[..., :1]).all():  # grey, written as colours
        mask = mask[..., 0]
    if mask.ndim != 2:
        raise DataError(f"{path} has the shape {mask.shape}; expected a mask, (H, W)")
    marks = np.unique(mask[mask != 0])
    if len(marks) > 1 or not np.isfinite(marks).all():
        named = ", ".join(f"{mark:g}" for mark in marks[:3].astype(float))
        raise DataError(
            f"{path} holds {len(marks)} numbers besides 0 ({named} …); expected 0, and one that marks landslides"
        )
    return mask != 0, float(marks[0]) if len(marks) else None


def _is_8_bit(image: Array) -> bool:
    return bool(image.dtype.kind == "f" and not ((image < 0) | (image > 255)).any())


def _read(path: Path, key: str | None, is_mask: bool, nodata: float | None = None) -> Array:
    """The array in a file."""
    try:
        if path.suffix.lower() == ".png":
            array = _png(path, is_mask)
        elif path.suffix.lower() == ".npy":
            array = read_npy(path)
        else:
            array = _hdf5(path, key) if path.suffix.lower() == ".h5" else _gdal(path, "GTiff", nodata)
    except PermissionError as error:
        raise unreadable(path, error) from error
    except DAMAGED as error:
        raise DataError(f"{path} cannot be read ({reason(error)}); write or fetch it again") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{path} holds {array.dtype}; expected numbers")
    return array


def _png(path: Path, is_mask: bool) -> Array:
    with path.open("rb") as stream:
        header = stream.read(25)
    if header[24:] == b"\x10":  # 16 bits a channel, of which Pillow would drop eight without a word
        return _gdal(path, "PNG")
    with Image.open(path, formats=["PNG"]) as image:
        if image.mode == "P" and not is_mask:
            raise DataError(f"{path} holds the numbers of a palette, not of bands; save it as RGB")
        array, has_alpha = np.asarray(image), image.mode in ("LA", "RGBA")
    if not has_alpha:
        return array
    if (array[..., -1] != 255).any():
        raise DataError(f"{path} is transparent in places, where it has no values; expected an opaque image")
    return array[..., :-1]


def _gdal(path: Path, driver: str, known: float | None = None) -> Array:
    """What GDAL reads; only the driver that is named, since some of its formats point to other files."""
    import rasterio  # noqa: PLC0415 - a third of a second, which the other kinds of files need not wait

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, driver=driver) as file:
            bands, nodata = file.read(), file.nodata
    if (
        nodata and nodata != known and (bands == nodata).any()
    ):  # zeros are left to who uses them, as in the challenge's data
        raise DataError(
            f"{path} has pixels without data ({nodata:g}); fill them, or leave such patches out with --nodata {nodata:g}"
        )
    array: Array = np.moveaxis(bands, 0, 2)
    return array


def _hdf5(path: Path, key: str | None) -> Array:
    """One array of a file; only what lies in the file itself, no links."""
    arrays: dict[str, h5py.Dataset] = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: arrays.update({name: item} if isinstance(item, h5py.Dataset) else {}))
        images = [name for name, item in arrays.items() if item.ndim in (2, 3)]
        if key is None and len(images) != 1:
            raise DataError(
                f"{path} holds {len(images)} arrays of 2 or 3 dimensions ({', '.join(images)}); say with --keys which is meant"
            )
        name = images[0] if key is None else key
        if name not in arrays:
            raise DataError(f"{path} has no array {name!r}; it has {', '.join(arrays) or 'none'}")
        if arrays[name].is_virtual or arrays[name].external:
            raise DataError(f"{path} keeps {name!r} in another file; expected it in this one")
        array: Array = arrays[name][()]
    return array
