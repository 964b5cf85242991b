"""What a network is said to look at is what it looks at."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import FeatureAblation
from conftest import Known
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn
from torch.nn.functional import interpolate, softmax

from landslide_nb.chapters.c07.figures import side_by_side
from landslide_nb.data.bands import BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study
from landslide_nb.explain.embedding_map import Projection, umap_map
from landslide_nb.explain.occlusion import Fill, band_occlusion, features_of, single_bands
from landslide_nb.models.backbones import create
from landslide_nb.training.loop import predict

IGNORED = 6  # descending ΔVV
TRAIN = np.arange(0, 40, 2)
BANDS = CHALLENGE.bands


@pytest.fixture(scope="module")
def run(tiny: Patches) -> Known:
    """A run with a random network that is blind to one band."""
    torch.manual_seed(0)
    study = Study.load("smoke", backbone="test_resnet", weights="none", image_size=32)
    network = create("test_resnet", BANDS.channels(12), "none").eval()
    stem = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    with torch.no_grad():
        stem.weight[:, IGNORED] = 0
        nn.init.normal_(network.get_parameter("classifier.weight"))
    return Known(study, 0, network, Scaler.fit(tiny.pixels, BANDS, 12, "standard"))


def embedded(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Embeddings `(40, 8)` of two classes that are apart."""
    labels = (np.arange(40) % 4 < 2).astype(np.int8)
    noise = np.random.default_rng(seed).standard_normal((40, 8))
    return (noise + 4 * labels[:, None]).astype(np.float32), labels


def mapped(embeddings: NDArray[np.float32], labels: NDArray[np.int8], seed: int = 0, keep: bool = False) -> Projection:
    """The map of a run with these embeddings, trained on every other patch."""
    probabilities, weight = np.zeros(40, np.float32), np.ones(20, np.float32)
    rest = np.setdiff1d(np.arange(40), TRAIN)
    parts = (TRAIN, TRAIN, weight, pd.DataFrame(), 0.0, TRAIN, rest[:10], rest[10:], Path())
    return umap_map(Result(probabilities, probabilities, embeddings, *parts), labels, seed, keep=keep)


@pytest.mark.parametrize("fill", ["zero", "mean", "permuted"])
def test_a_band_that_the_network_ignores_carries_nothing(run: Known, tiny: Patches, fill: Fill) -> None:
    """Fig. 7 would show bands in another order, or the effect of something else than the band."""
    drops = band_occlusion(run, tiny, fill)
    assert list(drops.columns) == list(BANDS.names) and list(drops.index) == list(tiny.ids)
    assert drops.iloc[:, IGNORED].abs().max() == 0
    assert (drops.drop(columns=BANDS.names[IGNORED]).abs().max() > 1e-6).all()


@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_occlusion_is_the_fall_of_the_probability(run: Known, tiny: Patches, fill: Literal["zero", "mean"]) -> None:
    """A band would be filled after scaling, or a rise be shown as a fall."""
    drops = band_occlusion(run, tiny, fill)
    mean = tiny.pixels.mean((0, 2, 3), dtype=float)
    for band in (0, 3, 8):
        occluded = tiny.pixels.copy()
        occluded[:, band] = 0 if fill == "zero" else mean[band]
        expected = _probability(run, tiny.pixels) - _probability(run, occluded)
        np.testing.assert_allclose(drops.iloc[:, band], expected, atol=1e-5)


@pytest.mark.parametrize("features", [single_bands(BANDS), BANDS.groups])
def test_occlusion_by_zero_is_captums_feature_ablation(
    run: Known, tiny: Patches, features: Mapping[str, Sequence[int]]
) -> None:
    """Fig. 7 would be of something else than what others call occlusion."""
    drops = band_occlusion(run, tiny, "zero", features)
    pixels = torch.from_numpy(tiny.pixels)
    ablation = FeatureAblation(
        lambda x: torch.from_numpy(expit(predict(run.network, x, run.study.settings, run.scaler)[0]))
    )
    for name, bands in features.items():
        mask = torch.ones(1, 12, 1, 1, dtype=torch.long)
        mask[:, list(bands)] = 0
        fall = ablation.attribute(pixels, baselines=0, feature_mask=mask)[:, bands[0], 0, 0]
        np.testing.assert_allclose(drops[name], fall, rtol=0, atol=1e-6)
    assert drops.abs().to_numpy().max() > 1e-3


def test_what_is_occluded_follows_the_bands() -> None:
    """A picture would show a group that is all bands, or a band a second time under the name of its group."""
    assert list(features_of(BANDS))[12:] == ["optical", "SAR", "descending", "ascending", "backscatter", "Δ"]
    rgb = BandSet(bands=BANDS.bands[:3])
    assert features_of(rgb) == {"R": (0,), "G": (1,), "B": (2,)}
    one = BandSet(bands=(*BANDS.bands[:3], BANDS.bands[4]))
    assert features_of(one) == {"R": (0,), "G": (1,), "B": (2,), "DVV": (3,), "optical": (0, 1, 2)}


def test_a_permuted_group_is_one_donors(run: Known, tiny: Patches) -> None:
    """Bands of a group would come from different places, or from patches that were not offered."""
    donor = tiny.take(np.array([3]))
    drops = band_occlusion(run, tiny, "permuted", {"radar": (4, 5, 8)}, donor)
    occluded = tiny.pixels.copy()
    occluded[:, [4, 5, 8]] = tiny.pixels[3, [4, 5, 8]]
    expected = _probability(run, tiny.pixels) - _probability(run, occluded)
    np.testing.assert_allclose(drops["radar"], expected, atol=1e-5)
    assert drops["radar"].iloc[3] == 0
    drawn = [band_occlusion(run, tiny, "permuted", {"radar": (4, 5, 8)}, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0].equals(drawn[1]) and not drawn[0].equals(drawn[2])


def test_occlusion_leaves_the_patches_as_they_are(run: Known, tiny: Patches) -> None:
    """Every later picture of a chapter would be of patches without bands."""
    before = tiny.pixels.tobytes()
    band_occlusion(run, tiny)
    assert tiny.pixels.tobytes() == before


@pytest.mark.slow
def test_a_map_is_fitted_on_training_patches_and_repeats_itself() -> None:
    """A map would differ from build to build, or be drawn with knowledge of the patches that it places."""
    embeddings, labels = embedded()
    first = mapped(embeddings, labels)
    assert first.points.shape == (40, 2) and first.points.dtype == np.float32 and np.isfinite(first.points).all()
    assert np.array_equal(mapped(embeddings, labels).points, first.points)

    others, unseen = embeddings.copy(), np.setdiff1d(np.arange(40), TRAIN)
    others[unseen] = 50 * embedded(1)[0][unseen]
    wrong = labels.copy()
    wrong[unseen] = 1 - wrong[unseen]
    changed = mapped(others, wrong)
    assert np.array_equal(changed.points[TRAIN], first.points[TRAIN])
    assert not np.array_equal(changed.points[unseen], first.points[unseen])
    corners = np.array([[x, y] for x in (-5, 5, 15) for y in (-5, 5, 15)], np.float32)
    assert np.array_equal(changed.boundary.decision_function(corners), first.boundary.decision_function(corners))
    assert not np.array_equal(mapped(embeddings, labels, seed=1).points, first.points)


@pytest.mark.slow
def test_the_same_seed_draws_the_same_picture() -> None:
    """A rebuilt book would show another map under the same caption."""
    embeddings, labels = embedded()
    drawn = [
        side_by_side({"map": mapped(embeddings, labels)}, labels, np.arange(40), "A map.")._repr_mimebundle_()[0]
        for _ in range(2)
    ]
    assert drawn[0]["image/png"] == drawn[1]["image/png"]


@pytest.mark.slow
def test_a_map_is_kept_under_what_determines_it(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chapter would compute every map again, or show one of other embeddings, or break on a damaged file."""
    embeddings, labels = embedded(2)
    before = set(store.glob("projections/*"))
    first = mapped(embeddings, labels, keep=True)
    (path,) = set(store.glob("projections/*")) - before
    with monkeypatch.context() as patch:
        patch.setattr("umap.UMAP", lambda **parameters: pytest.fail("a kept map was computed again"))
        assert np.array_equal(mapped(embeddings, labels, keep=True).points, first.points)
        for changed, seed in ((embeddings + 1, 0), (embeddings, 1)):
            with pytest.raises(pytest.fail.Exception):
                mapped(changed, labels, seed, keep=True)
    path.write_bytes(b"damaged")
    assert np.array_equal(mapped(embeddings, labels, keep=True).points, first.points)
    assert np.array_equal(np.load(path)["points"], first.points)


def _probability(run: Known, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability of a landslide by hand: scale, resize, softmax."""
    centre, scale = (value[:, None, None] for value in (run.scaler.centre, run.scaler.scale))
    x = interpolate(torch.from_numpy((pixels - centre) / scale), size=(32, 32), mode="bilinear")
    with torch.no_grad():
        probability: NDArray[np.float32] = softmax(run.network(x), 1)[:, 1].numpy()
    return probability
