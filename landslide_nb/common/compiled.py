"""Where numba keeps what it has compiled: beside the code or in the user's cache, and where neither can be written elsewhere."""

import atexit
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Final

VARIABLE: Final = "NUMBA_CACHE_DIR"
PACKAGE: Final = Path(__file__).parents[1]


def choose_cache() -> None:
    """Give numba a temporary folder where it could write nowhere: it refuses to load a function that it is told to keep.

    Processes that this one starts share the folder, which goes when this one ends.
    """
    beside = (PACKAGE, Path(sysconfig.get_path("purelib")))  # our kernels, and umap's
    named = os.environ.get(VARIABLE)
    if _writable(Path(named) if named else None) or all(map(_writable, beside)) or _writable(_of_user()):
        return
    try:
        folder = tempfile.mkdtemp(prefix="landslide-nb-numba-")
    except OSError:  # numba then says what is wrong
        return
    os.environ[VARIABLE] = folder
    atexit.register(_remove, folder, os.getpid())
    if loaded := sys.modules.get("numba"):
        loaded.config.CACHE_DIR = folder


def _remove(folder: str, process: int) -> None:
    if os.getpid() == process:  # and not in one that was forked from it
        shutil.rmtree(folder, ignore_errors=True)


def _of_user() -> Path | None:
    """The user's cache, about where numba looks for it on each system; none of who has no home."""
    if named := os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"):
        return Path(named)
    try:
        return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    except RuntimeError:
        return None


def _writable(folder: Path | None) -> bool:
    """Whether a file can be written in a folder, or below the one where it would be made; it is tried."""
    if folder is None:
        return False
    try:
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        tempfile.TemporaryFile(dir=there).close()
    except (OSError, StopIteration):
        return False
    return True
