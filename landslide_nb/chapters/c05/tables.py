"""Chapter 05: where networks err."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score, precision_score, recall_score

from landslide_nb.common.arrays import Labels
from landslide_nb.data.labelled import Labelled
from landslide_nb.experiments.comparisons import tested
from landslide_nb.experiments.result import Result


def by_region(results: Sequence[Result], known: Labelled) -> pd.DataFrame | None:
    """Where networks err: the mean over replicates of each one's scores on the tested patches of a region; None where none is known."""
    if known.regions is None:
        return None
    log_odds, parts = tested(results)
    names = np.unique(known.regions[np.concatenate(parts)])
    each = {
        name: [
            _errors(o, p[known.regions[p] == name], known.known_labels) for o, p in zip(log_odds, parts, strict=True)
        ]
        for name in names
    }
    rows = {f"images {name}": pd.DataFrame(of).mean() for name, of in each.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("region")
    return table.astype({"patches": int, "with a landslide": int})


def _errors(log_odds: np.ndarray, part: np.ndarray, labels: Labels) -> dict[str, float]:
    truth, called = labels[part], log_odds[part] >= 0
    return {
        "patches": len(part),
        "with a landslide": int(truth.sum()),
        "F1": f1_score(truth, called, zero_division=np.nan),
        "precision": precision_score(truth, called, zero_division=np.nan),
        "recall": recall_score(truth, called, zero_division=np.nan),
        "false alarms": int((called & (truth == 0)).sum()),
        "missed": int((~called & (truth == 1)).sum()),
    }
