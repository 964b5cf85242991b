"""How fast a backbone is and what memory it takes, measured once on a machine and kept.

Each is measured in a process of its own, so that nothing of the one before is in its way or in its memory.
"""

import inspect
import platform
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from landslide_nb.common.cache import kept_arrays, key_of
from landslide_nb.common.cores import at_most, cores
from landslide_nb.common.lock import lock
from landslide_nb.common.progress import Report
from landslide_nb.common.workers import workers
from landslide_nb.models.backbones import create
from landslide_nb.training.settings import Settings

SECONDS: Final = 1.0  # for each rate, or three steps if they take longer
LIBRARIES: Final = ("torch", "timm", "segmentation-models-pytorch")
Precision = Literal["float32", "bfloat16"]
DETERMINE: Final = ("backbone", "channels", "image_size", "batch_size", "precision", "threads")


class Rate(NamedTuple):
    """Images a second: the median of some steps, the slowest and the fastest of them."""

    median: float
    slowest: float
    fastest: float


@dataclass(frozen=True)
class Speed:
    """What a backbone does with batches of a study's size, without augmentation.

    Attributes:
        forward: of prediction.
        training: of training steps: forward, backward, Adam.
        memory: bytes that training steps take at most: by how much the peak of the process's resident memory grows, network
            and optimizer included; on a GPU the peak of what torch allocates there.
        machine: where it was measured.
    """

    forward: Rate
    training: Rate
    memory: int
    machine: str


def speed(settings: Settings, report: Report = lambda line: None) -> Speed | None:
    """The speed of a run's backbone on this machine; what is not kept is measured, by one process at a time.

    Args:
        settings: of a run; its weights do not matter.
        report: is told of a measurement.

    Returns:
        None where the machine has not the memory for a step.
    """
    known = settings.model_dump(include=set(DETERMINE)) | {name: version(name) for name in LIBRARIES}
    key = key_of(code=inspect.getsource(sys.modules[__name__]), machine=machine(), seen=settings.seen, **known)

    def measured() -> dict[str, NDArray[Any]]:
        report(f"measuring the speed of {settings.backbone}")
        if (measurement := _apart(settings)) is None:
            raise MemoryError
        return {
            "forward": np.array(measurement.forward),
            "training": np.array(measurement.training),
            "memory": np.array(measurement.memory),
        }

    try:
        with lock("measuring"):
            arrays = kept_arrays("speeds", key, measured)
    except MemoryError:
        return None
    forward, training = (Rate(*arrays[name].tolist()) for name in ("forward", "training"))
    return Speed(forward, training, int(arrays["memory"]), machine())


def machine() -> str:
    """What computes: the GPU, or the processor and its cores."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return processor()


def processor() -> str:
    """The processor and its cores."""
    cpuinfo = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*: (.+)", cpuinfo.read_text("utf-8")) if cpuinfo.is_file() else None
    return f"{match[1] if match else platform.processor()}, {cores()} cores"


def measure(settings: Settings, compiled: bool = False) -> Speed:
    """Measure in this process, which should have done nothing else; as `torch.compile` makes the network, if asked for."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(at_most(settings.threads))
    before = _peak(device)
    torch.manual_seed(settings.seed)
    train, predict = steps(settings, settings.batch_size, device, compiled)
    training = _rate(train, settings.batch_size, device)
    memory = _peak(device) - before
    return Speed(_rate(predict, settings.batch_size, device), training, memory, machine())


def steps(
    settings: Settings, images: int, device: torch.device, compiled: bool = False
) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step of training with so many images, without augmentation, and one of prediction."""
    model = create(settings.backbone, settings.seen, "none", image_size=settings.image_size).to(device)
    x = torch.randn(images, settings.channels, settings.image_size, settings.image_size, device=device)
    targets = torch.full((len(x), 2), 0.5, device=device)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    network = torch.compile(model) if compiled else model

    def train() -> None:
        model.train()
        backward(network, x, targets, settings.precision)
        optimizer.step()
        optimizer.zero_grad()

    def predict() -> None:
        model.eval()
        with torch.no_grad(), autocast(settings.precision, device):
            network(x)

    return train, predict


def backward(model: Callable[[Tensor], Tensor], x: Tensor, targets: Tensor, precision: Precision) -> Tensor:
    """The loss of a batch, as a run has it, after its gradients are made."""
    with autocast(precision, x.device):
        logits = model(x)
    loss = kl_div(log_softmax(logits.float(), 1), targets.float(), reduction="batchmean")
    loss.backward()
    return loss.detach()


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """The arithmetic of a network."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def wait(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked for: it says so before it has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _apart(settings: Settings) -> Speed | None:
    """Measure in a new process, forked from one that has loaded the libraries and done nothing with them."""
    start: Literal["spawn", "forkserver"] = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
    if start == "forkserver":
        get_context(start).set_forkserver_preload([__name__])
    try:
        with workers(1, start) as pool:
            return pool.submit(measure, settings).result()
    except (BrokenProcessPool, torch.OutOfMemoryError, MemoryError):
        return None


def _rate(step: Callable[[], None], images: int, device: torch.device) -> Rate:
    """Images a second over steps that follow a first one, in which libraries choose their ways."""
    seconds: list[float] = []
    step()
    while len(seconds) < 3 or sum(seconds) < SECONDS:
        wait(device)
        started = time.perf_counter()
        step()
        wait(device)
        seconds.append(time.perf_counter() - started)
    return Rate(*(float(images / second) for second in (np.median(seconds), max(seconds), min(seconds))))


def _peak(device: torch.device) -> int:
    """Bytes of memory at most so far: torch's on a GPU, else the process's own, not those of the one that started it."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.is_file():
        return 1024 * int(status.read_text("utf-8").partition("VmHWM:")[2].split()[0])
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return int(psutil.Process().memory_info().peak_wset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
