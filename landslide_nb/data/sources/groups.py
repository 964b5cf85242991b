"""Which block of ground and which region an image is of, by its number."""

from landslide_nb.common.errors import DataError
from landslide_nb.data.sources.pairs import Pair


def group_of(pair: Pair, block: int, regions: tuple[int, ...]) -> str:
    """The block of ground that an image is of: a stretch of numbers, within a region, or the image itself if it has no number."""
    if pair.number is None:
        return pair.image.stem
    first, last = _region(pair.number, regions)
    start = first + max(pair.number - first, 0) // block * block
    end = start + block - 1 if last is None else min(start + block - 1, last)
    return f"{pair.area}{start}-{end}"


def region_of(pair: Pair, regions: tuple[int, ...]) -> str:
    """The region that an image is of, by its first and last number.

    Raises:
        DataError: if it has no number.
    """
    if pair.number is None:
        raise DataError(f"{pair.image} has no number at the end of its name, so --regions cannot tell its region")
    first, last = _region(pair.number, regions)
    return f"{first}-{'' if last is None else last}"


def _region(number: int, regions: tuple[int, ...]) -> tuple[int, int | None]:
    """First and last number of a region; the first one starts at 1 (and has 0), the last one is open."""
    firsts = (1, *regions)
    place = max((i for i, first in enumerate(firsts) if first <= number), default=0)
    return firsts[place], firsts[place + 1] - 1 if place + 1 < len(firsts) else None
