"""How many CPUs this process may use: fewer than there are under `taskset`, in a job of a cluster, or in a container."""

import os

from landslide_nb.common.progress import Report


def cores() -> int:
    """The CPUs that this process may run on, where the system says which; else all that there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def at_most(threads: int, report: Report = lambda line: None) -> int:
    """So many threads, or as many as there are CPUs to run them: threads that wait for one another's CPU are slower than fewer.

    Args:
        threads: that are asked for.
        report: is told where these are too many.
    """
    if threads <= (allowed := cores()):
        return threads
    report(f"threads is {threads}, but this process may use {allowed} of the CPUs: so many are used")
    return allowed
