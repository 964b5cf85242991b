"""How processes take turns: locks by name, in one folder of the store. They go with the process, however that ends."""

from filelock import FileLock, Timeout

from landslide_nb.common.store import store

FOREVER = -1.0


def lock(name: str, timeout: float = FOREVER) -> FileLock:
    """A lock to hold in a `with` block.

    Args:
        name: of what only one process may do at a time.
        timeout: seconds to wait for whoever holds it; then `filelock.Timeout` is raised.
    """
    folder = store() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}.lock", timeout=timeout)


def held(name: str) -> bool:
    """Whether a process holds a lock."""
    if not (store() / "locks" / f"{name}.lock").is_file():
        return False
    try:
        with lock(name, timeout=0):
            return False
    except Timeout:
        return True
