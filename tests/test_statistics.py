"""The 85 statistics of a patch: equal to the published table's, and read back strictly."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from conftest import Command

from landslide_nb.common.errors import DataError
from landslide_nb.data.bands import Band, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.tabular.statistics import (
    COLUMNS,
    SIGNALS,
    columns_in,
    columns_of,
    describe,
    load,
    of_pixels,
    read,
    signals_of,
)

REAL_TABLE = "zindi_train_statistics.csv.gz"
REAL_PATCH = "ID_005GY8"


@pytest.fixture
def table(tiny: Patches) -> pd.DataFrame:
    """The statistics of four patches."""
    return describe(tiny.take([0, 1, 2, 3]))


def test_columns_are_those_of_the_published_table(real: Path) -> None:
    """The real table could not stand in for patches that a user does not have."""
    assert ("ID", "label", *COLUMNS) == tuple(pd.read_csv(real / REAL_TABLE, nrows=0).columns)


def test_published_table_is_read(real: Path) -> None:
    """The table would be refused, or rows of it lost."""
    table = read(real / REAL_TABLE)
    assert tuple(table.columns) == ("ID", "label", *COLUMNS)
    assert len(table) == 5717
    assert table["label"].mean() == pytest.approx(0.1756, abs=5e-5)
    assert set(table[list(COLUMNS)].dtypes) == {np.dtype(np.float32)}


def test_real_patch_has_the_statistics_of_its_row(real: Path) -> None:
    """A tree that was fitted on the published table would see other numbers in our patches."""
    pixels = zindi.load_patch(real / f"{REAL_PATCH}.npy")[None]
    ours = describe(Patches((REAL_PATCH,), pixels, np.zeros(1, np.int8)))
    table = read(real / REAL_TABLE)
    theirs = table[table["ID"] == REAL_PATCH].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, rtol=2e-6, atol=2e-7)


def test_statistics_equal_numpys_and_scipys(tiny: Patches) -> None:
    """Another convention, of the sample or without bias, would shift every feature."""
    table = describe(tiny)
    bands = tiny.pixels.astype(float)
    ndvi = (bands[:, 3] - bands[:, 0]) / (bands[:, 3] + bands[:, 0] + 1e-7)
    ndwi = (bands[:, 1] - bands[:, 3]) / (bands[:, 1] + bands[:, 3] + 1e-7)
    assert [*CHALLENGE.bands.names, "NDVI", "NDWI"] == list(SIGNALS)
    for name, band in zip(SIGNALS, (*bands.swapaxes(0, 1), ndvi, ndwi), strict=True):
        values = band.reshape(len(tiny), -1)
        expected = {
            "mean": values.mean(1),
            "std": values.std(1),
            "min": values.min(1),
            "max": values.max(1),
            "kurt": scipy.stats.kurtosis(values, axis=1),
            "skew": scipy.stats.skew(values, axis=1),
        }
        for moment, value in expected.items():
            np.testing.assert_allclose(
                table[f"{name}_{moment}"], value, rtol=2e-5, atol=2e-6, err_msg=f"{name} {moment}"
            )
    np.testing.assert_allclose(table["cloud_score_brightness"], bands[:, :3].mean((1, 2, 3)), rtol=1e-6)
    assert table["ID"].tolist() == list(tiny.ids)
    assert table["label"].tolist() == tiny.known_labels.tolist()


def other_bands(*roles: str, unit: str = "8 bit") -> BandSet:
    """Optical bands of these roles, named by them, and a slope."""
    slope = Band(name="SLOPE", title="Slope", unit="°", role="slope", modality="terrain")
    return BandSet(bands=(slope, *(Band(name=role.upper(), title=role, unit=unit, role=role) for role in roles)))


@pytest.mark.parametrize(
    ("roles", "brightness", "indices"),
    [
        (("red", "green", "blue"), True, ()),
        (("nir", "blue", "green", "red"), True, ("NDVI", "NDWI")),
        (("nir", "red"), False, ("NDVI",)),
        (("green", "nir"), False, ("NDWI",)),
        ((), False, ()),
    ],
)
def test_other_bands_have_the_statistics_that_they_allow(
    roles: tuple[str, ...], brightness: bool, indices: tuple[str, ...]
) -> None:
    """Trees could not be compared on another data set, or would see an index of bands that are none."""
    bands = other_bands(*roles)
    rng = np.random.default_rng(4)
    pixels = rng.uniform(1, 90, (3, len(bands), 16, 16)).astype(np.float32)
    assert signals_of(bands) == ("SLOPE", *(role.upper() for role in roles), *indices)
    columns = columns_of(bands)
    assert (columns[0] == "cloud_score_brightness") == brightness
    assert len(columns) == brightness + 6 * (len(bands) + len(indices))
    data_set = DataSet(name="other", title="Other", bands=bands, patch_size=16)
    table = describe(Patches(("a", "b", "c"), pixels, np.array([0, 1, 0], np.int8), data_set))
    assert columns_in(table) == list(columns)
    np.testing.assert_array_equal(table[list(columns)].to_numpy(), of_pixels(pixels, bands))
    by_role = {band.role: pixels[:, place].astype(float) for place, band in enumerate(bands.bands)}
    expected = {f"{band.name}_mean": by_role[band.role].mean((1, 2)) for band in bands.bands}
    if brightness:
        expected["cloud_score_brightness"] = (by_role["red"] + by_role["green"] + by_role["blue"]).mean((1, 2)) / 3
    for name, (a, b) in {"NDVI": ("nir", "red"), "NDWI": ("green", "nir")}.items():
        if name in indices:
            index = (by_role[a] - by_role[b]) / (by_role[a] + by_role[b])
            expected |= {f"{name}_mean": index.mean((1, 2)), f"{name}_std": index.std((1, 2))}
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, rtol=2e-5, atol=2e-6, err_msg=name)


def test_statistics_do_not_depend_on_the_order_of_the_bands(tiny: Patches) -> None:
    """A data set that has its bands in another order would have other statistics under the same names."""
    order = [9, 3, 0, 11, 2, 5, 1, 10, 4, 8, 7, 6]
    shuffled = BandSet(bands=tuple(CHALLENGE.bands.bands[i] for i in order))
    theirs = dict(zip(columns_of(shuffled), of_pixels(tiny.pixels[:, order], shuffled).T, strict=True))
    ours = dict(zip(COLUMNS, of_pixels(tiny.pixels, CHALLENGE.bands).T, strict=True))
    assert theirs.keys() == ours.keys() and len(COLUMNS) == 85
    for name, values in ours.items():
        np.testing.assert_array_equal(theirs[name], values, err_msg=name)


@pytest.mark.parametrize("value", [0, 0.1, -65.66, 20944])
def test_constant_band_has_no_shape(value: float) -> None:
    """A division by zero would put NaN, or the rounding error of the mean, before the trees."""
    rng = np.random.default_rng(0)
    pixels = rng.uniform(1, 2, (2, 12, 64, 64)).astype(np.float32)
    pixels[1, 3] = value
    table = describe(Patches(("a", "b"), pixels))
    assert table["NIR_kurt"].tolist() == [pytest.approx(-1.2, abs=0.1), 0]
    assert table["NIR_skew"].tolist() == [pytest.approx(0, abs=0.1), 0]
    assert table["NIR_mean"].tolist() == [pytest.approx(1.5, abs=0.1), pytest.approx(value)]
    assert np.isfinite(table[list(COLUMNS)].to_numpy()).all()


def test_rounding_error_has_no_shape() -> None:
    """A constant band that was computed would get the skewness of its last digit."""
    pixels = np.full((1, 12, 64, 64), 100, np.float32)
    pixels[0, 5, 0] = np.nextafter(np.float32(100), np.float32(200))
    table = describe(Patches(("a",), pixels))
    assert table[["DVH_kurt", "DVH_skew"]].to_numpy().tolist() == [[0, 0]]


def test_nodata_everywhere_is_finite() -> None:
    """A patch of zeros, as at the edge of a scene, would break every model after it."""
    table = describe(Patches(("a",), np.zeros((1, 12, 64, 64), np.float32)))
    assert (table[list(COLUMNS)].to_numpy() == 0).all()


def test_batches_leave_no_trace(tiny: Patches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics would depend on how many patches are described at once."""
    whole = describe(tiny)
    monkeypatch.setattr("landslide_nb.tabular.statistics.BATCH", 7)
    pd.testing.assert_frame_equal(describe(tiny), whole)


def test_unlabelled_and_no_patches(tiny: Patches) -> None:
    """The test part would get labels that nobody knows."""
    hidden = describe(Patches(tiny.ids[:2], tiny.pixels[:2]))
    assert tuple(hidden.columns) == ("ID", *COLUMNS)
    assert tuple(describe(tiny.take(np.arange(0))).columns) == ("ID", "label", *COLUMNS)


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz"])
def test_table_is_read_as_it_was_written(name: str, table: pd.DataFrame, tmp_path: Path) -> None:
    """A digit would be lost between the command that writes a table and the chapter that reads it."""
    table.to_csv(tmp_path / name, index=False)
    pd.testing.assert_frame_equal(read(tmp_path / name), table)


def _without_column(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=["NIR_std", "NDWI_skew"])


def _without_label(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="label")


def _with(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Change the third row."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        values = table[column].tolist()
        return table.assign(**{column: [*values[:2], value, *values[3:]]})

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_column, r"lacks the column 'NIR_std' \(2 of 87"),
        (_without_label, "lacks the column 'label'"),
        (_with("AVV_max", np.nan), "line 4: AVV_max is empty, NaN or infinite"),
        (_with("label", ""), "line 4: label is empty"),
        (_with("ID", ""), "line 4: the ID is empty"),
        (_with("B_min", "cloudy"), "'B_min' holds a value that is no number"),
        (_with("label", 2), "'label' holds a value"),
        (_with("label", "landslide"), "'label' holds a value"),
        (_with("ID", "SIM_007_000001"), "SIM_007_000001 stands twice"),
        (_with("DVH_kurt", 1e300), "line 4: DVH_kurt is 1e.300; expected a number from -1e.18 to 1e.18"),
        (_with("R_min", -9999), "line 4: R_min is -9999; expected a number from -5000 to 70000: nodata"),
        (_with("NDVI_std", 3e38), "line 4: NDVI_std is 3e.38"),
        (
            _with("ID", "SIM_007_000009.npy"),
            "line 4: the ID is 'SIM_007_000009.npy': it is the name of a file; leave out",
        ),
    ],
)
def test_wrong_table_is_refused(
    change: Callable[[pd.DataFrame], pd.DataFrame], message: str, table: pd.DataFrame, tmp_path: Path
) -> None:
    """A wrong table would be found in a chapter, in the middle of a figure."""
    change(table).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(DataError, match=rf"table\.csv.*{message}"):
        read(tmp_path / "table.csv")


def test_missing_table_is_named(tmp_path: Path) -> None:
    """A typing error in a path would end in a traceback of pandas."""
    with pytest.raises(DataError, match=r"table\.csv does not exist"):
        read(tmp_path / "table.csv")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'ID,label\n"a,1\n'])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    """A patch in place of the table would end in a traceback of pandas."""
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"table\.csv cannot be read as CSV"):
        read(tmp_path / "table.csv")


def test_an_empty_table_and_one_with_semicolons_are_called_so(table: pd.DataFrame, tmp_path: Path) -> None:
    """A spreadsheet saves tables so in many countries, and 88 columns would seem to be missing."""
    (tmp_path / "table.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"table\.csv is empty; expected a CSV file with the columns ID,label"):
        read(tmp_path / "table.csv")
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        table.to_csv(tmp_path / "table.csv", index=False, sep=separator)
        with pytest.raises(DataError, match=rf"lacks the column 'ID'.*separated by {name}.*save it with commas"):
            read(tmp_path / "table.csv")


def test_broken_archive_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    """A download that broke off, or lost a byte, would end in a traceback or go into the results."""
    path = tmp_path / "table.csv.gz"
    whole = bytearray(gzip.compress(table.to_csv(index=False).encode()))
    flipped = whole.copy()
    flipped[len(whole) // 2] ^= 16
    for content in (whole[: len(whole) // 2], whole[:-4], b"ID,label\n", flipped, whole[:10] + b"\xff" * 20):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"table\.csv\.gz cannot be read as CSV"):
            read(path)


def test_command_writes_the_same_table(folder: Path, tmp_path: Path, command: Command) -> None:
    """The command line would describe other patches than the package, or in other numbers."""
    zindi.convert(folder, tmp_path / "patches.h5")
    done = command("statistics", tmp_path / "patches.h5", tmp_path / "table.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 patches" in done.stdout
    pd.testing.assert_frame_equal(read(tmp_path / "table.csv"), describe(zindi.read(folder)[0]))


def test_whatever_is_given_is_described(folder: Path, tiny: Patches, tmp_path: Path) -> None:
    """A prediction by trees would be of the training part, or need another command for each kind of file."""
    hidden = describe(zindi.read(folder)[1])
    zindi.convert(folder, tmp_path / "patches.h5")
    hidden.to_csv(tmp_path / "table.csv", index=False)
    tiny.write(tmp_path / "train.h5")
    for source in (folder, tmp_path / "patches.h5", tmp_path / "table.csv"):
        pd.testing.assert_frame_equal(load(source), hidden)
    pd.testing.assert_frame_equal(load(tmp_path / "train.h5"), describe(tiny))


def test_command_refuses_a_bad_folder(folder: Path, tmp_path: Path, command: Command) -> None:
    """Half a table would pass for a whole one."""
    (folder / "Train.csv").unlink()
    done = command("statistics", folder, tmp_path / "table.csv")
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and "Train.csv" in line
    assert [file.name for file in tmp_path.iterdir()] == ["challenge"]
