"""What a command writes is whole or not there, its place is tried before the work, and what the system refuses is a sentence."""

import errno
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import Command, small_disk

from landslide_nb.common import files
from landslide_nb.common.arrays import Pixels
from landslide_nb.common.errors import DataError, in_words
from landslide_nb.data.hdf5 import Part
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi

ROOT = Path(__file__).parents[1]


@pytest.fixture(params=[16_384, 65_536, 300_000])
def filling_disk(request: pytest.FixtureRequest) -> Iterator[None]:
    """A disk that is full after so many bytes: what HDF5 has written by then differs."""
    with small_disk(request.param):
        yield


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be computed: whatever cannot be written has to show before."""

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the work has begun")

    for name in (
        *("data.sources.zindi.parts", "simulation.draw.simulated_part", "tabular.statistics.describe"),
        *("tabular.statistics.read", "simulation.fit.fit", "inference.export.pack", "inference.predictions.load"),
        *("experiments.runs.train", "experiments.plan.jobs"),
    ):
        monkeypatch.setattr(f"landslide_nb.{name}", refuse)
    monkeypatch.setattr("papermill.execute_notebook", refuse)


@pytest.mark.parametrize(
    "command",
    [
        "convert challenge file/out",
        "simulate file/out",
        "statistics challenge file/out",
        "fit-simulator table.csv file/out",
        "export file/out",
        "predict model challenge -o file/out",
        "stack table.csv challenge -o file/out",
        f"chapter {ROOT / 'notebooks' / '04_backbones.ipynb'} -o file/out.ipynb",
    ],
)
def test_a_place_that_cannot_be_written_is_tried_first(
    command: str, here: Command, idle: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence would come when the work is done, after "12 of 12", or be a traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "challenge").mkdir()
    (tmp_path / "challenge" / "Train.csv").write_text("ID,label\na,1\n", "utf-8")
    (tmp_path / "file").write_text("mine", "utf-8")
    done = here(*command.split())
    assert done.returncode == 1 and done.stderr.startswith("error: file/out"), done
    assert "cannot be written (file is no folder); name a " in done.stderr and done.stderr.count("\n") == 1
    assert done.stderr.endswith(" that you may write to\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["challenge", "file"]
    assert (tmp_path / "file").read_text("utf-8") == "mine"


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`name a file in a folder` would say nothing to somebody who has named one."""

    def denied(*args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")  # as for a user who may not; root may write anywhere

    for name in ("touch", "mkdir"):
        monkeypatch.setattr(Path, name, denied)
    with pytest.raises(DataError, match=r"\(Permission denied\); name a file in a folder that you may write to$"):
        files.check_writable(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"\(Permission denied\); name a new folder in one that you may write to$"):
        files.check_new(tmp_path / "a")


def test_a_store_that_cannot_be_written_is_tried_first(
    here: Command, idle: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first epoch would be trained, and then not be kept."""
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "file"))
    done = here("fit")
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done
    assert (
        f"{tmp_path / 'file'} is no folder); name a folder that you may write to as LANDSLIDE_NB_STORE" in done.stderr
    )


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pages nowhere", "nowhere"),
        ("readme nowhere.md nowhere", "nowhere.md does not exist"),
        ("numbers nowhere out", "nowhere holds no executed chapter"),
    ],
)
def test_what_is_not_there_is_named(
    command: str, expected: str, here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped name would end in a traceback."""
    monkeypatch.chdir(tmp_path)
    done = here(*command.split())
    assert done.returncode == 1 and expected in done.stderr and done.stderr.count("\n") == 1, done
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file", "a.csv"), "a.csv does not exist"),
        (PermissionError(errno.EACCES, "Permission denied", "a.csv"), "a.csv may not be read or written"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), "a is a folder"),
        (OSError(errno.ENOSPC, "No space left on device"), "a file could not be read or written (No space left"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "aaa"), "aaa could not be read or written (File name too"),
        (EOFError("No data left in file"), "a file ends before its time (No data left in file)"),
        (MemoryError(), "there is too little memory"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "a file is not text in UTF-8"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_the_system_refuses_is_one_sentence(
    error: Exception, expected: str, here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback, or "Aborted." for a file that is cut off."""

    def refuse() -> None:
        raise error

    monkeypatch.setattr("landslide_nb.experiments.inventory.kept", refuse)
    done = here("runs")
    assert done.returncode == 1 and done.stderr.startswith("error: ") and expected in done.stderr, done
    assert done.stderr.count("\n") == 1 and in_words(error) in done.stderr


def test_a_full_disk_leaves_nothing(folder: Path, filling_disk: None, tmp_path: Path, here: Command) -> None:
    """`convert` would end in a segmentation fault, `simulate` leave half a folder."""
    for command in (f"convert {folder} {tmp_path / 'out'}", f"simulate {tmp_path / 'out'} --patches 8 --test 2"):
        done = here(*command.split())
        assert done.returncode == 1 and "out could not be written (File too large); nothing was" in done.stderr, done
        assert [path.name for path in tmp_path.iterdir()] == ["challenge"]


def test_hdf5_on_a_disk_that_fills(filling_disk: None, tmp_path: Path) -> None:
    """The first bytes that do not fit would be lost, or the process with them."""
    with pytest.raises(OSError, match="too large"), files.PatientFile(tmp_path / "a.h5", "w+") as stream:
        for name in ("first", "second"):  # after the first one's end, HDF5 goes on
            with h5py.File(stream, "a") as file:
                file[name] = np.zeros(200_000, np.uint8)


def test_a_folder_is_whole_or_not_there(tiny: Patches, tmp_path: Path) -> None:
    """Patches that end in an error would leave a folder that looks like data."""

    def broken() -> Iterator[Pixels]:
        yield from tiny.pixels[:3]
        raise DataError("the fourth is damaged")

    part = Part(tiny.ids, tiny.labels, broken())
    with pytest.raises(DataError, match="the fourth is damaged"):
        zindi.write(tmp_path / "out", part, tiny)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()  # an empty folder may be there
    zindi.write(tmp_path / "out", tiny, tiny.take([0]))
    assert sorted(path.name for path in (tmp_path / "out").iterdir())[:2] == ["SampleSubmission.csv", "Test.csv"]


def test_a_trial_leaves_what_is_there(tmp_path: Path) -> None:
    """Trying whether a result can be written would destroy the one of before."""
    (tmp_path / "a").write_text("mine", "utf-8")
    files.check_writable(tmp_path / "a")
    files.check_new(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text("utf-8") == "mine"
