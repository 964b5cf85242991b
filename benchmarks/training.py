"""What the pipeline costs: images a second through all of it, against the bare step, and against the pipeline that others use.

    python benchmarks/training.py [--quick] [--output results/training.csv]

The bare step is forward, backward and optimizer on one batch that is ready in memory. Ours adds gathering, blending, channels
and scaling for every batch (and augmentation, where it says so), in the process that trains, as a run does. The peer is torch's
`DataLoader` with two workers that read a `.npy` file a patch, scale it and augment it with torchvision's transforms v2.
Machines are shared and their clocks wander, so the kinds take turns, a few steps each; a ratio is the median over turns of
the bare step's time by the kind's in the same turn. What our process does for a batch is also timed alone (`batch_ms`), and the
ratio that follows from it (`of_bare_step_by_parts`) wanders less; the peer's workers have no such number.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor
from torch.nn.functional import kl_div, log_softmax, one_hot
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.common.cores import cores
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.simulation.draw import simulate
from landslide_nb.training.batches import batches
from landslide_nb.training.loop import build
from landslide_nb.training.settings import Settings

BATCH = 36
WORKERS = 2
Changes = dict[str, float | bool]
NOTHING: Changes = {"colour": 0.0, "geometry": 0.0}
FULL: Changes = {"cutmix": True, "mixup": True}
Batches = Iterator[tuple[Tensor, Tensor]]


class Files(Dataset[tuple[Tensor, Tensor]]):
    """The peer's data: a `.npy` file a patch, read, scaled and augmented one by one."""

    def __init__(self, folder: Path, patches: Patches, scaler: Scaler, augmented: bool) -> None:
        """Write the files where they are not there yet."""
        self.paths = [folder / f"{name}.npy" for name in patches.ids]
        for path, patch in zip(self.paths, patches.pixels, strict=True):
            if not path.is_file():
                np.save(path, patch)
        self.targets = one_hot(torch.tensor(patches.known_labels).long(), 2).float()
        ours = (
            Settings()
        )  # the same strengths as ours; v2 changes colours of three channels only, so noise stands for them
        turn, shift = 45 * ours.geometry, ours.geometry / 2
        changes = [
            v2.RandomHorizontalFlip(),
            v2.RandomAffine(turn, (shift, shift), shear=turn, interpolation=v2.InterpolationMode.BILINEAR),
            v2.GaussianNoise(sigma=0.2 * ours.colour, clip=False),
        ]
        scale = v2.Normalize(scaler.centre.tolist(), scaler.scale.tolist())
        self.transform = v2.Compose([scale, *(changes if augmented else [])])

    def __len__(self) -> int:
        """The number of patches."""
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """A patch as the network sees it, and its label."""
        return self.transform(torch.from_numpy(np.load(self.paths[index]))), self.targets[index]


class Bench:
    """A network, its data, and endless batches of each kind."""

    def __init__(self, patches: Patches, folder: Path) -> None:
        """Fit the scaler and build the network; half of the rows are blends, as after SMOTE."""
        size = patches.pixels.shape[-1]
        self.settings = Settings(backbone="tf_efficientnet_lite0", image_size=size, batch_size=BATCH)
        self.patches, self.folder = patches, folder
        self.pixels = torch.from_numpy(patches.pixels)
        self.scaler = Scaler.fit(patches.pixels, patches.data_set.bands, self.settings.channels, self.settings.scaling)
        everyone, none = np.arange(len(patches)), np.array([], np.int64)
        half = np.full(len(patches), 0.5, np.float32)
        blends = SampleTable(everyone, everyone[::-1].copy(), half, patches.known_labels, none)
        self.rows = SampleTable.real(everyone, patches.known_labels, none).plus(blends)
        self.model = build(self.settings).train()
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.sources: dict[str, Batches] = {
            "bare step": repeat(next(self.ours(NOTHING))),
            "ours": self.ours(NOTHING),
            "ours, augmented": self.ours(FULL),
            "DataLoader": self.theirs(False),
            "DataLoader, augmented": self.theirs(True),
        }

    def ours(self, changes: Changes) -> Batches:
        """Batches as a run makes them, epoch after epoch."""
        settings = self.settings.model_copy(update=changes)
        generators = (Generator().manual_seed(epoch) for epoch in range(1_000_000))
        return chain.from_iterable(batches(self.pixels, self.rows, settings, self.scaler, g) for g in generators)

    def theirs(self, augmented: bool) -> Batches:
        """Batches of the peer, epoch after epoch; CutMix or Mixup of the whole batch, where augmented, as v2 documents it."""
        files = Files(self.folder, self.patches, self.scaler, augmented)
        loader = DataLoader(
            files,
            BATCH,
            shuffle=True,
            num_workers=WORKERS,
            drop_last=True,
            persistent_workers=True,
            multiprocessing_context="fork",
            prefetch_factor=1,
        )
        mix = v2.RandomChoice([v2.CutMix(num_classes=2), v2.MixUp(num_classes=2)])
        for x, targets in chain.from_iterable(repeat(loader)):
            yield mix(x, targets) if augmented else (x, targets)

    def steps(self, kind: str, number: int) -> float:
        """Seconds a step, batches included; what the workers had ready, and fill up for the next turn, is not timed."""
        source, started = self.sources[kind], 0.0
        for step in range(-WORKERS, number):
            if step == 0:
                started = time.perf_counter()
            x, targets = next(source)
            loss = kl_div(log_softmax(self.model(x), 1), targets, reduction="batchmean")
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return (time.perf_counter() - started) / number

    def measure(self, turns: int, number: int) -> list[dict[str, float]]:
        """Seconds a step of each kind, for each turn; every other turn goes backwards."""
        kinds = list(self.sources)
        for kind in kinds:
            self.steps(kind, 1)  # compile, fork, fill
        orders = (kinds, kinds[::-1])
        return [{kind: self.steps(kind, number) for kind in orders[turn % 2]} for turn in range(turns)]


def row(kind: str, turns: list[dict[str, float]]) -> dict[str, float | str]:
    """What is written of a kind."""
    return {
        "pipeline": kind,
        "images_per_s": statistics.median(BATCH / turn[kind] for turn in turns),
        "of_bare_step": statistics.median(turn["bare step"] / turn[kind] for turn in turns),
    }


def clocked(work: Callable[[], object], times: int = 9) -> float:
    """The median of milliseconds of some calls."""

    def one() -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000

    return statistics.median(one() for _ in range(times))


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="What the pipeline costs.")
    parser.add_argument("--output", type=Path, default=Path("results/training.csv"))
    parser.add_argument("--quick", action="store_true", help="two turns of one step")
    parser.add_argument("--threads", type=int, default=cores())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    turns, number = (2, 1) if arguments.quick else (9, 3)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(simulate(4 * BATCH, seed=0, positive_rate=0.5), Path(folder))
        measured = bench.measure(turns, number)
        alone = {kind: clocked(lambda kind=kind: next(bench.sources[kind])) for kind in ("ours", "ours, augmented")}  # type: ignore[misc]
    table = pd.DataFrame([row(kind, measured) | {"batch_ms": alone.get(kind, float("nan"))} for kind in bench.sources])
    step = 1000 * BATCH / table["images_per_s"].iloc[0]
    table["of_bare_step_by_parts"] = step / (step + table["batch_ms"])
    table = table.round(3)
    table = table.assign(
        backbone="tf_efficientnet_lite0", pixels=64, batch=BATCH, threads=arguments.threads, turns=turns
    )
    table = table.assign(load=round(os.getloadavg()[0], 2), torch=torch.__version__)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.output, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
