"""How fast the device trains and predicts, what the pipeline costs of that, and how long a study takes at this rate."""

import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, count, repeat
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.common.errors import reason
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments import grids, plan
from landslide_nb.experiments.gpu.rows import Figure, missing
from landslide_nb.experiments.speed import Speed, backward, measure, wait
from landslide_nb.experiments.study import Study
from landslide_nb.training.batches import batches
from landslide_nb.training.loop import build
from landslide_nb.training.settings import Settings

Batches = Iterator[tuple[Tensor, Tensor]]
Measured = Speed | str  # or why it could not be measured
RATE: Final = "images/s"


def eager(settings: Settings) -> Measured:
    """The network as a run has it."""
    return _measured(settings, False)


def compiled(settings: Settings) -> Measured:
    """The network as `torch.compile` makes it."""
    return _measured(settings, True)


def _measured(settings: Settings, compiled: bool) -> Measured:
    try:
        return measure(settings, compiled)
    except Exception as error:  # a compiler, a driver and an allocator each raise their own
        return reason(getattr(error, "inner_exception", error))


def apart(work: Callable[[Settings], Measured], settings: Settings, seconds: float) -> Measured:
    """Measure in a process of its own, which is ended after so many seconds: its peak of memory is of nothing else."""
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, work, settings))
    process.start()
    sender.close()  # so that its death is an end of file here
    try:
        if not receiver.poll(seconds):
            return f"it had not ended after {seconds:.0f} s"
        result: Measured = receiver.recv()
        return result
    except EOFError:
        return "the process died, likely for want of memory"
    finally:
        process.kill()
        process.join()


def _send(sender: Connection, work: Callable[[Settings], Measured], settings: Settings) -> None:
    sender.send(work(settings))


def figures(measured: Measured, how: str, of: str) -> Iterator[Figure]:
    """The rows of one measurement; one row where it could not be made.

    Args:
        measured: as `eager` and `compiled` give it.
        how: the network was made.
        of: the network, its size, its arithmetic.
    """
    if isinstance(measured, str):
        yield missing(f"training and forward, {how}", RATE, measured)
        return
    for kind, rate in (("training", measured.training), ("forward", measured.forward)):
        spread = f"slowest step {rate.slowest:.4g}, fastest {rate.fastest:.4g}; {of}"
        yield Figure(f"{kind}, {how}", rate.median, RATE, spread)
    yield Figure(f"peak memory of training, {how}", measured.memory / 1e9, "GB", "network and optimizer included")


def sustained(measured: Speed, settings: Settings) -> float:
    """TFLOP/s of training steps, counted as `plan` counts them."""
    of = plan.cost(settings.backbone, settings.seen, settings.image_size)
    return plan.FORWARD_AND_BACKWARD * of.flops * measured.training.median / 1e12


def pipeline(settings: Settings, patches: Patches, device: torch.device, turns: int, steps: int) -> float:
    """Images a second of training on batches as a run makes them, over those of the bare step on one batch that lies ready.

    A run computes with deterministic algorithms, the bare step with any; this cost is in the ratio. The two take turns, and which
    comes first alternates; the ratio is the median over turns.

    Args:
        settings: of a run, augmentation included.
        patches: that batches are made of; half of the samples are blends of two, as SMOTE's are.
        device: where it trains.
        turns: how often both are timed.
        steps: of each in a turn.
    """
    everyone = np.arange(len(patches))
    real = SampleTable.real(everyone, patches.known_labels, [])
    half = np.full(len(patches), 0.5, np.float32)
    rows = real.plus(SampleTable(everyone, everyone[::-1].copy(), half, patches.known_labels, real.held_out))
    scaler = Scaler.fit(patches.pixels, settings.data_set.bands, settings.channels, settings.scaling)
    pixels, model = torch.from_numpy(patches.pixels).to(device), build(settings).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    generators = (Generator(device).manual_seed(epoch) for epoch in count())
    ours = chain.from_iterable(batches(pixels, rows, settings, scaler, each) for each in generators)
    sources: dict[str, Batches] = {"bare": repeat(next(ours)), "ours": ours}

    def seconds(kind: str, number: int) -> float:
        wait(device)
        started = time.perf_counter()
        with _deterministic(kind == "ours"):
            for _ in range(number):
                backward(model, *next(sources[kind]), settings.precision)
                optimizer.step()
                optimizer.zero_grad()
            wait(device)
        return time.perf_counter() - started

    for kind in sources:
        seconds(kind, 1)  # libraries choose their ways
    orders = (list(sources), list(sources)[::-1])
    timed = [{kind: seconds(kind, steps) for kind in orders[turn % 2]} for turn in range(turns)]
    return statistics.median(turn["bare"] / turn["ours"] for turn in timed)


@contextmanager
def _deterministic(asked: bool) -> Iterator[None]:
    """Compute as a run does, if asked to; torch's warnings of what has no such algorithm are not for this."""
    torch.use_deterministic_algorithms(asked, warn_only=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.use_deterministic_algorithms(False)


def hours(study: Study, tflops: float, ratio: float) -> Figure:
    """How long all runs of a study train here, one after the other: `plan` at the measured rate, over the pipeline's ratio."""
    table = plan.table(grids.experiments(study), tflops)
    note = (
        f"{table['runs'].sum()} runs of {len(table)} experiments, {table['images'].sum():,} images; assumed: other networks and sizes"
        " sustain as many TFLOP/s and lose as much to the pipeline as this one; without scoring, prediction and SSIM"
    )
    return Figure(f"training of the {study.edition} edition", table["GPU hours"].sum() / ratio, "hours", note)
