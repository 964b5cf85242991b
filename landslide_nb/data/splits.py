"""Who trains, who validates and who is never touched: a hold-out test part, then folds of the rest, stratified by label.

Neighbours on the ground stay in one part: where patches have groups, no part cuts one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, train_test_split

from landslide_nb.common.arrays import Indices, Labels
from landslide_nb.common.errors import DataError, LeakError
from landslide_nb.data.patches import Names

How = Literal["blocks", "random"]
CLASSES: Final = ("without a landslide", "with a landslide")  # by label


@dataclass(frozen=True, eq=False)
class Split:
    """Indices into a set of labelled patches; the three kinds never share one.

    Attributes:
        test: the hold-out test patches, for reporting only; may be empty.
        folds: for each fold its training and its validation patches; every patch outside `test` validates once.
        groups: `(N,)`, of all patches, which no part cuts; None where there are none, or where they are cut on purpose.
    """

    test: Indices
    folds: tuple[tuple[Indices, Indices], ...]
    groups: Names | None = None

    def __post_init__(self) -> None:
        """Refuse parts that share a group.

        Raises:
            LeakError: naming it.
        """
        if self.groups is not None:
            for train, validation in self.folds:
                check_groups(self.groups, train, np.concatenate([validation, self.test]))

    @property
    def development(self) -> Indices:
        """All patches outside the test part, sorted."""
        return np.sort(np.concatenate([validation for _, validation in self.folds]))


def check_groups(groups: Names, train: Indices, held_out: Indices) -> None:
    """Raise `LeakError` if a group has patches on both sides."""
    shared = np.intersect1d(groups[train], groups[held_out])
    if shared.size:
        raise LeakError(
            f"the group {shared[0]} has patches in training and held out ({shared.size} such): neighbours on the ground are alike,"
            " and have to stay in one part"
        )


def split(
    labels: Labels,
    n_test: int,
    folds: int,
    seed: int,
    groups: Names | None = None,
    how: How = "blocks",
    held_out: Indices | None = None,
) -> Split:
    """Split labelled patches, stratified by label.

    Args:
        labels: `(N,)`, 0 or 1.
        n_test: how many patches are held out for the test; 0 for none. In blocks, as near to it as whole groups allow.
        folds: how many folds the rest is cut into.
        seed: of both shuffles.
        groups: `(N,)`, the block of ground of each patch; None where there are none.
        how: "blocks" keeps groups whole. "random" cuts them, for one purpose: to show what that flatters by.
        held_out: the test part itself, a region say, instead of `n_test` patches.

    Raises:
        DataError: if a class has too few patches, or groups, for the test part, the folds, or the training patches of one.
    """
    whole = groups if how == "blocks" else None
    everyone = np.arange(len(labels))
    _check_folds(labels, everyone, folds)
    if held_out is None and n_test and whole is None:
        _check_test(labels, n_test, folds)
    test = np.sort(held_out) if held_out is not None else _hold_out(labels, n_test, seed, whole)
    rest = np.setdiff1d(everyone, test)
    fewer = "hold out fewer for the test (n_test), or " if held_out is None else "hold out another region, or "
    _check_folds(labels, rest, folds, fewer)
    if whole is not None and (count := len(np.unique(whole[rest]))) < folds:
        raise DataError(f"{folds} folds need {folds} groups outside the test part; found {count}")
    parts = list(_cut(labels[rest], folds, seed, None if whole is None else whole[rest]))
    for number, (train, _) in enumerate(parts, 1):
        fewest, kind = rarest(labels[rest[train]])
        if not fewest:
            raise DataError(
                f"fold {number} of {folds} would train on no patch {kind}: these lie in too few groups; add patches {kind} from"
                " other places, or take another data_seed"
            )
    return Split(test, tuple((rest[a], rest[b]) for a, b in parts), whole)


def rarest(labels: Labels) -> tuple[int, str]:
    """How many patches the rarer class has, and what it is called."""
    counts = np.bincount(labels, minlength=len(CLASSES))
    return int(counts.min()), CLASSES[int(counts.argmin())]


def _check_folds(labels: Labels, rest: Indices, folds: int, others: str = "") -> None:
    """Raise `DataError` if a class has fewer patches in `rest` than there are folds, with what can be done: `others` too."""
    fewest, kind = rarest(labels[rest])
    if fewest < folds:
        fewer = f"take {fewest} folds, or " if fewest >= 2 else ""
        where = " outside the test part" if others else ""
        raise DataError(
            f"{folds} folds need {folds} patches {kind}{where}; found {fewest} of {len(rest)}:"
            f" {fewer}{others}add patches {kind}"
        )


def _check_test(labels: Labels, n_test: int, folds: int) -> None:
    """Raise `DataError` if a test part of so many cannot have both classes, or leaves too few patches for the folds."""
    fewest, most = len(CLASSES), len(labels) - len(CLASSES) * folds
    if not fewest <= n_test <= most:
        part = f"from {fewest} to {most}, or " if most >= fewest else ""
        raise DataError(
            f"n_test {n_test} of {len(labels)} patches: the test part needs a patch of each class, and what is left"
            f" {len(CLASSES) * folds} for {folds} folds; take {part}0, for scores out of fold only"
        )


def _hold_out(labels: Labels, n_test: int, seed: int, groups: Names | None) -> Indices:
    """The test part: so many patches, or of groups as many as come nearest."""
    everyone = np.arange(len(labels))
    if not n_test:
        return everyone[:0]
    try:
        if groups is None:
            _, test = train_test_split(everyone, test_size=n_test, stratify=labels, random_state=seed)
            return np.sort(test)
        parts = min(max(2, round(len(labels) / n_test)), len(np.unique(groups)))  # a test part of one group at least
        return np.sort(next(_cut(labels, parts, seed, groups))[1])
    except ValueError as error:
        raise DataError(f"{len(labels)} patches are too few for a test part of {n_test} ({error})") from None


def _cut(labels: Labels, folds: int, seed: int, groups: Names | None) -> Iterator[tuple[Indices, Indices]]:
    """Train and validation of each fold."""
    if groups is None:
        yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels)
    else:
        yield from StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
