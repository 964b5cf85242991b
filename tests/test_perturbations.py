"""Patches as they are not, and what networks lose by it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Known
from torch import Generator, Tensor, nn

from landslide_nb.chapters.c09 import robustness
from landslide_nb.data.bands import OPTICAL, SAR, modality_channels
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments.study import Study
from landslide_nb.explain import perturbations
from landslide_nb.explain.perturbations import CONDITIONS, FLIPS, log_odds_under
from landslide_nb.metrics.bootstrap import interval
from landslide_nb.models.backbones import create
from landslide_nb.models.heads import fc_decision
from landslide_nb.training.loop import predict


@pytest.fixture
def run(tiny: Patches) -> Known:
    """A run with a random network."""
    torch.manual_seed(0)
    study = Study.load("smoke", backbone="test_resnet", weights="none", image_size=32)
    network = create("test_resnet", 12, "none").eval()
    nn.init.normal_(network.get_parameter("classifier.weight"))
    return Known(study, 0, network, Scaler.fit(tiny.pixels, 12, "standard"))


def bands(tiny: Patches, n: int = 6) -> Tensor:
    """Some patches."""
    return torch.from_numpy(tiny.pixels[:n])


def changed(name: str, x: Tensor, seed: int = 0) -> Tensor:
    """Patches under a condition."""
    return CONDITIONS[name](x, Generator().manual_seed(seed))


@pytest.mark.parametrize("modality", ["optical", "descending", "ascending"])
def test_a_missing_modality_is_zero_and_nothing_else_is(modality: str, tiny: Patches) -> None:
    """Another pass would be taken away than the table says."""
    x = bands(tiny)
    name = next(name for name in CONDITIONS if modality in name)
    y, gone = changed(name, x), list(modality_channels(12)[modality])
    assert not y[:, gone].any()
    kept = [i for i in range(12) if i not in gone]
    assert torch.equal(y[:, kept], x[:, kept])


def test_clouds_hide_about_half_of_the_ground_from_light_alone(tiny: Patches) -> None:
    """Radar would be blinded too, or the cloud be a veil that hides nothing."""
    x = bands(tiny, 24)
    y = changed("clouds over half", x)
    assert torch.equal(y[:, list(SAR)], x[:, list(SAR)])
    dark = x[:, list(OPTICAL)] < perturbations.CLOUD - 1000
    share = ((y - x) / (perturbations.CLOUD - x))[:, list(OPTICAL)][dark]
    assert 0.35 < float(share.mean()) < 0.65
    assert float((share < 0.1).float().mean()) > 0.2 and float((share > 0.9).float().mean()) > 0.2


def test_noise_is_as_strong_as_said(tiny: Patches) -> None:
    """The text would name another noise than the one that is measured."""
    x = bands(tiny, 24)
    deviation = (changed("more noise", x) - x).std((0, 2, 3))
    expected = torch.tensor([100.0] * 4 + [1, 1, 2**0.5, 2**0.5] * 2)
    assert torch.allclose(deviation, expected, rtol=0.03)


def test_flips_are_the_four_views_of_the_two_passes(tiny: Patches) -> None:
    """A patch would be shown as no orbit sees it."""
    x = bands(tiny)
    views = [flip(x, Generator()) for flip in FLIPS.values()]
    assert torch.equal(views[0], x)
    assert torch.equal(views[1], x.flip(2))
    assert torch.equal(views[2][:, :4], x[:, :4].flip(3))
    assert torch.equal(views[2][:, 4:8], x[:, 8:12].flip(3))
    assert torch.equal(views[3], views[2].flip(2))


def test_what_is_kept_is_what_the_network_says(run: Known, tiny: Patches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another network's answer would be read, or the same one be computed again and again."""
    monkeypatch.setattr(perturbations, "BATCH", 5)
    patches = run.data[0]
    chosen = np.array([3, 1, 8, 200, 17, 40, 41])
    found = log_odds_under(run, chosen, CONDITIONS)
    assert set(found) == set(CONDITIONS)
    pixels = torch.from_numpy(patches.pixels[chosen])
    gone = CONDITIONS["no ascending pass"](pixels, Generator())
    expected = fc_decision(predict(run.network, gone, run.study.settings, run.scaler)[0])
    assert np.allclose(found["no ascending pass"], expected, atol=1e-5)
    monkeypatch.setattr(Known, "model", lambda self: pytest.fail("predicted again"))
    again = log_odds_under(run, chosen, CONDITIONS)
    assert all((again[name] == found[name]).all() for name in found)
    with pytest.raises(pytest.fail.Exception):
        log_odds_under(run, chosen[::-1].copy(), {"no ascending pass": CONDITIONS["no ascending pass"]})


def test_every_network_meets_the_same_clouds(run: Known) -> None:
    """A network would lose by bad luck with its clouds."""
    seen: list[Tensor] = []
    cloud = CONDITIONS["clouds over half"]

    def watched(x: Tensor, generator: Generator) -> Tensor:
        seen.append(cloud(x, generator))
        return seen[-1]

    for fold in (0, 1):
        other = Known(run.study, fold, run.network, run.scaler)
        log_odds_under(other, np.arange(4), {f"watched {fold}": watched})
    assert torch.equal(seen[0], seen[1])


def test_losses_are_paired_and_half_is_half(store: Path) -> None:
    """A network would be said to stand a missing pass that it does not stand."""
    study = Study.load(
        "smoke", backbone="test_resnet", weights="none", epochs=1, image_size=32, simulated_patches=120, n_test=60
    )
    found = robustness.losses({"a": study, "b": study}, 200)
    lost = robustness.table(found)
    assert list(lost.columns) == ["F1 as it is", *CONDITIONS]
    assert lost.to_dict("index")["a"] == lost.to_dict("index")["b"]
    for condition in CONDITIONS:
        loss = found["a"]["as it is"] - found["a"][condition]
        assert lost.loc["a", condition] == interval(loss)
        assert robustness.half(found, condition, "a", "b").value == pytest.approx(-loss[0] / 2)
    alt = robustness.picture(found, "made-up patches").alt
    assert all(condition in alt for condition in CONDITIONS)
    rarer = robustness.prior(study, 0.1, 200)
    assert rarer["true rate"].iloc[0] == pytest.approx(0.1, abs=0.02)
    assert store.is_dir()
