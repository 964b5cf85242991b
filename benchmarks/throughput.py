"""What two changes save of a training step: depthwise gradients as matrix products, and Adam in one pass over all numbers.

    python benchmarks/throughput.py [--quick] [--output results/throughput.csv]

A step is what a run does for a batch: it gathers and prepares the batch, goes forward and backward, and steps. Before, depthwise layers
are torch's own and Adam takes torch's defaults; now, networks are as `backbones.create` makes them and Adam is fused, as in
`training/loop.py`; and each change is measured alone. Each kind has a network of its own, of the same weights, and sees the same batches.
Machines are shared and their clocks wander, so the kinds take turns, a few steps each, and what counts is CPU time of the process,
which other processes do not take; a ratio is the median over turns of the time before by the kind's in the same turn.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import kl_div, log_softmax

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.data.bands import BandSet
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.models.depthwise import DepthwiseConv2d
from landslide_nb.models.encoders import Backbone
from landslide_nb.simulation.draw import simulate
from landslide_nb.training.batches import batches
from landslide_nb.training.loop import build
from landslide_nb.training.settings import Settings

BATCH: Final = 36
BACKBONE: Final = "tf_efficientnet_lite0"
CHANNELS: Final = (3, 12)
BEFORE: Final = "before"


@dataclass(frozen=True)
class Kind:
    """Which of the changes there are."""

    depthwise: bool
    fused: bool

    def network(self, settings: Settings) -> Backbone:
        """The network of a run, with torch's depthwise layers where ours are left out."""
        network = build(settings).train()
        if not self.depthwise:
            slow_down(network)
        return network

    def optimizer(self, network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
        """Adam: fused, or as torch chooses where it is not told."""
        return torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True if self.fused else None)


KINDS: Final = {
    BEFORE: Kind(depthwise=False, fused=False),
    "depthwise gradients alone": Kind(depthwise=True, fused=False),
    "fused Adam alone": Kind(depthwise=False, fused=True),
    "now": Kind(depthwise=True, fused=True),
}


def slow_down(network: nn.Module) -> None:
    """Give a network's depthwise layers back to torch: the reverse of `quicken`."""
    for layer in network.modules():
        if type(layer) is DepthwiseConv2d:
            layer.__class__ = nn.Conv2d  # type: ignore[assignment]  # it loses a class of its own


def first_channels(patches: Patches, count: int) -> Patches:
    """The same patches, or with their first bands only."""
    if count == patches.pixels.shape[1]:
        return patches
    few = {"name": f"first {count}", "bands": BandSet(bands=patches.data_set.bands.bands[:count])}
    data_set = patches.data_set.model_copy(update=few)
    return Patches(patches.ids, patches.pixels[:, :count].copy(), patches.labels, data_set)


class Bench:
    """The kinds of training on the same patches."""

    def __init__(self, patches: Patches) -> None:
        """Fit the scaler and build a network, an optimizer and endless batches for each kind; half of the rows are blends."""
        data_set, size = patches.data_set, patches.pixels.shape[-1]
        channels = data_set.bands.counts[0]
        self.settings = Settings(
            data_set=data_set,
            channels=channels,
            backbone=BACKBONE,
            image_size=size,
            batch_size=BATCH,
            colour=0,
            geometry=0,
        )
        self.pixels = torch.from_numpy(patches.pixels)
        self.scaler = Scaler.fit(patches.pixels, data_set.bands, channels, self.settings.scaling)
        everyone, none = np.arange(len(patches)), np.array([], np.int64)
        half = np.full(len(patches), 0.5, np.float32)
        blends = SampleTable(everyone, everyone[::-1].copy(), half, patches.known_labels, none)
        self.rows = SampleTable.real(everyone, patches.known_labels, none).plus(blends)
        self.networks = {name: kind.network(self.settings) for name, kind in KINDS.items()}
        self.optimizers = {name: kind.optimizer(self.networks[name], self.settings) for name, kind in KINDS.items()}
        self.sources = {name: self.batches() for name in KINDS}

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches as a run makes them, epoch after epoch."""
        generators = (Generator().manual_seed(epoch) for epoch in range(1_000_000))
        return chain.from_iterable(batches(self.pixels, self.rows, self.settings, self.scaler, g) for g in generators)

    def steps(self, kind: str, number: int) -> float:
        """Seconds of CPU time a step, batches included."""
        network, optimizer, source = self.networks[kind], self.optimizers[kind], self.sources[kind]
        started = time.process_time()
        for _ in range(number):
            x, targets = next(source)
            kl_div(log_softmax(network(x), 1), targets, reduction="batchmean").backward()
            optimizer.step()
            optimizer.zero_grad()
        return (time.process_time() - started) / number

    def measure(self, turns: int, number: int) -> list[dict[str, float]]:
        """Seconds a step of each kind, for each turn; every other turn goes backwards."""
        kinds = list(KINDS)
        for kind in kinds:
            self.steps(kind, 1)  # compile, fill
        orders = (kinds, kinds[::-1])
        return [{kind: self.steps(kind, number) for kind in orders[turn % 2]} for turn in range(turns)]


def row(kind: str, turns: list[dict[str, float]]) -> dict[str, float | str]:
    """What is written of a kind."""
    return {
        "kind": kind,
        "step_cpu_ms": round(statistics.median(1000 * turn[kind] for turn in turns), 1),
        "images_per_cpu_s": round(statistics.median(BATCH / turn[kind] for turn in turns), 1),
        "ratio": round(statistics.median(turn[BEFORE] / turn[kind] for turn in turns), 3),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="What two changes save of a training step.")
    parser.add_argument("--output", type=Path, default=Path("results/throughput.csv"))
    parser.add_argument("--quick", action="store_true", help="two turns of one step")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    turns, number = (2, 1) if arguments.quick else (15, 4)
    patches, rows = simulate(4 * BATCH, seed=0, positive_rate=0.5), []
    for channels in CHANNELS:
        measured = Bench(first_channels(patches, channels)).measure(turns, number)
        rows += [{"channels": channels} | row(kind, measured) for kind in KINDS]
    table = pd.DataFrame(rows).assign(backbone=BACKBONE, pixels=64, batch=BATCH, threads=1, turns=turns, steps=number)
    table = table.assign(load=round(os.getloadavg()[0], 2), torch=torch.__version__)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.output, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
