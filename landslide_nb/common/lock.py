"""How processes take turns."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, note: Mapping[str, object] | None, wait: bool = True, remove: bool = True) -> Iterator[None]:
    """Hold a lock that other processes wait for; it goes with the process, however that ends.

    Args:
        path: of the lock's file.
        note: what the file says of the work while that goes on, or after it was interrupted; None to leave what it says.
        wait: for whoever holds it.
        remove: the file, after work that ends well.

    Raises:
        BlockingIOError: if another process holds it and `wait` is false.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(path, lock.fileno()):
                continue  # whoever held it has removed it: another process may hold a new file by now
            if note is not None:
                lock.truncate(0)
                lock.write(json.dumps(note, indent=1, sort_keys=True))
                lock.flush()
            yield
            if remove:
                path.unlink(missing_ok=True)
            return


def _is_at(path: Path, file: int) -> bool:
    """Whether an open file is still the one at a path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False
