"""Progress of long work as lines of plain text, ten at most, so that it reads well in a terminal, a log and a notebook."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Report = Callable[[str], None]


def counting(total: int, what: str, report: Report | None) -> Callable[[int], None]:
    """A function that is told how many more are done, and says how many that makes after each tenth of the total."""
    done = 0

    def add(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        if report and done * 10 // total > before * 10 // total:
            report(f"{what}: {done:,} of {total:,}")

    return add


def followed(items: Iterable[T], total: int, what: str, report: Report | None) -> Iterator[T]:
    """The items, one by one, counted aloud."""
    add = counting(total, what, report)
    for item in items:
        yield item
        add(1)
