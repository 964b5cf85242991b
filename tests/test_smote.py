"""SSIM-SMOTE makes rows as Algorithm 1 says, from the landslide patches of a training fold and nothing else."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.augment.smote import oversample, with_validation_parent
from landslide_nb.common.errors import DataError, LeakError, StudyError
from landslide_nb.data.patches import Patches
from landslide_nb.data.splits import Split, split
from landslide_nb.experiments import grids
from landslide_nb.experiments.study import Study
from landslide_nb.similarity.api import nearest
from landslide_nb.training.fold import synthetic_rows, training_rows
from landslide_nb.training.settings import Settings

TRAIN = np.arange(2, 18)
TEST = np.arange(18, 24)
VALIDATION = np.array([0, 1])
HELD_OUT = np.concatenate([VALIDATION, TEST])
ONE_FOLD = Split(TEST, ((TRAIN, VALIDATION),))


def minority(patches: Patches) -> NDArray[np.int64]:
    """The landslide patches of the training part."""
    chosen: NDArray[np.int64] = TRAIN[patches.known_labels[TRAIN] == 1]
    return chosen


def made(patches: Patches, **options: Any) -> SampleTable:
    """Synthetic rows of the training part."""
    return oversample(patches.pixels, patches.known_labels, ONE_FOLD, 0, **options)


def same(a: SampleTable, b: SampleTable) -> bool:
    """Whether two tables are equal, to the bit."""
    return all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in ("first", "second", "weight", "labels")
    )


@pytest.mark.parametrize("n_syn", [1, 3, 5])
def test_each_landslide_patch_has_so_many_children(tiny: Patches, n_syn: int) -> None:
    """The classes would not be balanced as the table of the paper says."""
    rows = made(tiny, n_syn=n_syn)
    assert len(rows) == n_syn * len(minority(tiny))
    assert np.array_equal(np.unique(rows.first, return_counts=True)[1], [n_syn] * len(minority(tiny)))


def test_only_training_landslides_are_parents(tiny: Patches) -> None:
    """A patch without a landslide, or a held-out one, would be blended into a patch that is labelled landslide."""
    rows = made(tiny)
    allowed = set(minority(tiny).tolist())
    assert set(rows.first.tolist()) == allowed
    assert set(rows.second.tolist()) <= allowed
    assert rows.labels.dtype == np.int8 and (rows.labels == 1).all()
    assert np.array_equal(rows.held_out, HELD_OUT)


def test_the_second_parent_is_one_of_the_nearest(tiny: Patches) -> None:
    """Algorithm 1 blends neighbours by SSIM; any other pair would be plain Mixup."""
    chosen = minority(tiny)
    neighbours, _ = nearest(tiny.pixels[chosen], 2)
    rows = made(tiny, k=2, n_syn=20)
    pairs = set(zip(rows.first.tolist(), rows.second.tolist(), strict=True))
    assert pairs == {(int(a), int(chosen[b])) for a, near in zip(chosen, neighbours, strict=True) for b in near}


def test_weights_lie_in_the_papers_bounds(tiny: Patches) -> None:
    """Synthetic patches would be copies of a real one."""
    weight = made(tiny, n_syn=50).weight
    assert weight.dtype == np.float32
    assert weight.min() >= np.float32(0.1) and weight.max() <= np.float32(0.9)
    assert len(np.unique(weight)) > 0.7 * len(weight)
    assert weight.mean() == pytest.approx(0.5, abs=0.05)


def test_alpha_and_beta_shape_the_weights(tiny: Patches) -> None:
    """The two parameters would be taken and ignored, or exchanged."""
    assert made(tiny, n_syn=50, alpha=20, beta=2).weight.mean() > 0.8
    ends = made(tiny, n_syn=50, alpha=0.01, beta=0.01).weight
    assert np.isin(ends, np.array([0.1, 0.9], np.float32)).mean() > 0.9


def test_the_seed_determines_the_rows(tiny: Patches) -> None:
    """A run could not be repeated, or every run would see the same synthetic patches."""
    assert same(made(tiny, seed=3), made(tiny, seed=3))
    assert not same(made(tiny, seed=3), made(tiny, seed=4))


def test_none_are_made_when_none_are_asked_for(tiny: Patches) -> None:
    """The baseline, which has no SMOTE, would be trained with it or fail."""
    assert len(made(tiny, n_syn=0)) == 0


def test_a_small_minority_uses_all_its_neighbours(tiny: Patches) -> None:
    """Small folds would fail for want of five neighbours."""
    few = minority(tiny)[:3]
    few_train = Split(TEST, ((few, VALIDATION),))
    rows = oversample(tiny.pixels, tiny.known_labels, few_train, 0, k=5, n_syn=20)
    pairs = set(zip(rows.first.tolist(), rows.second.tolist(), strict=True))
    assert pairs == {(int(a), int(b)) for a in few for b in few if a != b}


def test_one_landslide_has_no_neighbour(tiny: Patches) -> None:
    """A fold with a single landslide would fail with an index error that names nothing."""
    with pytest.raises(DataError, match=r"fold 1 of 1 has one patch with a landslide to train on"):
        oversample(tiny.pixels, tiny.known_labels, Split(TEST, ((minority(tiny)[:1], VALIDATION),)), 0)


@pytest.mark.parametrize(
    ("test", "validation"), [(TEST, np.arange(24)), (np.arange(24), VALIDATION)], ids=["validates", "test"]
)
def test_a_held_out_training_patch_is_a_leak(
    test: NDArray[np.int64], validation: NDArray[np.int64], tiny: Patches
) -> None:
    """A split whose parts overlap would go unnoticed."""
    with pytest.raises(LeakError, match="held out"):
        oversample(tiny.pixels, tiny.known_labels, Split(test, ((TRAIN, validation),)), 0)


def folds(patches: Patches, n: int = 2) -> Split:
    """An honest split of the tiny patches."""
    return split(patches.known_labels, 6, n, seed=3)


@given(ratio=st.floats(0.9, 4), n_minority=st.integers(2, 8))
@settings(max_examples=25, deadline=None)
def test_a_ratio_is_met_to_the_nearest_patch(ratio: float, n_minority: int, tiny: Patches) -> None:
    """A class balance of one would be almost balanced, or as many times as there is rounding."""
    positive, negative = (TRAIN[tiny.known_labels[TRAIN] == label] for label in (1, 0))
    few = Split(TEST, ((np.concatenate([positive[:n_minority], negative]), VALIDATION),))
    n_minority = min(n_minority, len(positive))
    if round(ratio * len(negative)) < n_minority:
        with pytest.raises(DataError, match="oversampling only adds"):
            oversample(tiny.pixels, tiny.known_labels, few, 0, ratio=ratio)
        return
    rows = oversample(tiny.pixels, tiny.known_labels, few, 0, ratio=ratio, n_syn=17)
    assert len(rows) == round(ratio * len(negative)) - n_minority
    children = np.bincount(np.searchsorted(positive[:n_minority], rows.first), minlength=n_minority)
    assert children.max() - children.min() <= 1


def test_no_pixel_is_stored(tiny: Patches) -> None:
    """The table of the whole data set would take gigabytes."""
    rows = made(tiny)
    assert all(np.ndim(column) == 1 for column in vars(rows).values())
    assert sum(column.nbytes for column in (rows.first, rows.second, rows.weight, rows.labels)) == len(rows) * 21


def test_nothing_validates_inside_the_fold(tiny: Patches) -> None:
    """A score would count synthetic patches."""
    assert len(made(tiny, part="validation")) == 0


def test_before_the_split_deals_each_row_to_one_fold(tiny: Patches) -> None:
    """The wrong way would not be the one that the chapter tells of: rows would be lost, or validate twice."""
    parts = folds(tiny, 3)
    options: dict[str, Any] = {"scope": "before_split", "n_syn": 4, "seed": 5}
    shares = [oversample(tiny.pixels, tiny.known_labels, parts, f, part="validation", **options) for f in range(3)]
    train = [oversample(tiny.pixels, tiny.known_labels, parts, f, **options) for f in range(3)]
    everyone = parts.development[tiny.known_labels[parts.development] == 1]
    total = 4 * len(everyone)
    assert [len(a) + len(b) for a, b in zip(shares, train, strict=True)] == [total] * 3
    assert sum(map(len, shares)) == total and max(map(len, shares)) - min(map(len, shares)) <= 1
    first = np.concatenate([rows.first for rows in shares])
    assert np.array_equal(np.unique(first, return_counts=True)[1], [4] * len(everyone))
    assert set(first.tolist()) == set(everyone.tolist())
    assert with_validation_parent(train[0].first, train[0].second, parts.folds[0][1]) > 0


@pytest.mark.parametrize("fold", [0, 1])
def test_the_test_part_is_never_a_parent(fold: int, tiny: Patches) -> None:
    """The hold-out score, which is to tell the truth about the leak, would leak itself."""
    parts = folds(tiny)
    for part in ("training", "validation"):
        rows = oversample(tiny.pixels, tiny.known_labels, parts, fold, scope="before_split", part=part)
        assert not np.isin(rows.real_patches, parts.test).any()
        assert np.array_equal(rows.held_out, parts.test)
        with pytest.raises(LeakError, match="held out"):
            rows.plus(SampleTable.real(parts.test[:1], tiny.known_labels, []))


ANY = {
    "smote": st.integers(1, 4),
    "smote_ratio": st.none() | st.floats(1.5, 5),
    "smote_neighbours": st.integers(1, 9),
    "smote_alpha": st.floats(0.05, 9),
    "smote_beta": st.floats(0.05, 9),
    "smote_method": st.sampled_from(["exact", "approximate"]),
    "seed": st.integers(0, 99),
}


@given(values=st.fixed_dictionaries(ANY), fold=st.integers(0, 1))
@settings(max_examples=20, deadline=None)
def test_no_other_setting_lets_a_validation_patch_in(values: dict[str, Any], fold: int, tiny: Patches) -> None:
    """The guard would have a switch besides the one that says that it is wrong."""
    parts = folds(tiny)
    chosen = Settings(**values)
    rows = training_rows(chosen, tiny, parts, fold)
    validation = parts.folds[fold][1]
    assert set(np.concatenate([validation, parts.test])) <= set(rows.held_out.tolist())
    assert with_validation_parent(rows.first, rows.second, validation) == 0
    synthetic = rows.take(np.arange(len(parts.folds[fold][0]), len(rows)))
    assert len(synthetic) > 0 and (synthetic.weight >= np.float32(0.1)).all()
    assert (synthetic.weight <= np.float32(0.9)).all()


def test_the_wrong_scope_leaks_into_the_training_table(tiny: Patches) -> None:
    """The chapter would show the right way twice."""
    parts, wrong = folds(tiny), Settings(smote=3, smote_scope="before_split")
    for fold, (train, validation) in enumerate(parts.folds):
        rows = training_rows(wrong, tiny, parts, fold)
        assert np.array_equal(rows.first[: len(train)], train)
        assert with_validation_parent(rows.first[: len(train)], rows.second[: len(train)], validation) == 0
        assert with_validation_parent(rows.first, rows.second, validation) > 0
        assert not np.isin(rows.real_patches, parts.test).any()
        assert len(rows) == len(train) + len(synthetic_rows(wrong, tiny, parts, fold))


def test_no_whole_study_can_have_the_wrong_scope() -> None:
    """A parameter on the command line would raise the scores of every chapter."""
    with pytest.raises(StudyError, match="would leak"):
        Study.load("smoke", smote_scope="before_split")
    study = Study.load("smoke")
    assert grids.before_split(study).replace(smote_scope="inside_fold") == grids.best(study)
    leaking = [name for name, row in grids.experiments(study).items() if row.smote_scope != "inside_fold"]
    assert leaking == ["SSIM-SMOTE before the split"]
