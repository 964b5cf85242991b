"""What augmentation costs: a training step without it and one with all of it, in turns.

    python benchmarks/augmentation.py --output results/augmentation.csv

A step is what `training` does with a batch: derive, scale, forward, backward, optimizer. Machines are shared and their clocks
wander, so the two kinds of step alternate, and which comes first alternates too. The difference is the median over such pairs;
the cost itself is also timed alone, without the step around it, which wanders less.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from torch import Generator, Tensor
from torch.nn.functional import kl_div, log_softmax, one_hot

from landslide_nb.common.cores import cores
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.simulation.draw import simulate
from landslide_nb.training.batches import augment, prepare
from landslide_nb.training.loop import build
from landslide_nb.training.settings import Settings

BATCH = 36
Changes = dict[str, float | bool]
NOTHING: Changes = {"colour": 0.0, "geometry": 0.0}
CASES: dict[str, Changes] = {
    "colour": {"geometry": 0.0},
    "geometry": {"colour": 0.0},
    "CutMix": NOTHING | {"cutmix": True},
    "Mixup": NOTHING | {"mixup": True},
    "all": {"cutmix": True, "mixup": True},
    "all, physical": {"cutmix": True, "mixup": True, "physical": True},
}


def clocked(work: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


class Bench:
    """A network, a batch, and one training step of it."""

    def __init__(self, patches: Patches, backbone: str) -> None:
        """Fit the scaler and build the network."""
        self.base = Settings(backbone=backbone, image_size=patches.pixels.shape[-1], batch_size=BATCH)
        self.scaler = Scaler.fit(patches.pixels, patches.data_set.bands, self.base.channels, self.base.scaling)
        self.bands = torch.from_numpy(patches.pixels[:BATCH])
        self.targets = one_hot(torch.tensor(patches.known_labels[:BATCH]).long(), 2).float()
        self.model = build(self.base).train()
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.generator = Generator().manual_seed(0)

    def step(self, settings: Settings) -> None:
        """One training step on an augmented batch."""
        x, targets = self.augmented(settings)
        loss = kl_div(log_softmax(self.model(x), 1), targets, reduction="batchmean")
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def augmented(self, settings: Settings) -> tuple[Tensor, Tensor]:
        """The batch, prepared and augmented."""
        return augment(self.bands, self.targets, settings, self.scaler, self.generator)

    def measure(self, changes: Changes, repeats: int) -> dict[str, float]:
        """Medians in milliseconds of bare and augmented steps, of their differences in pairs, and of augmentation alone."""
        bare, full = (self.base.model_copy(update=update) for update in (NOTHING, changes))
        works = {
            "bare_ms": lambda: self.step(bare),
            "augmented_ms": lambda: self.step(full),
            "prepared_ms": lambda: prepare(self.bands, full, self.scaler),
            "augmentation_ms": lambda: self.augmented(full),
        }
        orders = (list(works), list(works)[::-1])
        rounds = [{name: clocked(works[name]) for name in orders[i % 2]} for i in range(repeats + 1)]
        for one in rounds:
            one["difference_ms"] = one["augmented_ms"] - one["bare_ms"]
            one["augmentation_ms"] -= one.pop("prepared_ms")
        return {name: statistics.median(one[name] for one in rounds[1:]) for name in rounds[0]}  # the first warms up


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="What augmentation costs of a training step.")
    parser.add_argument("--output", type=Path, default=Path("results/augmentation.csv"))
    parser.add_argument("--quick", action="store_true", help="all augmentation together only, three repeats")
    parser.add_argument("--threads", type=int, default=cores())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    bench = Bench(simulate(BATCH, seed=0), "tf_efficientnet_lite0")
    cases = {"all": CASES["all"]} if arguments.quick else CASES
    repeats = 3 if arguments.quick else 9
    rows = {name: bench.measure(changes, repeats) for name, changes in cases.items()}
    table = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="augmentation"))
    table["cost_percent"] = 100 * table["augmentation_ms"] / table["bare_ms"]
    table["difference_percent"] = 100 * table["difference_ms"] / table["bare_ms"]
    table = table.round(2)
    table = table.assign(
        backbone="tf_efficientnet_lite0", pixels=64, batch=BATCH, threads=arguments.threads, repeats=repeats
    ).assign(load=round(os.getloadavg()[0], 2), torch=torch.__version__)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.output)
    print(table.to_string())


if __name__ == "__main__":
    main()
