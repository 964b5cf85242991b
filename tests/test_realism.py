"""Simulated beside real: levels, texture, transfer and what gives a simulation away."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from landslide_nb.chapters.c01 import difficulty, fidelity, figures, findings
from landslide_nb.common.errors import DataError
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
    texture = fidelity.texture(tiny.pixels, BANDS, patch[None])
    for band, pixels in zip(texture.index, patch.astype(np.float64), strict=True):
        expected = np.corrcoef(pixels[:, :-1].ravel(), pixels[:, 1:].ravel())[0, 1]
        assert texture.loc[band, "real, median"] == pytest.approx(expected, abs=0.01)
    assert "real, median" not in fidelity.texture(tiny.pixels, BANDS, None)


def test_real_patches_stand_above_simulated_ones(tiny: Patches) -> None:
    """A reader could not compare them, or take one kind for the other."""
    picture = figures.real_beside_simulated(tiny.take(np.arange(8)), tiny, each=2)
    named = [axis.get_ylabel() for axis in picture.figure.axes if axis.get_ylabel()]
    assert named == [
        f"{kind}\n{name}" for kind in ("real", "simulated") for name in ("landslide", "no landslide") for _ in "12"
    ]
    assert picture.alt.count("; ") == len(named) - 1 and CHALLENGE.credit in picture.caption
    unlabelled = Patches(tiny.ids, tiny.pixels)
    assert "real, landslide" not in figures.real_beside_simulated(unlabelled, tiny).alt


def test_real_patches_come_from_one_file_or_several(tiny: Patches, tmp_path: Path) -> None:
    """Whoever has real patches could show one of them only, or a wrong file would end in a traceback."""
    np.save(tmp_path / "ID_1.npy", tiny.pixels[0].transpose(1, 2, 0))
    tiny.write(tmp_path / "several.h5")
    one, several = (
        Study.load("smoke", patch=str(tmp_path / name)).real_patches() for name in ("ID_1.npy", "several.h5")
    )
    assert one is not None and several is not None
    assert one.ids == ("ID_1",) and one.labels is None and several.ids == tiny.ids
    np.testing.assert_array_equal(one.pixels[0], several.pixels[0])
    assert Study.load("smoke").real_patches() is None
    with pytest.raises(DataError, match=r"missing\.h5"):
        Study.load("smoke", patch=str(tmp_path / "missing.h5")).real_patches()


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
    text = findings.realism(levels, texture, None, None, BANDS, "simulated patches", ["- measured"]).data
    assert "- measured" in text and "simulated patches" in text and "AUROC" not in text
    compared = (
        fidelity.transfer(rows, rows, trees.trees_on_statistics(rows, 100), 100),
        fidelity.giveaways(rows, rows.assign(R_min=0.0), 100),
    )
    assert "AUROC" in findings.realism(levels, texture, *compared, BANDS, "simulated patches", []).data


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
    text = findings.realism(levels, texture, None, None, bands, "these patches", []).data
    assert "published" not in text and "dB" not in text and "optical" in text


def test_how_hard_simulated_patches_are_is_said_as_it_was_measured() -> None:
    """A score outside its range would pass for one inside, or a simulator be called harder than it is."""
    scores, looks = difficulty.difficulty(), difficulty.looks()
    text = "\n".join(findings.hardness(scores, looks))
    for name in ("simulated before", "simulated"):
        known = scores[[name, "aimed at: from", "to"]].dropna().to_numpy()
        inside = sum(low <= score <= high for score, low, high in known)
        assert f"{name.capitalize()}: {inside} of {len(known)} scores" in text
    near = (
        (looks["simulated, median"] >= looks["real, lowest"]) & (looks["simulated, median"] <= looks["real, highest"])
    ).sum()
    assert f"Of {len(looks)} medians of texture and contrast, {near} lie" in text
    moved = "\n".join(findings.hardness(scores.assign(simulated=2.0), looks.assign(within=False)))
    assert f"Simulated: 0 of {len(scores)}" in moved and "not R spectral slope" in moved


def test_the_packaged_tables_show_every_band_and_every_real_patch(real: Path) -> None:
    """The picture would lack a band, or a label stand beside another patch."""
    assert set(difficulty.looks().index.get_level_values("band")) == set(CHALLENGE.bands.names)
    picture = figures.looks(difficulty.looks())
    assert len(picture.figure.axes) == len(figures.MEASURES) and f"{len(BANDS)} bands" in picture.alt
    asked = difficulty.asked_about_real_patches()
    with np.load(real / "zindi_recovered_patches.npz") as found:
        known = dict(zip(found["ids"].astype(str), found["y"], strict=True))
    assert {name: label for name, label in asked["label"].items() if name in known} == known
    assert asked["probability of the ensemble"].between(0, 1).all()
