"""The GPU check from end to end: what is compared and measured at which size, and the verdict."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from landslide_nb.common.errors import LandslideError
from landslide_nb.common.files import replacing
from landslide_nb.common.progress import Report
from landslide_nb.data.patches import Patches
from landslide_nb.experiments import grids
from landslide_nb.experiments.gpu import agreement, rates
from landslide_nb.experiments.gpu.rows import Figure, Row, missing, outside, table, text
from landslide_nb.experiments.speed import machine
from landslide_nb.experiments.study import Study
from landslide_nb.simulation.draw import simulate
from landslide_nb.training.fold import device as training_device
from landslide_nb.training.settings import Settings

SECONDS: Final = 480.0  # that all of it may take; what takes longest, compiling, comes last and gets what is left
SPARE: Final = 30.0  # of these, for what comes after
NO_GPU: Final = "No GPU is here: the CPU stands in for it, at small sizes. So the check is seen to run; its figures say nothing of a GPU."
PIPELINE: Final = "pipeline over bare step"
Say = Callable[[str], float]  # a line of progress; gives the seconds that are left


class DeviceError(LandslideError):
    """A device computes something else than the CPU."""


@dataclass(frozen=True)
class Sizes:
    """How large the check is.

    Attributes:
        study: whose network is timed, and whose runs are counted.
        compared: the network and the batch that are compared with the CPU, which has to compute them too, in float64.
        patches: that are simulated.
        turns: of pipeline and bare step.
        steps: of each in a turn.
        compile: whether `torch.compile` is tried.
    """

    study: Study
    compared: Settings
    patches: int
    turns: int
    steps: int
    compile: bool

    @property
    def timed(self) -> Settings:
        """The network that is timed: the study's best row, whose batches are augmented; random weights are as fast as any."""
        return grids.best(self.study).replace(weights="none").settings


def of_gpu() -> Sizes:
    """The paper's network at its size; compared at 64 pixels, for the CPU's sake."""
    study = Study.load("paper")
    compared = Settings(backbone=study.backbone, weights="none", image_size=64, batch_size=8)
    return Sizes(study, compared, patches=144, turns=5, steps=8, compile=True)


def of_cpu() -> Sizes:
    """Seconds of a CPU."""
    compared = Settings(backbone=agreement.SMALL, weights="none", image_size=64, batch_size=8)
    return Sizes(Study.load("smoke"), compared, patches=24, turns=3, steps=2, compile=False)


def check(output: Path | None, report: Report, sizes: Sizes | None = None) -> None:
    """Compare, measure, print and write.

    Args:
        output: where the table goes as CSV; None for nowhere.
        report: takes lines of text: progress, then both tables.
        sizes: those of a GPU or of the CPU, by what there is, if not said.

    Raises:
        DeviceError: if a difference is outside its tolerance, after all is written.
        DataError: if `output` cannot be written.
    """
    if output is None:
        rows = _told(report, sizes)
    else:
        with replacing(output) as temporary:  # so what cannot be written shows now
            rows = _told(report, sizes)
            of = {"device": machine(), "torch": torch.__version__, "cuda": torch.version.cuda or ""}
            table(rows).assign(**of).to_csv(temporary, index=False, encoding="utf-8")
        report(f"{output}: {len(rows)} rows")
    if wrong := outside(rows):
        names = "; ".join(f"{row.what} ({row.difference:.1e}, at most {row.tolerance:g})" for row in wrong)
        raise DeviceError(
            f"{len(wrong)} of the comparisons on {machine()} are outside their tolerance: {names}; trust no run of this"
            " machine before that is explained (driver, torch's build, memory)"
        )


def _told(report: Report, sizes: Sizes | None) -> list[Row]:
    """All rows, with a word on what they are of."""
    device, started = training_device(), time.perf_counter()
    sizes = sizes or (of_gpu() if device.type == "cuda" else of_cpu())
    report(f"{machine()}, torch {torch.__version__}")
    if device.type != "cuda":
        report(NO_GPU)

    def say(what: str) -> float:
        seconds = time.perf_counter() - started
        report(f"{seconds:4.0f} s: {what}")
        return max(1.0, SECONDS - SPARE - seconds)

    patches = simulate(sizes.patches, seed=0, positive_rate=0.5)
    rows = [*_compared(sizes, patches, device, say), *_measured(sizes, patches, device, say)]
    say("done")
    report(text(rows))
    return rows


def _compared(sizes: Sizes, patches: Patches, device: torch.device, say: Say) -> Iterator[Row]:
    """All that is compared with the CPU."""
    bench = agreement.Bench(patches, sizes.compared, sizes.timed.image_size * 3 // 2, device)
    say(f"comparing SSIM of {len(patches)} patches")
    yield from agreement.similarities(bench)
    say(f"comparing channels and augmentation of {len(bench.pixels)} patches")
    yield from agreement.channels(bench)
    yield from agreement.augmentation(bench)
    say(f"comparing training and prediction of {sizes.compared.backbone}, {sizes.compared.image_size} px")
    yield from agreement.network(bench)
    yield from agreement.rounding(bench)


def _measured(sizes: Sizes, patches: Patches, device: torch.device, say: Say) -> Iterator[Row]:
    """All that is timed, compiling last; each in what time is left."""
    timed, edition = sizes.timed, sizes.study.edition
    layout = "channels last" if device.type == "cuda" else f"channels last, {timed.threads} thread"
    of = f"{timed.backbone}, {timed.image_size} px, batch {timed.batch_size}, {timed.precision}, {layout}"
    eager = rates.apart(rates.eager, timed, say(f"timing {of}"))
    yield from rates.figures(eager, "as a run has it", of)
    if isinstance(eager, str):
        yield missing(PIPELINE, "", eager)
        yield missing(f"training of the {edition} edition", "hours", eager)
    else:
        say("timing batches from patches")
        ratio = rates.pipeline(timed, patches, device, sizes.turns, sizes.steps)
        yield Figure(
            PIPELINE, ratio, "of its images/s", "augmented batches and deterministic algorithms, as a run has them"
        )
        say(f"counting the {edition} edition")
        tflops = rates.sustained(eager, timed)
        yield Figure("sustained in training", tflops, "TFLOP/s", "for `landslide-nb plan --tflops`")
        yield rates.hours(sizes.study, tflops, ratio)
    compiled: rates.Measured = "not tried without a GPU, for a CPU compiles for minutes"
    if sizes.compile:
        torch.cuda.empty_cache()  # the other process needs the room; without a GPU there is nothing to empty
        compiled = rates.apart(rates.compiled, timed, say("timing the same with torch.compile"))
    yield from rates.figures(compiled, "torch.compile", of)
