"""What a run spends, beside what the paper spent."""

import numpy as np
import pandas as pd

from landslide_nb.data.splits import Split
from landslide_nb.experiments.study import Study


def steps(study: Study, split: Split) -> int:
    """How many optimizer steps a run of a study has without synthetic patches."""
    return study.epochs * (_training_patches(split) // study.batch_size)


def beside_the_paper(study: Study, split: Split) -> pd.DataFrame:
    """What a run of a study is beside the paper's: patches, steps, pixels, network, learning rate, replicates."""
    paper = Study.load("paper")
    theirs = round(paper.simulated_patches * (1 - 1 / paper.folds))  # the challenge's number of training patches
    rows = {
        "training patches a fold": (f"{theirs:,}", f"{_training_patches(split):,}"),
        "optimizer steps a run": (f"{paper.epochs * (theirs // paper.batch_size):,}", f"{steps(study, split):,}"),
        "hold-out test patches": ("not public", f"{len(split.test):,}"),
        "bands": (len(paper.data_set.bands), len(study.data_set.bands)),
        "pixels a side": (paper.image_size, study.image_size),
        "network": (paper.backbone.partition(".")[0], study.backbone),
        "learning rate": (f"{paper.learning_rate:g}", f"{study.learning_rate:g}"),
        "networks a row": (f"{paper.folds} folds, one seed", f"{study.folds} folds, each with its own seed"),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["paper", "here"]).rename_axis("of a run")


def _training_patches(split: Split) -> int:
    """How many patches a fold trains on, on average."""
    return round(float(np.mean([len(train) for train, _ in split.folds])))
