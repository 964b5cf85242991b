"""Who trains and who validates, and what scaling is fitted on."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.preprocessing import RobustScaler, StandardScaler

from landslide_nb.common.errors import DataError, LeakError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.channels import derive
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.data.splits import Split, split
from landslide_nb.tabular.trees import trees_out_of_fold

BANDS = CHALLENGE.bands
Labels = NDArray[np.int8]
Names = NDArray[np.str_]


def flat(pixels: NDArray[np.float32], channels: int) -> NDArray[np.float64]:
    """The pixels as scikit-learn takes them: one row each, one column for each channel."""
    derived = derive(torch.from_numpy(pixels), BANDS, channels).numpy()
    return derived.transpose(0, 2, 3, 1).reshape(-1, channels).astype(float)


def labels_of(n: int, positive: int) -> NDArray[np.int8]:
    """Labels in which landslides are spread evenly."""
    labels = np.zeros(n, np.int8)
    labels[np.arange(positive) * n // max(positive, 1)] = 1
    return labels


@pytest.mark.parametrize("channels", [12, 20, 28])
def test_standard_scaling_equals_scikit_learns(channels: int, tiny: Patches) -> None:
    """The study would train on other numbers than "standard scaling" says."""
    ours = Scaler.fit(tiny.pixels[:5], BANDS, channels, "standard")
    theirs = StandardScaler().fit(flat(tiny.pixels[:5], channels))
    np.testing.assert_allclose(ours.centre, theirs.mean_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.scale, theirs.scale_, rtol=1e-5)
    assert ours.centre.dtype == ours.scale.dtype == np.float32


@pytest.mark.parametrize("channels", [12, 20, 28])
def test_robust_scaling_equals_scikit_learns(channels: int, tiny: Patches) -> None:
    """The study would train on other numbers than "robust scaling" says."""
    ours = Scaler.fit(tiny.pixels[:5], BANDS, channels, "robust")
    theirs = RobustScaler().fit(flat(tiny.pixels[:5], channels))
    np.testing.assert_allclose(ours.centre, theirs.center_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.scale, theirs.scale_, rtol=1e-5)


def test_scaled_patches_equal_scikit_learns(tiny: Patches) -> None:
    """Scaling would be fitted well and applied wrongly."""
    train, other = tiny.pixels[:4], tiny.pixels[4:6]
    ours = Scaler.fit(train, BANDS, 12, "standard").apply(torch.from_numpy(other)).numpy()
    theirs = StandardScaler().fit(flat(train, 12)).transform(flat(other, 12))
    np.testing.assert_allclose(flat(ours, 12), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["standard", "robust"])
@pytest.mark.parametrize("value", [0, 0.1, -65.66])
def test_constant_channel_is_not_stretched(method: str, value: float) -> None:
    """A division by zero would turn a whole training run into NaN."""
    pixels = np.random.default_rng(0).normal(size=(3, 12, 32, 32)).astype(np.float32)
    pixels[:, 7] = value
    scaler = Scaler.fit(pixels, BANDS, 12, "standard" if method == "standard" else "robust")
    assert scaler.scale[7] == 1
    assert not scaler.apply(torch.from_numpy(pixels))[:, 7].any()
    assert (scaler.scale[:7] != 1).all()


@pytest.mark.parametrize("method", ["standard", "robust"])
def test_scaling_does_not_depend_on_batches(method: str, tiny: Patches, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large training set would be scaled by its first or last batch."""
    chosen = "standard" if method == "standard" else "robust"
    whole = Scaler.fit(tiny.pixels[:7], BANDS, 20, chosen)  # type: ignore[arg-type]
    monkeypatch.setattr("landslide_nb.data.scaling.BATCH", 3)
    batched = Scaler.fit(tiny.pixels[:7], BANDS, 20, chosen)  # type: ignore[arg-type]
    np.testing.assert_allclose(batched.centre, whole.centre, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(batched.scale, whole.scale, rtol=1e-6)


def test_robust_scaling_of_many_patches_reads_some_pixels(tiny: Patches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quantiles of the whole challenge would not fit into memory, or be those of the first patches."""
    whole = Scaler.fit(tiny.pixels, BANDS, 12, "robust")
    monkeypatch.setattr("landslide_nb.data.scaling.ROBUST_VALUES", 2**13)
    some = Scaler.fit(tiny.pixels, BANDS, 12, "robust")
    assert (np.abs(some.centre - whole.centre) < 0.1 * whole.scale).all()
    np.testing.assert_allclose(some.scale, whole.scale, rtol=0.1)
    assert (some.centre != whole.centre).any()


@st.composite
def plans(draw: st.DrawFn) -> tuple[NDArray[np.int8], int, int, int]:
    """Labels, test part, folds and seed that can be had: each class has four patches for each fold."""
    folds = draw(st.integers(2, 5))
    positive, negative = (draw(st.integers(4 * folds, 60)) for _ in range(2))
    labels = np.repeat(np.array([1, 0], np.int8), (positive, negative))
    np.random.default_rng(draw(st.integers(0, 99))).shuffle(labels)
    n_test = draw(st.one_of(st.just(0), st.integers(2, len(labels) // 2)))
    return labels, n_test, folds, draw(st.integers(0, 2**31))


@settings(max_examples=60, deadline=None)
@given(plans())
def test_no_patch_stands_on_two_sides(plan: tuple[NDArray[np.int8], int, int, int]) -> None:
    """A score would be that of patches the network was trained on."""
    labels, n_test, folds, seed = plan
    parts = split(labels, n_test, folds, seed)
    everyone = set(range(len(labels)))
    test = set(parts.test.tolist())
    assert len(parts.test) == len(test) == n_test
    assert len(parts.folds) == folds
    for train, validation in parts.folds:
        assert len(train) == len(set(train.tolist()))
        assert not set(train.tolist()) & set(validation.tolist())
        assert set(train.tolist()) | set(validation.tolist()) == everyone - test
    validated = np.concatenate([validation for _, validation in parts.folds])
    assert sorted(validated.tolist()) == sorted(everyone - test) == parts.development.tolist()


@settings(max_examples=60, deadline=None)
@given(plans())
def test_every_part_has_its_share_of_landslides(plan: tuple[NDArray[np.int8], int, int, int]) -> None:
    """A fold without landslides would have no score."""
    labels, n_test, folds, seed = plan
    parts = split(labels, n_test, folds, seed)
    assert abs(labels[parts.test].sum() - n_test * labels.mean()) <= 1
    for label in (0, 1):
        per_fold = [(labels[validation] == label).sum() for _, validation in parts.folds]
        assert max(per_fold) - min(per_fold) <= 1


def test_same_seed_gives_the_same_split() -> None:
    """Runs of two days would be compared on other patches."""
    labels = labels_of(100, 30)
    first, again, other = (split(labels, 20, 3, seed) for seed in (1, 1, 2))
    for a, b in zip(first.folds, again.folds, strict=True):
        assert [part.tolist() for part in a] == [part.tolist() for part in b]
    assert first.test.tolist() == again.test.tolist() != other.test.tolist()
    assert first.folds[0][1].tolist() != other.folds[0][1].tolist()


def test_folds_are_shuffled() -> None:
    """Patches that lie beside each other in the challenge's list would stay together."""
    parts = split(labels_of(100, 30), 0, 2, 1)
    assert 10 < (parts.folds[0][1] < 50).sum() < 40


@pytest.mark.parametrize(
    ("n", "positive", "n_test", "folds"),
    [
        (0, 0, 0, 2),
        (20, 0, 0, 2),
        (20, 20, 0, 2),
        (20, 2, 0, 3),
        (20, 2, 10, 2),
        (20, 1, 5, 2),
        (20, 10, 1, 2),
        (20, 10, 17, 2),
        (20, 10, 20, 2),
        (0, 0, 5, 2),
    ],
)
def test_too_few_patches_are_refused(n: int, positive: int, n_test: int, folds: int) -> None:
    """A fold would have no landslide, or the study end in a traceback of scikit-learn."""
    with pytest.raises(DataError, match="patches"):
        split(labels_of(n, positive), n_test, folds, 0)


@st.composite
def grouped(draw: st.DrawFn) -> tuple[Labels, Names, int, int, int]:
    """Labels, groups of one to six patches, test part, folds and seed; each class has patches in many groups."""
    folds = draw(st.integers(2, 4))
    sizes = draw(st.lists(st.integers(1, 6), min_size=8 * folds, max_size=12 * folds))
    groups = np.repeat([f"block {i}" for i in range(len(sizes))], sizes)
    labels = np.arange(len(groups), dtype=np.int8) % 2
    order = np.random.default_rng(draw(st.integers(0, 99))).permutation(len(groups))
    n_test = draw(st.one_of(st.just(0), st.integers(2, len(groups) // 3)))
    return labels[order], groups[order], n_test, folds, draw(st.integers(0, 2**31))


def sides(parts: Split) -> list[set[int]]:
    """The test part and the validation parts: each patch in one of them."""
    return [set(part.tolist()) for part in (parts.test, *(validation for _, validation in parts.folds))]


@settings(max_examples=60, deadline=None)
@given(grouped())
def test_no_part_cuts_a_group(plan: tuple[Labels, Names, int, int, int]) -> None:
    """Neighbours on the ground would stand on two sides: a score of the test part, or of a fold, would be of patches known by heart."""
    labels, groups, n_test, folds, seed = plan
    parts = split(labels, n_test, folds, seed, groups)
    seen = sides(parts)
    assert sum(map(len, seen)) == len(set().union(*seen)) == len(labels)
    for one in range(len(seen)):
        for other in range(one):
            assert not {groups[i] for i in seen[one]} & {groups[i] for i in seen[other]}
    for train, validation in parts.folds:
        assert set(train.tolist()) == set(range(len(labels))) - set(validation.tolist()) - seen[0]
        assert len(validation)
    assert (len(parts.test) > 0) == (n_test > 0)


@settings(max_examples=40, deadline=None)
@given(grouped())
def test_the_test_part_is_about_as_large_as_asked(plan: tuple[Labels, Names, int, int, int]) -> None:
    """A hold-out of twenty patches would take half the data, or next to none, because blocks are whole."""
    labels, groups, n_test, folds, seed = plan
    if n_test:
        assert 0 < len(split(labels, n_test, folds, seed, groups).test) <= 1.5 * n_test + 6


@settings(max_examples=40, deadline=None)
@given(plans())
def test_groups_of_one_patch_cut_nothing(plan: tuple[Labels, int, int, int]) -> None:
    """Patches that stand alone could not be split, because each has a name."""
    labels, n_test, folds, seed = plan
    alone = np.arange(len(labels)).astype(str)
    seen = sides(split(labels, n_test, folds, seed, alone))
    assert sum(map(len, seen)) == len(set().union(*seen)) == len(labels)


def blocks_of_ten() -> tuple[Labels, Names]:
    """A hundred patches of both classes in ten blocks."""
    return (np.arange(100) % 2).astype(np.int8), np.repeat([f"b{i}" for i in range(10)], 10)


def test_random_cuts_groups_on_purpose() -> None:
    """The book could not show what a random split flatters by; or what it shows would be another split than without groups."""
    labels, groups = blocks_of_ten()
    cut, plain = split(labels, 20, 4, 1, groups, "random"), split(labels, 20, 4, 1)
    assert sides(cut) == sides(plain) and cut.groups is None
    train, validation = cut.folds[0]
    assert set(groups[train]) & set(groups[validation])
    whole = split(labels, 20, 4, 1, groups)
    assert whole.groups is groups and sides(whole) != sides(cut)


def test_a_test_part_smaller_than_a_group_is_one_group() -> None:
    """Whoever asks for two patches, where blocks have ten, would be told that a hundred are too few."""
    labels, groups = blocks_of_ten()
    parts = split(labels, 2, 4, 1, groups)
    assert len(parts.test) == 10 and len(set(groups[parts.test])) == 1


def test_a_region_can_be_held_out() -> None:
    """The test would be on ground that training has seen: a region is what a model meets that is sent elsewhere."""
    labels, groups = blocks_of_ten()
    region = np.flatnonzero(np.isin(groups, ["b3", "b7"]))
    for given_groups in (groups, None):
        parts = split(labels, 5, 4, 1, given_groups, held_out=region[::-1])
        assert parts.test.tolist() == region.tolist()
        assert not set(parts.development.tolist()) & set(region.tolist())
        assert len(parts.development) == 80


def test_a_region_that_cuts_a_group_is_a_leak() -> None:
    """Half a block would be trained on and the other half be the test."""
    labels, groups = blocks_of_ten()
    with pytest.raises(LeakError, match=r"the group b0 has patches in training and held out \(1 such\)"):
        split(labels, 0, 4, 1, groups, held_out=np.arange(5))


@pytest.mark.parametrize("where", ["validation", "test"])
def test_a_split_that_cuts_a_group_is_refused(where: str) -> None:
    """Whoever makes a split by hand would report the score of a leak."""
    groups = np.array(["a", "a", "b", "b", "c", "c"])
    train, validation, test = np.array([0, 1]), np.array([2, 3]), np.array([4, 5])
    assert Split(test, ((train, validation),), groups).development.tolist() == [2, 3]
    if where == "validation":
        train, validation = np.array([0, 2]), np.array([1, 3])
    else:
        train, test = np.array([0, 4]), np.array([1, 5])
    with pytest.raises(LeakError, match=r"the group [abc] has patches in training and held out"):
        Split(test, ((train, validation),), groups)
    Split(test, ((train, validation),))


def test_folds_need_as_many_groups() -> None:
    """A fold would be empty, or the study end in a traceback of scikit-learn's."""
    labels = (np.arange(40) % 2).astype(np.int8)
    two = np.repeat(["a", "b"], 20)
    with pytest.raises(DataError, match="3 folds need 3 groups outside the test part; found 2"):
        split(labels, 0, 3, 0, two)
    with pytest.raises(DataError, match="2 folds need 2 groups outside the test part; found 1"):
        split(labels, 20, 2, 0, two)
    with pytest.raises(DataError, match="too few for a test part of 20"):
        split(labels, 20, 2, 0, np.full(40, "a"))


@pytest.mark.parametrize(
    ("positive", "negative", "n_test", "folds", "said"),
    [
        (1, 20, 0, 2, "2 folds need 2 patches with a landslide; found 1 of 21: add patches with a landslide$"),
        (
            20,
            0,
            0,
            2,
            "2 folds need 2 patches without a landslide; found 0 of 20: add patches without a landslide$",
        ),
        (0, 24, 6, 2, "2 folds need 2 patches with a landslide; found 0 of 24: add patches with a landslide$"),
        (20, 20, 1, 2, "n_test 1 of 40 patches: .* take from 2 to 36, or 0, for scores out of fold only$"),
        (20, 20, 37, 2, "n_test 37 of 40 patches: .* take from 2 to 36, or 0, for scores out of fold only$"),
        (3, 2, 1, 2, "n_test 1 of 5 patches: .* take 0, for scores out of fold only$"),
        (
            3,
            20,
            4,
            3,
            r"with a landslide outside the test part; found 2 of 19: take 2 folds, or hold out fewer for the test \(n_test\), or add",
        ),
    ],
)
def test_a_class_with_too_few_patches_is_named_with_what_can_be_done(
    positive: int, negative: int, n_test: int, folds: int, said: str
) -> None:
    """`Too few` says neither of what, nor what would be enough."""
    labels = np.repeat(np.array([1, 0], np.int8), (positive, negative))
    with pytest.raises(DataError, match=said):
        split(labels, n_test, folds, 0)
    for enough in (
        {part for part in (0, 2, len(labels) - 2 * folds) if part >= 2 or not part} if "from 2" in said else ()
    ):
        split(labels, enough, folds, 0)  # what is advised is possible


def test_a_fold_that_would_train_on_one_class_is_named() -> None:
    """All landslides of a field campaign lie in one valley: that fold's network would call every patch the same."""
    labels = np.repeat(np.array([1, 0], np.int8), (5, 35))
    with pytest.raises(
        DataError, match=r"fold [12] of 2 would train on no patch with a landslide: these lie in too few groups"
    ):
        split(labels, 0, 2, 0, np.repeat([f"valley {n}" for n in range(8)], 5))


def test_same_seed_gives_the_same_blocks() -> None:
    """Runs of two days would be compared on other patches."""
    labels, groups = blocks_of_ten()
    first, again, other = (sides(split(labels, 20, 3, seed, groups)) for seed in (1, 1, 2))
    assert first == again != other


def test_trees_name_the_class_that_is_too_rare() -> None:
    """Chapter 01 would end in a traceback of scikit-learn's on a table with few landslides."""
    table = pd.DataFrame({"x": np.arange(20.0), "label": np.arange(20) < 3})
    with pytest.raises(DataError, match="5 folds need 5 patches with a landslide; the table of 20 has 3: add some"):
        trees_out_of_fold(table, columns=["x"])
