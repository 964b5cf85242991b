"""Rendered patches have the statistics that they were asked for, on real rows where these are present."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kurtosis, skew

from landslide_nb.common.errors import DataError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
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


def test_texture_is_that_of_the_sensors(rows: pd.DataFrame) -> None:
    """Speckle would be white, or change smooth: what a network learns from them would be an artefact."""
    pixels = render(rows[rows.label == 0], seed=5).pixels.astype(float)  # a scar would make them smoother
    centred = pixels - pixels.mean((2, 3), keepdims=True)
    lag = ((centred[..., 1:] * centred[..., :-1]).mean((2, 3)) / pixels.var((2, 3))).mean(0)
    backscatter, change = lag[[4, 5, 8, 9]], lag[[6, 7, 10, 11]]
    assert ((backscatter > 0.84) & (backscatter < 0.94)).all()
    assert ((change > 0.41) & (change < 0.54)).all()
    assert (pixels[:, list(BANDS.optical)] == np.round(pixels[:, list(BANDS.optical)])).all()
    equal = (pixels[..., 1:] == pixels[..., :-1]).mean((0, 2, 3))
    assert 0.05 < equal[list(BANDS.backscatter)].mean() < 0.15
    assert equal[list(BANDS.change)].max() < 0.02


def test_labels_and_ids_are_kept(rows: pd.DataFrame, tiny: Patches) -> None:
    """A twin would have another label than its row."""
    twins = render(rows, seed=1)
    assert twins.ids == tiny.ids
    assert twins.labels is not None and (twins.labels == tiny.known_labels).all()
    assert render(rows.drop(columns="label"), seed=1).labels is None


def test_a_missing_column_is_named(rows: pd.DataFrame) -> None:
    """A user would meet a KeyError of pandas'."""
    with pytest.raises(DataError, match="AVV_std"):
        render(rows.drop(columns="AVV_std"), seed=1)
