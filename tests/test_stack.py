"""The stack chooses nothing on the patches that it is scored on, and its command says what it did."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Command
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold

from landslide_nb.chapters.c06 import prior_shift as c06_prior_shift
from landslide_nb.chapters.c06 import tables
from landslide_nb.common.errors import DataError, LeakError
from landslide_nb.data.patches import Patches
from landslide_nb.metrics import calibration, thresholds
from landslide_nb.metrics import prior_shift as metrics_prior_shift
from landslide_nb.models import heads
from landslide_nb.simulation import draw
from landslide_nb.tabular import nested, predict, ratios, stacking
from landslide_nb.tabular import statistics as tabular_statistics
from landslide_nb.tabular.nested import STACK, OutOfFold
from landslide_nb.tabular.statistics import COLUMNS, describe

QUICK = {"LightGBM, ratios": heads.lightgbm(0, n_estimators=20), "SVM, ratios": heads.svm(1.0)}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Statistics of 240 patches as the simulator draws them, a third with a landslide."""
    return draw.draw(240, seed=3, positive_rate=1 / 3)


def values(table: pd.DataFrame) -> NDArray[np.float32]:
    """The 85 columns."""
    return table[list(COLUMNS)].to_numpy(np.float32)


def test_ratios_of_decibels_and_levels_are_what_they_are_called(tiny: Patches) -> None:
    """A contrast would be taken between other bands than its name says."""
    table = describe(tiny)
    derived = ratios.frame(table)
    expected = {
        "level DVV − DVH": table["DVV_mean"] - table["DVH_mean"],
        "level R − NIR": np.log(table["R_mean"] / table["NIR_mean"]),
        "spread DDVV − ADVV": np.log(table["DDVV_std"] / table["ADVV_std"]),
        "before AVH": table["AVH_mean"] - table["ADVH_mean"],
    }
    for name, column in expected.items():
        np.testing.assert_allclose(derived[name].to_numpy(), np.asarray(column), rtol=1e-4, atol=1e-5)


def test_columns_are_of_the_radar_if_it_has_any_part_in_them() -> None:
    """Two patches under the same cloud would count as alike in what the radar sees."""
    of = {name: ratios.of_radar(name) for name in ratios.NAMES}
    assert of["level DVV − AVV"] and of["|change|"] and of["spread, calmer pass"] and of["spread DVV · NDVI"]
    assert not (of["level R − NIR"] or of["bare soil"] or of["correlation NIR, R"] or of["level NDVI + NDWI"])
    assert sorted([*stacking.OPTICAL_COLUMNS, *stacking.RADAR_COLUMNS]) == list(range(len(ratios.NAMES)))


def test_the_kernel_by_sensor_is_a_mean_of_scikit_learns(tiny: Patches) -> None:
    """Rows would be alike by other columns than the book says, or the SVM lose its guarantee: a kernel is symmetric and positive."""
    rows = ratios.derive(describe(tiny)[list(COLUMNS)].to_numpy()).astype(np.float64)
    rows = (rows - rows.mean(0)) / np.maximum(rows.std(0), 1e-6)
    kernel = stacking.by_sensor(rows, rows)
    parts = [(rows, 0.5), (rows[:, stacking.OPTICAL_COLUMNS], 0.25), (rows[:, stacking.RADAR_COLUMNS], 0.25)]
    expected = sum(weight * rbf_kernel(part, gamma=1 / (part.shape[1] * part.var())) for part, weight in parts)
    np.testing.assert_allclose(kernel, expected, atol=1e-12)
    assert np.allclose(np.diag(kernel), 1) and np.linalg.eigvalsh(kernel).min() > -1e-9
    np.testing.assert_allclose(stacking.by_sensor(rows[:3], rows), kernel[:3], atol=1e-12)


def test_the_correlation_of_two_bands_is_recovered_from_the_spread_of_their_index() -> None:
    """The delta method would have a wrong sign or factor, and tell nothing of how two bands go together."""
    rng = np.random.default_rng(0)
    for truth in (-0.8, 0.0, 0.8):
        red, nir = rng.multivariate_normal(
            (2000, 3000), [[100**2, truth * 100 * 150], [truth * 100 * 150, 150**2]], (1, 64, 64)
        ).transpose(3, 0, 1, 2)
        pixels = rng.normal(-10, 2, (1, 12, 64, 64))
        pixels[:, 0], pixels[:, 3] = red, nir
        table = describe(Patches(("a",), pixels.astype(np.float32)))
        assert ratios.frame(table)["correlation NIR, R"][0] == pytest.approx(truth, abs=0.06)


def test_ratios_are_finite_where_bands_are_constant_or_zero() -> None:
    """A patch of nodata would stop the prediction of all others."""
    assert np.isfinite(ratios.derive(np.zeros((2, 85)))).all()
    with pytest.raises(DataError, match=r"\(N, 85\)"):
        ratios.derive(np.zeros((2, 84)))


def test_the_threshold_is_where_expected_f1_is_highest() -> None:
    """Patches would be called landslides at a threshold that loses F1 although the probabilities are right."""
    rng = np.random.default_rng(0)
    told = rng.beta(0.3, 1.2, 40_000)
    labels = (rng.random(len(told)) < told).astype(np.int8)
    scored = {cut: f1_score(labels, told >= cut) for cut in np.linspace(0.1, 0.9, 81)}
    assert thresholds.expected_f1_threshold(told) == pytest.approx(max(scored, key=lambda cut: scored[cut]), abs=0.04)


def test_inner_scores_are_of_heads_that_did_not_see_the_row(rows: pd.DataFrame) -> None:
    """The threshold would come from scores of patches that the trees know by heart."""
    noise = np.random.default_rng(0).integers(0, 2, len(rows)).astype(np.int8)
    scores = stacking.inner_scores(QUICK["LightGBM, ratios"], values(rows), noise, 0)
    assert 0.35 < ((scores > 0) == noise).mean() < 0.65


def test_nothing_is_chosen_on_the_patches_that_are_scored(rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels of an outer fold would move its own probabilities, thresholds or calibration."""
    monkeypatch.setattr(stacking, "members", lambda: QUICK)
    found = nested.out_of_fold(rows, folds=3, seed=1, report=lambda line: None)
    cutter = StratifiedKFold(3, shuffle=True, random_state=1)
    train, held_out = next(iter(cutter.split(values(rows), rows["label"])))
    fitted = stacking.Stack.fit(values(rows)[train], rows["label"].to_numpy(np.int8)[train], QUICK)
    np.testing.assert_allclose(found.probabilities[STACK][held_out], fitted.probabilities(values(rows)[held_out]))
    np.testing.assert_array_equal(found.decided[STACK][held_out], fitted.decide(values(rows)[held_out]))
    assert found.thresholds[STACK][0] == fitted.combiner.threshold


def test_nested_scores_are_kept_and_made_again_for_other_rows(
    rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chapter would wait for minutes each time, or show the scores of another table."""
    monkeypatch.setattr(stacking, "members", lambda: QUICK)
    said: list[str] = []
    first = nested.out_of_fold(rows, folds=2, seed=5, report=said.append)
    again = nested.out_of_fold(rows, folds=2, seed=5, report=said.append)
    assert len(said) == 2
    np.testing.assert_array_equal(first.probabilities[STACK], again.probabilities[STACK])
    nested.out_of_fold(rows.assign(R_mean=rows["R_mean"] + 1), folds=2, seed=5, report=said.append)
    assert len(said) == 4


def test_the_command_fits_predicts_and_scores(rows: pd.DataFrame, tmp_path: Path, command: Command) -> None:
    """The book would name a command that does not do what the chapter measured."""
    old, new = rows.iloc[:160], rows.iloc[160:]
    old.to_csv(tmp_path / "old.csv", index=False)
    new.to_csv(tmp_path / "new.csv", index=False)
    done = command("stack", tmp_path / "old.csv", tmp_path / "new.csv", "-o", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    told = pd.read_csv(tmp_path / "out.csv")
    assert list(told.columns) == ["ID", "probability", "label"]
    assert told["ID"].tolist() == new["ID"].tolist()
    fitted = stacking.Stack.fit(values(tabular_statistics.read(tmp_path / "old.csv")), old["label"].to_numpy(np.int8))
    np.testing.assert_allclose(told["probability"], fitted.probabilities(values(new)), atol=1e-6)
    assert ((told["probability"] >= fitted.combiner.threshold) == told["label"]).all()
    assert f"F1 {f1_score(new['label'], told['label']):.3f} [" in done.stdout and "AUROC" in done.stdout
    assert not list(tmp_path.glob(".*"))


def test_patches_without_labels_are_predicted_without_a_score(rows: pd.DataFrame, tiny: Patches, folder: Path) -> None:
    """A submission would need labels, or a folder's labelled part would be predicted in the place of its test part."""
    told = predict.apply(rows, tabular_statistics.load(folder))
    assert told["ID"].tolist() == list(tiny.ids[6:9])
    assert "F1" not in predict.summary(told)


def test_a_file_of_patches_can_be_predicted(tiny: Patches, tmp_path: Path) -> None:
    """Patches in HDF5 would have to be turned into a table by hand."""
    tiny.write(tmp_path / "patches.h5")
    pd.testing.assert_frame_equal(tabular_statistics.load(tmp_path / "patches.h5"), describe(tiny))


def test_what_was_fitted_on_is_not_scored(rows: pd.DataFrame) -> None:
    """The command would print the score of patches that it has learnt by heart."""
    with pytest.raises(LeakError, match="is fitted on and predicted"):
        predict.apply(rows, rows.iloc[:5])


def test_too_few_landslides_are_named(rows: pd.DataFrame) -> None:
    """The library's own complaint would speak of splits, not of the table."""
    few = pd.concat([rows[rows["label"] == 1].iloc[:3], rows[rows["label"] == 0]])
    with pytest.raises(
        DataError, match=r"3 of the \d+ rows to fit on are with a landslide; .*: add patches with a landslide"
    ):
        predict.apply(few, rows.drop(columns="label"))


def test_calibration_error_is_the_mean_distance_over_bins() -> None:
    """A model that says 0.9 of patches of which half are landslides would look calibrated."""
    labels = np.array([1, 0] * 50 + [0] * 100, np.int8)
    told = np.array([0.9] * 100 + [0.05] * 100)
    assert calibration.expected_calibration_error(labels, told) == pytest.approx(0.5 * 0.4 + 0.5 * 0.05)
    bins = calibration.reliability(labels, told)
    assert bins["observed"].tolist() == [0, 0.5] and bins["patches"].tolist() == [100, 100]
    interval = calibration.calibration_error(labels, told, 100)
    assert interval.low <= interval.value <= interval.high


def drawn(n: int = 20_000, rate: float = 0.2) -> OutOfFold:
    """Calibrated probabilities and labels that agree with them, all models the same."""
    rng = np.random.default_rng(2)
    labels = (rng.random(n) < rate).astype(np.int8)
    score = rng.normal(2.0 * labels - 1, 1)
    told = 1 / (1 + (1 - rate) / rate * np.exp(-2 * score))
    decided = told >= thresholds.expected_f1_threshold(told)
    names = (nested.PLAIN, STACK)
    return OutOfFold(
        labels, {}, dict.fromkeys(names, told), dict.fromkeys(names, decided), dict.fromkeys(names, np.ones(2))
    )


def test_the_rate_is_found_without_labels_and_correcting_for_it_helps() -> None:
    """The estimate would stay at the training rate, or move the wrong way."""
    table = c06_prior_shift.compare(drawn(), (0.05, 0.11), 200, draws=3)
    for rate, row in table.iterrows():
        assert row["estimated rate"].value == pytest.approx(rate, abs=0.012)
        assert row["mean gain"] > 0
    assert table["gain"][0.05].low > 0


def test_correcting_for_the_same_rate_changes_nothing() -> None:
    """Probabilities would be moved where nothing has changed."""
    told = np.linspace(0.01, 0.99, 9)
    np.testing.assert_allclose(metrics_prior_shift.corrected(told, 0.2, 0.2), told)


def test_groups_are_counted_once_each(rows: pd.DataFrame) -> None:
    """A group's score would be of other patches than its name says."""
    labels = rows["label"].to_numpy(np.int8)
    perfect = OutOfFold(labels, {}, {STACK: labels.astype(float)}, {STACK: labels == 1}, {STACK: np.ones(1)})
    table = tables.by_group(perfect, rows, 100)
    assert table["patches"]["all patches"] == len(rows)
    assert table["landslides"]["mean NDVI below 0: water, cloud or snow"] == labels[rows["NDVI_mean"] < 0].sum()
    assert (table["false alarms"] == 0).all() and (table["missed"] == 0).all()
