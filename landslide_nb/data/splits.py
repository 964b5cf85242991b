"""Who trains, who validates and who is never touched: a hold-out test split, then stratified folds of the rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from landslide_nb.common.arrays import Indices
from landslide_nb.common.errors import DataError


@dataclass(frozen=True, eq=False)
class Split:
    """Indices into a set of labelled patches; the three kinds never share one.

    Attributes:
        test: the hold-out test patches, for reporting only; may be empty.
        folds: for each fold its training and its validation patches; every patch outside `test` validates once.
    """

    test: Indices
    folds: tuple[tuple[Indices, Indices], ...]

    @property
    def development(self) -> Indices:
        """All patches outside the test part, sorted."""
        return np.sort(np.concatenate([validation for _, validation in self.folds]))


def split(labels: NDArray[np.int8], n_test: int, folds: int, seed: int) -> Split:
    """Split labelled patches, stratified by label.

    Args:
        labels: `(N,)`, 0 or 1.
        n_test: how many patches are held out for the test; 0 for none.
        folds: how many folds the rest is cut into.
        seed: of both shuffles.

    Raises:
        DataError: if a class has too few patches for the folds.
    """
    everyone = np.arange(len(labels))
    rest, test = everyone, everyone[:0]
    if n_test:
        try:
            rest, test = train_test_split(everyone, test_size=n_test, stratify=labels, random_state=seed)
        except ValueError as error:
            raise DataError(f"{len(labels)} patches are too few for a test part of {n_test} ({error})") from None
    rest, test = np.sort(rest), np.sort(test)
    fewest = min(np.bincount(labels[rest], minlength=2))
    if fewest < folds:
        raise DataError(f"{folds} folds need {folds} patches of each class outside the test part; found {fewest}")
    cutter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return Split(test, tuple((rest[a], rest[b]) for a, b in cutter.split(rest, labels[rest])))
