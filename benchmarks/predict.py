"""What predicting costs: patches a second from files to a CSV, against the bare network's forward pass; and the memory it takes.

    python benchmarks/predict.py [--quick] [--output results/predict.csv]

There are two peers, both of them bare forward passes: batches that are ready in memory, as many as there are patches, with the same
threads. `timm` is the network as `timm.create_model` gives it, in a process that does nothing else: what a loop by hand would take.
`bare` is the network that `predict` uses, in the same process: laid out channels last, its memory kept. `predict` lists a folder of
`.npy` files (float64, channels last, as the challenge has them), reads, checks, scales and predicts them, and writes the CSV; the
model is loaded before. Machines are shared and their clocks wander, so the three take turns; a ratio is the median over turns of a
peer's time by that of `predict` in the same turn, and the lowest and highest stand beside it.

Memory is that of a process of its own: how much its peak has grown by 20,000 patches since it has predicted one batch. The 20,000
files are names of 256 different ones, and the HDF5 file stores zeros, so that they take no disk; reading them takes the same memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import timm
import torch
from torch import nn

from landslide_nb.common.cores import cores
from landslide_nb.data import stream
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.hdf5 import FORMAT
from landslide_nb.data.patches import combine, digest
from landslide_nb.data.scaling import Scaler
from landslide_nb.inference import bundle
from landslide_nb.inference.card import Card
from landslide_nb.inference.ensemble import Ensemble, Fold, Network
from landslide_nb.inference.predictions import BATCH, predict
from landslide_nb.simulation.draw import simulate
from landslide_nb.training.batches import prepare
from landslide_nb.training.loop import build
from landslide_nb.training.settings import Settings

BACKBONE = "tf_efficientnet_lite0"
PATCHES = 5398  # rows that the challenge asks for
MANY = 20_000
DIFFERENT = 256


class Turn(NamedTuple):
    """Seconds on the clock: of both peers, and of all of it."""

    timm: float
    bare: float
    predict: float


def network(seed: int, pixels: np.ndarray) -> Network:
    """A network of the usual size with random weights, scaled as if it had been trained on these patches."""
    settings = Settings(backbone=BACKBONE, weights="none", image_size=64, seed=seed)
    model = build(settings)
    for parameter in list(model.parameters())[-2:]:  # of the last layer
        nn.init.normal_(parameter)
    return Network(settings, Scaler.fit(pixels, CHALLENGE.bands, 12, "standard"), model.state_dict())


def files(folder: Path, pixels: np.ndarray, number: int) -> Path:
    """A folder of `.npy` files; from `DIFFERENT` on, each is another name of an earlier one."""
    folder.mkdir()
    for place in range(number):
        path = folder / f"ID_{place:06}.npy"
        if place < DIFFERENT:
            np.save(path, pixels[place % len(pixels)].transpose(1, 2, 0).astype(np.float64))
        else:
            path.hardlink_to(folder / f"ID_{place % DIFFERENT:06}.npy")
    return folder


def archive(path: Path, number: int) -> Path:
    """An HDF5 file as `landslide-nb convert` writes it, of zeros, whose chunks are not stored."""
    ids, zeros = [f"ID_{place:06}" for place in range(number)], np.zeros(CHALLENGE.shape, np.float32)
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["data_set"] = FORMAT, CHALLENGE.to_json()
        group = file.create_group("test")
        group["ids"] = np.array([name.encode() for name in ids], dtype=h5py.string_dtype())
        group.create_dataset("pixels", (number, *CHALLENGE.shape), np.float32, chunks=(1, *CHALLENGE.shape))
        group.attrs["fingerprint"] = combine(digest(name, zeros, None) for name in ids)
    return path


def passes(networks: list[nn.Module], ready: list[torch.Tensor], number: int) -> float:
    """Seconds of the forward passes of as many patches."""
    started = time.perf_counter()
    with torch.no_grad():
        for start in range(0, number, BATCH):
            for network, x in zip(networks, ready, strict=True):
                network(x[: number - start])
    return time.perf_counter() - started


def by_hand(members: int, number: int) -> float:
    """Seconds of timm's networks, in a process that has to be a new one."""
    made = [timm.create_model(BACKBONE, in_chans=12, num_classes=2).eval() for _ in range(members)]
    ready = [torch.randn(BATCH, 12, 64, 64) for _ in made]
    passes(made, ready, BATCH)
    return passes(made, ready, number)


def bare(ensemble: Ensemble, pixels: torch.Tensor, number: int) -> float:
    """Seconds of the same networks as `predict` has them."""
    members = [member for fold in ensemble.folds for member in fold.members.values() if isinstance(member, Network)]
    ready = [prepare(pixels[:BATCH], member.settings, member.scaler) for member in members]
    return passes([member.model for member in members], ready, number)


def whole(ensemble: Ensemble, source: Path, output: Path) -> float:
    """Seconds from the files to the CSV."""
    started = time.perf_counter()
    predict(ensemble, stream.find(source)).write(output, 0.5)
    return time.perf_counter() - started


def row(members: int, turns: list[Turn], number: int) -> dict[str, float | str]:
    """What is written of an ensemble."""
    table = pd.DataFrame(turns)
    told: dict[str, float | str] = {"networks": members}
    told |= {f"{name}_patches_per_s": number / table[name].median() for name in table}
    for peer in ("timm", "bare"):
        ratios = table[peer] / table["predict"]
        told |= {f"ratio_{peer}": ratios.median(), f"lowest_{peer}": ratios.min(), f"highest_{peer}": ratios.max()}
    return told


def measure(ensemble: Ensemble, pixels: np.ndarray, source: Path, number: int, turns: int) -> list[Turn]:
    """Seconds of all three, turn by turn; every other turn goes backwards."""
    batch, output, members = torch.from_numpy(pixels), source.with_suffix(".csv"), len(ensemble.folds)
    bare(ensemble, batch, BATCH)
    ways = {
        "timm": lambda: elsewhere("--by-hand", members, "--patches", number, "--threads", torch.get_num_threads()),
        "bare": lambda: bare(ensemble, batch, number),
        "predict": lambda: whole(ensemble, source, output),
    }
    measured = []
    for turn in range(turns):
        order = list(ways)[:: -1 if turn % 2 else 1]
        measured.append(Turn(**{name: ways[name]() for name in order}))
    return measured


def grown(model: Path, source: Path, first: Path) -> float:
    """How many GB the peak of this process grows by predicting `source`, after it has predicted `first`."""
    ensemble = bundle.read(model)
    predict(ensemble, stream.find(first))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    predict(ensemble, stream.find(source))
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e9


def elsewhere(*arguments: object) -> float:
    """What this file says with these arguments, in a process of its own."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="What predicting costs.")
    parser.add_argument("--output", type=Path, default=Path("results/predict.csv"))
    parser.add_argument("--quick", action="store_true", help="two turns of 256 patches, 512 for memory")
    parser.add_argument("--patches", type=int, default=PATCHES)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--grown", nargs=3, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--by-hand", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.grown or arguments.by_hand:
        said = grown(*arguments.grown) if arguments.grown else by_hand(arguments.by_hand, arguments.patches)
        print(json.dumps(said))
        return
    patches, turns, many = (256, 2, 512) if arguments.quick else (arguments.patches, arguments.turns, MANY)
    pixels = simulate(DIFFERENT // 4, seed=0).pixels
    networks = [network(seed, pixels) for seed in range(3)]
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        source, rows = files(here / "patches", pixels, patches), []
        for count in (1, 3):
            ensemble = Ensemble(tuple(map(Fold.single, networks[:count])), CHALLENGE)
            rows.append(row(count, measure(ensemble, pixels, source, patches, turns), patches))
        bundle.write(
            Ensemble((Fold.single(networks[0]),), CHALLENGE), here / "model", Card("random weights", "simulated")
        )
        first = files(here / "first", pixels, BATCH)
        sources = {"folder": files(here / "many", pixels, many), "HDF5": archive(here / "many.h5", many)}
        memory = {f"GB_{kind}": elsewhere("--grown", here / "model", path, first) for kind, path in sources.items()}
    table = pd.DataFrame(rows).assign(**memory).round(3)
    table = table.assign(backbone=BACKBONE, pixels=64, batch=BATCH, threads=arguments.threads, turns=turns)
    table = table.assign(
        patches=patches, memory_patches=many, load=round(os.getloadavg()[0], 2), torch=torch.__version__
    )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.output, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
