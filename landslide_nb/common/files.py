"""Files and folders that are whole or not there, and whose place is tried before the work that fills them."""

import errno
import io
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from landslide_nb.common.errors import DataError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

T = TypeVar("T")
FULL: Final = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows has no quota of that name


def check_writable(path: Path) -> None:
    """Try whether a file or folder of this name can be made; what is there stays as it is.

    Raises:
        DataError: if not, or if the name is that of a folder.
    """
    with replacing(path, keep=True):
        pass


@contextmanager
def replacing(path: Path, keep: bool = False) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well and removed when it does not.

    What was written is on the disk before it has its name: a power cut leaves the file of before, or the whole new one.

    Args:
        path: whose folder is made where there is none.
        keep: whether to rename nothing: a trial.

    Raises:
        DataError: before the block, if nothing can be written there; after it, if the disk was full.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; expected the name of a file to write")
    temporary = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()  # what cannot be written shows now
        temporary.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written ({why_not(path, error)}); name a file in a folder that you may write to"
        ) from error
    try:
        with refused_if_full(path, temporary):
            yield temporary
            if not keep:
                flush(temporary)
                temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a small file, whole or not at all; text as UTF-8.

    Raises:
        DataError: if it cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode())


def check_new(folder: Path) -> None:
    """Try whether a new folder of this name can be made.

    Raises:
        DataError: if there is something in the way, or nothing can be written there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} exists and is not an empty folder; name a new one, nothing was written")
    with _new_beside(folder) as temporary:
        temporary.rmdir()


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder`, which takes its name when the block ends well and goes when it does not.

    Raises:
        DataError: before the block, as `check_new` does; after it, if the disk was full.
    """
    check_new(folder)
    with _new_beside(folder) as temporary, refused_if_full(folder, temporary):
        yield temporary
        if folder.is_dir():  # an empty one, which Windows would not replace
            folder.rmdir()
        temporary.rename(folder)


class PatientFile(io.FileIO):
    """A file that goes on taking what it cannot write, and says so when it is closed: HDF5 crashes where writing fails."""

    failure: OSError | None = None
    _end = 0  # as far as it would go, had all been written

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._unwritten: list[tuple[int, bytes]] = []  # where, and what: HDF5 may read it again until it is closed

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of it, or keep it and the error, and say that it is written."""
        view, start, done = memoryview(data).cast("B"), self.tell(), 0
        self._end = max(self._end, start + len(view))
        while done < len(view) and self.failure is None:
            try:
                done += super().write(view[done:]) or 0
            except OSError as error:
                self.failure = error
        if done < len(view):
            self._unwritten.append((start, bytes(view)))
        return len(view)

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read what was written, or would have been."""
        view, start = memoryview(buffer).cast("B"), self.tell()
        done = super().readinto(view) or 0
        if self.failure is None:
            return done
        view[done:] = bytes(len(view) - done)
        for place, kept in self._unwritten:
            first, last = max(place, start), min(place + len(kept), start + len(view))
            if first < last:
                view[first - start : last - start] = kept[first - place : last - place]
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        """Make it this long, or keep the error."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return self._end

    def seek(self, position: int, whence: int = os.SEEK_SET, /) -> int:
        """Go there; the end is where it would be."""
        reached = super().seek(position, whence)
        return reached if whence != os.SEEK_END else max(reached, self._end + position)

    def watched(self, items: Iterable[T]) -> Iterator[T]:
        """The items, until one could not be written."""
        for item in items:
            yield item
            self.check()

    def check(self) -> None:
        """Raise what went wrong."""
        if self.failure is not None:
            raise self.failure

    def __exit__(self, *raised: Any) -> None:
        """Close it, and raise what went wrong first."""
        super().__exit__(*raised)
        self.check()


@contextmanager
def _new_beside(folder: Path) -> Iterator[Path]:
    temporary = _beside(folder)
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({why_not(folder, error)}); name a new folder in one that you may write to"
        ) from error
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def why_not(path: Path, error: OSError) -> str:
    """Why nothing can be written there: what stands before the name is a file, or whatever the system says."""
    for above in path.parents:
        if os.path.lexists(above) and not above.is_dir():
            return f"{above} is no folder"
    return error.strerror or str(error)


def _beside(path: Path) -> Path:
    return path.with_name(f".{os.getpid()}.{path.name}")


@contextmanager
def refused_if_full(path: Path, temporary: Path) -> Iterator[None]:
    """Say in a sentence that a disk is full, or that the place was taken away; other errors are of something else.

    Args:
        path: what is written, by the name that a user knows.
        temporary: what it is called until it is whole.

    Raises:
        DataError: naming the path.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL and error.filename != str(temporary):
            raise
        why = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(f"{path} could not be written ({why}); nothing was, make room or name another place") from error


def flush(path: Path) -> None:
    """Wait until a file is on the disk."""
    with path.open("rb+") as file:  # Windows flushes only what one may write to
        os.fsync(file.fileno())


def set_aside(path: Path) -> Path:
    """Rename a damaged file or folder, so that it is in nobody's way and can be looked at; an earlier one of its name goes.

    Returns:
        its new path, which ends in `.damaged`.
    """
    aside = path.with_name(f"{path.name}.damaged")
    if aside.is_dir():
        shutil.rmtree(aside)
    else:
        aside.unlink(missing_ok=True)
    return path.replace(aside)
