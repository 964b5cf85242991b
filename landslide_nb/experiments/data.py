"""The patches of a study, and how they are split."""

from pathlib import Path

import pandas as pd

from landslide_nb.common.cache import key_of, path_of
from landslide_nb.common.lock import lock
from landslide_nb.common.source import code_of
from landslide_nb.data import splits
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.data.splits import Split
from landslide_nb.experiments.study import TWINS, Study
from landslide_nb.simulation import draw, render
from landslide_nb.tabular import statistics


def patches(study: Study) -> Patches:
    """The labelled patches of a study; simulated ones and twins are made once and kept.

    Raises:
        DataError: if `data` names no folder, file or table.
    """
    if study.simulated:
        return _rendered(draw.draw(study.simulated_patches, study.data_seed), study.data_seed)
    if study.twins:
        return _rendered(statistics.read(study.data.removeprefix(TWINS)), study.data_seed)
    return zindi.read(study.data)[0] if Path(study.data).is_dir() else Patches.read(study.data)


def split(study: Study, patches: Patches) -> Split:
    """Who trains, who validates, who is held out."""
    return splits.split(patches.known_labels, study.n_test, study.folds, study.data_seed)


def _rendered(rows: pd.DataFrame, seed: int) -> Patches:
    """The patches of these rows, from the store where they are there."""
    kept = path_of("rendered", key_of(code=code_of(render.__name__), rows=rows.to_csv().encode(), seed=seed), ".h5")
    with lock(f"rendered-{kept.stem}"):  # of several processes, one renders
        if not kept.is_file():
            render.render(rows, seed).write(kept)
    return Patches.read(kept)
