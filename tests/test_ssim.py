"""SSIM of all pairs, against scikit-image; the nearest neighbours by it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from landslide_nb.augment.ssim import data_range, nearest, similarity
from landslide_nb.data.patches import Patches
from landslide_nb.errors import DataError

Pixels = NDArray[np.float32]
KINDS = ("random", "constant", "constant per patch", "extreme", "smooth", "almost constant")


def band(kind: str, shape: tuple[int, int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """One band of some patches, `(N, H, W)`."""
    noise = rng.standard_normal(shape)
    values: dict[str, NDArray[np.float64]] = {
        "random": noise,
        "constant": np.full(shape, 137.0),
        "constant per patch": np.broadcast_to(rng.uniform(-65, 20_944, (shape[0], 1, 1)), shape),
        "extreme": np.where(noise > 0, 20_944.0, -65.0),
        "smooth": 1500 + 300 * noise.cumsum(1).cumsum(2) / np.sqrt(shape[1] * shape[2]),
        "almost constant": 12_000 + noise,
    }
    return values[kind]


@dataclass(frozen=True)
class Case:
    """Some patches, drawn by hypothesis."""

    kinds: list[str]
    height: int
    width: int
    seed: int

    @property
    def pixels(self) -> Pixels:
        """`(3, C, H, W)`; the last patch is close to the first, so that similarities are not all low."""
        rng = np.random.default_rng(self.seed)
        x = np.stack([band(kind, (3, self.height, self.width), rng) for kind in self.kinds], 1)
        x[2] = 0.8 * x[0] + 0.2 * x[2]
        return x.astype(np.float32)


CASES = st.builds(
    Case, st.lists(st.sampled_from(KINDS), min_size=1, max_size=28), *[st.integers(16, 64)] * 2, st.integers(0, 99)
)


def reference(pixels: Pixels, i: int, j: int, ranges: NDArray[np.float32]) -> float:
    """The mean over bands of scikit-image's index, each band with its own data range."""
    bands = zip(pixels[i].astype(float), pixels[j].astype(float), ranges.astype(float), strict=True)
    index: Any = structural_similarity
    return float(np.mean([index(a, b, data_range=span, win_size=7) for a, b, span in bands]))


@given(CASES)
@settings(max_examples=20, deadline=None)
def test_equals_scikit_image(case: Case) -> None:
    """Neighbours, and so synthetic patches, would not be those of the index that the field calls SSIM."""
    pixels = case.pixels
    ours, ranges = similarity(pixels), data_range(pixels)
    theirs = [reference(pixels, i, j, ranges) for i, j in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose([ours[0, 1], ours[0, 2], ours[1, 2]], theirs, rtol=0, atol=1e-5)


@given(CASES)
@settings(max_examples=10, deadline=None)
def test_is_symmetric_with_ones_on_the_diagonal(case: Case) -> None:
    """A patch could be another's neighbour by one number and not by the other."""
    ours = similarity(case.pixels)
    assert ours.dtype == np.float32
    assert np.array_equal(ours, ours.T)
    assert (np.diag(ours) == 1).all()
    assert ours.max() <= 1 + 1e-6


def test_is_exact_where_scikit_image_rounds() -> None:
    """A band that is bright and nearly flat, as over cloud, would be compared by its rounding errors."""
    rng = np.random.default_rng(0)
    pixels = (12_000 + 0.01 * rng.standard_normal((2, 1, 16, 16))).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(pixels[:, 0].astype(float), (7, 7), axis=(1, 2))
    flat = windows.reshape(2, 100, 49)
    (mx, my), span = flat.mean(2), float(data_range(pixels)[0])
    cov = np.array([np.cov(x, y) for x, y in zip(*flat, strict=True)])
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
    direct = luminance * (2 * cov[:, 0, 1] + c2) / (cov[:, 0, 0] + cov[:, 1, 1] + c2)
    assert similarity(pixels)[0, 1] == pytest.approx(direct.mean(), abs=1e-6)


def test_equals_scikit_image_on_patches(tiny: Patches) -> None:
    """The kernel would be right on made-up bands and wrong on bands as the challenge has them."""
    ours, ranges = similarity(tiny.pixels), data_range(tiny.pixels)
    assert ours.shape == (24, 24)
    for i, j in ((0, 1), (3, 17), (22, 23)):
        assert ours[i, j] == pytest.approx(reference(tiny.pixels, i, j, ranges), abs=1e-5)


def test_given_ranges_are_used(tiny: Patches) -> None:
    """A fold's similarities could not be put on the scale of the whole set."""
    pixels, ranges = tiny.pixels[:3], 10 * data_range(tiny.pixels)
    assert similarity(pixels, ranges)[0, 1] == pytest.approx(reference(pixels, 0, 1, ranges), abs=1e-5)
    assert abs(similarity(pixels, ranges)[0, 1] - similarity(pixels)[0, 1]) > 1e-3


def test_data_range_is_that_of_each_band() -> None:
    """One range for all bands would let reflectance in DN drown backscatter in dB."""
    pixels = np.zeros((2, 3, 8, 8), np.float32)
    pixels[0, 0, 0, 0], pixels[1, 0, 3, 3], pixels[:, 1] = 20_944, -65, 5
    assert data_range(pixels).tolist() == [21_009, 1, 1]


def test_nearest_are_the_most_similar_others(tiny: Patches) -> None:
    """SMOTE would blend a patch with itself, or with one that is not among its nearest."""
    indices, values = nearest(tiny.pixels, k=4)
    ours = similarity(tiny.pixels)
    assert indices.shape == values.shape == (24, 4)
    for i in range(24):
        others = np.delete(ours[i], i)
        assert i not in indices[i] and len(set(indices[i])) == 4
        assert np.array_equal(values[i], ours[i, indices[i]])
        assert np.array_equal(values[i], np.sort(others)[::-1][:4])


def test_a_twin_is_the_nearest_and_never_the_patch_itself(tiny: Patches) -> None:
    """Two equal patches would be told apart from themselves by nothing."""
    twins = tiny.pixels[[0, 1, 0]]
    indices, values = nearest(twins, k=1)
    assert indices[:, 0].tolist()[::2] == [2, 0]
    assert values[[0, 2], 0] == pytest.approx(1, abs=1e-6)


def test_nearest_gives_at_most_all_others(tiny: Patches) -> None:
    """A number of neighbours that does not exist would give the patch itself, or rubbish."""
    indices, _ = nearest(tiny.pixels[:4], k=3)
    assert np.sort(indices, 1).tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    with pytest.raises(DataError, match="4 patches have fewer than 4 neighbours"):
        nearest(tiny.pixels[:4], k=4)


@pytest.mark.parametrize("shape", [(6, 16), (16, 6)])
def test_patches_below_the_window_are_refused(shape: tuple[int, int]) -> None:
    """The mean over no window would be NaN, without a word."""
    with pytest.raises(DataError, match=f"{shape[0]}×{shape[1]} pixels are smaller"):
        similarity(np.zeros((2, 1, *shape), np.float32))


def test_the_smallest_patch_is_one_window() -> None:
    """A patch as large as the window has one window, and an index."""
    pixels = np.random.default_rng(0).standard_normal((2, 2, 7, 7)).astype(np.float32)
    assert similarity(pixels)[0, 1] == pytest.approx(reference(pixels, 0, 1, data_range(pixels)), abs=1e-5)
