"""What mapping a scene costs: the memory it takes, and its speed against `predict` on the very same patches.

    python benchmarks/maps.py [--size 20000] [--bands 12] [--kills 10] [--output results/maps.csv]

The scene is a tiled GeoTIFF of int16, written block by block. One block in sixteen holds noise; the others are not stored and read as
zeros, so that a large scene takes little disk, and as much memory and as many patches as any. The network is a tiny one with random
weights: what is measured is everything around it.

Memory is that of a process of its own: how much its peak has grown by the whole scene since it loaded the model and mapped a scene of a
few patches. Speed is measured on a scene of at most 1,024 pixels a side, and on the patches that the map cuts from it, in an HDF5 file
as `landslide-nb convert` writes it. Machines are shared and their clocks wander, so both take turns; the ratio is the median over turns
of `predict`'s time by that of `map`, and the lowest and highest stand beside it.

Then the whole scene is mapped once more by a process that is killed again and again, each time after another eleventh of the seconds
that the first map took: the map has to have the bytes of the first.
"""

import argparse
import filecmp
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import torch
from rasterio import Affine
from rasterio.windows import Window
from torch import nn

from landslide_nb.common.cores import cores
from landslide_nb.data import stream
from landslide_nb.data.bands import RGB, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.inference import bundle, scene
from landslide_nb.inference.card import Card
from landslide_nb.inference.ensemble import Ensemble, Fold, Network
from landslide_nb.inference.layout import lay_out
from landslide_nb.inference.predictions import predict
from landslide_nb.inference.scene_map import identity_of, mapped
from landslide_nb.training.loop import build
from landslide_nb.training.settings import Settings

BACKBONE = "test_resnet"
BLOCK = 512
FILLED = 16  # one block in so many holds noise
SPEED = 1024  # pixels a side of the scene on which speed is measured
FEW = 128  # of the scene that is mapped before memory is measured


def data_set(bands: int) -> DataSet:
    """Patches of the challenge: all of their bands, or red, green and blue."""
    if bands == len(CHALLENGE.bands):
        return CHALLENGE
    chosen = tuple(CHALLENGE.bands.bands[CHALLENGE.bands.place(role)] for role in RGB)
    return CHALLENGE.model_copy(update={"name": "rgb", "title": "three bands", "bands": BandSet(bands=chosen)})


def model(folder: Path, of: DataSet) -> Path:
    """A network of random weights, exported."""
    count = len(of.bands)
    settings = Settings(backbone=BACKBONE, weights="none", image_size=64, data_set=of, channels=count)
    network = build(settings)
    for parameter in list(network.parameters())[-2:]:  # of the last layer
        nn.init.normal_(parameter)
    pixels = np.random.default_rng(0).normal(10, 5, (16, *of.shape)).astype(np.float32)
    fold = Fold.single(Network(settings, Scaler.fit(pixels, of.bands, count, "standard"), network.state_dict()))
    bundle.write(Ensemble((fold,), of), folder, Card("random weights", "simulated"))
    return folder


def draw(path: Path, side: int, bands: int) -> Path:
    """A scene, of which one block in sixteen is stored."""
    profile = {"driver": "GTiff", "dtype": "int16", "count": bands, "height": side, "width": side, "crs": "EPSG:32654"}
    profile |= {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "deflate", "bigtiff": "yes"}
    draw, where = np.random.default_rng(0), Affine(10, 0, 500_000, 0, -10, 4_700_000)
    with rasterio.open(path, "w", transform=where, sparse_ok=True, **profile) as file:
        corners = [(row, column) for row in range(0, side, BLOCK) for column in range(0, side, BLOCK)]
        for row, column in corners[::FILLED]:
            height, width = min(BLOCK, side - row), min(BLOCK, side - column)
            noise = draw.integers(0, 20, (bands, height, width)).astype(np.int16)
            file.write(noise, window=Window(column, row, width, height))
    return path


def map_whole(ensemble: Ensemble, path: Path, output: Path) -> int:
    """Map a scene as `landslide-nb map` does; the number of patches."""
    with scene.opened(path, ensemble.data_set.bands) as place:
        plan = lay_out(place, ensemble.data_set, None)
        with mapped(ensemble, place, output, plan, identity_of(ensemble), lambda line: None):
            return len(plan.down.starts) * len(plan.across.starts)


def cut(path: Path, ensemble: Ensemble, output: Path) -> Path:
    """The patches that a map of this scene is made of, in an HDF5 file."""
    with scene.opened(path, ensemble.data_set.bands) as place:
        plan = lay_out(place, ensemble.data_set, None)
        pixels, _ = place.read(0, 0, place.grid.height, place.grid.width)
    corners = [(row, column) for row in plan.down.starts for column in plan.across.starts]
    size = plan.patch
    patches = np.stack([pixels[:, row : row + size, column : column + size] for row, column in corners])
    names = tuple(f"{row:06}_{column:06}" for row, column in corners)
    Patches(names, patches, data_set=ensemble.data_set).write(output, "test")
    return output


def turn(ensemble: Ensemble, path: Path, patches: Path, backwards: bool) -> tuple[float, float]:
    """Seconds of `map` and of `predict`."""
    output = path.with_suffix(".csv")
    ways: dict[str, Callable[[], object]] = {
        "map": lambda: map_whole(ensemble, path, path.with_suffix(".map.tif")),
        "predict": lambda: predict(ensemble, stream.find(patches, ensemble.data_set)).write(output, 0.5),
    }
    seconds = dict[str, float]()
    for name in list(ways)[:: -1 if backwards else 1]:
        started = time.perf_counter()
        ways[name]()
        seconds[name] = time.perf_counter() - started
    return seconds["map"], seconds["predict"]


def killed(folder: Path, path: Path, seconds: float, kills: int, threads: int) -> bool:
    """Map a scene, killed so many times on the way; whether the map has the bytes of the uninterrupted one, which lies beside it.

    Args:
        folder: holds the model.
        path: the scene.
        seconds: what the uninterrupted map took.
        kills: how often the process is killed.
        threads: of torch.
    """
    output = path.with_suffix(".killed.tif")
    words = (sys.executable, __file__, "--once", folder, path, output, "--threads", threads)
    command = [str(word) for word in words]
    for _ in range(kills):
        with subprocess.Popen(command) as process:
            try:
                process.wait(timeout=seconds / (kills + 1))
            except subprocess.TimeoutExpired:
                process.kill()
    subprocess.run(command, check=True)
    return filecmp.cmp(path.with_suffix(".map.tif"), output, shallow=False)


def grown(folder: Path, few: Path, path: Path) -> dict[str, float]:
    """How many GB the peak of this process grows by mapping a scene, after it has mapped a few patches; patches and seconds."""
    ensemble = bundle.read(folder)
    map_whole(ensemble, few, few.with_suffix(".map.tif"))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    patches = map_whole(ensemble, path, path.with_suffix(".map.tif"))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"GB": (peak - before) * 1024 / 1e9, "patches": patches, "seconds": seconds}


def elsewhere(*arguments: object) -> dict[str, float]:
    """What this file says with these arguments, in a process of its own."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="What mapping a scene costs.")
    parser.add_argument("--output", type=Path, default=Path("results/maps.csv"))
    parser.add_argument("--size", type=int, default=20_000, help="pixels a side")
    parser.add_argument("--bands", type=int, choices=(3, 12), default=12)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--kills", type=int, default=10, help="how often the second map is killed")
    parser.add_argument("--grown", nargs=3, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--once", nargs=3, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.grown:
        print(json.dumps(grown(*arguments.grown)))
        return
    if arguments.once:
        folder, path, output = arguments.once
        map_whole(bundle.read(folder), path, output)
        return
    side, bands = arguments.size, arguments.bands
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        folder = model(here / "model", data_set(bands))
        few, path = draw(here / "few.tif", FEW, bands), draw(here / "scene.tif", side, bands)
        cost = elsewhere("--grown", folder, few, path, "--threads", arguments.threads)
        ensemble, small = bundle.read(folder), draw(here / "small.tif", min(side, SPEED), bands)
        patches = cut(small, ensemble, here / "small.h5")
        map_whole(ensemble, few, here / "warm.tif")
        seconds = np.array([turn(ensemble, small, patches, number % 2 == 1) for number in range(arguments.turns)])
        count = map_whole(ensemble, small, here / "warm.tif")
        equal = killed(folder, path, cost["seconds"], arguments.kills, arguments.threads)
    ratios = seconds[:, 1] / seconds[:, 0]
    row = {
        "pixels": side,
        "bands": bands,
        "patches": int(cost["patches"]),
        "GB": cost["GB"],
        "seconds": cost["seconds"],
    }
    row |= {f"{name}_patches_per_s": count / np.median(seconds[:, i]) for i, name in enumerate(("map", "predict"))}
    row |= {"ratio": np.median(ratios), "lowest": ratios.min(), "highest": ratios.max()}
    row |= {"kills": arguments.kills, "same_bytes": equal}
    table = pd.DataFrame([row]).round(3)
    table = table.assign(backbone=BACKBONE, stride=32, threads=arguments.threads, turns=arguments.turns)
    table = table.assign(load=round(os.getloadavg()[0], 2), torch=torch.__version__, gdal=rasterio.__gdal_version__)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.output, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
