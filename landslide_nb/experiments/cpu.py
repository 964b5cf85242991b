"""How fast a CPU of this machine trains: a step is timed once for each network, on as few images as say something."""

import inspect
import sys
import time
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from landslide_nb.common.cache import kept_arrays, key_of
from landslide_nb.common.lock import lock
from landslide_nb.common.progress import Report
from landslide_nb.experiments.speed import LIBRARIES, processor, steps
from landslide_nb.training.settings import Settings

WORK: Final = 16e9  # operations of the forward pass of a timed step: it takes a second or so on one core
LEAST: Final = 2  # images: batch normalisation needs two
SECONDS: Final = 0.3  # that steps are timed for, at least one
DETERMINE: Final = ("backbone", "channels", "image_size", "precision", "threads")


def training_rate(settings: Settings, flops: float, report: Report = lambda line: None) -> float | None:
    """Images a second that a run with these settings trains on, one run at a time with its `threads`; timed once and kept.

    Args:
        settings: of a run; its weights do not matter.
        flops: of the forward pass of one image.
        report: is told of a step that is timed.

    Returns:
        None where the machine has not the memory for a step.
    """
    images = max(LEAST, min(settings.batch_size, int(WORK / flops)))
    known = settings.model_dump(include=set(DETERMINE)) | {name: version(name) for name in LIBRARIES}
    code = inspect.getsource(sys.modules[__name__])
    key = key_of(code=code, machine=processor(), seen=settings.seen, images=images, **known)

    def timed() -> dict[str, NDArray[Any]]:
        report(f"timing a training step: {settings.backbone}, {settings.image_size} px, {settings.channels} channels")
        return {"rate": np.array(images / _seconds(settings, images))}

    try:
        with lock("measuring"):
            return float(kept_arrays("steps", key, timed)["rate"])
    except MemoryError:
        return None
    except RuntimeError as error:  # torch's word for it on a CPU
        if "allocate memory" not in str(error):
            raise
        return None


def _seconds(settings: Settings, images: int) -> float:
    """The median of some training steps, after one in which libraries choose their ways."""
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        train, _ = steps(settings, images, torch.device("cpu"))
        train()
        seconds: list[float] = []
        while sum(seconds) < SECONDS:
            started = time.perf_counter()
            train()
            seconds.append(time.perf_counter() - started)
        return float(np.median(seconds))
    finally:
        torch.set_num_threads(threads)
