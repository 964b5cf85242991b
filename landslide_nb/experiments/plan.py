"""What a study would train, and what that would cost, before anyone pays for it. No data are read, nothing is trained."""

import difflib
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import pandas as pd
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from landslide_nb.common.errors import StudyError
from landslide_nb.data.bands import Channel
from landslide_nb.experiments import grids
from landslide_nb.experiments.data import counts
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.speed import processor
from landslide_nb.experiments.study import Study
from landslide_nb.models.backbones import create, parameters
from landslide_nb.training.settings import Settings

Rate = Callable[[Settings, float], float | None]
FLOAT: Final = 4  # bytes
STATES: Final = 6  # of the weights, float32: themselves, gradients, Adam's two moments, and the kept last and best ones
FORWARD_AND_BACKWARD: Final = (
    3  # times the work of a forward pass: a backward pass has two products for each of its own
)
TFLOPS: Final = (
    40.0  # what a recent data-centre GPU sustains, about, on such networks in bfloat16; its peak is far higher
)
ASSUMED: Final = (
    "Assumed: {patches:,} patches, {held_out:,} of them held out for the test, {rate:.1%} with a landslide; a training step works"
    " {steps} times\nas much as a forward pass; the GPU sustains {tflops:g} TFLOP/s (--tflops: 3 × GFLOPs × images of an epoch"
    " / 1000 / its seconds tell yours);\neach run has one GPU. GB are those of weights, gradients, optimizer, all patches, and"
    " activations of a batch: of N processes that\nshare it, each holds 1/N. Not counted: scoring and prediction, SMOTE's search"
    " for neighbours, waiting in queues."
)
TIMED: Final = (
    "CPU hours are those of one run after the other with {threads} thread{s} each, from a training step of each network timed on this"
    " machine\n({processor}), without augmentation; {workers} runs side by side take {hours:.1f} hours of the clock at best.{untimed}"
)


@dataclass(frozen=True)
class Cost:
    """What a network costs.

    Attributes:
        parameters: trainable numbers.
        flops: of the forward pass of one image; a multiplication and an addition are two.
        activations: bytes in float32 that the forward pass of one image keeps for the backward pass.
    """

    parameters: int
    flops: float
    activations: float


def jobs(study: Study) -> dict[str, Run]:
    """Every distinct run of a study, under a name that can be a file's: `03-CutMix-fold-1`; folds count from 1 as in reports."""
    return {
        f"{number:02d}-{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')}-fold-{fold + 1}": Run(chosen, fold)
        for number, (name, chosen) in enumerate(grids.experiments(study).items(), 1)
        for fold in range(chosen.folds)
    }


def job(study: Study, name: str) -> Run:
    """The run of a study that has this name.

    Raises:
        StudyError: if none has.
    """
    named = jobs(study)
    if name not in named:
        near = difflib.get_close_matches(name, named, 1)
        raise StudyError(f"no run is called {name!r}; {f'did you mean {near[0]!r}?' if near else 'see `plan --names`'}")
    return named[name]


@cache
def cost(backbone: str, channels: tuple[Channel, ...], image_size: int) -> Cost:
    """Measure a network on torch's meta device, where tensors have shapes and no numbers; it takes a second or two."""
    images, saved_bytes = 2, dict[int, int]()
    with torch.device("meta"):
        network = create(backbone, channels, "none", image_size=image_size).train()
        x = torch.empty(images, len(channels), image_size, image_size)

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved_bytes[storage._cdata] = storage.nbytes()
        return tensor

    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = network(x)  # what it kept lives as long as this: no storage is counted twice under one address
    for own in (*network.parameters(), *network.buffers()):
        saved_bytes.pop(own.untyped_storage()._cdata, None)
    del logits
    return Cost(parameters(network), counter.get_total_flops() / images, sum(saved_bytes.values()) / images)


def images(study: Study) -> int:
    """How many samples, synthetic ones included, a run of a study trains on, on average over folds."""
    patches, rate = counts(study)
    development = patches - study.n_test
    train = development - development / study.folds
    minority = train * rate
    synthetic = study.smote * minority
    if study.smote and study.smote_ratio is not None:
        synthetic = study.smote_ratio * (train - minority) - minority
    rows = round(train + synthetic)
    return (rows - rows % study.batch_size or rows) * study.epochs


def memory(settings: Settings, patches: int, of: Cost) -> float:
    """Bytes of GPU memory that training takes: activations in bfloat16 take half."""
    activations = of.activations * settings.batch_size * (0.5 if settings.precision == "bfloat16" else 1)
    return FLOAT * (STATES * of.parameters + patches * math.prod(settings.data_set.shape)) + activations


def table(studies: Mapping[str, Study], tflops: float = TFLOPS, rate: Rate | None = None) -> pd.DataFrame:
    """A row for each experiment.

    Args:
        studies: by name, as `grids.experiments` gives them.
        tflops: 10¹² floating-point operations that the GPU sustains a second.
        rate: images a second that a CPU trains on, by settings and operations of a forward pass; None if unknown.

    Returns:
        experiment, backbone, px, channels, runs, images (of all its runs), parameters (in millions), GFLOPs (of a
        forward pass), GB (of GPU memory), GPU hours and CPU hours (of all its runs; missing where no rate is known).
    """
    rows = []
    for name, study in studies.items():
        of = cost(study.backbone, study.seen, study.image_size)
        seen = images(study) * study.folds
        work = FORWARD_AND_BACKWARD * of.flops * seen
        rows.append(
            {
                "experiment": name,
                "backbone": study.backbone,
                "px": study.image_size,
                "channels": study.channels,
                "runs": study.folds,
                "images": seen,
                "parameters (M)": of.parameters / 1e6,
                "GFLOPs": of.flops / 1e9,
                "GB": memory(study.settings, counts(study)[0], of) / 1e9,
                "GPU hours": work / (tflops * 1e12) / 3600,
                "CPU hours": _hours(seen, rate(study.settings, of.flops) if rate else None),
            }
        )
    return pd.DataFrame(rows)


def _hours(images: int, rate: float | None) -> float:
    return images / rate / 3600 if rate else math.nan


def text(study: Study, tflops: float = TFLOPS, rate: Rate | None = None) -> str:
    """The plan of a study as plain text: a line for each experiment, the sums, and what was assumed."""
    plan = table(grids.experiments(study), tflops, rate)
    kinds = {
        "images": "{:,}",
        "parameters (M)": "{:.1f}",
        "GFLOPs": "{:.2f}",
        "GB": "{:.1f}",
        "GPU hours": "{:.2f}",
        "CPU hours": "{:.2f}",
    }
    if rate is None:
        plan = plan.drop(columns="CPU hours")
    formatters = {name: kind.format for name, kind in kinds.items() if name in plan}
    lines = plan.to_string(index=False, formatters=formatters)
    on_cpu = "" if rate is None else f" or {plan['CPU hours'].sum():.1f} CPU hours"
    total = (
        f"{plan['runs'].sum()} runs see {plan['images'].sum():,} images in {plan['GPU hours'].sum():.1f} GPU hours{on_cpu},"
        f" and need {plan['GB'].max():.1f} GB of GPU memory at most."
    )
    patches, positive = counts(study)
    assumed = ASSUMED.format(
        patches=patches,
        held_out=study.n_test,
        rate=positive,
        steps=FORWARD_AND_BACKWARD,
        tflops=tflops,
    )
    return "\n\n".join([lines, total, *([] if rate is None else [_timed(study, plan["CPU hours"])]), assumed])


def _timed(study: Study, hours: pd.Series) -> str:
    """What the hours of a CPU are, and what they come to with as many runs side by side as `fit` trains."""
    workers = max(1, (os.cpu_count() or 1) // study.threads)
    missing = int(hours.isna().sum())
    return TIMED.format(
        threads=study.threads,
        s="" if study.threads == 1 else "s",
        processor=processor(),
        workers=workers,
        hours=hours.sum() / workers,
        untimed=f" {missing} experiments are not in it: this machine has too little memory for a step."
        if missing
        else "",
    )
