"""What is handed on predicts elsewhere what it predicted here, or says in one sentence why it cannot."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import small_disk
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.metrics import f1_score
from spoil import half, other
from torch import Tensor, nn

from landslide_nb.augment.physics import flipped, mirror_east_west
from landslide_nb.common.errors import DataError, LandslideError, ModelError, StudyError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.channels import derive
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments import grids
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.runs import fit
from landslide_nb.experiments.study import Study
from landslide_nb.inference import bundle, export, incremental, onnx
from landslide_nb.inference.card import Card
from landslide_nb.inference.ensemble import Ensemble, Fold, Network, Trees
from landslide_nb.metrics.thresholds import best_threshold
from landslide_nb.models import heads
from landslide_nb.tabular.statistics import COLUMNS, of_pixels
from landslide_nb.training.loop import build
from landslide_nb.training.settings import Settings

BANDS = CHALLENGE.bands
CARD = Card("tiny", "simulated", {"F1": "0.500 [0.400, 0.600]"})


@pytest.fixture(scope="module")
def networks(trained: list[Run]) -> list[Network]:
    """The networks of two folds."""
    return [bundle.read_run(run.folder) for run in trained]


@pytest.fixture(scope="module")
def trees(tiny: Patches) -> Trees:
    """Trees on the statistics of the tiny patches."""
    head = heads.lightgbm(0, n_estimators=5, min_child_samples=2).fit(of_pixels(tiny.pixels, BANDS), tiny.known_labels)
    return Trees(head.booster_.model_to_string(), BANDS)


@pytest.fixture(scope="module")
def mixed(networks: list[Network], trees: Trees) -> Ensemble:
    """Two folds, each of a network and trees, weighed."""
    weights = {"a network, 12 channels": 0.7, "trees": 1.3}
    folds = tuple(
        Fold(dict(zip(weights, (network, trees), strict=True)), weights, 0.1 * number)
        for number, network in enumerate(networks)
    )
    return Ensemble(folds, CHALLENGE, threshold=0.3)


@pytest.fixture(scope="module")
def bands(tiny: Patches) -> Tensor:
    """The pixels of the tiny patches."""
    return torch.from_numpy(tiny.pixels)


@pytest.fixture
def written(mixed: Ensemble, tmp_path: Path) -> Path:
    """An exported folder that a test may spoil."""
    bundle.write(mixed, tmp_path / "ensemble", CARD)
    return tmp_path / "ensemble"


def random_network(channels: int, image_size: int) -> Network:
    """An untrained network that is not undecided, with scaling of very different sizes."""
    settings = Settings(backbone="test_resnet", weights="none", channels=channels, image_size=image_size)
    model = build(settings)
    for parameter in list(model.parameters())[-2:]:  # of the last layer
        nn.init.normal_(parameter)
    rng = np.random.default_rng(channels)
    centre, scale = rng.normal(0, 1000, channels), rng.uniform(0.1, 500, channels)
    return Network(settings, Scaler(centre.astype(np.float32), scale.astype(np.float32)), model.state_dict())


@pytest.mark.parametrize("flips", [False, True])
def test_what_is_read_predicts_as_what_was_written(mixed: Ensemble, bands: Tensor, tmp_path: Path, flips: bool) -> None:
    """Whoever is given the folder would get other probabilities than its card was written for."""
    ensemble = mixed.replace(flips=flips)
    bundle.write(ensemble, tmp_path / "new" / "folder", CARD)
    again = bundle.read(tmp_path / "new" / "folder")
    assert (again.threshold, again.flips) == (0.3, flips)
    np.testing.assert_array_equal(again.probabilities(bands), ensemble.probabilities(bands))
    assert not list((tmp_path / "new").glob(".*"))


def test_members_are_put_together_on_the_scale_of_log_odds(
    mixed: Ensemble, trained: list[Run], trees: Trees, bands: Tensor
) -> None:
    """Weights of a stack, fitted to log-odds, would be applied to something else."""
    by_trees = logit(np.asarray(trees.booster.predict(of_pixels(bands.numpy(), BANDS))))
    for number, run in enumerate(trained):
        by_network = run.fit().log_odds.astype(np.float64)
        expected = expit(0.1 * number + 0.7 * by_network + 1.3 * by_trees)
        np.testing.assert_allclose(mixed.probabilities(bands)[:, number], expected, atol=1e-6)


def test_a_single_run_keeps_its_probabilities(trained: list[Run], bands: Tensor) -> None:
    """`predict` would not say what the book's tables say of the same network."""
    told = bundle.of_runs([run.folder for run in trained]).probabilities(bands)
    for number, run in enumerate(trained):
        np.testing.assert_allclose(told[:, number], run.fit().probabilities, atol=1e-6)


def test_flips_are_the_mean_over_the_four_that_radar_allows(networks: list[Network], bands: Tensor) -> None:
    """A flip without the exchange of passes would show the network a radar that looks the wrong way."""
    network = networks[0]
    views = [bands, bands.flip(2), mirror_east_west(bands, BANDS), mirror_east_west(bands, BANDS).flip(2)]
    expected = expit(np.mean([network.log_odds(view) for view in views], axis=0))
    told = Ensemble((Fold.single(network),), CHALLENGE, flips=True).probabilities(bands)[:, 0]
    np.testing.assert_allclose(told, expected, atol=1e-9)
    assert torch.equal(flipped(flipped(bands, BANDS)[3], BANDS)[3], bands)
    turned = Ensemble((Fold.single(network),), CHALLENGE, flips=True).probabilities(mirror_east_west(bands, BANDS))[
        :, 0
    ]
    np.testing.assert_allclose(told, turned, atol=1e-6)


FRESH = """
import sys
import numpy as np, torch
from landslide_nb.inference import bundle
bands = torch.from_numpy(np.load(sys.argv[2]))
np.save(sys.argv[3], bundle.read(sys.argv[1]).probabilities(bands))
"""


# What the extra `book` of pyproject.toml brings.
BOOK_ONLY = (
    "onnx",
    "onnxruntime",
    "imblearn",
    "umap",
    "matplotlib",
    "seaborn",
    "IPython",
    "nbformat",
    "papermill",
    "snakemake",
)


def test_another_process_elsewhere_predicts_the_same(
    written: Path, mixed: Ensemble, tiny: Patches, bands: Tensor, tmp_path: Path
) -> None:
    """The folder would need the store, the data or the place where it was made, or `pip install landslide-nb` were not enough."""
    elsewhere, store, missing = tmp_path / "elsewhere", tmp_path / "empty", tmp_path / "missing"
    elsewhere.mkdir()
    missing.mkdir()
    for name in BOOK_ONLY:
        (missing / f"{name}.py").write_text(f"raise ImportError('{name} is not there')", "utf-8")
    np.save(tmp_path / "bands.npy", tiny.pixels)
    arguments = [
        str(path) for path in (written.rename(elsewhere / "moved"), tmp_path / "bands.npy", tmp_path / "told.npy")
    ]
    environment = os.environ | {"LANDSLIDE_NB_STORE": str(store), "PYTHONPATH": str(missing)}
    subprocess.run([sys.executable, "-c", FRESH, *arguments], cwd=elsewhere, env=environment, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "told.npy"), mixed.probabilities(bands), atol=1e-6)
    assert not store.exists()


SPOILED = [
    (spoil, pattern) for pattern in ("*.safetensors", "*.txt", "*.md", "*.json") for spoil in (half, other, Path.unlink)
]


@pytest.mark.parametrize(("spoil", "pattern"), SPOILED)
def test_a_spoiled_file_is_named(written: Path, spoil: Callable[[Path], None], pattern: str) -> None:
    """A half-copied folder would predict something."""
    path = min(written.glob(pattern))
    spoil(path)
    with pytest.raises(ModelError, match=path.name) as error:
        bundle.read(written)
    assert str(error.value).count("\n") == 0


def resigned(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change what `ensemble.json` says, and its hash with it, as another version of the program would have written it."""
    path = folder / bundle.MAIN
    content = json.loads(path.read_text("utf-8"))
    content.pop("sha256")
    change(content)
    path.write_text(json.dumps(content | {"sha256": bundle._hash_of(content)}), "utf-8")


CHANGES: list[tuple[Callable[[dict[str, object]], object], str]] = [
    (lambda content: content.update(format="landslide-nb ensemble 9"), "format 'landslide-nb ensemble 9'; expected"),
    (lambda content: content.update(format="landslide-nb ensemble 1"), "format 'landslide-nb ensemble 1'; expected"),
    (lambda content: content.pop("data_set"), "cannot be understood .KeyError: 'data_set'"),
    (lambda content: content["data_set"].update(patch_size="wide"), "cannot be understood"),  # type: ignore[attr-defined]
    (lambda content: content["data_set"]["bands"].update(bands=[]), "cannot be understood"),  # type: ignore[index]
    (lambda content: content.pop("threshold"), "cannot be understood .KeyError: 'threshold'"),
    (lambda content: content.update(threshold=7), "the threshold is 7; expected a probability"),
    (lambda content: content.update(folds=[]), "at least one fold"),
    (lambda content: content["folds"][0]["members"][0]["settings"].update(new=1), "cannot be understood"),  # type: ignore[index]
    (lambda content: content["files"].update({"../x": ""}), r"\.\./x does not exist"),  # type: ignore[attr-defined]
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
def test_a_folder_of_another_kind_is_refused(
    written: Path, change: Callable[[dict[str, object]], object], sentence: str
) -> None:
    """A model of other bands, or of a later version, would be applied to these patches."""
    resigned(written, change)
    with pytest.raises(ModelError, match=sentence):
        bundle.read(written)


def test_nothing_is_written_over_or_by_half(
    mixed: Ensemble, networks: list[Network], written: Path, tmp_path: Path
) -> None:
    """An older export would be lost, or a folder be there that nobody finished."""
    before = sorted(path.name for path in written.iterdir())
    with pytest.raises(DataError, match="not an empty folder"):
        bundle.write(mixed, written, CARD)
    assert sorted(path.name for path in written.iterdir()) == before
    broken = Ensemble((*mixed.folds, Fold.single(replace(networks[0], state={"a": None}))), CHALLENGE)  # type: ignore[dict-item]
    with pytest.raises(AttributeError):
        bundle.write(broken, tmp_path / "broken", CARD)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ensemble"]


def test_a_disk_that_is_full_of_an_export_is_told(mixed: Ensemble, tmp_path: Path) -> None:
    """A traceback of safetensors would end the export, after the training."""
    full = r"model could not be written \(File too large\); nothing was"
    with small_disk(20_480), pytest.raises(DataError, match=full):
        bundle.write(mixed, tmp_path / "model", CARD)
    assert list(tmp_path.iterdir()) == []


def test_weights_and_trees_that_do_not_fit_are_refused(networks: list[Network], tiny: Patches, bands: Tensor) -> None:
    """A member would be left out, or predict from other columns, without a word."""
    network = networks[0]
    with pytest.raises(ModelError, match="a weight for each"):
        Fold({"a": network}, {"b": 1.0})
    with pytest.raises(ModelError, match="finite"):
        Fold({"a": network}, {"a": float("nan")})
    lacking = replace(network, state=dict(list(network.state.items())[:-1]))
    with pytest.raises(ModelError, match="do not fit test_resnet"):
        lacking.log_odds(bands)
    head = heads.lightgbm(0, n_estimators=2, min_child_samples=2).fit(
        of_pixels(tiny.pixels, BANDS)[:, :84], tiny.known_labels
    )
    with pytest.raises(ModelError, match=f"84 features .* expected the {len(COLUMNS)} statistics"):
        Trees(head.booster_.model_to_string(), BANDS).log_odds(bands)
    with pytest.raises(ModelError, match="cannot be read"):
        Trees("tree", BANDS).log_odds(bands)


@pytest.mark.parametrize(("channels", "image_size"), [(12, 64), (12, 32), (20, 96), (12, 128), (28, 128)])
def test_onnx_says_what_torch_says(bands: Tensor, tmp_path: Path, channels: int, image_size: int) -> None:
    """Programs without torch would see other probabilities, or take one batch size only."""
    network = random_network(channels, image_size)
    onnx.write(network, tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    for count in (1, 7):
        expected = expit(network.log_odds(bands[:count]))
        (told,) = session.run(None, {"channels": derive(bands[:count], BANDS, channels).numpy()})
        assert told.shape == (count,)
        np.testing.assert_allclose(told, expected, atol=1e-4)


def test_onnx_that_differs_is_refused(
    networks: list[Network], mixed: Ensemble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that onnxruntime computes otherwise would be handed on."""
    bundle.write(mixed, tmp_path / "with", CARD, onnx=True)
    assert len(list((tmp_path / "with").glob("*.onnx"))) == 2
    bundle.read(tmp_path / "with")
    monkeypatch.setattr(onnx, "difference", lambda *arguments: 2e-4)
    with pytest.raises(ModelError, match=r"differs from torch by 2\.0e-04 in probability; expected 1e-04 at most"):
        bundle.write(mixed, tmp_path / "without", CARD, onnx=True)
    assert not (tmp_path / "without").exists()


def test_a_broken_run_is_named(trained: list[Run], tmp_path: Path) -> None:
    """A run that was interrupted would be predicted with."""
    (tmp_path / "run.json").write_text((trained[0].folder / "run.json").read_text("utf-8"), "utf-8")
    with pytest.raises(ModelError, match="holds no whole run"):
        bundle.read_run(tmp_path)


def test_the_card_says_what_the_data_were(mixed: Ensemble) -> None:
    """A model of simulated patches would be taken for one of real ones."""
    text = CARD.text(mixed)
    assert "**Simulated patches.**" in text and "0.500 [0.400, 0.600]" in text and "from 0.3 on" in text
    assert "must not be used for any decision" in text
    given_data = replace(CARD, data="given").text(mixed)
    assert "Simulated" not in given_data and "The data's terms: CC BY-SA 4.0; credit: Zindi and ITU" in given_data


def test_an_experiment_is_packed_with_its_scores(trained: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    """The threshold would come from patches that the networks were trained on, or the card tell of others."""
    study = trained[0].study
    monkeypatch.setattr(grids, "experiments", lambda study: {"CutMix, 12": study})
    ensemble, card = export.pack(study, "CutMix, 12")
    labels = trained[0].data[0].known_labels
    validated = [(run.fit().probabilities, run.fit().validation) for run in trained]
    told = np.concatenate([probabilities[indices] for probabilities, indices in validated])
    true = np.concatenate([labels[indices] for _, indices in validated])
    expected = max(f1_score(true, told >= cut) for cut in told)
    assert f1_score(true, told >= ensemble.threshold) == expected
    assert card.data == "given" and card.name == "CutMix, 12"
    assert card.scores["F1, out of fold"].startswith(f"{expected:.3f} [")
    assert set(card.scores) >= {"F1, hold-out test, mean of the folds", "AUROC, out of fold"}
    with pytest.raises(StudyError, match="no network is called 'CutMix'; did you mean 'CutMix, 12'"):
        export.pack(study, "CutMix")


@pytest.mark.slow
def test_the_whole_of_chapter_09_is_packed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is handed on would be weighed, flipped or cut otherwise than what the book scores."""
    monkeypatch.setattr(incremental, "speed", lambda _: None)  # not what is tested, and slow
    tiny_study: dict[str, Any] = {
        "backbone": "test_resnet",
        "weights": "none",
        "image_size": 32,
        "epochs": 1,
        "batch_size": 16,
    }
    study = Study.load("smoke", **tiny_study, simulated_patches=160, n_test=60, backbones={"test_vit": "none"})
    ensemble, card = export.pack(study, "ensemble")
    bundle.write(ensemble, tmp_path / "whole", card, onnx=True)
    patches = study.patches()
    labels, split = patches.known_labels, study.splits(patches)
    found = bundle.read(tmp_path / "whole").probabilities(torch.from_numpy(patches.pixels[split.test]))
    members = incremental.members(study, fit(grids.contenders(study)), patches)
    step = list(incremental.steps(members).values())[-1]
    combiner = incremental.combined(step, split, labels)
    for fold in range(study.folds):
        scores = np.column_stack([member.scores[fold, split.test] for member in step.members.values()])
        np.testing.assert_allclose(found[:, fold], combiner.probabilities(scores), atol=1e-5)
    said = found.mean(1) >= ensemble.threshold
    scored = incremental.score(step, split, labels, study.resamples)
    assert scored.hold_out is not None
    assert f1_score(labels[split.test], said, zero_division=0) == pytest.approx(scored.hold_out[0])
    assert f"{scored.hold_out[0]:.3f}" in card.scores["F1, hold-out test"]
    assert "seen in the flips that its bands allow" in (tmp_path / "whole" / "MODEL_CARD.md").read_text("utf-8")


def test_best_is_the_last_row_of_table_2() -> None:
    """`export` without a name would hand on another network than the paper's best."""
    study = Study.load("smoke")
    _, chosen = export.experiment(study)
    assert chosen.settings == grids.best(study).settings


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 1)), min_size=1, max_size=30))
def test_no_threshold_has_a_higher_f1(pairs: list[tuple[int, int]]) -> None:
    """A worse threshold would be handed on than the patches allow."""
    told: NDArray[np.float64] = np.array([value / 10 for value, _ in pairs])
    labels = np.array([label for _, label in pairs], np.int8)
    cuts = [*told, 2.0]
    best = max(f1_score(labels, told >= cut, zero_division=0) for cut in cuts)
    assert f1_score(labels, told >= best_threshold(labels, told), zero_division=0) == pytest.approx(best)


def test_errors_are_for_the_user() -> None:
    """An error of a model would be shown with a traceback."""
    assert issubclass(ModelError, LandslideError)
