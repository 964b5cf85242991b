"""The weights that say how much a row of statistics looks like a landslide (`landslide_nb.simulation.appearance`).

    python benchmarks/evidence.py STATISTICS.csv.gz [--output landslide_nb/simulation/evidence.npz]

The table is that of real training patches which the data's README names; the package carries the fitted parameters only.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from landslide_nb.simulation.fit import fit_evidence
from landslide_nb.tabular import statistics


def main() -> None:
    """Fit, write, and print how well the evidence alone sorts the table it was fitted to."""
    parser = argparse.ArgumentParser(description="Evidence of a landslide from statistics.")
    parser.add_argument("table", type=Path)
    parser.add_argument("--output", type=Path, default=Path("landslide_nb/simulation/evidence.npz"))
    given = parser.parse_args()
    table = statistics.read(given.table)
    evidence = fit_evidence(table)
    evidence.write(given.output)
    log_odds = evidence.of(table)
    means = [float(np.mean(log_odds[table["label"] == label])) for label in (0, 1)]
    print(
        f"AUROC {roc_auc_score(table['label'], log_odds):.3f}; mean log-odds {means[0]:.2f} without, {means[1]:.2f} with"
    )


if __name__ == "__main__":
    main()
