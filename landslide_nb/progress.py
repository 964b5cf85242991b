"""Progress of long work as lines of plain text, ten at most, so that it reads well in a terminal, a log and a notebook."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Say = Callable[[str], None]


def followed(items: Iterable[T], total: int, what: str, say: Say | None) -> Iterator[T]:
    """The items, one by one; after each tenth of `total` a line says how many of them are done."""
    for done, item in enumerate(items, 1):
        yield item
        if say and done * 10 // total > (done - 1) * 10 // total:
            say(f"{what}: {done:,} of {total:,}")
