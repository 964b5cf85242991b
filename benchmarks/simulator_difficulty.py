"""How hard simulated patches are for networks and for trees, beside what both score on the real challenge.

    python benchmarks/simulator_difficulty.py [--patches 5717] [--steps 1500] [--output results/simulator_difficulty.csv]

Out of fold: trees on the statistics, one small network on the optical bands, both together by a logistic regression on their
log-odds, and an ensemble of the same network on all bands. One network and one setting throughout; its predictions are kept in
`--kept` under a hash of pixels and settings, so a run that was stopped goes on. The real scores (`CHALLENGE`) were computed from
published out-of-fold predictions for 7,146 training patches: an EVA02-large at 224 px on NIR, green and blue (codejoetheduke,
seventh place) and LightGBM on the 85 statistics.
"""

import argparse
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, precision_recall_curve, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, instance_norm

from landslide_nb.common.arrays import Indices, Labels, Pixels, Scores
from landslide_nb.common.cores import cores
from landslide_nb.common.files import replacing
from landslide_nb.data.challenge import CHALLENGE as DATA
from landslide_nb.data.patches import Patches
from landslide_nb.models.heads import log_odds_of
from landslide_nb.simulation.draw import simulate
from landslide_nb.tabular import statistics
from landslide_nb.tabular.trees import trees_out_of_fold

FOLDS: Final = 3
SPLIT_SEED: Final = 42
BATCH: Final = 36
LEARNING_RATE: Final = 2e-3
WEIGHT_DECAY: Final = 1e-2
MEMBERS: Final = 3  # of the ensemble
OPTICAL: Final = tuple(DATA.bands.optical)


class Expected(NamedTuple):
    """A score on the real challenge, and what it may be here."""

    real: float
    low: float
    high: float


CHALLENGE: Final[Mapping[str, Expected]] = {
    "trees on statistics, F1": Expected(0.854, 0.82, 0.88),
    "optical network, F1": Expected(0.890, 0.85, 0.91),
    "optical network, AUROC": Expected(0.985, 0.975, 0.990),
    "both, F1 above the better": Expected(0.902 - 0.890, 0.005, 0.03),
    "correlation of log-odds, without a landslide": Expected(0.44, 0.3, 0.65),
    "correlation of log-odds, with a landslide": Expected(0.55, 0.3, 0.65),
    "both wrong at 0.5": Expected(123 / 7146, 0.012, 0.024),
    "ensemble on all bands, F1": Expected(0.923, 0.0, 0.945),
}


@dataclass(frozen=True)
class Setting:
    """How a network is trained."""

    bands: tuple[int, ...]
    seed: int
    steps: int


def network(channels: int) -> nn.Module:
    """Four stages of plain convolutions, about 200,000 parameters; looks at the mean and at the maximum of its last maps."""
    widths = ((16,), (32,), (64, 64), (96, 96))
    layers: list[nn.Module] = [Relative()]
    channels *= 2
    for i, stage in enumerate(widths):
        if i:
            layers.append(nn.MaxPool2d(2))
        for width in stage:
            layers += [
                nn.Conv2d(channels, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            channels = width
    return nn.Sequential(*layers, MeanAndMaximum(), nn.Dropout(0.2), nn.Linear(2 * channels, 1), nn.Flatten(0))


class Relative(nn.Module):
    """Bands as they are, and relative to their mean and spread in the patch: `(N, C, H, W)` to `(N, 2C, H, W)`."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Both, one after the other."""
        return torch.cat([inputs, instance_norm(inputs)], 1).contiguous(memory_format=torch.channels_last)


class MeanAndMaximum(nn.Module):
    """Mean and maximum over the pixels, `(N, C, H, W)` to `(N, 2C)`."""

    def forward(self, maps: Tensor) -> Tensor:
        """Both, side by side."""
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)


def out_of_fold(pixels: Pixels, labels: Labels, setting: Setting, kept: Path) -> Scores:
    """Log-odds `(N,)` by networks that did not train on the patch; folds that were trained before are read."""
    log_odds = np.empty(len(labels))
    chosen = np.ascontiguousarray(pixels[:, list(setting.bands)])
    digest = hashlib.sha256(chosen.tobytes() + labels.tobytes() + repr(astuple(setting)).encode()).hexdigest()[:16]
    for fold, (train, test) in enumerate(folds(labels)):
        path = kept / f"{digest}_{fold}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary, temporary.open("wb") as stream:
                np.save(stream, trained(chosen, labels, train, test, setting))
            print(f"  fold {fold + 1} of {FOLDS}, seed {setting.seed}, {len(setting.bands)} bands", flush=True)
        log_odds[test] = np.load(path)
    return log_odds


def folds(labels: Labels) -> Iterator[tuple[Indices, Indices]]:
    """Training and test indices, the same ones that the trees have."""
    yield from StratifiedKFold(FOLDS, shuffle=True, random_state=SPLIT_SEED).split(labels, labels)


def trained(pixels: Pixels, labels: Labels, train: Indices, test: Indices, setting: Setting) -> Scores:
    """Log-odds of the test patches by a network trained on the others."""
    torch.manual_seed(setting.seed)
    inputs = scaled(pixels, train)
    targets = torch.from_numpy(labels.astype(np.float32))
    model = network(inputs.shape[1]).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, setting.steps, pct_start=0.1)
    model.train()
    for _, batch in zip(range(setting.steps), batches(torch.from_numpy(train)), strict=False):
        loss = binary_cross_entropy_with_logits(model(turned(inputs[batch])), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return predicted(model.eval(), inputs[torch.from_numpy(test)])


def scaled(pixels: Pixels, train: Indices) -> Tensor:
    """Pixels by the median and quartiles of the training patches, extremes drawn in (clouds are far brighter than all else)."""
    some = np.moveaxis(pixels[train][:, :, ::4, ::4], 1, 0).reshape(pixels.shape[1], -1)
    low, middle, high = np.quantile(some, (0.25, 0.5, 0.75), axis=1).astype(np.float32)[:, None, :, None, None]
    inputs = np.arcsinh(2 * (pixels - middle) / (high - low))
    return torch.from_numpy(inputs).contiguous(memory_format=torch.channels_last)


def batches(train: Tensor) -> Iterator[Tensor]:
    """Shuffled batches, epoch after epoch."""
    while True:
        order = train[torch.randperm(len(train))]
        yield from order[: len(order) // BATCH * BATCH].split(BATCH)


def turned(batch: Tensor) -> Tensor:
    """Flipped and turned by right angles, every third of the batch in its own way."""
    parts = []
    for part in batch.chunk(3):
        seen = part.rot90(int(torch.randint(4, ())), (2, 3))
        parts.append(seen.flip(3) if torch.randint(2, ()) else seen)
    return torch.cat(parts).contiguous(memory_format=torch.channels_last)


def predicted(model: nn.Module, inputs: Tensor) -> Scores:
    """Log-odds `(N,)`, mean over the patch and its mirror image."""
    with torch.inference_mode():
        parts = [(model(part) + model(part.flip(3))) / 2 for part in inputs.split(256)]
    return torch.cat(parts).numpy().astype(np.float64)


def together(first: Scores, second: Scores, labels: Labels) -> Scores:
    """Log-odds of a logistic regression on both log-odds, out of fold."""
    values = np.stack([first, second], 1)
    cutter = StratifiedKFold(FOLDS, shuffle=True, random_state=SPLIT_SEED)
    probabilities = cross_val_predict(LogisticRegression(), values, labels, cv=cutter, method="predict_proba")
    return log_odds_of(np.asarray(probabilities)[:, 1])


def best_f1(labels: Labels, log_odds: Scores) -> float:
    """F1 at its best threshold."""
    precision, recall, _ = precision_recall_curve(labels, log_odds)
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-12)).max())


def scored(labels: Labels, trees: Scores, optical: Scores, members: list[Scores]) -> dict[str, float]:
    """Every figure that the issue asks for, and a few beside."""
    both = together(trees, optical, labels)
    ensemble = np.mean(members, 0) if members else np.full(len(labels), np.nan)
    named = {"trees on statistics": trees, "optical network": optical, "both": both}
    named |= {"ensemble on all bands": ensemble} if members else {}
    scores = {f"{name}, F1": best_f1(labels, log_odds) for name, log_odds in named.items()}
    scores |= {f"{name}, AUROC": float(roc_auc_score(labels, log_odds)) for name, log_odds in named.items()}
    better = max(scores["trees on statistics, F1"], scores["optical network, F1"])
    scores["both, F1 above the better"] = scores["both, F1"] - better
    for label, name in enumerate(("without", "with")):
        of = labels == label
        scores[f"correlation of log-odds, {name} a landslide"] = float(np.corrcoef(trees[of], optical[of])[0, 1])
    wrong = [(log_odds >= 0) != (labels == 1) for log_odds in (trees, optical)]
    scores |= {"trees wrong at 0.5": float(wrong[0].mean()), "optical network wrong at 0.5": float(wrong[1].mean())}
    scores["both wrong at 0.5"] = float((wrong[0] & wrong[1]).mean())
    scores["both wrong if independent"] = float(wrong[0].mean() * wrong[1].mean())
    scores |= {f"member {i + 1} on all bands, F1": best_f1(labels, member) for i, member in enumerate(members)}
    scores["optical network, F1 at 0.5"] = float(f1_score(labels, optical >= 0))
    return scores


def table(scores: Mapping[str, float]) -> pd.DataFrame:
    """Scores beside those of the challenge and the range they should be in."""
    frame = pd.DataFrame({"simulated": pd.Series(scores)})
    expected = pd.DataFrame.from_dict(dict(CHALLENGE), orient="index", columns=["real", "lowest", "highest"])
    frame = frame.join(expected)
    inside = frame["simulated"].between(frame["lowest"], frame["highest"])
    return frame.assign(within=inside.where(frame["real"].notna())).rename_axis("score")


def main() -> None:
    """Simulate, train what is missing, score, write the CSV."""
    parser = argparse.ArgumentParser(description="Difficulty of simulated patches for networks and trees.")
    parser.add_argument("--patches", type=int, default=5717)
    parser.add_argument("--seed", type=int, default=42, help="of the simulation, as `landslide-nb simulate` has it")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--members", type=int, default=MEMBERS, help="networks on all bands; 0 for none")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--data", type=Path, help="HDF5 file of other patches to take")
    parser.add_argument("--kept", type=Path, default=Path(".difficulty"), help="folder of predictions")
    parser.add_argument("--output", type=Path, default=Path("results/simulator_difficulty.csv"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    patches = Patches.read(given.data) if given.data else simulate(given.patches, given.seed)
    labels = patches.known_labels
    trees = log_odds_of(trees_out_of_fold(statistics.describe(patches), FOLDS, SPLIT_SEED))
    optical = out_of_fold(patches.pixels, labels, Setting(OPTICAL, 0, given.steps), given.kept)
    everything = tuple(range(len(DATA.bands)))
    settings = [Setting(everything, seed, given.steps) for seed in range(given.members)]
    members = [out_of_fold(patches.pixels, labels, setting, given.kept) for setting in settings]
    result = table(scored(labels, trees, optical, members))
    result = result.assign(patches=len(patches), steps=given.steps, folds=FOLDS)
    with replacing(given.output) as temporary:
        result.round(4).to_csv(temporary)
    print(result.round(4).to_string())


if __name__ == "__main__":
    main()
