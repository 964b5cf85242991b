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


def in_time(seconds: float) -> str:
    """Seconds in words, as exact as a reader needs them: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def followed(items: Iterable[T], total: int, what: str, report: Report | None) -> Iterator[T]:
    """The items, one by one, counted aloud."""
    add = counting(total, what, report)
    for item in items:
        yield item
        add(1)
