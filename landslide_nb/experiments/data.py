"""The patches of a study, and how they are split."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from landslide_nb.common.arrays import Indices
from landslide_nb.common.cache import key_of, path_of
from landslide_nb.common.errors import DataError
from landslide_nb.common.files import set_aside
from landslide_nb.common.lock import lock
from landslide_nb.common.source import code_of
from landslide_nb.data import splits
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.hdf5 import read_data_set, read_fingerprint, read_labels
from landslide_nb.data.labelled import Labelled
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import registry, zindi
from landslide_nb.data.splits import Split
from landslide_nb.experiments import archive
from landslide_nb.experiments.study import PUBLISHED_EDITION, Study
from landslide_nb.experiments.study_texts import TWINS
from landslide_nb.simulation import appearance, draw, render
from landslide_nb.simulation.draw import POSITIVE_RATE
from landslide_nb.tabular import statistics


def patches(study: Study) -> Patches:
    """The labelled patches of a study; simulated ones and twins are made once and kept.

    Raises:
        DataError: if `data` names no folder, file or table, or pixels are not published.
    """
    if study.published:
        raise DataError(
            f"the pixels of {study.data_set.title} are not published with the predictions; give your own copy as data"
            f" (`landslide-nb convert FOLDER patches.h5`, then -p edition {PUBLISHED_EDITION} -p data patches.h5)"
        )
    if study.simulated:
        return _rendered(draw.draw(study.simulated_patches, study.data_seed), study.data_seed)
    if study.twins:
        return _rendered(statistics.read(study.data.removeprefix(TWINS)), study.data_seed)
    return registry.read(study.data) if Path(study.data).is_dir() else Patches.read(study.data)


def labelled(study: Study) -> Labelled:
    """What is known of the labelled patches of a study besides their pixels.

    Raises:
        DataError: as `patches` does, but for published ones.
    """
    return archive.patches() if study.published else Labelled.of(patches(study))


def data_set_of(data: str) -> DataSet:
    """What the patches in a folder or file are, without reading them.

    Raises:
        DataError: if it is neither a known kind of folder nor a file of patches.
    """
    return registry.read_data_set(data) if Path(data).is_dir() else read_data_set(data)


def fingerprint(study: Study) -> str:
    """The fingerprint of a study's patches; of a file as it says itself, without reading the patches."""
    if study.published:
        return archive.patches().fingerprint
    if Path(study.data).is_file():
        return read_fingerprint(study.data)
    return patches(study).fingerprint


def counts(study: Study) -> tuple[int, float]:
    """How many labelled patches a study has and the share with a landslide; of data that nobody can look at, the edition's word."""
    if study.published or Path(study.data).is_file():
        labels = archive.patches().known_labels if study.published else read_labels(study.data)
        return len(labels), float(labels.mean()) if len(labels) else 0.0
    return study.simulated_patches, POSITIVE_RATE


def split(study: Study, patches: Patches | Labelled) -> Split:
    """Who trains, who validates, who is held out.

    Raises:
        DataError: if there is no such region, or too little of something.
    """
    held_out = None if study.test_region is None else _region(patches, study.test_region)
    return splits.split(
        patches.known_labels,
        study.n_test,
        study.folds,
        study.data_seed,
        groups=patches.groups,
        how=study.split,
        held_out=held_out,
    )


def _region(patches: Patches | Labelled, name: str) -> Indices:
    """The patches of a region."""
    known = [] if patches.regions is None else np.unique(patches.regions).tolist()
    if patches.regions is None or name not in known:
        raise DataError(f"test_region is {name!r}; the regions of these patches are {', '.join(known) or 'not known'}")
    return np.flatnonzero(patches.regions == name)


def real_statistics(study: Study) -> pd.DataFrame | None:
    """The table of real statistics, if one was given and the study's patches have the same bands."""
    if study.statistics is None or study.data_set.bands != CHALLENGE.bands:
        return None
    return statistics.read(study.statistics)


def real_patches(study: Study) -> Patches | None:
    """The real patches that were given to show beside, if there are any and the study's have the same bands.

    Raises:
        DataError: if the file is neither a patch of this data set nor an HDF5 file of such.
    """
    if study.patch is None or study.data_set.bands != CHALLENGE.bands:
        return None
    path = Path(study.patch)
    if path.suffix == ".npy":
        return Patches((path.stem,), zindi.load_patch(path, study.data_set)[None])
    patches = Patches.read(path)
    if patches.pixels.shape[1:] != study.data_set.shape:
        raise DataError(f"{path} has patches of shape {patches.pixels.shape[1:]}; expected {study.data_set.shape}")
    return patches


def _rendered(rows: pd.DataFrame, seed: int) -> Patches:
    """The patches of these rows, from the store where they are there."""
    fitted = appearance.packaged().weights  # a file, which the hash of the code does not see
    key = key_of(code=code_of(render.__name__), evidence=fitted, rows=rows.to_csv().encode(), seed=seed)
    path = path_of("rendered", key, ".h5")
    with lock(f"rendered-{path.stem}"):  # of several processes, one renders
        if path.is_file():
            try:
                return Patches.read(path)
            except DataError as error:
                warnings.warn(f"{error}; set aside as {set_aside(path).name}, rendered again", stacklevel=2)
        render.render(rows, seed).write(path)
        return Patches.read(path)
