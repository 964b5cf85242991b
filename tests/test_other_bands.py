"""A data set of other bands, size and unit goes the whole way: trained, exported, read back, asked about its own patches."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from scipy.special import expit
from typer.testing import CliRunner

from landslide_nb.cli import app
from landslide_nb.common.errors import DataError, ModelError, StudyError
from landslide_nb.data import stream
from landslide_nb.data.bands import Band, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.channels import derive
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.patches import Patches
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.inference import bundle
from landslide_nb.inference.card import Card
from landslide_nb.inference.ensemble import Ensemble
from landslide_nb.inference.predictions import predict

N = 24
RGB = tuple(Band(name=role[0].upper(), title=role, unit="8 bit", role=role) for role in ("red", "green", "blue"))
MANY = (
    *(Band(name=name, title=name, unit="relative", role=role) for name, role in (("B2", "blue"), ("B3", "green"))),
    *(Band(name=name, title=name, unit="relative", role=role) for name, role in (("B4", "red"), ("B8", "nir"))),
    *(Band(name=f"X{number}", title=f"band {number}", unit="relative", role=f"x{number}") for number in range(8)),
    Band(name="slope", title="Slope", unit="°", role="slope", modality="terrain"),
    Band(name="DEM", title="Elevation", unit="m", role="elevation", modality="terrain"),
)
PICTURES = DataSet(
    name="pictures",
    title="Pictures from the air",
    bands=BandSet(bands=RGB),
    patch_size=32,
    pixel_metres=0.5,
    credit="A survey (2024)",
    licence="CC BY 4.0",
)
LARGE = DataSet(
    name="large",
    title="Many bands",
    bands=BandSet(bands=MANY),
    patch_size=128,
    credit="A laboratory (2022)",
    licence="CC0",
)


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of patches, and an ensemble that was trained on some of them.

    Attributes:
        patches: of them.
        file: where they are.
        runs: both folds.
        ensemble: of these, exported and read back.
        folder: where to it was exported.
    """

    patches: Patches
    file: Path
    runs: list[Run]
    ensemble: Ensemble
    folder: Path


def made(data_set: DataSet) -> Patches:
    """Patches of noise, brighter where there is a landslide; four to a block of ground."""
    rng, labels = np.random.default_rng(3), (np.arange(N) % 2).astype(np.int8)
    level, spread = (100, 25) if data_set is PICTURES else (1, 0.2)
    pixels = level + spread * (rng.standard_normal((N, *data_set.shape)) + labels[:, None, None, None])
    groups = np.array([f"block {number // 4}" for number in range(N)])
    return Patches(tuple(f"P{i:02d}" for i in range(N)), pixels.astype(np.float32), labels, data_set, groups)


@pytest.fixture(scope="module", params=[PICTURES, LARGE], ids=lambda data_set: data_set.name)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kind:
    """Patches of a kind, and a network of seconds on all channels that they allow."""
    here, patches = tmp_path_factory.mktemp(request.param.name), made(request.param)
    patches.write(here / "patches.h5")
    small: dict[str, Any] = {"backbone": "test_resnet", "weights": "none", "image_size": request.param.patch_size}
    study = Study.load(
        "smoke", str(here / "patches.h5"), channels="edges", n_test=4, folds=2, epochs=2, batch_size=4, **small
    )
    runs = [Run(study, fold) for fold in range(2)]
    for run in runs:
        run.train()
    bundle.write(
        bundle.of_runs([run.folder for run in runs]), here / "model", Card("other", "given", {"F1": "0.5"}), onnx=True
    )
    return Kind(patches, here / "patches.h5", runs, bundle.read(here / "model"), here / "model")


def npy(patches: Patches, folder: Path) -> Path:
    """A folder of patches as `.npy` files, channels last."""
    folder.mkdir()
    for name, pixels in zip(patches.ids, patches.pixels, strict=True):
        np.save(folder / f"{name}.npy", pixels.transpose(1, 2, 0).astype(np.float64))
    return folder


def test_the_study_knows_its_data(kind: Kind) -> None:
    """A run would be trained with the challenge's bands, or the same ground be in training and held out."""
    study, data_set = kind.runs[0].study, kind.patches.data_set
    assert study.data_set == data_set and study.settings.data_set == data_set
    assert study.channels == data_set.bands.counts[-1] > len(data_set.bands)
    result = kind.runs[0].fit()
    groups = kind.patches.groups
    assert groups is not None
    parts = [set(groups[part]) for part in (result.train, result.validation, result.test)]
    assert parts[0].isdisjoint(parts[1] | parts[2]) and len(result.test) == 4
    assert np.isfinite(result.log_odds).all() and np.ptp(result.log_odds) > 1e-3


def test_what_was_exported_says_what_the_runs_said(kind: Kind) -> None:
    """A model would forget its bands or its size, and see other channels than it was trained on."""
    assert kind.ensemble.data_set == kind.patches.data_set
    told = kind.ensemble.probabilities(torch.from_numpy(kind.patches.pixels))
    for number, run in enumerate(kind.runs):
        np.testing.assert_allclose(told[:, number], run.fit().probabilities, atol=1e-6)


def test_onnx_takes_patches_of_that_shape(kind: Kind) -> None:
    """Programs without torch would be given a network for patches of 64 pixels."""
    data_set, settings = kind.patches.data_set, kind.runs[0].study.settings
    channels = derive(torch.from_numpy(kind.patches.pixels[:3]), data_set.bands, settings.channels).numpy()
    for number, path in enumerate(sorted(kind.folder.glob("*.onnx"))):
        session = onnxruntime.InferenceSession(path)
        (asked,) = session.get_inputs()
        assert asked.shape == ["N", settings.channels, data_set.patch_size, data_set.patch_size]
        (told,) = session.run(None, {"channels": channels})
        np.testing.assert_allclose(told, expit(kind.runs[number].fit().log_odds[:3]), atol=1e-4)
    assert len(list(kind.folder.glob("*.onnx"))) == 2


def test_its_patches_are_predicted_from_either_kind_of_file(kind: Kind, tmp_path: Path) -> None:
    """New patches of that data set could not be predicted, or their bands would be taken for others."""
    expected = dict(zip(kind.patches.ids, np.mean([run.fit().probabilities for run in kind.runs], 0), strict=True))
    for source in (kind.file, npy(kind.patches, tmp_path / "npy")):
        told = predict(kind.ensemble, stream.find(source, kind.ensemble.data_set))
        assert sorted(told.rows) == list(kind.patches.ids)
        np.testing.assert_allclose(told.probability, [expected[name] for name in told.rows], atol=1e-6)
        done = CliRunner().invoke(app, ["predict", str(kind.folder), str(source), "-o", str(tmp_path / "out.csv")])
        assert done.exception is None and f"{N} rows" in done.output
        assert len((tmp_path / "out.csv").read_text("utf-8").splitlines()) == 1 + N


def test_flips_are_those_that_the_bands_allow(kind: Kind) -> None:
    """Pictures would be refused a mirror because they have no radar, or be seen in one view only."""
    pixels = torch.from_numpy(kind.patches.pixels[:4])
    flipped = kind.ensemble.replace(flips=True)
    np.testing.assert_allclose(flipped.probabilities(pixels), flipped.probabilities(pixels.flip(3)), atol=1e-5)
    assert not np.allclose(kind.ensemble.probabilities(pixels), flipped.probabilities(pixels), atol=1e-6)


def test_patches_of_other_bands_are_refused(kind: Kind, tiny: Patches, tmp_path: Path) -> None:
    """A model would say something of patches that it cannot know."""
    tiny.write(tmp_path / "tiny.h5")
    shape = (*kind.patches.pixels.shape[2:], len(kind.patches.data_set.bands))
    for source in (tmp_path / "tiny.h5", npy(tiny.take(np.arange(2)), tmp_path / "npy")):
        with pytest.raises(DataError) as error:
            predict(kind.ensemble, stream.find(source, kind.ensemble.data_set))
        said = str(error.value)
        assert "\n" not in said and str(source) in said
        assert (f"expected patches of {shape[0]} pixels" in said) if source.suffix else (f"of shape {shape}" in said)
    # And as many bands of that size, in another order.
    turned = kind.patches.data_set.model_copy(update={"bands": BandSet(bands=kind.patches.data_set.bands.bands[::-1])})
    Patches(kind.patches.ids, kind.patches.pixels, None, turned).write(tmp_path / "turned.h5")
    with pytest.raises(DataError, match=r"with the bands .*; expected .* with the bands"):
        stream.find(tmp_path / "turned.h5", kind.ensemble.data_set)
    with pytest.raises(DataError, match="expected float32"):
        Patches(tiny.ids, tiny.pixels, tiny.labels, kind.patches.data_set)


def test_runs_of_other_patches_are_no_folds_of_one_model(kind: Kind, trained: list[Run]) -> None:
    """An ensemble would ask some of its networks about bands that they have never seen."""
    with pytest.raises(
        ModelError, match=f"is for patches of .*, .* for {CHALLENGE.title}".replace("(", r"\(").replace(")", r"\)")
    ):
        bundle.of_runs([trained[0].folder, kind.runs[0].folder])


def test_the_card_names_bands_and_credit(kind: Kind) -> None:
    """Whoever is given the model would feed it other bands, or owe credit without knowing it."""
    card, data_set = (kind.folder / "MODEL_CARD.md").read_text("utf-8"), kind.patches.data_set
    assert f"A patch is {data_set.patch_size} × {data_set.patch_size} pixels" in card
    assert ", ".join(f"{band.name} ({band.unit})" for band in data_set.bands.bands) in card
    assert f"as far as the program can tell of {data_set.title}" in card
    assert data_set.credit in card and data_set.licence in card and "Zindi" not in card and "Sentinel" not in card
    assert ("of 0.5 m" in card) == (data_set is PICTURES) == ("8 bit is from 0 to 255" in card)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"physical": True}, "`physical` needs both radar passes; the bands are R, G, B"),
        ({"modality_dropout": 0.2}, "`modality_dropout` needs two modalities; all bands are optical"),
        ({"backbone": "multi:test_resnet"}, "all bands are optical"),
        ({"channels": 12}, r"parameter 'channels' is 12 .*'bands' \(3\)"),
    ],
)
def test_what_needs_other_bands_is_refused(change: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    """A parameter that means nothing for pictures would be ignored, or fail hours later inside torch."""
    made(PICTURES).write(tmp_path / "patches.h5")
    with pytest.raises(StudyError, match=sentence) as error:
        Study.load("smoke", str(tmp_path / "patches.h5"), weights="none", **change)
    assert "\n" not in str(error.value)
