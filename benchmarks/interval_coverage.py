"""How often three intervals hold the truth, in made-up studies of which the truth is known.

    python benchmarks/interval_coverage.py [--quick] [--output results/interval_coverage.csv]

A study has blocks of ground with six patches each, two settings, and replicates of each setting. A patch's log-odds are the sum of what its
label adds, of what its block and the patch itself do to all networks, of what its block does to one setting, and of what a replicate does:
it shifts landslides and other patches, each by an amount of its own, and adds noise to every patch. A block has a rate of landslides of its
own. The truth is the mean F1 of all replicates on all ground, by a large simulation of replicates; of a difference, that of two settings,
which differ by how far they tell the labels apart.

The intervals are those of `replicates.estimate` ("estimate"), and percentile bootstraps of the same mean over replicates, drawing patches
("patches") or blocks ("blocks") and never replicates. Blocks are drawn as `replicates.sampled` draws them, which a test checks.
"""

import argparse
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from landslide_nb.common.arrays import Labels, Values
from landslide_nb.metrics import replicates

PATCHES: Final = 6  # of a block
APART: Final = (2.6, 2.3)  # by how much the log-odds of landslides are higher, by setting
SPREADS: Final = {"small": 0.05, "large": 0.25}  # standard deviation of a replicate's shifts
BLOCK, BLOCK_OF_SETTING, PATCH, NOISE = (
    0.5,
    0.35,
    0.8,
    0.5,
)  # standard deviations of what a patch's log-odds are the sum of
CONCENTRATION: Final = 3.0  # of the beta distribution of a block's rate
REPLICATES, BLOCKS, RATES = (3, 5), (30, 90), (0.176, 0.6)
MOST: Final = max(REPLICATES)
CHUNK: Final = 100  # studies at a time
Counts = NDArray[np.float32]


@dataclass(frozen=True)
class Cell:
    """What some studies have in common."""

    blocks: int
    rate: float
    spread: str

    @property
    def thresholds(self) -> tuple[float, float]:
        """From which log-odds on each setting calls a landslide: between its two labels, higher where landslides are rare."""
        variance = BLOCK**2 + BLOCK_OF_SETTING**2 + PATCH**2 + NOISE**2
        first, second = (apart / 2 + variance / apart * np.log(0.5 / self.rate) for apart in APART)
        return float(first), float(second)

    def draw(self, studies: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Some studies: labels `(S, N)` and calls `(S, 2, R, N)`, patches of a block side by side."""
        rates = rng.beta(CONCENTRATION * self.rate, CONCENTRATION * (1 - self.rate), (studies, self.blocks, 1))
        labels = (rng.random((studies, self.blocks, PATCHES)) < rates).reshape(studies, -1)

        def normal(deviation: float, *shape: int) -> Counts:
            return np.float32(deviation) * rng.standard_normal((studies, *shape), np.float32)

        everywhere = normal(BLOCK, 1, 1, self.blocks) + normal(BLOCK_OF_SETTING, 2, 1, self.blocks)
        log_odds = everywhere.repeat(PATCHES, axis=3) + normal(PATCH, 1, 1, labels.shape[1])
        log_odds = log_odds + normal(NOISE, 2, MOST, labels.shape[1])
        shifts = normal(SPREADS[self.spread], 2, MOST, 2)
        shifts[..., 1] += np.array(APART, np.float32)[:, None]
        log_odds += np.where(labels[:, None, None], shifts[..., 1:], shifts[..., :1])
        return labels, log_odds >= np.array(self.thresholds, np.float32)[:, None, None]

    def truth(self, draws: int = 400_000, seed: int = 1) -> Values:
        """The mean F1 of both settings over replicates on endless ground, `(2,)`."""
        shifts = SPREADS[self.spread] * np.random.default_rng(seed).standard_normal((2, draws))
        deviation = np.sqrt(BLOCK**2 + BLOCK_OF_SETTING**2 + PATCH**2 + NOISE**2)
        means = []
        for apart, threshold in zip(APART, self.thresholds, strict=True):
            hits = self.rate * norm.cdf((apart + shifts[1] - threshold) / deviation)
            alarms = (1 - self.rate) * norm.cdf((shifts[0] - threshold) / deviation)
            means.append(np.mean(2 * hits / (self.rate + hits + alarms)))
        return np.array(means)


def resampled(
    labels: NDArray[np.bool_], called: NDArray[np.bool_], units: int, resamples: int, seed: int = 0
) -> Values:
    """F1 of the patches as they are, then with units of ground drawn anew, as `replicates.sampled` draws them.

    Args:
        labels: `(S, N)`.
        called: `(S, 2, R, N)`.
        units: how many units of neighbours are drawn from.
        resamples: how often.
        seed: of drawing.

    Returns:
        `(S, 2, R, 1 + resamples)`.
    """
    drawn = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), resamples)
    weights = np.concatenate([np.ones((1, units)), drawn]).astype(np.float32)
    truth = np.broadcast_to(labels[:, None, None], called.shape)
    both, total = (
        it.reshape(*called.shape[:3], units, -1).sum(4, dtype=np.float32) @ weights.T
        for it in (truth & called, truth.astype(np.int8) + called)
    )
    return np.where(total > 0, 2 * both / np.maximum(total, 1), 0)


def inside(intervals: Values, truth: float) -> tuple[float, float]:
    """How many of some intervals `(S, 2)` hold the truth, and how wide they are in the mean."""
    return float(np.mean((intervals[:, 0] <= truth) & (truth <= intervals[:, 1]))), float(np.mean(np.ptp(intervals, 1)))


def percentiles(values: Values) -> Values:
    """Percentile intervals of the mean over replicates, `(S, 2)`, from `(S, R, 1 + B)`."""
    return np.asarray(np.percentile(values.mean(1)[:, 1:], (2.5, 97.5), axis=1).T)


def estimates(values: Values, blocks: int) -> Values:
    """The project's intervals, `(S, 2)`, from `(S, R, 1 + B)`."""
    return np.array([replicates.estimate(each.astype(np.float64), blocks).interval[1:] for each in values])


def measure(cell: Cell, studies: int, resamples: int, seed: int) -> list[dict[str, object]]:
    """A row for each number of replicates, each score and each interval."""
    rng, truth = np.random.default_rng(seed), cell.truth()
    found: dict[tuple[int, str, str], list[Values]] = {}
    spread: dict[tuple[int, str], list[Values]] = {}
    for start in range(0, studies, CHUNK):
        labels, called = cell.draw(min(CHUNK, studies - start), rng)
        over = {units: resampled(labels, called, units, resamples) for units in (cell.blocks, labels.shape[1])}
        for number in REPLICATES:
            for what in ("difference", "score"):
                by_blocks, by_patches = (
                    it[:, 0, :number] - it[:, 1, :number] if what == "difference" else it[:, 0, :number]
                    for it in over.values()
                )
                made = {
                    "estimate": estimates(by_blocks, cell.blocks),
                    "patches": percentiles(by_patches),
                    "blocks": percentiles(by_blocks),
                }
                for interval, each in made.items():
                    found.setdefault((number, what, interval), []).append(each)
                spread.setdefault((number, what), []).append(by_blocks[:, :, 0].std(1, ddof=1))
    rows: list[dict[str, object]] = []
    for (number, what, interval), parts in found.items():
        true = float(truth[0] - truth[1] if what == "difference" else truth[0])
        covered, width = inside(np.concatenate(parts), true)
        rows.append(
            {"of": what, "interval": interval, "replicates": number, "blocks": cell.blocks, "rate": cell.rate}
            | {"spread": cell.spread, "coverage": round(covered, 4), "width": round(width, 4), "truth": round(true, 4)}
            | {"between_replicates": round(float(np.concatenate(spread[number, what]).mean()), 4)}
        )
    return rows


def example(cell: Cell, seed: int = 0) -> tuple[Labels, NDArray[np.bool_], NDArray[np.str_]]:
    """One study: labels `(N,)`, calls `(2, R, N)` and the block of each patch."""
    labels, called = cell.draw(1, np.random.default_rng(seed))
    names = np.array([f"block {number:03}" for number in range(cell.blocks)])
    return labels[0].astype(np.int8), called[0], names.repeat(PATCHES)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="How often intervals hold the truth.")
    parser.add_argument("--output", type=Path, default=Path("results/interval_coverage.csv"))
    parser.add_argument("--quick", action="store_true", help="20 studies a cell")
    arguments = parser.parse_args()
    studies, resamples = (20, 200) if arguments.quick else (5000, 500)
    cells = [Cell(*each) for each in itertools.product(BLOCKS, RATES, SPREADS)]
    rows = itertools.chain.from_iterable(measure(it, studies, resamples, seed) for seed, it in enumerate(cells))
    table = pd.DataFrame(rows).sort_values(["of", "interval"], kind="stable")
    table = table.assign(patches_of_block=PATCHES, studies=studies, resamples=resamples)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    table.assign(load=round(os.getloadavg()[0], 2)).to_csv(arguments.output, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
