"""The same pixels under two IDs are told, once; with two labels they are refused."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from landslide_nb.cli import app
from landslide_nb.common.arrays import Features, Scores
from landslide_nb.common.errors import DataError, DataWarning
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import registry
from landslide_nb.simulation import draw
from landslide_nb.tabular import predict

FIRST, COPY = "SIM_007_000000", "copy"


def copied(folder: Path, label: int | None) -> Path:
    """The folder with its first patch once more under another ID: in training with a label, or to be predicted."""
    shutil.copy(folder / "train_data" / f"{FIRST}.npy", folder / f"{COPY}.npy")
    name, line = ("Test.csv", f"{COPY}\n") if label is None else ("Train.csv", f"{COPY},{label}\n")
    with (folder / name).open("a", encoding="utf-8") as stream:
        stream.write(line)
    return folder


def label_of_first(folder: Path) -> int:
    """Of the patch that is copied."""
    return int(registry.read(folder).known_labels[0])


@pytest.mark.parametrize("part", ["train", "test"])
def test_convert_tells_of_copies_once(part: str, folder: Path, tmp_path: Path) -> None:
    """A patch would be trained on and scored under another name, and nobody know why the score is good."""
    copied(folder, label_of_first(folder) if part == "train" else None)
    done = CliRunner().invoke(app, ["convert", str(folder), str(tmp_path / "f.h5")])
    assert done.exception is None
    assert done.output.count(f"{FIRST} and {COPY} have the same pixels under two IDs (1 such)") == 1


def test_two_labels_for_the_same_pixels_are_refused(folder: Path, tmp_path: Path) -> None:
    """A network would be taught that the same patch has a landslide and has none."""
    copied(folder, 1 - label_of_first(folder))
    done = CliRunner().invoke(app, ["convert", str(folder), str(tmp_path / "f.h5")])
    assert isinstance(done.exception, DataError) and "their pixels are the same; keep one" in str(done.exception)
    assert not list(tmp_path.glob("*.h5"))
    with pytest.raises(DataError, match=f"{FIRST} has label . and {COPY} label ., and their pixels are the same"):
        registry.read(folder)


def test_reading_warns_of_copies(tiny: Patches, folder: Path, tmp_path: Path) -> None:
    """A study of a folder, or of a file that was written before there was such a check, would say nothing."""
    pixels = tiny.pixels[[0, 1, 0, 0]]
    Patches(("a", "b", "c", "d"), pixels, np.array([0, 1, 0, 0], np.int8)).write(tmp_path / "f.h5")
    with pytest.warns(DataWarning, match=r"a and c have the same pixels under two IDs \(2 such\)") as told:
        Patches.read(tmp_path / "f.h5")
    assert len(told) == 1
    copied(folder, label_of_first(folder))
    with pytest.warns(DataWarning, match=f"{FIRST} and {COPY}"):
        registry.read(folder)


def test_patches_without_anything_in_them_are_no_copies(tiny: Patches, tmp_path: Path) -> None:
    """Two patches of zeros, at the edge of a scene, would be refused since one is labelled."""
    pixels = np.zeros((3, 12, 64, 64), np.float32)
    pixels[2] = tiny.pixels[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        Patches(("a", "b", "c"), pixels, np.array([0, 1, 0], np.int8)).write(tmp_path / "f.h5")
        assert len(Patches.read(tmp_path / "f.h5")) == 3


def test_stack_tells_of_rows_that_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """F1 of rows that were fitted on under other IDs would be taken for that of new ones."""

    class Known:
        """Stands for a fitted stack."""

        class combiner:  # noqa: N801 - as a stack has it
            """With its threshold."""

            threshold = 0.5

        @classmethod
        def fit(cls, *_: object, **__: object) -> "Known":
            """Nothing."""
            return cls()

        def probabilities(self, values: Features) -> Scores:
            """Half."""
            return np.full(len(values), 0.5)

    monkeypatch.setattr(predict, "Stack", Known)
    rows = draw.draw(30, seed=3, positive_rate=1 / 3)
    table, new = rows.iloc[:20], rows.iloc[20:]
    assert "same statistics" not in predict.summary(predict.apply(table, new))
    again = pd.concat([new, table.iloc[:2].assign(ID=["x", "y"])])
    first = table["ID"].iloc[0]
    told = predict.summary(predict.apply(table, again))
    assert f"{first}, which is fitted on, and x, which is predicted, have the same statistics (2 such)" in told
