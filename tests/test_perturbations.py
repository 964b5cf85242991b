"""Patches as they are not, and what networks lose by it."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import Known
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from landslide_nb.chapters.c09 import robustness
from landslide_nb.common import source
from landslide_nb.data.bands import Band, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.data.splits import split
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.study import Study
from landslide_nb.explain import perturbations
from landslide_nb.explain.perturbations import conditions, flips, log_odds_under
from landslide_nb.metrics.bootstrap import folds_f1, interval
from landslide_nb.models.backbones import create
from landslide_nb.training.loop import predict

BANDS = CHALLENGE.bands
CONDITIONS = conditions(BANDS)


@pytest.fixture
def run(tiny: Patches) -> Known:
    """A run with a random network."""
    torch.manual_seed(0)
    study = Study.load("smoke", backbone="test_resnet", weights="none", image_size=32)
    network = create("test_resnet", BANDS.channels(12), "none").eval()
    nn.init.normal_(network.get_parameter("classifier.weight"))
    return Known(study, 0, network, Scaler.fit(tiny.pixels, BANDS, 12, "standard"))


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
    y, gone = changed(name, x), list(BANDS.of_modality(modality))
    assert not y[:, gone].any()
    kept = [i for i in range(12) if i not in gone]
    assert torch.equal(y[:, kept], x[:, kept])


def test_clouds_hide_about_half_of_the_ground_from_light_alone(tiny: Patches) -> None:
    """Radar would be blinded too, or the cloud be a veil that hides nothing."""
    x = bands(tiny, 24)
    y, cloud = changed("clouds over half", x), 10_000 * perturbations.CLOUD
    assert torch.equal(y[:, list(BANDS.radar)], x[:, list(BANDS.radar)])
    dark = x[:, list(BANDS.optical)] < cloud - 1000
    share = ((y - x) / (cloud - x))[:, list(BANDS.optical)][dark]
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
    views = [flip(x, Generator()) for flip in flips(BANDS).values()]
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
    expected = predict(run.network, gone, run.study.settings, run.scaler)[0]
    assert np.allclose(found["no ascending pass"], expected, atol=1e-5)
    monkeypatch.setattr(Known, "model", lambda self: pytest.fail("predicted again"))
    again = log_odds_under(run, chosen, CONDITIONS)
    assert all((again[name] == found[name]).all() for name in found)
    with pytest.raises(pytest.fail.Exception):
        log_odds_under(run, chosen[::-1].copy(), {"no ascending pass": CONDITIONS["no ascending pass"]})


def test_what_is_kept_depends_on_the_code_of_the_views(run: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a mend of a flip the kept log-odds of the wrong one would be read for ever."""
    files = [path.relative_to(source.PACKAGE).as_posix() for path in source.files_of(perturbations.__name__)]
    assert {"augment/physics.py", "explain/perturbations.py", "training/loop.py", "data/bands.py"} <= set(files)
    chosen, change = np.arange(3), {"east–west": flips(BANDS)["east–west"]}
    log_odds_under(run, chosen, change)
    monkeypatch.setattr(Known, "model", lambda self: pytest.fail("predicted again"))
    log_odds_under(run, chosen, change)
    text = {path: source._code(path.read_text("utf-8")) for path in source.files_of(perturbations.__name__)}
    physics = next(path for path in text if path.name == "physics.py")
    monkeypatch.setattr(source, "_code", lambda read: text[physics] + "\nX = 1" if "def views(" in read else read)
    monkeypatch.setattr(perturbations, "code_of", source.code_of.__wrapped__)
    with pytest.raises(pytest.fail.Exception):
        log_odds_under(run, chosen, change)


def test_bands_of_one_kind_miss_nothing_and_pictures_are_clouded_on_their_own_scale() -> None:
    """A study of pictures would lose all of its bands at once, or be clouded by a reflectance of 6,000 in 8 bits."""
    rgb = BandSet(
        bands=tuple(Band(name=role, title=role, unit="8 bit", role=role) for role in ("red", "green", "blue"))
    )
    assert list(conditions(rgb)) == ["clouds over half", "more noise"]
    x = torch.zeros(8, 3, 64, 64)
    clouded = conditions(rgb)["clouds over half"](x, Generator().manual_seed(0))
    assert 0.9 * 0.6 * 255 < float(clouded.max()) <= 0.6 * 255 and float(clouded.min()) >= 0
    noise = conditions(rgb)["more noise"](x, Generator().manual_seed(0))
    assert float(noise.std()) == pytest.approx(2.55, rel=0.03)
    assert torch.equal(flips(rgb)["east–west"](noise, Generator()), noise.flip(3))


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


def results(labels: NDArray[np.int8], n_test: int = 0) -> list[Result]:
    """Three folds of networks that know something of the first labels that were drawn, whatever they are said to be now."""
    rng = np.random.default_rng(5)
    truth = (rng.random(len(labels)) < 0.3).astype(np.int8)
    parts = split(truth, n_test, 3, 0)
    made = []
    for number, (train, validation) in enumerate(parts.folds):
        told = (2.0 * (2 * truth - 1) + (2 + number) * rng.standard_normal(len(labels))).astype(np.float32)
        table = (train, train, np.ones(len(train), np.float32), pd.DataFrame(), 1.0, train, validation, parts.test)
        made.append(Result(told, told, np.zeros((len(labels), 1), np.float32), *table, Path()))
    return made


@pytest.mark.parametrize("of", ["losses", "prior"])
def test_without_a_test_part_nothing_is_fitted_on_the_fold_that_is_scored(
    of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the challenge's data, threshold and calibration would know the labels that they are scored by."""
    labels = (np.random.default_rng(5).random(600) < 0.3).astype(np.int8)
    made, decided = results(labels), list[NDArray[np.bool_]]()

    class Fake:
        def __init__(self, study: Study, fold: int) -> None:
            self.fold, self.data = fold, (SimpleNamespace(known_labels=labels), None)

        def fit(self) -> Result:
            return made[self.fold]

    def watched(
        of: NDArray[np.int8], parts: Any, predicted: list[NDArray[np.bool_]], *more: Any, **options: Any
    ) -> Any:
        decided.append(np.stack(predicted))
        return folds_f1(of, parts, predicted, *more, **options)

    def ask(run: Any, part: NDArray[np.int64], changes: Mapping[str, object]) -> dict[str, NDArray[np.float64]]:
        return {name: made[run.fold].log_odds[part].astype(np.float64) - 1 for name in changes}

    for name, other in {"Run": Fake, "folds_f1": watched, "log_odds_under": ask}.items():
        monkeypatch.setattr(robustness, name, other)
    # All patches are looked at: the draw itself, which needs the labels, is not what is tested.
    monkeypatch.setattr(robustness, "thinned", lambda labels, rate, seed: np.arange(len(labels)))
    study = Study.load("smoke", folds=3)

    def decisions() -> NDArray[np.bool_]:
        decided.clear()
        if of == "losses":
            robustness.losses({"a": study}, 100)
        else:
            robustness.prior(study, 0.1, 100)
            decided.pop()  # after correction, by a rate that all patches' probabilities tell
        return np.stack(decided)

    before = decisions()
    for fold, result in enumerate(made):
        own, turned = result.validation, labels.copy()
        turned[own[: len(own) // 2]] = 1  # many more landslides: what is fitted to these would say so more often
        with monkeypatch.context() as patch:
            patch.setattr(robustness, "Run", lambda study, fold, turned=turned: _with(Fake(study, fold), turned))
            after = decisions()
        row = fold if of == "losses" else 0
        assert (after[:, row, own] == before[:, row, own]).all(), "a fold's labels reach its own decisions"
        others = np.setdiff1d(np.arange(600), own)
        assert (after[..., others] != before[..., others]).any(), "nothing is fitted to the labels at all"


def _with(run: Any, labels: NDArray[np.int8]) -> Any:
    run.data = (SimpleNamespace(known_labels=labels), None)
    return run


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
        assert (halved := robustness.half(found, condition, "a", "b")) is not None
        assert halved.value == pytest.approx(-loss[0] / 2)
    alt = robustness.picture(found, "made-up patches").alt
    assert all(condition in alt for condition in CONDITIONS)
    rarer = robustness.prior(study, 0.1, 200)
    assert rarer["true rate"].iloc[0] == pytest.approx(0.1, abs=0.02)
    assert store.is_dir()
