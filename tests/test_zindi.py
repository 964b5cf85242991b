"""The challenge's folder: what is written comes back, and every bad folder is refused in one sentence."""

import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from conftest import Command
from numpy.typing import DTypeLike, NDArray

from landslide_nb.common.errors import DataError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.hdf5 import read_rows
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.simulation.draw import simulate

FIRST = "SIM_007_000000"
SECOND = "SIM_007_000001"
HIDDEN = "SIM_007_000006"
SHAPE = (64, 64, 12)  # of a patch in its file
SLOW = ("torch", "sklearn", "matplotlib", "timm", "kornia")


class Fault(NamedTuple):
    """Something wrong with a folder.

    Attributes:
        damage: does it to a good folder.
        words: what the error has to say: where it is, and what.
    """

    damage: Callable[[Path], object]
    words: tuple[str, ...]


def patch_file(folder: Path) -> Path:
    """The file of the first training patch."""
    return folder / "train_data" / f"{FIRST}.npy"


def with_csv(name: str, text: str) -> Callable[[Path], object]:
    """Replace a CSV."""
    return lambda folder: (folder / name).write_text(text, "utf-8")


def with_more(line: str) -> Callable[[Path], object]:
    """Add a line to Train.csv."""
    return lambda folder: (folder / "Train.csv").open("a", encoding="utf-8").write(line)


def with_bytes(content: bytes) -> Callable[[Path], object]:
    """Replace the file of the first patch by something else."""
    return lambda folder: patch_file(folder).write_bytes(content)


def with_array(
    shape: tuple[int, ...] = SHAPE, dtype: DTypeLike = np.float64, corner: float = 1
) -> Callable[[Path], None]:
    """Replace the first patch by another array."""
    array: NDArray[np.generic] = np.zeros(shape, dtype)
    array[(3, 2, 1)[: len(shape)]] = corner
    return lambda folder: np.save(patch_file(folder), array)


def truncate(folder: Path) -> None:
    """Cut the first patch, as a broken download does."""
    patch_file(folder).write_bytes(patch_file(folder).read_bytes()[:200_000])


def damage_header(folder: Path) -> None:
    """Open a bracket in the header of the first patch that nothing closes."""
    patch_file(folder).write_bytes(patch_file(folder).read_bytes().replace(b"), }", b"(, }", 1))


def archive(folder: Path) -> None:
    """Save the first patch as .npz under the name of an .npy."""
    with patch_file(folder).open("wb") as stream:
        np.savez(stream, patch=np.zeros(SHAPE))


def copy_patch(folder: Path) -> None:
    """Leave a second copy of a patch below the folder."""
    (folder / "old").mkdir()
    shutil.copy(patch_file(folder), folder / "old")


def empty(folder: Path) -> None:
    """Remove all that is in the folder."""
    shutil.rmtree(folder)
    folder.mkdir()


FAULTS = {
    "missing column": Fault(with_csv("Train.csv", f"ID,target\n{FIRST},1\n"), ("Train.csv", "'label'", "ID,target")),
    "label 2": Fault(with_more("SIM_007_000009,2\n"), ("Train.csv", "line 8", "SIM_007_000009", "'2'", "0 or 1")),
    "no file": Fault(lambda folder: patch_file(folder).unlink(), ("Train.csv", f"no {FIRST}.npy")),
    "shape": Fault(with_array((64, 64, 11)), (f"{FIRST}.npy", "(64, 64, 11)", "(64, 64, 12)")),
    "NaN": Fault(with_array(corner=np.nan), (f"{FIRST}.npy", "nan", "band G", "row 3, column 2")),
    "pickled": Fault(with_array(dtype=object), (f"{FIRST}.npy", "not a whole .npy")),
    "truncated": Fault(truncate, (f"{FIRST}.npy", "not a whole .npy")),
    "two labels": Fault(with_more(f"{FIRST},1\n{FIRST},0\n"), ("Train.csv", FIRST, "two labels")),
    "empty folder": Fault(empty, ("Train.csv",)),
    "no folder": Fault(shutil.rmtree, ("challenge is not a folder",)),
    "empty ID": Fault(with_more(",1\n"), ("Train.csv", "line 8", "ID is empty")),
    "file twice": Fault(copy_patch, (f"{FIRST}.npy", "twice", "train_data", "old")),
}
RARE_FAULTS = {
    "test patch without file": Fault(with_csv("Test.csv", "ID\nID_1\n"), ("Test.csv", "no ID_1.npy")),
    "no ID column in Test.csv": Fault(with_csv("Test.csv", "id\nID_1\n"), ("Test.csv", "'ID'")),
    "CSV of zero bytes": Fault(with_csv("Train.csv", ""), ("Train.csv is empty",)),
    "semicolons": Fault(with_csv("Train.csv", f"ID;label\n{FIRST};1\n"), ("Train.csv", "'ID'", "semicolons")),
    "saved with decimals": Fault(
        with_csv("Train.csv", f"ID,label\n{FIRST},1.0\n"), ("line 2", "'1.0'", "0 or 1", "save labels as whole numbers")
    ),
    "IDs with an ending": Fault(with_csv("Train.csv", f"ID,label\n{FIRST}.npy,1\n"), ("line 2", "leave out .npy")),
    "no label": Fault(with_more("SIM_007_000009\n"), ("Train.csv", "line 8", "SIM_007_000009")),
    "a line with a third field": Fault(with_more(f"{FIRST},1,2\n"), ("Train.csv", "line 8")),
    "a comma ends each line": Fault(with_csv("Train.csv", f"ID,label\n{FIRST},1,\n{SECOND},2,\n"), ("Train.csv",)),
    "bits in place of text": Fault(lambda folder: (folder / "Train.csv").write_bytes(b"\xff\xfe"), ("Train.csv",)),
    "zero bytes": Fault(with_bytes(b""), (f"{FIRST}.npy", "not a whole .npy")),
    "a web page": Fault(with_bytes(b"<html>not found</html>"), (f"{FIRST}.npy", "not a whole .npy")),
    "half a zip": Fault(with_bytes(b"PK\x03\x04half"), (f"{FIRST}.npy",)),
    "an .npz": Fault(archive, (f"{FIRST}.npy",)),
    "damaged header": Fault(damage_header, (f"{FIRST}.npy",)),
    "flat": Fault(with_array((64 * 64 * 12,)), (f"{FIRST}.npy", "(49152,)")),
    "channels first": Fault(with_array((12, 64, 64)), (f"{FIRST}.npy", "(12, 64, 64)")),
    "complex": Fault(with_array(dtype=np.complex128), (f"{FIRST}.npy", "complex128")),
    "infinite": Fault(with_array(corner=-np.inf), (f"{FIRST}.npy", "-inf")),
    "beyond float32": Fault(with_array(corner=1e300), (f"{FIRST}.npy", "band G")),
}


def same(a: Patches, b: Patches) -> bool:
    """Whether two sets are equal, order included."""
    return a.ids == b.ids and a.fingerprint == b.fingerprint


def test_read_gives_back_what_was_written(tiny: Patches, folder: Path) -> None:
    """Simulated patches would not be those that were simulated."""
    train, test = zindi.read(folder)
    hidden = tiny.take(np.arange(6, 9))
    assert same(train, tiny.take(np.arange(6)))
    assert same(test, Patches(hidden.ids, hidden.pixels))


def test_a_folder_is_of_the_challenges_data_set(folder: Path, tmp_path: Path) -> None:
    """Its patches would be taken for another data set's, and its authors not be credited."""
    zindi.convert(folder, tmp_path / "patches.h5")
    for patches in (*zindi.read(folder), Patches.read(tmp_path / "patches.h5")):
        assert patches.data_set == CHALLENGE
    assert zindi.file_shape(CHALLENGE) == SHAPE


def test_files_are_as_the_challenge_ships_them(tiny: Patches, folder: Path) -> None:
    """Code that was written for the challenge could not read what we simulate."""
    stored = np.load(patch_file(folder))
    assert stored.dtype == np.float64
    np.testing.assert_array_equal(stored, np.moveaxis(tiny.pixels[0], 0, 2))
    labels = tiny.known_labels[:6]
    lines = [f"{name},{label}" for name, label in zip(tiny.ids, labels, strict=False)]
    assert (folder / "Train.csv").read_text("utf-8").splitlines() == ["ID,label", *lines]
    assert (folder / "Test.csv").read_text("utf-8").splitlines() == ["ID", *tiny.ids[6:9]]
    lines = [f"{name},0" for name in tiny.ids[6:9]]
    assert (folder / "SampleSubmission.csv").read_text("utf-8").splitlines() == ["ID,label", *lines]


def test_header_is_the_challenges(real: Path, folder: Path) -> None:
    """Our files would differ from the real ones in type, order or shape."""
    assert patch_file(folder).read_bytes()[:128] == (real / "ID_005GY8.npy").read_bytes()[:128]


def test_real_patch_is_read(real: Path) -> None:
    """The challenge's own file would be refused, or its bands mixed up."""
    patch = zindi.load_patch(real / "ID_005GY8.npy")
    assert patch.shape == (12, 64, 64)
    np.testing.assert_array_equal(patch[7], np.load(real / "ID_005GY8.npy")[:, :, 7].astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.int16, ">f8"])
def test_other_numbers_are_read_too(dtype: DTypeLike, folder: Path) -> None:
    """Patches that someone stored smaller would be refused."""
    with_array(dtype=dtype)(folder)
    assert zindi.load_patch(patch_file(folder))[1, 3, 2] == 1


def test_convert_equals_read(folder: Path, tmp_path: Path) -> None:
    """A study on the file would be another study than on the folder."""
    zindi.convert(folder, tmp_path / "patches.h5")
    train, test = zindi.read(folder)
    assert same(Patches.read(tmp_path / "patches.h5", "train"), train)
    assert same(Patches.read(tmp_path / "patches.h5", "test"), test)


def test_test_patch_that_is_listed_twice(folder: Path, tmp_path: Path) -> None:
    """The real Test.csv lists an ID twice: a submission needs both rows, a prediction one patch."""
    rows = (HIDDEN, "SIM_007_000008", HIDDEN, "SIM_007_000007")
    (folder / "Test.csv").write_text("\n".join(("ID", *rows)), "utf-8")
    zindi.convert(folder, tmp_path / "patches.h5")
    distinct = (HIDDEN, "SIM_007_000008", "SIM_007_000007")
    assert zindi.read(folder)[1].ids == distinct
    assert Patches.read(tmp_path / "patches.h5", "test").ids == distinct
    assert read_rows(tmp_path / "patches.h5") == rows


def test_real_test_list_is_kept_row_by_row(real: Path) -> None:
    """A submission would lack a row, or have the rows in another order than the challenge's."""
    rows = zindi.read_ids(real / "zindi_Test.csv")
    assert len(rows) == 5398
    assert len(set(rows)) == 5397
    assert rows.count("ID_Q2Q7VF") == 2
    assert list(rows) == (real / "zindi_Test.csv").read_text("utf-8").split()[1:]


def test_row_that_stands_twice_counts_once(folder: Path) -> None:
    """A harmless copy of a row would be refused, or a patch trained on twice."""
    before = zindi.read(folder)[0]
    with_more(f"{FIRST},{before.known_labels[0]}\n")(folder)
    assert same(zindi.read(folder)[0], before)


def test_test_part_may_be_missing(folder: Path, tmp_path: Path) -> None:
    """Who has only the training part could not start."""
    (folder / "Test.csv").unlink()
    train, test = zindi.read(folder)
    assert (len(train), len(test)) == (6, 0)
    assert list(zindi.convert(folder, tmp_path / "patches.h5")) == ["train"]
    assert same(Patches.read(tmp_path / "patches.h5"), train)


@pytest.mark.parametrize("options", [(), ("--nodata", "-9999")])
def test_patches_that_no_list_names_are_counted(
    options: tuple[str, ...], folder: Path, tmp_path: Path, here: Command
) -> None:
    """A Test.csv that lost its rows would leave out the whole test part without a word."""
    assert "lists" not in here("convert", folder, tmp_path / "whole.h5", *options).stdout
    (folder / "Test.csv").write_text("ID\n", "utf-8")
    done = here("convert", folder, tmp_path / "out.h5", *options)
    first = min((folder / "test_data").iterdir())
    told = f"left out: 3 .npy files that neither Train.csv nor Test.csv lists, as {first}"
    assert done.returncode == 0 and told in done.stdout.splitlines(), done


def test_patches_lie_anywhere_below(folder: Path) -> None:
    """Whoever unpacked the challenge into other folders could not start."""
    before = zindi.read(folder)[0]
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "train_data").rename(folder / "a" / "b" / "c")
    assert same(zindi.read(folder)[0], before)


@pytest.mark.parametrize("names", [("NA", "007"), ("1e5", "null"), ("True", "-0")])
def test_ids_are_text(names: tuple[str, str], tmp_path: Path) -> None:
    """Such an ID would turn into a number or a missing value, and its patch would not be found."""
    patches = Patches(names, np.ones((2, 12, 64, 64), np.float32), np.array([1, 0], np.int8))
    zindi.write(tmp_path / "folder", patches, Patches((), np.empty((0, 12, 64, 64), np.float32)))
    train, test = zindi.read(tmp_path / "folder")
    assert same(train, patches)
    assert len(test) == 0


def test_write_leaves_a_folder_with_files_alone(tiny: Patches, folder: Path) -> None:
    """Simulated patches would mix with the challenge's."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(DataError, match="challenge exists and is not an empty folder"):
        zindi.write(folder, tiny.take([9]), tiny.take([10]))
    assert sorted(folder.rglob("*")) == before


def test_unlabelled_patches_are_no_training_part(tiny: Patches, tmp_path: Path) -> None:
    """A folder that broke off would pass for a whole one: Train.csv must not be there."""
    hidden = Patches(tiny.ids[:1], tiny.pixels[:1])
    with pytest.raises(DataError, match="no labels"):
        zindi.write(tmp_path / "folder", hidden, hidden)
    assert not (tmp_path / "folder" / "Train.csv").exists()


@pytest.mark.parametrize("name", FAULTS | RARE_FAULTS)
def test_bad_folder_keeps_the_old_file(name: str, folder: Path, tmp_path: Path) -> None:
    """A failed conversion would cost a user the file that was there."""
    fault = (FAULTS | RARE_FAULTS)[name]
    fault.damage(folder)
    output = tmp_path / "out" / "patches.h5"
    output.parent.mkdir()
    output.write_bytes(b"old")
    with pytest.raises(DataError) as error, warnings.catch_warnings():
        warnings.simplefilter("error")
        zindi.convert(folder, output)
    message = str(error.value)
    assert [word for word in fault.words if word not in message] == [], message
    assert len(message.splitlines()) == 1, message
    assert [file.name for file in output.parent.iterdir()] == ["patches.h5"]
    assert output.read_bytes() == b"old"


@pytest.mark.parametrize("name", FAULTS)
def test_bad_folder_on_the_command_line(name: str, folder: Path, tmp_path: Path, here: Command) -> None:
    """A user would see a traceback, or a script would go on with half a file."""
    FAULTS[name].damage(folder)
    (tmp_path / "out").mkdir()
    done = here("convert", folder, tmp_path / "out" / "patches.h5")
    assert done.returncode != 0
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert [word for word in FAULTS[name].words if word not in line] == []
    assert not list((tmp_path / "out").iterdir())


def test_good_folder_on_the_command_line(folder: Path, tmp_path: Path, command: Command) -> None:
    """A user would not know what was converted."""
    done = command("convert", folder, tmp_path / "patches.h5")
    positive = int(zindi.read(folder)[0].known_labels.sum())
    assert (done.returncode, done.stderr) == (0, "")
    *progress, train, test = done.stdout.splitlines()
    assert (train, test) == (f"train: 6 patches, {positive} with a landslide", "test: 3 patches")
    assert "train: 3 of 6" in progress and "test: 3 of 3" in progress
    assert same(Patches.read(tmp_path / "patches.h5"), zindi.read(folder)[0])


@pytest.mark.parametrize("output", ["challenge", "challenge/Train.csv/patches.h5"])
def test_output_that_is_no_file_is_named(output: str, folder: Path, tmp_path: Path) -> None:
    """A folder in place of the output file would end in a traceback after all patches were read."""
    with pytest.raises(DataError, match="challenge"):
        zindi.convert(folder, tmp_path / output)


def test_data_commands_load_nothing_heavy() -> None:
    """Each command on data would take the seconds that torch takes to load."""
    modules = (
        "cli",
        "cli.data",
        "data.sources.zindi",
        "data.stream",
        "simulation.draw",
        "tabular.statistics",
        "models.names",
    )
    imported = ", ".join(f"landslide_nb.{name}" for name in modules)
    code = f"import sys, {imported}; print([n for n in {SLOW} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


MOMENTS = 5


def test_killed_conversion_leaves_nothing_or_all(tmp_path: Path) -> None:
    """Half a file would be read as the whole challenge."""
    patches = simulate(60, seed=1)
    zindi.write(tmp_path / "challenge", patches, patches.take(np.arange(0)))
    output, survived = tmp_path / "all.h5", 0
    code = "import sys; from landslide_nb.data.sources import zindi; print('ready', flush=True); zindi.convert(*sys.argv[1:])"
    for moment in np.random.default_rng(0).uniform(0, 0.25, MOMENTS):
        output.unlink(missing_ok=True)
        with subprocess.Popen(
            [sys.executable, "-c", code, tmp_path / "challenge", output], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout and process.stdout.readline()
            time.sleep(moment)
            process.kill()
        if output.exists():
            survived += 1
            assert Patches.read(output).fingerprint == patches.fingerprint
    assert survived < MOMENTS, "no kill came in time"


def test_patches_in_linked_folders_are_read_and_hidden_files_are_none(folder: Path, tmp_path: Path) -> None:
    """Two of six patches would be predicted without a word on the others, or what a system leaves beside files be refused."""
    before = {name: path.read_bytes() for name, path in zindi.files(folder).items()}
    (folder / "train_data").rename(tmp_path / "elsewhere")
    (folder / "train_data").symlink_to(tmp_path / "elsewhere")
    (folder / "test_data" / f"._{HIDDEN}.npy").write_bytes(b"what macOS leaves on a stick")
    (folder / ".ipynb_checkpoints").mkdir()
    shutil.copy(folder / "test_data" / f"{HIDDEN}.npy", folder / ".ipynb_checkpoints" / f"{HIDDEN}-checkpoint.npy")
    assert {name: path.read_bytes() for name, path in zindi.files(folder).items()} == before
    train, test = zindi.read(folder)
    assert (len(train), len(test)) == (6, 3)


def test_a_link_to_a_patch_is_no_second_one(folder: Path) -> None:
    """A folder of links to some of the patches would have the whole folder refused."""
    (folder / "chosen").mkdir()
    (folder / "chosen" / f"{FIRST}.npy").symlink_to(patch_file(folder))
    assert len(zindi.files(folder)) == 9
