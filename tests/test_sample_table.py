"""The training table: a held-out patch never takes part, and pixels are blended exactly."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.common.errors import LeakError
from landslide_nb.data.patches import Patches

PATCH = st.integers(0, 9)
Pairs = list[tuple[int, int]]


def table(pairs: Pairs, held_out: list[int], weight: float = 0.5) -> SampleTable:
    """SampleTable with these parents."""
    parents = np.array(pairs, np.int64).reshape(-1, 2)
    n = len(parents)
    weights, labels = np.full(n, weight, np.float32), np.ones(n, np.int8)
    return SampleTable(parents[:, 0], parents[:, 1], weights, labels, np.array(held_out, np.int64))


def extreme(n: int = 10) -> NDArray[np.float32]:
    """Pixels `(n, 12, 16, 16)` over all that the challenge's bands take, from −65 dB to 20,944 DN."""
    return np.random.default_rng(5).uniform(-65, 20_944, (n, 12, 16, 16)).astype(np.float32)


@given(st.lists(st.tuples(PATCH, PATCH), max_size=8), st.lists(PATCH, unique=True, max_size=4))
def test_a_table_is_refused_if_and_only_if_it_touches_a_held_out_patch(pairs: Pairs, held_out: list[int]) -> None:
    """A validation or test patch would be trained on, or an honest table would be refused."""
    if {parent for pair in pairs for parent in pair} & set(held_out):
        with pytest.raises(LeakError):
            table(pairs, held_out)
    else:
        assert len(table(pairs, held_out)) == len(pairs)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([(0, 1), (5, 1), (2, 2)], "row 1 has patch 5 as its first parent"),
        ([(0, 1), (1, 2), (0, 5), (5, 5)], "row 3 has patch 5 as its first parent"),
        ([(0, 1), (1, 2), (0, 5)], "row 2 has patch 5 as its second parent"),
    ],
)
def test_the_leak_is_named(pairs: Pairs, said: str) -> None:
    """A user would not know which row and which patch to look at."""
    with pytest.raises(LeakError, match=said):
        table(pairs, held_out=[5, 9])


def test_real_rows_of_a_held_out_patch_are_refused() -> None:
    """Passing a whole data set where a fold's training part belongs would go unnoticed."""
    with pytest.raises(LeakError, match="patch 3"):
        SampleTable.real([1, 2, 3], np.zeros(5, np.int8), held_out=[3])


def test_plus_keeps_both_held_out_sets() -> None:
    """SampleTable added later could touch a patch that only the earlier table held out."""
    joined = table([(0, 1)], [5]).plus(table([(2, 3)], [6]))
    assert joined.held_out.tolist() == [5, 6]
    assert joined.first.tolist() == [0, 2] and joined.second.tolist() == [1, 3]
    assert len(joined) == len(joined.weight) == len(joined.labels) == 2


@pytest.mark.parametrize("chosen", [[2, 0], np.array([True, False, True])], ids=["places", "mask"])
def test_take_keeps_what_is_held_out(chosen: list[int] | NDArray[np.bool_]) -> None:
    """A part of a table could be added to one that trains on a held-out patch."""
    taken = table([(0, 1), (2, 3), (4, 6)], [5]).take(chosen)
    assert sorted(zip(taken.first.tolist(), taken.second.tolist(), strict=True)) == [(0, 1), (4, 6)]
    assert taken.held_out.tolist() == [5]
    assert len(taken.weight) == len(taken.labels) == 2


@pytest.mark.parametrize("pair", [(0, 5), (5, 0)])
def test_plus_refuses_what_either_side_holds_out(pair: tuple[int, int]) -> None:
    """Synthetic rows that were made without knowing the fold would leak into it."""
    careless, careful = table([pair], []), table([(1, 2)], [5])
    with pytest.raises(LeakError, match="patch 5"):
        careful.plus(careless)
    with pytest.raises(LeakError, match="patch 5"):
        careless.plus(careful)


def test_gather_equals_the_formula() -> None:
    """Synthetic patches would not be λ·first + (1 − λ)·second, or not those of the rows asked for."""
    rng, pixels = np.random.default_rng(1), extreme()
    first, second = rng.integers(10, size=(2, 30))
    weight = rng.uniform(0.1, 0.9, 30).astype(np.float32)
    rows = SampleTable(first, second, weight, np.ones(30, np.int8), np.array([], np.int64))
    chosen = rng.permutation(30)[:12]
    share = weight[chosen, None, None, None].astype(float)
    expected = share * pixels[first[chosen]] + (1 - share) * pixels[second[chosen]]
    gathered = rows.gather(torch.from_numpy(pixels), torch.from_numpy(chosen))
    np.testing.assert_allclose(gathered.numpy(), expected, rtol=1e-6, atol=1e-2)


@pytest.mark.parametrize("second", ["itself", "another"])
def test_weight_one_gives_the_exact_pixels(second: str) -> None:
    """A real patch would be trained on with rounding errors, so that a run depends on how it is written down."""
    pixels, chosen = extreme(), torch.tensor([3, 0, 3])
    other = np.arange(10) if second == "itself" else np.arange(10)[::-1].copy()
    rows = SampleTable(np.arange(10), other, np.ones(10, np.float32), np.ones(10, np.int8), np.array([], np.int64))
    assert rows.gather(torch.from_numpy(pixels), chosen).numpy().tobytes() == pixels[[3, 0, 3]].tobytes()


def test_real_rows_are_the_patches(tiny: Patches) -> None:
    """Training without SMOTE would not be training on the patches themselves, with their own labels."""
    rows = SampleTable.real([7, 2, 11], tiny.known_labels, held_out=[0, 1])
    gathered = rows.gather(torch.from_numpy(tiny.pixels), torch.arange(3))
    assert gathered.numpy().tobytes() == tiny.pixels[[7, 2, 11]].tobytes()
    assert rows.labels.tolist() == tiny.known_labels[[7, 2, 11]].tolist()


def test_real_patches_are_all_parents_once() -> None:
    """Scaling would be fitted on too few patches, or weigh those with many synthetic children more."""
    assert table([(4, 1), (4, 4), (1, 7), (0, 0)], []).real_patches.tolist() == [0, 1, 4, 7]
