"""IDs are text in every reader, so that the guard against leaks sees the same patch wherever it comes from."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from landslide_nb.common.errors import DataError, LeakError
from landslide_nb.data import stream
from landslide_nb.data.hdf5 import read_rows
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.data.sources.npy import read_npy
from landslide_nb.data.sources.rasters import read_mask
from landslide_nb.tabular import predict, statistics

IDS = ("0016", "1e5", "NA", "True", "12", "null")  # each of them some reader takes for something else than text


def as_folder(patches: Patches, at: Path) -> Path:
    """The patches as a challenge folder without a test part."""
    zindi.write(at / "folder", patches, patches.take(np.arange(0)))
    (at / "folder" / "Test.csv").unlink()
    return at / "folder"


def as_file(patches: Patches, at: Path) -> Path:
    """The patches in HDF5."""
    patches.write(at / "patches.h5")
    return at / "patches.h5"


def as_table(patches: Patches, at: Path) -> Path:
    """Their statistics."""
    statistics.describe(patches).to_csv(at / "table.csv", index=False)
    return at / "table.csv"


FORMS: tuple[Callable[[Patches, Path], Path], ...] = (as_folder, as_file, as_table)


def named(tiny: Patches, ids: tuple[str, ...] = IDS) -> Patches:
    """Patches under other names."""
    return Patches(ids, tiny.pixels[: len(ids)], tiny.known_labels[: len(ids)])


@pytest.mark.parametrize("form", FORMS)
def test_ids_come_back_as_they_were_written(
    form: Callable[[Patches, Path], Path], tiny: Patches, tmp_path: Path
) -> None:
    """`0016` would become 16 and `1e5` 100000.0, and a patch be refused because its name is NA."""
    assert statistics.load(form(named(tiny), tmp_path))["ID"].tolist() == list(IDS)


@pytest.mark.parametrize("forms", product(FORMS, FORMS))
def test_a_leak_is_seen_between_all_forms(
    forms: tuple[Callable[[Patches, Path], Path], ...], tiny: Patches, tmp_path: Path
) -> None:
    """The score of patches that a model has learnt by heart, 1.000, would be taken for what it can do."""
    homes = tmp_path / "first", tmp_path / "second"
    for home in homes:
        home.mkdir()
    first, second = (form(named(tiny), home) for form, home in zip(forms, homes, strict=True))
    statistics.load(first).to_csv(tmp_path / "fitted.csv", index=False)
    with pytest.raises(LeakError, match=r"0016 is fitted on and predicted with a label \(6 such\)"):
        predict.apply(statistics.read(tmp_path / "fitted.csv"), statistics.load(second))


def test_a_leak_is_seen_in_another_unicode_form(tiny: Patches) -> None:
    """The same name, written on another system, would count as another patch."""
    composed, decomposed = (named(tiny, (name,)) for name in ("hill\u00e9", "hille\u0301"))
    with pytest.raises(LeakError, match="is fitted on and predicted"):
        predict.apply(statistics.describe(composed), statistics.describe(decomposed))


@pytest.mark.parametrize("name", ["0016 ", " 0016", "0016\u00a0", "0016\t"])
def test_a_space_beside_an_id_is_named(name: str, tiny: Patches, tmp_path: Path) -> None:
    """The reader would be told that a file is missing which is there, or a leak would pass as another patch."""
    table = statistics.describe(named(tiny)).replace({"ID": {"0016": name}})
    table.to_csv(tmp_path / "table.csv", index=False)
    folder = as_folder(named(tiny), tmp_path)
    table[["ID", "label"]].to_csv(folder / "Train.csv", index=False)
    for source in (tmp_path / "table.csv", folder):
        with pytest.raises(DataError, match=r"line 2: the ID '.*' begins or ends with a space; remove it"):
            statistics.load(source)


def test_a_line_is_counted_as_in_the_file(tiny: Patches, tmp_path: Path) -> None:
    """The reader would look at the wrong line for a value that is missing, if blank lines came before it."""
    lines = statistics.describe(named(tiny)).to_csv(index=False).splitlines()
    lines[2] = lines[2].rsplit(",", 1)[0] + ","
    (tmp_path / "table.csv").write_text("\n".join([lines[0], "", lines[1], "", *lines[2:], "", ""]), "utf-8")
    with pytest.raises(DataError, match=r"line 5: NDWI_skew is empty"):
        statistics.read(tmp_path / "table.csv")


def test_a_number_is_not_lost_beside_ids_of_text(tiny: Patches, tmp_path: Path) -> None:
    """Reading IDs as text must not read the numbers beside them as text, or less exactly."""
    table = statistics.describe(named(tiny))
    pd.testing.assert_frame_equal(statistics.read(as_table(named(tiny), tmp_path)), table)


@pytest.mark.parametrize(
    ("name", "listed", "cause"),
    [("hill\u00e9", "hille\u0301", "another Unicode form"), ("a ", "a", "a space at an end"), ("b", "a", None)],
)
def test_a_file_that_looks_like_the_listed_one_is_named(
    name: str, listed: str, cause: str | None, tiny: Patches, tmp_path: Path
) -> None:
    """The reader would see the file there, be told that it is missing, and fetch it once more."""
    folder = as_folder(named(tiny, (name,)), tmp_path)
    for table in ("Train.csv", "Test.csv"):
        zindi.write_csv(folder / table, {"ID": [listed], "label": ["0"]})
    (batch,) = stream.find(folder).batches(4)
    (folder / "Test.csv").unlink()
    with pytest.raises(DataError, match=rf"Train\.csv lists {listed}, but there is no {listed}\.npy") as error:
        zindi.read(folder)
    for sentence in (str(error.value), batch.faults[0]):
        assert (f"looks the same and {'has' if name == 'a ' else 'is spelt in'} {cause}" in sentence) == (
            cause is not None
        )


def test_a_list_of_no_patches_is_called_so(folder: Path) -> None:
    """`predict` would say that no patch could be predicted, and not why."""
    for text, sentence in (("ID\n", "lists no patches"), ("", "is empty; expected a CSV file with the columns ID")):
        (folder / "Test.csv").write_text(text, "utf-8")
        with pytest.raises(DataError, match=rf"Test\.csv {sentence}"):
            stream.find(folder)


@pytest.mark.parametrize("name", ["patch.npy", "image.png", "patches.h5", "table.csv"])
def test_a_locked_file_need_not_be_fetched_again(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of downloading would not help against a file that another program holds."""

    def denied(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    (tmp_path / name).write_bytes(b"some")
    monkeypatch.setattr(Path, "open", denied)
    monkeypatch.setattr("h5py.File", denied)
    monkeypatch.setattr("pandas.read_csv", denied)
    readers: dict[str, Callable[[Path], object]] = {
        "patch.npy": read_npy,
        "image.png": read_mask,
        "patches.h5": read_rows,
    }
    read = readers.get(name, statistics.read)
    with pytest.raises(DataError, match=rf"{name} cannot be read \(Permission denied\); allow reading it") as error:
        read(tmp_path / name)
    assert "fetch" not in str(error.value) and "write it again" not in str(error.value)
