"""Rows of a map that is not finished, in a file beside it: what is there survives whatever ends the program."""

import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from landslide_nb.common.arrays import Pixels
from landslide_nb.common.errors import DataError

T = TypeVar("T")
SUM = 4  # bytes of the checksum after each row


class Partial:
    """A file of finished rows, each with its checksum; a row that was cut off is not finished.

    Attributes:
        done: how many rows there are.
    """

    def __init__(self, path: Path, width: int) -> None:
        self.path, self._width, self._bytes = path, width, 4 * width + SUM
        self.done = 0

    def __enter__(self) -> Self:
        """Open it, or begin it; what follows the last whole row goes."""
        there = self.path.exists()
        self._file = self._refused(
            lambda: self.path.open("r+b", buffering=0) if there else self.path.open("w+b", buffering=0)
        )
        while self._record(self.done) is not None:
            self.done += 1
        self._file.truncate(self.done * self._bytes)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it; an empty one goes."""
        self._file.close()
        if not self.done:
            self.path.unlink(missing_ok=True)

    def append(self, row: Pixels) -> None:
        """Add a row `(W,)`.

        Raises:
            DataError: if there is no room for it.
        """
        data = np.ascontiguousarray(row, np.float32).tobytes()
        record = memoryview(data + self._sum(self.done, data))
        self._refused(lambda: self._file.seek(self.done * self._bytes))
        while record:
            record = record[self._refused(lambda: self._file.write(record)) or 0 :]  # noqa: B023 - called at once
        self.done += 1

    def row(self, number: int) -> Pixels:
        """A row that was finished `(W,)`.

        Raises:
            DataError: if somebody changed it.
        """
        if (data := self._record(number)) is None:
            raise DataError(f"{self.path} was changed while it was read; remove it and start again")
        return np.frombuffer(data, np.float32)

    def _record(self, number: int) -> bytes | None:
        self._file.seek(number * self._bytes)
        record = self._file.read(self._bytes)
        data, expected = record[:-SUM], record[-SUM:]
        return data if len(record) == self._bytes and expected == self._sum(number, data) else None

    @staticmethod
    def _sum(number: int, data: bytes) -> bytes:
        return zlib.crc32(data, number).to_bytes(SUM, "little")

    def _refused(self, act: Callable[[], T]) -> T:
        """Do something with the file, or say in a sentence why it cannot be done."""
        try:
            return act()
        except OSError as error:
            raise DataError(
                f"{self.path} could not be written ({error.strerror}); make room and start again, finished rows are kept"
            ) from error
