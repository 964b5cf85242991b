"""Where a network looks: a map has to find what a network uses, and a score has to tell a scar from the ground beside it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from landslide_nb.chapters.c05 import looks
from landslide_nb.common.errors import DataError, RunError
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments import grids
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.explain import attribution, looked
from landslide_nb.explain.attribution import CHANCE, GRADIENT, INPUT, OCCLUSION, SQUARES, Looks

SQUARE = 19  # the one that the made network looks at: third row, fourth column


class OneSquare(nn.Module):
    """A network whose log-odds are the mean of one square of its first channel."""

    def embed(self, channels: Tensor) -> Tensor:
        """The mean of that square, `(N, 1)`."""
        side, row, column = channels.shape[-1] // SQUARES, SQUARE // SQUARES, SQUARE % SQUARES
        square = channels[:, :1, row * side : (row + 1) * side, column * side : (column + 1) * side]
        return square.mean((2, 3))

    def classify(self, embedding: Tensor) -> Tensor:
        """Logits `(N, 2)`."""
        return torch.cat([torch.zeros_like(embedding), embedding], 1)


@pytest.fixture
def patches() -> Patches:
    """Four patches, bright and a landslide in that square."""
    study = Study.load("smoke")
    made = study.patches().take(np.arange(4))
    pixels, masks = made.pixels.copy(), np.zeros((4, 64, 64), np.uint8)
    pixels[:, 0] = 1000
    pixels[:, 0, 16:24, 24:32] = 3000
    masks[:, 16:24, 24:32] = 1
    return Patches(made.ids, pixels, made.labels, data_set=made.data_set, masks=masks)


@pytest.fixture
def run(patches: Patches) -> Run:
    """A run with that network."""
    study = Study.load("smoke")
    scaler = Scaler.fit(patches.pixels, patches.data_set.bands, len(patches.data_set.bands), "standard")
    return cast(Run, SimpleNamespace(study=study, model=lambda: (OneSquare(), scaler)))


def test_both_maps_find_the_square_that_the_network_uses(run: Run, patches: Patches) -> None:
    """Else the chapter would show where something else is."""
    for found in (attribution.gradients(run, patches.pixels), attribution.falls(run, patches.pixels)):
        assert found.shape == (4, SQUARES**2)
        assert (found.argmax(1) == SQUARE).all()
        assert np.allclose(np.delete(found, SQUARE, axis=1), 0, atol=1e-5)


def test_what_looks_at_the_scar_scores_one_and_what_looks_beside_it_zero(run: Run, patches: Patches) -> None:
    """Chance is the share of ground that is scar."""
    scores = attribution.look(run, patches)
    assert {name: each.tolist() for name, each in scores.items()} == {
        kind: [[1, 1]] * 4 for kind in (GRADIENT, OCCLUSION)
    }
    scar = attribution.scars(patches)
    elsewhere = np.roll(scar, 5, axis=1)
    assert not attribution.score(elsewhere, scar).any()
    assert attribution.chance(scar) == pytest.approx(1 / SQUARES**2)


def test_patches_without_masks_are_refused_in_a_sentence(patches: Patches) -> None:
    """Nobody can say where a landslide is that nobody has marked."""
    bare = Patches(patches.ids, patches.pixels, patches.labels, data_set=patches.data_set)
    with pytest.raises(DataError, match="no masks"):
        attribution.scars(bare)


def test_nothing_is_published_of_networks_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file would look like a result."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path))
    study = Study.load("smoke")
    with pytest.raises(RunError, match="train them first"):
        looked.publish({"baseline": grids.baseline(study)}, tmp_path, 4)
    assert not list(tmp_path.glob("*.npz"))


def test_a_damaged_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """Who has cloned half a file is told so."""
    (tmp_path / attribution.FILE).write_bytes(b"PK no archive")
    with pytest.raises(DataError, match="cannot be read"):
        attribution.read(tmp_path)


def test_a_network_that_looks_anywhere_is_not_above_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table's interval holds zero for chance itself, and excludes it for a map that is in the scar."""
    study = Study.load("real", resamples=200)
    known, places = study.labelled(), np.arange(0, 400, 10)
    chance = np.tile(np.array([[0.1, 0.3]], np.float32), (len(places), 1))
    base: Any = grids.baseline(study)
    keys = [Run(base, fold).published_key for fold in range(study.folds)]
    draw = np.random.default_rng(0)
    scores = {CHANCE: chance, INPUT: chance}
    scores |= {f"{key}/{GRADIENT}": chance + draw.normal(0, 0.01, chance.shape).astype(np.float32) for key in keys}
    scores |= {f"{key}/{OCCLUSION}": chance + 0.2 for key in keys}
    monkeypatch.setattr(attribution, "read", lambda: Looks(places, scores))
    table = looks.table({"baseline": base}, study, known)
    assert table is not None
    assert table[f"share in the scar, {GRADIENT}: over chance"]["baseline"].low < 0
    assert table[f"share in the scar, {OCCLUSION}: over chance"]["baseline"].low > 0.1
    assert "dashed: chance" in looks.picture(table, "patches").caption
