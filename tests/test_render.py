"""Rendered patches have the statistics that they were asked for, on real rows where these are present."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import kurtosis, skew

from landslide_nb.common.errors import DataError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.simulation import cues, draw
from landslide_nb.simulation.appearance import DEFAULT, Appearance, looks_like_a_landslide, packaged
from landslide_nb.simulation.fields import sample
from landslide_nb.simulation.fit import fit_evidence
from landslide_nb.simulation.maxent import quantiles
from landslide_nb.simulation.render import render
from landslide_nb.tabular import statistics

BANDS = CHALLENGE.bands


@pytest.fixture(scope="module")
def rows(tiny: Patches) -> pd.DataFrame:
    """Statistics of simulated patches."""
    return statistics.describe(tiny)


@pytest.mark.parametrize(
    ("shape", "low", "high"),
    [("normal", -4.0, 4.0), ("gamma", 0.0, 12.0), ("uniform", 0.0, 1.0), ("outlier", -3.0, 25.0)],
)
def test_values_have_the_moments_asked_for(shape: str, low: float, high: float) -> None:
    """A rendered band would have another spread or another tail than the real one."""
    rng = np.random.default_rng(0)
    drawn = {
        "normal": rng.normal(0, 1, 4094),
        "gamma": rng.gamma(2, 1, 4094),
        "uniform": rng.uniform(0, 1, 4094),
        "outlier": rng.normal(0, 1, 4094).clip(-3, 6),
    }[shape]
    values = np.concatenate([[low], np.clip(drawn, low, high), [high]])
    asked = np.array([[values.mean(), values.std(), low, high, kurtosis(values), skew(values)]])
    got = quantiles(asked, len(values))[0].astype(float)
    assert (np.diff(got) >= 0).all()
    assert got[0] == np.float32(low) and got[-1] == np.float32(high)
    assert got.mean() == pytest.approx(values.mean(), abs=0.002 * values.std())
    assert got.std() == pytest.approx(values.std(), rel=0.002)
    assert skew(got) == pytest.approx(skew(values), abs=0.03)
    assert kurtosis(got) == pytest.approx(kurtosis(values), abs=0.1)


def test_patches_have_the_statistics_of_their_rows(rows: pd.DataFrame) -> None:
    """Statistical twins would be no twins."""
    check(rows, statistics.describe(render(rows, seed=1)))


def test_patches_have_the_statistics_of_real_rows(real: Path) -> None:
    """The simulator would be faithful to itself only."""
    asked = statistics.read(real / "zindi_train_statistics.csv.gz").iloc[:100].reset_index(drop=True)
    check(asked, statistics.describe(render(asked, seed=1)))


def check(asked: pd.DataFrame, got: pd.DataFrame) -> None:
    """Medians over the rows of the errors of each band and index."""
    for band in BANDS.bands:
        columns = [f"{band.name}_{moment}" for moment in statistics.MOMENTS]
        want, have = asked[columns].to_numpy(), got[columns].to_numpy()
        error, span = np.abs(have - want), want[:, 3] - want[:, 2]
        assert np.median(error[:, 0] / np.abs(want[:, 0])) < 0.01, f"{band.name} mean"
        assert np.median(error[:, 1] / want[:, 1]) < 0.01, f"{band.name} std"
        assert np.median(error[:, 2:4] / span[:, None]) < 0.03, f"{band.name} extremes"
        assert np.median(error[:, 5]) < 0.15, f"{band.name} skewness"
    for index in ("NDVI", "NDWI"):
        assert np.median(np.abs(got[f"{index}_mean"] - asked[f"{index}_mean"])) < 0.02


def test_a_seed_gives_the_same_bytes_whatever_the_batch(rows: pd.DataFrame) -> None:
    """A study could not be repeated on a machine with other cores."""
    once, again, other = (render(rows, seed) for seed in (3, 3, 4))
    assert once.pixels.tobytes() == again.pixels.tobytes()
    assert once.pixels.tobytes() != other.pixels.tobytes()


def lag(pixels: NDArray[np.floating], axis: int) -> NDArray[np.floating]:
    """Correlation `(N, C)` of pixels with their neighbours, below (axis 2) or to the right (3)."""
    centred = pixels - pixels.mean((2, 3), keepdims=True)
    first, second = np.delete(centred, 0, axis), np.delete(centred, -1, axis)
    return np.asarray((first * second).mean((2, 3)) / pixels.var((2, 3)))


def test_texture_is_that_of_the_sensors(rows: pd.DataFrame) -> None:
    """Speckle would be white, or change smooth: what a network learns from them would be an artefact."""
    land = rows[cues.cues(rows).water == 0]
    pixels = render(land, seed=5).pixels.astype(float)
    across = lag(pixels, 3).mean(0)
    backscatter, change = across[list(BANDS.backscatter)], across[list(BANDS.change)]
    assert ((backscatter > 0.68) & (backscatter < 0.97)).all()  # the range of the real patches of land
    assert ((change > 0.32) & (change < 0.91)).all()
    assert (pixels[:, list(BANDS.optical)] == np.round(pixels[:, list(BANDS.optical)])).all()
    equal = (pixels[..., 1:] == pixels[..., :-1]).mean((0, 2, 3))
    assert 0.05 < equal[list(BANDS.backscatter)].mean() < 0.15
    assert equal[list(BANDS.change)].max() < 0.02


def test_labels_and_ids_are_kept(rows: pd.DataFrame, tiny: Patches) -> None:
    """A twin would have another label than its row."""
    twins = render(rows, seed=1)
    assert twins.ids == tiny.ids and twins.masks is None
    assert twins.labels is not None and (twins.labels == tiny.known_labels).all()
    assert render(rows.drop(columns="label"), seed=1).labels is None


def test_a_missing_column_is_named(rows: pd.DataFrame) -> None:
    """A user would meet a KeyError of pandas'."""
    with pytest.raises(DataError, match="AVV_std"):
        render(rows.drop(columns="AVV_std"), seed=1)


def test_masks_are_of_landslides_only(rows: pd.DataFrame) -> None:
    """A mask would contradict its label, or depend on whether it is asked for."""
    patches = render(rows, seed=1, masks=True)
    assert patches.masks is not None
    assert (patches.masks.any((1, 2)) == (patches.known_labels == 1)).all()
    assert patches.pixels.tobytes() == render(rows, seed=1).pixels.tobytes()


def test_scars_are_bright_where_they_show(rows: pd.DataFrame) -> None:
    """A network that finds scars would find nothing, or find them in the change alone, as in the first simulator."""
    landslides = rows[rows.label == 1]
    visible = render(landslides, seed=1, appearance=Appearance(landslide=50.0, hidden=0.0), masks=True)
    hidden = render(landslides, seed=1, appearance=Appearance(hidden=1.0), masks=True)
    assert np.median(contrasts(visible, 0)) > 0.5 > np.median(contrasts(hidden, 0))
    assert abs(np.median(contrasts(visible, 6))) < 0.5


def test_scars_are_large_enough_to_be_found(rows: pd.DataFrame) -> None:
    """Half of the small landslides would be missed by any network, and shapes would be none of Landslide4Sense's."""
    masks = render(rows[rows.label == 1], seed=1, masks=True).masks
    assert masks is not None
    share = (masks > 0).mean((1, 2))
    assert share.min() > 0.005 and np.median(share) < 0.12


def test_scars_are_larger_where_the_statistics_say_more(rows: pd.DataFrame) -> None:
    """Networks would miss other landslides than trees, unlike on the challenge, where both miss the same ones."""
    landslides = rows[rows.label == 1]
    evidence = packaged().of(landslides)
    coupled, free = (
        render(landslides, seed=1, appearance=Appearance(larger=larger), masks=True).masks for larger in (0.5, 0.0)
    )
    assert coupled is not None and free is not None
    grown = (coupled > 0).mean((1, 2)) > (free > 0).mean((1, 2))
    assert evidence[grown].mean() > evidence[~grown].mean() + 1


def contrasts(patches: Patches, channel: int) -> list[float]:
    """Mean inside the mask minus mean outside, in standard deviations, of each patch."""
    assert patches.masks is not None
    pairs = zip(patches.pixels[:, channel], patches.masks > 0, strict=True)
    return [float((image[mask].mean() - image[~mask].mean()) / image.std()) for image, mask in pairs]


def test_streaks_lie_where_it_is_steep(rows: pd.DataFrame) -> None:
    """Speckle would look the same on mountains and on water, and steepness tell nothing of landslides."""
    ground = rows[rows.label == 0].copy()
    water, steep = ground.copy(), ground.copy()
    for band in cues.BACKSCATTER:
        change = f"{band[0]}D{band[1:]}_std"
        water[f"{band}_std"], steep[f"{band}_std"] = 0.87 * ground[change], 3 * ground[change]
    water["NDVI_mean"] = -0.2
    assert (cues.cues(water).steepness == 0).all() and (cues.cues(steep).steepness > 0.5).all()
    drawn_out = [np.median(lag(render(kind, seed=1).pixels[:, list(BANDS.change)], 3)) for kind in (water, steep)]
    down = [np.median(lag(render(kind, seed=1).pixels[:, list(BANDS.change)], 2)) for kind in (water, steep)]
    assert drawn_out[1] - down[1] > drawn_out[0] - down[0] + 0.05


def test_neighbours_repeat_in_backscatter_of_both_polarisations(rows: pd.DataFrame) -> None:
    """Resampling repeats pixels of an image, not of a band."""
    pixels = render(rows, seed=1).pixels
    equal = pixels[..., 1:] == pixels[..., :-1]
    for vv, vh in ((4, 5), (8, 9)):
        assert (equal[:, vv] == equal[:, vh]).mean() > 0.99
    assert (equal[:, 4] == equal[:, 8]).mean() < 0.95


def test_evidence_decides_what_looks_like_a_landslide() -> None:
    """Networks and trees would err on different patches, unlike on the challenge's."""
    drawn = draw.draw(3000, seed=1)
    evidence, labels = packaged().of(drawn), drawn["label"].to_numpy()
    looks = looks_like_a_landslide(drawn, evidence, DEFAULT, np.random.default_rng(0))
    assert looks[labels == 1].mean() > 0.8 and looks[labels == 0].mean() < 0.05
    assert evidence[(labels == 1) & looks].mean() > evidence[(labels == 1) & ~looks].mean() + 1
    assert evidence[(labels == 0) & looks].mean() > evidence[(labels == 0) & ~looks].mean() + 1
    bare = looks_like_a_landslide(drawn.drop(columns="label"), evidence, DEFAULT, np.random.default_rng(0))
    assert bare.mean() < 0.2


def test_evidence_in_the_package_is_that_of_the_real_table(real: Path) -> None:
    """Nobody could say where its weights come from."""
    table = statistics.read(real / "zindi_train_statistics.csv.gz")
    fitted, known = fit_evidence(table), packaged()
    np.testing.assert_allclose(fitted.weights, known.weights, atol=0.02)
    np.testing.assert_allclose(fitted.of(table[:100]), known.of(table[:100]), atol=0.1)


def test_interpolation_is_periodic() -> None:
    """Speckle would have a seam where its grid ends."""
    grid = np.random.default_rng(0).normal(size=(1, 2, 8, 8)).astype(np.float32)
    x, y = np.full((1, 2, 2), 7.5), np.full((1, 2, 2), -1.0)
    expected = (grid[0, :, 7, 7] + grid[0, :, 7, 0]) / 2
    np.testing.assert_allclose(sample(grid, x, y)[0, :, 0, 0], expected, rtol=1e-6)
