"""What a command reads: the files of a folder, wherever links lead, and that nothing is written over them."""

import os
from pathlib import Path
from typing import Final, NoReturn

from landslide_nb.common.errors import DataError

LISTS: Final = ("Train.csv", "Test.csv", "SampleSubmission.csv")  # the only tables that are read out of a folder


def check_output(output: Path, *inputs: Path) -> None:
    """Refuse to write over what a command reads; every command that writes a file calls it before its work.

    Args:
        output: what will be written.
        inputs: files and folders that are read; those that do not exist are left to whoever reads them.

    Raises:
        DataError: if the output is one of the files, or one that is read out of a folder, through links too. A table of another
            name than the challenge's lists may lie in a folder and be written anew.
    """
    if not output.exists():
        return
    for source in inputs:
        if source.is_file() and output.samefile(source):
            raise DataError(f"{output} is what is read ({source}), and would be lost; name another file to write")
        for path in files_below(source) if source.is_dir() else ():
            if (path.suffix.lower() != ".csv" or path.name in LISTS) and path.exists() and output.samefile(path):
                raise DataError(f"{output} is read ({path}), and would be lost; name a file outside of {source}")


def files_below(folder: Path) -> list[Path]:
    """The files anywhere below a folder, sorted: linked folders are looked into, each once; what begins with a dot is passed over.

    Raises:
        DataError: if a folder cannot be looked into.
    """
    paths: list[Path] = []
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        here = os.path.realpath(root)
        if here in seen:  # a link to a folder that was looked into already, or is being
            folders.clear()
            continue
        seen.add(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += (Path(root, name) for name in names if not name.startswith("."))
    return sorted(paths)


def check_link(path: Path) -> None:
    """Refuse a link to what is not there: it may have been a folder of patches.

    Raises:
        DataError: naming the link, and where it leads.
    """
    if path.is_symlink() and not path.exists():
        raise DataError(
            f"{path} is a link that leads nowhere (to {path.readlink()}), perhaps to a disk that is not mounted; mount it, or remove"
            " the link"
        )


def _refuse(error: OSError) -> NoReturn:
    raise DataError(
        f"{error.filename} cannot be looked into ({error.strerror}); allow reading it, or move it away"
    ) from error


def check_raster(path: Path) -> None:
    """Refuse a raster that is not there, before a model is loaded for it.

    Raises:
        DataError: saying what is expected, or how a folder's files are named.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; name its files, each with its band: --band red={path / 'B4.tif'} …")
    if not path.is_file():
        raise DataError(f"{path} does not exist; expected a GeoTIFF, a VRT or a JPEG 2000")
