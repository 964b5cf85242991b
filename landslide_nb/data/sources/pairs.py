"""Images and their masks, found by name in two folders."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from landslide_nb.common.errors import DataError

PREFIX: Final = re.compile(r"^(?:images?|img|masks?|labels?)[_-]?(?=.)", re.IGNORECASE)
PICTURES: Final = (
    ".jpg",
    ".jpeg",
    ".bmp",
    ".gif",
    ".webp",
    ".jp2",
)  # would be overlooked; what else lies there is no image


class Pair(NamedTuple):
    """An image and its mask.

    Attributes:
        image: its file.
        mask: its file.
        area: what stands before the number in the name, without "image_" and the like.
        number: the whole number that ends the name; None if there is none.
    """

    image: Path
    mask: Path
    area: str
    number: int | None


def find_pairs(images: Path, masks: Path, suffixes: tuple[str, ...]) -> list[Pair]:
    """The images of a folder with the masks of another, by number, then by name.

    Args:
        images: holds `image_12.png` or `12.png`, of any of these endings.
        masks: holds `mask_12.png` or `12.png` for each of them.
        suffixes: the endings of files that can be read.

    Raises:
        DataError: if a folder is missing or empty, a name stands twice or has no counterpart, or a link leads out of the folder.
    """
    pictures, marks = _files(images, suffixes), _files(masks, suffixes)
    for mine, others, what, where in ((pictures, marks, "mask", masks), (marks, pictures, "image", images)):
        if lonely := sorted(str(mine[key]) for key in mine.keys() - others.keys()):
            raise DataError(f"{lonely[0]} has no {what} in {where} ({len(lonely)} such); add it, or remove this one")
    pairs = [Pair(path, marks[key], *key) for key, path in pictures.items()]
    return sorted(pairs, key=lambda pair: (pair.number is None, pair.number or 0, pair.area))


def _files(folder: Path, suffixes: tuple[str, ...]) -> dict[tuple[str, int | None], Path]:
    """The files of a folder by area and number."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected one of {', '.join(suffixes)} files")
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror})") from error
    checked = list(_checked(paths, folder, suffixes))
    if not checked:
        raise DataError(f"{folder} holds no {', '.join(suffixes)} files; expected one for each image")
    by_key: dict[tuple[str, int | None], Path] = {}
    for path in checked:
        if (key := _key(path)) in by_key:
            raise DataError(f"{by_key[key]} and {path.name} have the same name or number; keep one")
        by_key[key] = path
    return by_key


def _checked(paths: Iterable[Path], folder: Path, suffixes: tuple[str, ...]) -> Iterable[Path]:
    """Those of these endings; refuse what would be overlooked, and links out of the data set's folder."""
    home = folder.parent.resolve()
    for path in paths:
        if path.suffix.lower() in suffixes:
            if not path.resolve().is_relative_to(home):
                raise DataError(f"{path} is a link that leads out of {home}; copy the file into the folder")
            if not path.is_file():
                raise DataError(f"{path} is not a file; expected one image or mask")
            yield path
        elif path.is_dir() or path.suffix.lower() in PICTURES or not path.exists():  # a link that leads nowhere
            raise DataError(f"{path} cannot be read; expected files of {', '.join(suffixes)}, and no folders below")


def _key(path: Path) -> tuple[str, int | None]:
    """Area and number: `image_012.png` and `mask_12.png` are ("", 12), `north-7.tif` is ("north-", 7)."""
    name = PREFIX.sub("", path.stem)
    digits = re.search(r"[0-9]+$", name)
    return (name[: digits.start()], int(digits.group())) if digits else (name, None)
