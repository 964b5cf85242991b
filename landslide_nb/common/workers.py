"""Processes that work for this one and end with it, however it ends: at its end, after Ctrl-C, or when it is killed."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Literal


@contextmanager
def workers(count: int, start: Literal["spawn", "forkserver"] = "spawn") -> Iterator[ProcessPoolExecutor]:
    """A pool of processes.

    An error lets what was begun end well and begins nothing else. Ctrl-C ends the processes at once: it is the one that they
    work for who hears it, not they.

    Args:
        count: of processes.
        start: how they are started; `forkserver` where the system has one.
    """
    others = set(active_children())
    pool = ProcessPoolExecutor(count, get_context(start), initializer=_serve)
    try:
        yield pool
    except Exception:
        raise
    except BaseException:
        for child in set(active_children()) - others:
            child.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _serve() -> None:
    """Leave Ctrl-C to the process that this one works for, and end when that one does.

    A pool's processes otherwise wait for work for ever when nobody is left to give them any.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)
