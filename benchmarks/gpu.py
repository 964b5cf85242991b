"""What a GPU computes beside the CPU, how fast it is, and how long the `paper` edition takes on it: `landslide-nb check-gpu`.

    python benchmarks/gpu.py --output results/gpu.csv

Its pipeline row is the peer of `results/training.csv`. Without a GPU it runs at small sizes, and says so.
"""

import argparse
import sys
from pathlib import Path

from landslide_nb.common.errors import LandslideError
from landslide_nb.experiments.gpu.check import check


def main() -> None:
    """Compare, measure, print and write."""
    parser = argparse.ArgumentParser(description="A GPU beside the CPU, and its speed.")
    parser.add_argument("--output", type=Path, default=Path("results/gpu.csv"))
    try:
        check(parser.parse_args().output, lambda line: print(line, flush=True))
    except LandslideError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
