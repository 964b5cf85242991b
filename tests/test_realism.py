"""Simulated beside real: levels, texture, transfer and what gives a simulation away."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from landslide_nb.chapters.c01 import fidelity, figures, findings
from landslide_nb.data.bands import BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.experiments.study import Study
from landslide_nb.simulation.draw import draw
from landslide_nb.tabular import statistics, trees

BANDS = CHALLENGE.bands


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Drawn rows, which play both kinds here."""
    return draw(400, seed=1, positive_rate=0.3)


def test_levels_are_those_of_all_pixels(tiny: Patches) -> None:
    """The chapter would compare other numbers with the published ones than it says."""
    levels = fidelity.levels(tiny)
    pixels = tiny.pixels.astype(np.float64)
    np.testing.assert_allclose(levels["mean"], pixels.mean((0, 2, 3)))
    np.testing.assert_allclose(levels["std"], pixels.std((0, 2, 3)))
    assert levels.loc["Near infrared", "real mean"] == pytest.approx(3151.31)


def test_texture_of_a_real_patch(real: Path, tiny: Patches) -> None:
    """The simulation's texture was chosen after real patches: it would be set beside wrong numbers."""
    patch = zindi.load_patch(real / "ID_005GY8.npy")
    texture = fidelity.texture(tiny.pixels, BANDS, patch)
    for band, pixels in zip(texture.index, patch.astype(np.float64), strict=True):
        expected = np.corrcoef(pixels[:, :-1].ravel(), pixels[:, 1:].ravel())[0, 1]
        assert texture.loc[band, "real patch"] == pytest.approx(expected, abs=0.01)
    assert "real patch" not in fidelity.texture(tiny.pixels, BANDS, None)


def test_the_same_rows_cannot_be_told_apart(rows: pd.DataFrame) -> None:
    """The score of the discriminator would be high for a perfect simulation."""
    again = draw(400, seed=2, positive_rate=0.3)
    assert fidelity.giveaways(again, rows, 100).attrs["auroc"].low < 0.55


def test_what_differs_is_named(rows: pd.DataFrame) -> None:
    """Nobody would know where the simulation falls short."""
    shifted = rows.assign(AVV_skew=rows["AVV_skew"] + 5)
    told = fidelity.giveaways(shifted, rows, 100)
    assert told.index[0] == "AVV_skew"
    assert told.attrs["auroc"].value > 0.99


def test_transfer_is_tested_on_the_other_kind(rows: pd.DataFrame) -> None:
    """Trees that are wrong on every real patch would seem to know them."""
    opposite = rows.assign(label=1 - rows["label"])
    scores = fidelity.transfer(rows, opposite, trees.trees_on_statistics(opposite, 100), 100)["AUROC"]
    assert scores["simulated → simulated, out of fold"].value > 0.8
    assert scores["real → real, out of fold"].value > 0.8
    assert scores["simulated → real"].value < 0.1


def test_pictures_and_text_say_what_they_compare(rows: pd.DataFrame, tiny: Patches) -> None:
    """A reader who cannot see the picture would not know what it shows."""
    beside, correlations = figures.beside(rows, rows), figures.correlations(rows, rows)
    assert "at most 0.00 standard deviations" in beside.alt
    assert "more than 0.00" in correlations.alt
    levels, texture = fidelity.levels(tiny), fidelity.texture(tiny.pixels, BANDS, None)
    text = findings.realism(levels, texture, None, None, BANDS, "simulated patches").data
    assert "simulated patches" in text and "AUROC" not in text
    compared = (
        fidelity.transfer(rows, rows, trees.trees_on_statistics(rows, 100), 100),
        fidelity.giveaways(rows, rows.assign(R_min=0.0), 100),
    )
    assert "AUROC" in findings.realism(levels, texture, *compared, BANDS, "simulated patches").data


def test_given_patches_are_compared_themselves(rows: pd.DataFrame) -> None:
    """Real patches would be set beside simulated ones without a word."""
    table = rows[:50]
    assert fidelity.as_many(table, rows, Study.load("smoke", data="statistics:table.csv")) is table
    simulated = fidelity.as_many(table, rows[:30], Study.load("smoke"))
    assert len(simulated) == 30 and list(statistics.COLUMNS) == list(simulated.columns[2:])


def test_other_bands_are_compared_with_nothing(tiny: Patches) -> None:
    """Levels that were published for the challenge's bands would stand beside those of another sensor, or the chapter stop."""
    bands = BandSet(bands=BANDS.bands[:3])
    other = DataSet(name="rgb", title="RGB", bands=bands, patch_size=64)
    patches = Patches(tiny.ids, np.ascontiguousarray(tiny.pixels[:, :3]), tiny.labels, other)
    levels, texture = fidelity.levels(patches), fidelity.texture(patches.pixels, bands, None)
    assert list(levels.columns) == ["unit", "mean", "std"] and list(levels.index) == ["Red", "Green", "Blue"]
    np.testing.assert_allclose(levels["mean"], fidelity.levels(tiny)["mean"][:3])
    text = findings.realism(levels, texture, None, None, bands, "these patches").data
    assert "published" not in text and "dB" not in text and "optical" in text
