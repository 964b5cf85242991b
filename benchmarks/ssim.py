"""What structural similarity costs: a pair, all pairs of the landslide patches, and the approximate search as sets grow.

    python benchmarks/ssim.py [--quick] [--output results/ssim.csv]

Every measurement is a process of its own, so that its peak memory (pixels, Python and libraries included) is its alone. Other
libraries are called as their users would call them; those that are not installed get a row that says so. Compiling is not
timed: each process warms up on a few patches first. The pixels are simulated patches of 12 × 64 × 64.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslide_nb.similarity.api import data_range, nearest, recall, similarity
from landslide_nb.simulation.draw import simulate

SHAPE = (12, 64, 64)
MINORITY = 1255
POSITIVE = 0.5  # of the simulated patches: landslides are what is compared
BATCH = 64  # pairs that the libraries for torch get at once
Row = dict[str, float | str]
Pixels = NDArray[np.float32]
Metric = Callable[[Pixels, Pixels], NDArray[np.floating]]


def clocked(work: Callable[[], object], times: int = 1) -> float:
    """Seconds of the fastest of some calls."""
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def read(folder: Path, n: int) -> Pixels:
    """The first `n` patches; read and not mapped, as mapped pages would count twice."""
    return np.fromfile(folder / "pixels", np.float32, n * int(np.prod(SHAPE))).reshape(n, *SHAPE)


def peak() -> float:
    """The most memory that this process has held so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def write_pixels(folder: Path, n: int) -> list[Row]:
    """Simulate the patches, a thousand at a time."""
    with (folder / "pixels").open("wb") as file:
        for start in range(0, n, 1000):
            simulate(min(1000, n - start), start, POSITIVE).pixels.tofile(file)
    return []


def scikit_image() -> Metric:
    """One pair after the other: it has no batches."""
    ssim = import_module("skimage.metrics").structural_similarity
    return lambda a, b: np.array([ssim(x, y, channel_axis=0, data_range=1) for x, y in zip(a, b, strict=True)])


def torchmetrics() -> Metric:
    """With a uniform window, which it offers."""
    ssim, tensor = import_module("torchmetrics.functional.image").structural_similarity_index_measure, torch_tensor()
    options = {"gaussian_kernel": False, "kernel_size": 7, "data_range": 1.0, "reduction": "none"}
    return lambda a, b: np.asarray(ssim(tensor(a), tensor(b), **options))


def kornia() -> Metric:
    """With its window, which is Gaussian."""
    ssim, tensor = import_module("kornia.metrics").ssim, torch_tensor()
    return lambda a, b: np.asarray(ssim(tensor(a), tensor(b), 7, padding="valid").mean((1, 2, 3)))


def pytorch_msssim() -> Metric:
    """With its window, which is Gaussian."""
    ssim, tensor = import_module("pytorch_msssim").ssim, torch_tensor()
    return lambda a, b: np.asarray(ssim(tensor(a), tensor(b), data_range=1, size_average=False, win_size=7))


def torch_tensor() -> Callable[[Pixels], Any]:
    """What makes a tensor of an array; torch is imported only where it is used."""
    make: Callable[[Pixels], Any] = import_module("torch").from_numpy
    return make


PEERS = {
    "scikit-image": (scikit_image, "uniform 7 × 7, float32, one pair at a time, one core"),
    "torchmetrics": (torchmetrics, f"uniform 7 × 7, batches of {BATCH} pairs, all cores"),
    "kornia": (kornia, f"Gaussian 7 × 7, batches of {BATCH} pairs, all cores"),
    "pytorch-msssim": (pytorch_msssim, f"Gaussian 7 × 7, batches of {BATCH} pairs, all cores"),
}


def pairs(folder: Path, n: int) -> list[Row]:
    """A pair by us, among all landslide patches, and by each library, which take one data range: bands are divided by theirs."""
    pixels = read(folder, n)
    similarity(pixels[:20])
    count = n * (n - 1) // 2
    seconds = clocked(lambda: similarity(pixels), 3)
    ours = seconds / count * 1e6
    note = "uniform 7 × 7, all pairs, all cores"
    rows: list[Row] = [{"what": "pair: ours", "n": n, "seconds": seconds, "microseconds_per_pair": ours, "note": note}]
    ranges = data_range(pixels)
    scaled = pixels / ranges[:, None, None]
    a, b = scaled[:BATCH], scaled[BATCH : 2 * BATCH]
    true = similarity(pixels[: 2 * BATCH], ranges)[np.arange(BATCH), BATCH + np.arange(BATCH)]
    for name, (load, how) in PEERS.items():
        try:
            metric = load()
        except ImportError:
            rows.append({"what": f"pair: {name}", "note": "not installed"})
            continue
        apart = float(np.abs(metric(a, b) - true).max())
        seconds = clocked(lambda: metric(a, b), 3)  # noqa: B023 (called here)
        rows.append(
            {
                "what": f"pair: {name}",
                "n": 2 * BATCH,
                "seconds": seconds,
                "microseconds_per_pair": seconds / BATCH * 1e6,
                "ratio_to_ours": seconds / BATCH * 1e6 / ours,
                "note": f"{how}; off ours by {apart:.0e} at most",
            }
        )
    return rows


def exact(folder: Path, n: int) -> list[Row]:
    """The exact search among `n` patches."""
    pixels = read(folder, n)
    nearest(pixels[:20], keep=False)
    seconds = clocked(lambda: nearest(pixels, keep=False))
    each = seconds / (n * (n - 1) / 2) * 1e6
    return [{"what": "exact", "n": n, "seconds": seconds, "microseconds_per_pair": each, "peak_gb": peak()}]


def approximate(folder: Path, n: int) -> list[Row]:
    """The approximate search among `n` patches, and the share of true neighbours that it finds."""
    pixels = read(folder, n)
    nearest(pixels[:20], method="approximate", keep=False)
    started = time.perf_counter()
    indices, _ = nearest(pixels, method="approximate", keep=False)
    seconds, most = time.perf_counter() - started, peak()
    each = seconds / (n * (n - 1) / 2) * 1e6
    share = recall(pixels, indices, sample=100)
    row: Row = {"what": "approximate", "n": n, "seconds": seconds, "microseconds_per_pair": each}
    return [row | {"recall": share, "peak_gb": most}]


TASKS = {"pixels": write_pixels, "pairs": pairs, "exact": exact, "approximate": approximate}


def alone(task: str, n: int, folder: Path) -> list[Row]:
    """The rows of one task, in a process of its own."""
    print(f"{task}, {n:,} patches", file=sys.stderr, flush=True)
    command = [sys.executable, __file__, "--task", task, "--patches", str(n), "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    rows: list[Row] = json.loads(done.stdout)
    return rows


def compare(rows: list[Row]) -> list[Row]:
    """The approximate rows with their share of the exact time, and how each of the two grows."""
    measured = {method: {int(row["n"]): row for row in rows if row["what"] == method} for method in TASKS}
    each = float(measured["exact"][max(measured["exact"])]["microseconds_per_pair"])
    for n, row in measured["approximate"].items():
        known = n in measured["exact"]
        whole = float(measured["exact"][n]["seconds"]) if known else each * n * (n - 1) / 2e6
        row["share_of_exact_time"] = float(row["seconds"]) / whole
        row["note"] = "exact time measured" if known else "exact time extrapolated from that of a pair"
    growth: list[Row] = []
    for method in ("exact", "approximate"):
        sizes = [np.log(n) for n in measured[method]]
        times = [np.log(float(row["seconds"])) for row in measured[method].values()]
        exponent = float(np.polyfit(sizes, times, 1)[0])
        growth.append(
            {"what": f"{method}: exponent of growth", "exponent": exponent, "note": "slope of log s over log n"}
        )
    return rows + growth


def machine() -> str:
    """The processor, its cores, and how busy others keep them."""
    with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"
    )


def measure(quick: bool) -> pd.DataFrame:
    """Every measurement, one after the other."""
    exact_sizes = (100, 200) if quick else (1000, MINORITY, 2000)
    sizes = (100, 200, 400) if quick else (1000, 2000, 5000, 10_000)
    where = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone("pixels", max(sizes), folder)
        rows = alone("pairs", 150 if quick else MINORITY, folder)
        for task, counts in (("exact", exact_sizes), ("approximate", sizes)):
            for n in counts:
                rows += alone(task, n, folder)
    return pd.DataFrame(compare(rows)).assign(machine=where)


def main() -> None:
    """Measure, print, and write the table if asked to."""
    parser = argparse.ArgumentParser(description="Time structural similarity.")
    parser.add_argument("--quick", action="store_true", help="few patches: a minute, to see that it runs")
    parser.add_argument("--output", type=Path, help="a CSV file to write")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--patches", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        print(json.dumps(TASKS[arguments.task](arguments.folder, arguments.patches)))
        return
    table = measure(arguments.quick)
    print(table.drop(columns="machine").to_string(index=False, float_format="{:.3g}".format))
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(arguments.output, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
