"""How hard simulated patches are for networks and for trees, beside what both score on the real challenge.

    python benchmarks/simulator_difficulty.py [--patches 5717] [--steps 1500] [--seed 42] [--name simulated] [--real PATCHES.npz]
    python benchmarks/simulator_difficulty.py --seed 7 --name "simulated, another seed"
    python benchmarks/simulator_difficulty.py --data BEFORE.h5 --name "simulated before"

Out of fold: trees on the statistics, one small network on the optical bands, both together by a logistic regression on their
log-odds, and an ensemble of the same network on all bands. One network and one setting throughout. Its predictions are kept in
`--kept` under a hash of pixels and settings, so a run that was stopped goes on; its column of the table, which chapter 01 shows, is
written after each network. With `--real` the ensemble is asked about real patches too: an .npz file with `ids`, `x` (N patches, bands
second or last) and `y`; its mean probabilities go to `simulator_on_real_patches.csv` beside the table. Networks compute in bfloat16,
which is quick where processors have it; so the last digits differ from machine to machine. The real scores (`CHALLENGE`) were
computed from published out-of-fold predictions for 7,146 training patches: an EVA02-large at 224 px on NIR, green and blue
(codejoetheduke, seventh place) and LightGBM on the 85 statistics.
"""

import argparse
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
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
LEARNING_RATE: Final = 2e-3  # at most: it rises for a tenth of the steps, then falls as a cosine
WEIGHT_DECAY: Final = 1e-2
MEMBERS: Final = 3  # of the ensemble
TABLE: Final = Path(str(files("landslide_nb"))) / "chapters" / "c01" / "simulator_difficulty.csv"
OPTICAL: Final = tuple(DATA.bands.optical)

Quartiles = NDArray[np.float32]


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


class Real(NamedTuple):
    """Real patches that the ensemble is asked about: M ids, pixels `(M, C, H, W)`, labels `(M,)`."""

    ids: tuple[str, ...]
    pixels: Pixels
    labels: Labels

    @classmethod
    def read(cls, path: Path) -> "Real":
        """Read an .npz file with `ids`, `x` and `y`."""
        with np.load(path) as found:
            ids, pixels, labels = (found[name] for name in ("ids", "x", "y"))
        if pixels.shape[1] != len(DATA.bands):
            pixels = np.moveaxis(pixels, 3, 1)
        return cls(tuple(str(name) for name in ids), np.ascontiguousarray(pixels, np.float32), labels.astype(np.int8))

    def answered(self, log_odds: Scores) -> pd.DataFrame:
        """A row for each: its id, its label and the probability of a landslide."""
        probability = (1 / (1 + np.exp(-log_odds))).round(4)
        return pd.DataFrame({"ID": self.ids, "label": self.labels, "probability of the ensemble": probability})


NONE: Final = Real((), np.empty((0, *DATA.shape), np.float32), np.empty(0, np.int8))


def network(channels: int) -> nn.Module:
    """Four stages of plain convolutions, about 200,000 parameters; looks at the mean and at the maximum of its last maps."""
    layers: list[nn.Module] = []
    for i, stage in enumerate(((16,), (32,), (64, 64), (96, 96))):
        layers += [nn.MaxPool2d(2)] if i else []
        for width in stage:
            convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
    return nn.Sequential(*layers, MeanAndMaximum(), nn.Dropout(0.2), nn.Linear(2 * channels, 1), nn.Flatten(0))


class MeanAndMaximum(nn.Module):
    """Mean and maximum over the pixels, `(N, C, H, W)` to `(N, 2C)`."""

    def forward(self, maps: Tensor) -> Tensor:
        """Both, side by side."""
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)


def out_of_fold(pixels: Pixels, labels: Labels, setting: Setting, kept: Path, others: Pixels) -> tuple[Scores, Scores]:
    """Log-odds `(N,)` by networks that did not train on the patch, and `(M,)` of other patches by all of them, their mean.

    Folds that were trained before are read.
    """
    log_odds, asked = np.empty(len(labels)), np.zeros(len(others))
    chosen, more = (np.ascontiguousarray(part[:, list(setting.bands)]) for part in (pixels, others))
    known = (chosen.tobytes(), labels.tobytes(), repr(astuple(setting)).encode(), more.tobytes())
    digest = hashlib.sha256(b"".join(known)).hexdigest()[:16]
    for fold, (train, test) in enumerate(folds(labels)):
        path = kept / f"{digest}_{fold}.npy"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary, temporary.open("wb") as stream:
                np.save(stream, trained(chosen, labels, train, test, setting, more))
            print(f"  fold {fold + 1} of {FOLDS}, seed {setting.seed}, {len(setting.bands)} bands", flush=True)
        found = np.load(path)
        log_odds[test] = found[: len(test)]
        asked += found[len(test) :] / FOLDS
    return log_odds, asked


def folds(labels: Labels) -> Iterator[tuple[Indices, Indices]]:
    """Training and test indices, the same ones that the trees have."""
    yield from StratifiedKFold(FOLDS, shuffle=True, random_state=SPLIT_SEED).split(labels, labels)


def trained(pixels: Pixels, labels: Labels, train: Indices, test: Indices, setting: Setting, more: Pixels) -> Scores:
    """Log-odds of the test patches, then of more patches, by a network trained on the rest."""
    torch.manual_seed(setting.seed)
    quartiles = scaling(pixels[train])
    inputs = prepared(pixels, quartiles)
    targets = torch.from_numpy(labels.astype(np.float32))
    model = network(inputs.shape[1]).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, setting.steps, pct_start=0.1)
    model.train()
    for _, batch in zip(range(setting.steps), batches(torch.from_numpy(train)), strict=False):
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model(turned(inputs[batch]))
        loss = binary_cross_entropy_with_logits(outputs.float(), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    asked = [inputs[torch.from_numpy(test)], *([prepared(more, quartiles)] if len(more) else [])]
    return np.concatenate([predicted(model, part) for part in asked])


def scaling(pixels: Pixels) -> Quartiles:
    """Quartiles `(3, C, 1, 1)` of each band, over some of the pixels."""
    some = np.moveaxis(pixels[:, :, ::4, ::4], 1, 0).reshape(pixels.shape[1], -1)
    return np.quantile(some, (0.25, 0.5, 0.75), axis=1).astype(np.float32)[:, :, None, None]


def prepared(pixels: Pixels, quartiles: Quartiles) -> Tensor:
    """Each band twice, bfloat16 `(N, 2C, H, W)`: as it is, and relative to its mean and spread in the patch.

    Bands are scaled by their quartiles, and extremes drawn in: clouds are far brighter than all else.
    """
    low, middle, high = quartiles
    parts = []
    for part in np.array_split(pixels, max(len(pixels) // 256, 1)):
        scaled = torch.from_numpy(np.arcsinh(2 * (part - middle) / (high - low)))
        both = torch.cat([scaled, instance_norm(scaled)], 1).bfloat16()
        parts.append(both.contiguous(memory_format=torch.channels_last))
    return torch.cat(parts)


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
    """Log-odds `(N,)`, mean over the patch and its seven turns and mirror images."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        parts = [torch.stack([model(seen).float() for seen in views(part)]).mean(0) for part in inputs.split(256)]
    return torch.cat(parts).numpy().astype(np.float64)


def views(batch: Tensor) -> Iterator[Tensor]:
    """The eight ways to lay a square on a square."""
    for turns in range(4):
        seen = batch.rot90(turns, (2, 3))
        yield from (each.contiguous(memory_format=torch.channels_last) for each in (seen, seen.flip(3)))


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
    named = {"trees on statistics": trees, "optical network": optical, "both": both}
    if len(members) >= MEMBERS:
        named["ensemble on all bands"] = np.mean(members, 0)
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


def written(scores: Mapping[str, float], name: str, output: Path, measured_on: Mapping[str, int]) -> pd.DataFrame:
    """The table with what is known so far in a column of this name; its other columns stay as the file has them.

    Args:
        scores: by name.
        name: of the column.
        output: a CSV file, which need not be there.
        measured_on: patches, folds, steps and such.

    Returns:
        By score: of the challenge, the range it may be in, each simulator's.
    """
    expected = pd.DataFrame.from_dict(dict(CHALLENGE), orient="index", columns=["real", "lowest", "highest"])
    known = (
        pd.read_csv(output, index_col="score").drop(columns=expected.columns) if output.is_file() else pd.DataFrame()
    )
    column = pd.Series({**scores, **measured_on}, dtype=np.float64, name=name)
    table = expected.join(known.drop(columns=name, errors="ignore"), how="outer").join(column, how="outer")
    order = [*expected.index, *(each for each in table.index if each not in expected.index)]
    table = table.loc[order].rename_axis("score")
    with replacing(output) as temporary:
        table.round(4).to_csv(temporary)
    return table


def outside(table: pd.DataFrame, name: str) -> list[str]:
    """The scores of a column that are not in their range, or not known."""
    asked = table.loc[list(CHALLENGE)]
    return [str(score) for score in asked.index[~asked[name].between(asked["lowest"], asked["highest"])]]


def main() -> None:
    """Simulate, train what is missing, score, write the CSV."""
    parser = argparse.ArgumentParser(description="Difficulty of simulated patches for networks and trees.")
    parser.add_argument("--patches", type=int, default=5717)
    parser.add_argument("--seed", type=int, default=42, help="of the simulation, as `landslide-nb simulate` has it")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--members", type=int, default=MEMBERS, help="networks on all bands; 0 for none")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--name", default="simulated", help="of the column")
    parser.add_argument("--data", type=Path, help="HDF5 file of other patches to take")
    parser.add_argument("--real", type=Path, help=".npz file of real patches to ask the ensemble about")
    parser.add_argument("--kept", type=Path, default=Path(".difficulty"), help="folder of predictions")
    parser.add_argument("--output", type=Path, default=TABLE)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    patches = Patches.read(given.data) if given.data else simulate(given.patches, given.seed)
    labels = patches.known_labels
    real = Real.read(given.real) if given.real else NONE
    trees = log_odds_of(trees_out_of_fold(statistics.describe(patches), FOLDS, SPLIT_SEED))
    optical_only = Setting(OPTICAL, 0, given.steps)
    optical, _ = out_of_fold(patches.pixels, labels, optical_only, given.kept, real.pixels[:0])
    members: list[Scores] = []
    asked: list[Scores] = []
    measured_on = {"patches": len(patches), "folds": FOLDS, "steps": given.steps}
    written(scored(labels, trees, optical, members), given.name, given.output, measured_on)
    for seed in range(given.members):
        setting = Setting(tuple(range(len(DATA.bands))), seed, given.steps)
        member, answers = out_of_fold(patches.pixels, labels, setting, given.kept, real.pixels)
        members.append(member)
        asked.append(answers)
        written(scored(labels, trees, optical, members), given.name, given.output, measured_on)
    table = written(scored(labels, trees, optical, members), given.name, given.output, measured_on)
    print(table.round(4).to_string())
    print(f"outside their range, or not known with {len(members)} of {MEMBERS} networks on all bands:")
    print("\n".join(outside(table, given.name)) or "none")
    if given.real and members:
        with replacing(given.output.parent / "simulator_on_real_patches.csv") as temporary:
            real.answered(np.mean(asked, 0)).to_csv(temporary, index=False)


if __name__ == "__main__":
    main()
