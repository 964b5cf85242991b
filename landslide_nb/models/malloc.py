"""Memory that is used again, on a CPU with glibc: Linux's allocator otherwise returns a batch's activations to the system at once."""

import ctypes
from functools import cache
from typing import Final

# The names and numbers of <malloc.h>.
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
KEPT: Final = 2**30  # bytes of freed memory from which on some of it is returned
PIECE: Final = 2**28  # bytes from which on an array has pages of its own, which are returned when it is freed


@cache
def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, so that the next batch finds it.

    A forward pass asks for the same megabytes again and again. Where each time the system hands out fresh pages, filling them with
    zeros takes a third of the pass.

    Returns:
        Whether there was an allocator to tell; without one, nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc, or no Linux at all
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, PIECE)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT))
