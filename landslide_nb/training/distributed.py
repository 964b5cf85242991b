"""The processes that train together: those of an `accelerate launch`, or this one alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, parse_flag_from_env

T = TypeVar("T")


def processes() -> PartialState:
    """The processes that train together (of `accelerate launch`; else this one alone), and this one's device."""
    cpu = not torch.cuda.is_available() or parse_flag_from_env("ACCELERATE_USE_CPU")
    # One may have to wait while another writes, or another job trains the same run: longer than the usual minutes.
    return PartialState(cpu=cpu, timeout=timedelta(days=30))


def from_main(make: Callable[[], T]) -> T:
    """What the main process makes, given to all that train together: they decide alike, so none waits for ever."""
    world = processes()
    if world.num_processes == 1:
        return make()
    shared: list[Any] = [make() if world.is_main_process else None]
    broadcast_object_list(shared)
    result: T = shared[0]
    return result
