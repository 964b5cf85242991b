"""SSIM-SMOTE makes rows as Algorithm 1 says, from the landslide patches of a training fold and nothing else."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from landslide_nb.augment.rows import Rows
from landslide_nb.augment.smote import oversample
from landslide_nb.augment.ssim import nearest
from landslide_nb.data.patches import Patches
from landslide_nb.errors import DataError, LeakError

TRAIN = np.arange(2, 18)
HELD_OUT = np.array([0, 1, *range(18, 24)])


def minority(patches: Patches) -> NDArray[np.int64]:
    """The landslide patches of the training part."""
    chosen: NDArray[np.int64] = TRAIN[patches.known_labels[TRAIN] == 1]
    return chosen


def made(patches: Patches, **options: Any) -> Rows:
    """Synthetic rows of the training part."""
    return oversample(patches.pixels, patches.known_labels, TRAIN, HELD_OUT, **options)


def same(a: Rows, b: Rows) -> bool:
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
    rows = oversample(tiny.pixels, tiny.known_labels, few, HELD_OUT, k=5, n_syn=20)
    pairs = set(zip(rows.first.tolist(), rows.second.tolist(), strict=True))
    assert pairs == {(int(a), int(b)) for a in few for b in few if a != b}


def test_one_landslide_has_no_neighbour(tiny: Patches) -> None:
    """A fold with a single landslide would fail with an index error that names nothing."""
    with pytest.raises(DataError, match="1 patches have fewer than 1 neighbours"):
        oversample(tiny.pixels, tiny.known_labels, minority(tiny)[:1], HELD_OUT)


def test_a_held_out_training_patch_is_a_leak(tiny: Patches) -> None:
    """Oversampling before the split would go unnoticed."""
    everyone = np.arange(24)
    with pytest.raises(LeakError, match="held out"):
        oversample(tiny.pixels, tiny.known_labels, everyone, HELD_OUT)
    with pytest.raises(LeakError, match=f"patch {minority(tiny)[0]} "):
        oversample(tiny.pixels, tiny.known_labels, TRAIN, minority(tiny)[:1])
