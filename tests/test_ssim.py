"""SSIM of all pairs, against scikit-image; the nearest neighbours by it."""

import re
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from landslide_nb.common.errors import DataError
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.similarity import exact, sparse
from landslide_nb.similarity.api import data_range, nearest, recall, similarity

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
@example(Case(["random", "random", "constant per patch"], 40, 50, 40))
@settings(max_examples=20, deadline=None)
def test_equals_scikit_image(case: Case) -> None:
    """Neighbours, and so synthetic patches, would not be those of the index that the field calls SSIM."""
    pixels = case.pixels
    ours, ranges = similarity(pixels), data_range(pixels)
    theirs = [reference(pixels, i, j, ranges) for i, j in ((0, 1), (0, 2), (1, 2))]
    # A band that is flat in both patches and far from its mean level has lost digits of its luminance in float32.
    tolerance = 1e-5 + 1e-4 * case.kinds.count("constant per patch") / len(case.kinds)
    np.testing.assert_allclose([ours[0, 1], ours[0, 2], ours[1, 2]], theirs, rtol=0, atol=tolerance)


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


def test_equals_scikit_image_at_the_largest_size() -> None:
    """Sums would lose digits, or rows be padded wrongly, where patches are larger than the challenge's."""
    pixels = Case(list(KINDS), 128, 97, 0).pixels
    ours, ranges = similarity(pixels), data_range(pixels)
    for i, j in combinations(range(3), 2):
        assert ours[i, j] == pytest.approx(reference(pixels, i, j, ranges), abs=1e-5)


def test_a_flat_half_beside_a_far_level_is_exact() -> None:
    """Half a patch under cloud: what little is in either half would drown in the rounding of the step between them."""
    rng = np.random.default_rng(0)
    pixels = np.round(3 * rng.standard_normal((3, 1, 32, 32)))
    pixels[..., :16] += 20_000
    ours, ranges = similarity(pixels.astype(np.float32)), data_range(pixels.astype(np.float32))
    for i, j in combinations(range(3), 2):
        assert ours[i, j] == pytest.approx(reference(pixels.astype(np.float32), i, j, ranges), abs=1e-5)


def test_equals_scikit_image_on_real_patches(real: Path) -> None:
    """Made-up bands have no edges, no missing data and no clouds; the real patch and its mirror images have."""
    patch = zindi.load_patch(real / "ID_005GY8.npy")
    pixels = np.stack([patch, patch[:, ::-1], patch[:, :, ::-1]]).astype(np.float32)
    ours, ranges = similarity(pixels), data_range(pixels)
    for i, j in combinations(range(3), 2):
        assert ours[i, j] == pytest.approx(reference(pixels, i, j, ranges), abs=1e-5)


def test_equals_scikit_image_on_real_pairs(real: Path) -> None:
    """BigEarthNet's patches have other bands and another size."""
    with np.load(real / "bigearthnet_pairs.npz") as file:
        pixels = np.ascontiguousarray(np.moveaxis(file["pixels"], 3, 1))
    ours, ranges = similarity(pixels), data_range(pixels)
    for i, j in combinations(range(len(pixels)), 2):
        assert ours[i, j] == pytest.approx(reference(pixels, i, j, ranges), abs=1e-5)


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


@pytest.fixture(scope="module")
def many() -> Pixels:
    """Three hundred patches `(300, 4, 32, 32)` that resemble each other more or less, some pairs equal."""
    rng = np.random.default_rng(3)
    themes = rng.standard_normal((12, 4, 32, 32)).cumsum(2).cumsum(3)
    weights = rng.dirichlet(np.full(12, 0.3), 300)
    pixels = np.tensordot(weights, themes, 1) + 2 * rng.standard_normal((300, 4, 32, 32))
    pixels[200:210] = pixels[:10]
    return pixels.astype(np.float32)


def brute_force(pixels: Pixels, k: int) -> tuple[NDArray[np.int64], Pixels]:
    """The nearest neighbours from the matrix of all similarities; of equal ones the lower index."""
    every = similarity(pixels)
    np.fill_diagonal(every, -np.inf)
    indices = np.argsort(-every, axis=1, kind="stable")[:, :k]
    return indices, np.take_along_axis(every, indices, 1)


def test_nearest_needs_no_matrix(many: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbours would depend on the tiles that the pairs are cut into, or on the number of threads."""
    expected = brute_force(many, 7)
    for block_bytes, threads in ((360e6, 1), (3e6, 1), (3e6, 3), (1e6, 2)):
        for module in (exact, sparse):
            monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        for ours, theirs in zip(nearest(many, 7, keep=False), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_of_equal_neighbours_the_first_comes_first() -> None:
    """With many equal patches, which are neighbours would be chance."""
    pixels = np.repeat(np.random.default_rng(0).standard_normal((1, 1, 8, 8)), 20, 0).astype(np.float32)
    for method in ("exact", "approximate"):
        indices, _ = nearest(pixels, 2, method=method, keep=False)
        assert indices.tolist() == [[1, 2], [0, 2]] + [[0, 1]] * 18


@pytest.mark.parametrize(("grid", "candidates"), [(7, 20), (4, 20), (9, 40)])
def test_approximate_finds_nearly_all(many: Pixels, grid: int, candidates: int) -> None:
    """SMOTE on a large set would blend patches that are not the nearest."""
    indices, values = nearest(many, method="approximate", grid=grid, candidates=candidates, keep=False)
    exact = similarity(many)
    assert recall(many, indices, sample=300) >= 0.95
    # Listed pairs are summed in another order than all pairs: the last digit of a float32 may differ.
    np.testing.assert_allclose(values, np.take_along_axis(exact, indices, 1), rtol=0, atol=5e-7)
    assert (np.diff(values, axis=1) <= 0).all()


def test_approximate_is_exact_where_every_window_is_seen(tiny: Patches) -> None:
    """An error in the first pass would only lower the recall a little, and not be noticed."""
    bands = exact.bands_of(tiny.pixels, None)
    ((_, _, values),) = sparse.sparse_tiles(tiny.pixels[:, :, :16, :20], bands, 1, None)
    np.testing.assert_allclose(values, similarity(tiny.pixels[:, :, :16, :20], data_range(tiny.pixels)), atol=1e-5)


def test_approximate_does_not_depend_on_blocks(many: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another memory limit, and other neighbours."""
    expected = nearest(many, method="approximate", keep=False)
    for module in (exact, sparse):
        monkeypatch.setattr(module, "BLOCK_BYTES", 3e6)
    for ours, theirs in zip(nearest(many, method="approximate", keep=False), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_recall_counts_what_was_found(many: Pixels) -> None:
    """A measured recall that is wrong would make a bad setting look good."""
    indices, _ = nearest(many, 5, keep=False)
    assert recall(many, indices, sample=50, seed=1) == 1
    missed = indices.copy()
    missed[:, 0] = np.arange(300)
    assert recall(many, missed, sample=300) == pytest.approx(0.8)


def test_torch_gives_the_same(tiny: Patches) -> None:
    """Neighbours found on a GPU would be others than those of the processor."""
    ours = nearest(tiny.pixels, 23, keep=False)
    theirs = nearest(tiny.pixels, 23, keep=False, device="cpu")
    for i in range(24):
        order, other = np.argsort(ours[0][i]), np.argsort(theirs[0][i])
        assert np.array_equal(ours[0][i][order], theirs[0][i][other])
        np.testing.assert_allclose(ours[1][i][order], theirs[1][i][other], rtol=0, atol=1e-5)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of kept neighbours."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path))
    return tmp_path / "neighbours"


def test_a_result_is_kept(many: Pixels, kept: Path) -> None:
    """Each chapter would compute the same neighbours again, or read those of other data or arguments."""
    said: list[str] = []
    first, second = [nearest(many[:40], report=said.append) for _ in range(2)]
    assert len(said) == 1
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    assert [array.dtype.name for array in second] == ["int64", "float32"]
    assert len(list(kept.iterdir())) == 1
    nearest(many[:40], k=4)
    nearest(many[1:41])
    nearest(many[:40], ranges=[1, 1, 1, 1])
    for grid, candidates in ((7, 20), (5, 20), (7, 10)):
        nearest(many[:40], method="approximate", grid=grid, candidates=candidates)
    assert len(list(kept.iterdir())) == 7
    nearest(many[:30], keep=False)
    assert len(list(kept.iterdir())) == 7


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", b"half"])
def test_a_damaged_file_is_computed_again(many: Pixels, kept: Path, damage: bytes) -> None:
    """A disk that was full once would stop the study for good."""
    expected = nearest(many[:20])
    (path,) = kept.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage == b"half" else damage)
    for ours, theirs in zip(nearest(many[:20]), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert path.read_bytes() == whole


def test_a_file_of_another_shape_is_computed_again(many: Pixels, kept: Path) -> None:
    """A file that is whole but not what it should be would be believed."""
    expected = nearest(many[:20])
    (path,) = kept.iterdir()
    np.savez(path, indices=np.zeros((3, 5), np.int64), similarities=np.zeros((3, 5), np.float32))
    np.testing.assert_array_equal(nearest(many[:20])[0], expected[0])
    np.savez(path, indices=np.zeros((20, 5)), similarities=np.zeros((20, 5), np.float32))
    np.testing.assert_array_equal(nearest(many[:20])[0], expected[0])


def test_progress_is_a_few_lines(many: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes of silence, or pages of lines."""
    for module in (exact, sparse):
        monkeypatch.setattr(module, "BLOCK_BYTES", 3e6)
    said: list[str] = []
    nearest(many, keep=False, report=said.append)
    assert 2 <= len(said) <= 10
    assert said[-1] == "SSIM, pairs: 44,850 of 44,850"
    nearest(many, method="approximate", keep=False, report=said.append)
    done, total = re.fullmatch(r"SSIM, candidate pairs: ([\d,]+) of ([\d,]+)", said[-1]).groups()  # type: ignore[union-attr]
    assert done == total


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"k": 0}, "k is 0"),
        ({"grid": 0}, "grid is 0"),
        ({"method": "fast"}, "'fast' is unknown; expected 'exact' or 'approximate'"),
        ({"method": "approximate", "device": "cuda"}, "runs on the processor only"),
        ({"ranges": [1.0, 2.0]}, "expected one positive number for each of 12 bands"),
        ({"ranges": [0.0] * 12}, "expected one positive number for each of 12 bands"),
    ],
)
def test_unfit_arguments_are_refused(tiny: Patches, arguments: dict[str, Any], sentence: str) -> None:
    """They would be an error deep in compiled code, or neighbours of something else."""
    with pytest.raises(DataError, match=sentence):
        nearest(tiny.pixels, keep=False, **arguments)


@pytest.mark.parametrize("method", ["exact", "approximate"])
@pytest.mark.parametrize("value", [1e18, -1e30, float(np.finfo(np.float32).max), np.nan, -np.inf])
def test_pixels_that_cannot_be_compared_are_named(value: float, method: Literal["exact", "approximate"]) -> None:
    """SMOTE would take a neighbour with the index 9223372036854775807, or NaN for a similarity."""
    pixels = np.random.default_rng(0).normal(0, 1, (6, 2, 16, 16)).astype(np.float32)
    pixels[2:, 1] = value
    with pytest.raises(DataError, match=r"patch 2: .* in band 1 at row 0, column 0; expected values within .*nodata\?"):
        nearest(pixels, 2, method=method, keep=False)
    with pytest.raises(DataError, match="patch 2"):
        similarity(pixels)


@pytest.mark.parametrize("value", [0, 1e6, 1e12, 1e15])
def test_a_constant_band_does_not_change_the_neighbours(value: float) -> None:
    """Patches would be refused, or have other neighbours, because of a band that shows nothing."""
    pixels = np.random.default_rng(0).normal(0, 1, (6, 2, 16, 16)).astype(np.float32)
    pixels[:, 1] = 0
    expected = nearest(pixels, 2, keep=False)
    pixels[:, 1] = value
    for ours, theirs in zip(nearest(pixels, 2, keep=False), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
