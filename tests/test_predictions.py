"""Predictions of new patches: the right numbers for the right rows, or a sentence that names what is wrong."""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import Command, small_disk
from numpy.typing import NDArray
from spoil import half
from torch import Tensor
from typer.testing import CliRunner

from landslide_nb.cli import app
from landslide_nb.common.arrays import Scores
from landslide_nb.common.errors import DataError, LandslideError, ModelError
from landslide_nb.data import stream
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.hdf5 import FIRST_FORMAT, Part, write_parts
from landslide_nb.data.patches import Patches
from landslide_nb.data.reader import Reader
from landslide_nb.data.sources import zindi
from landslide_nb.data.sources.zindi import write_csv
from landslide_nb.experiments.run import Run
from landslide_nb.inference import bundle, predictions, submission
from landslide_nb.inference.card import Card
from landslide_nb.inference.ensemble import Ensemble
from landslide_nb.inference.predictions import Predictions, predict


@pytest.fixture(scope="module")
def ensemble(trained: list[Run]) -> Ensemble:
    """Two runs as folds."""
    return bundle.of_runs([run.folder for run in trained])


@pytest.fixture(scope="module")
def expected(trained: list[Run], tiny: Patches) -> dict[str, float]:
    """What the runs themselves said of each patch, on average."""
    told = np.mean([run.fit().probabilities for run in trained], axis=0)
    return dict(zip(tiny.ids, told.tolist(), strict=True))


@pytest.fixture
def npy(tiny: Patches, tmp_path: Path) -> Path:
    """A folder of five patches in `.npy` files, and nothing else."""
    folder = tmp_path / "patches"
    folder.mkdir()
    for name, pixels in zip(tiny.ids[:5], tiny.pixels, strict=False):
        np.save(folder / f"{name}.npy", pixels.transpose(1, 2, 0).astype(np.float64))
    return folder


def run(*arguments: str | Path) -> str:
    """The command line in this process; an error of ours is raised, as `main` would print it."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_the_numbers_are_those_of_the_runs(
    ensemble: Ensemble, expected: dict[str, float], folder: Path, npy: Path, tiny: Patches, tmp_path: Path
) -> None:
    """`predict` would read, scale or order patches in another way than training did."""
    tiny.write(tmp_path / "train.h5")
    zindi.convert(folder, tmp_path / "both.h5")
    for source in (folder, npy, tmp_path / "train.h5", tmp_path / "both.h5"):
        told = predict(ensemble, stream.find(source))
        np.testing.assert_allclose(told.probability, [expected[name] for name in told.rows], atol=1e-6)
        assert (told.folds.min(1) <= told.probability).all() and (told.folds.max(1) >= told.probability).all()
    assert predict(ensemble, stream.find(npy)).rows == tuple(sorted(tiny.ids[:5]))
    assert predict(ensemble, stream.find(tmp_path / "both.h5")).rows == tiny.ids[6:9]


def test_batches_do_not_change_what_is_said(ensemble: Ensemble, npy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory of one batch would be read over before it was predicted."""
    whole = predict(ensemble, stream.find(npy))
    for size in (1, 2, 3, 5):
        monkeypatch.setattr(predictions, "BATCH", size)
        lines: list[str] = []
        told = predict(ensemble, stream.find(npy), report=lines.append)
        np.testing.assert_allclose(told.folds, whole.folds, atol=1e-6)
        assert lines[-1] == "predicted: 5 of 5"


def test_rows_are_those_of_the_list(
    ensemble: Ensemble, expected: dict[str, float], folder: Path, tiny: Patches, tmp_path: Path
) -> None:
    """The challenge would count a submission as wrong: rows sorted, or an ID that is listed twice written once."""
    rows = (tiny.ids[8], tiny.ids[6], tiny.ids[8], tiny.ids[7])
    write_csv(folder / "Test.csv", {"ID": rows})
    zindi.convert(folder, tmp_path / "patches.h5")
    for spoiled in (folder / "train_data").glob("*.npy"):
        spoiled.write_bytes(b"")  # nobody has to read these
    for source in (folder, tmp_path / "patches.h5"):
        told = predict(ensemble, stream.find(source))
        assert told.rows == rows
        np.testing.assert_allclose(told.probability, [expected[name] for name in rows], atol=1e-6)
        told.write(tmp_path / "out.csv", 0.5)
        sample = tmp_path / "SampleSubmission.csv"
        write_csv(sample, {"ID": rows, "label": ["0"] * 4})
        assert submission.check(tmp_path / "out.csv", sample) == 4


def saved(values: NDArray[np.generic]) -> Callable[[Path], None]:
    """Another array in the place of a patch."""
    return lambda path: np.save(path, values)


def pickled(path: Path) -> None:
    """A file that would run code if it were loaded carelessly."""
    path.write_bytes(pickle.dumps(print))


def with_nan(path: Path) -> None:
    """One pixel that is no number."""
    values = np.load(path)
    values[3, 4, 5] = np.nan
    np.save(path, values)


BAD: list[tuple[Callable[[Path], None], str]] = [
    (saved(np.zeros((64, 64, 11))), r"holds float64 \(64, 64, 11\); expected numbers of shape \(64, 64, 12\)"),
    (saved(np.zeros((12, 64, 64))), r"holds float64 \(12, 64, 64\)"),
    (saved(np.array([None] * 3)), "not a whole .npy file of plain numbers"),
    (saved(np.full((64, 64, 12), 1e300)), "inf in band R"),
    (with_nan, "nan in band DVH at row 3, column 4"),
    (half, "not a whole .npy file"),
    (pickled, "not a whole .npy file"),
]


@pytest.mark.parametrize(("spoil", "sentence"), BAD)
def test_a_bad_patch_is_named_and_can_be_left_out(
    ensemble: Ensemble, expected: dict[str, float], npy: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    """One bad file of thousands would stop all others, or be predicted."""
    bad = sorted(npy.iterdir())[2]
    spoil(bad)
    with pytest.raises(DataError, match=sentence) as error:
        predict(ensemble, stream.find(npy))
    assert str(bad) in str(error.value) and "\n" not in str(error.value) and "--skip-bad" in str(error.value)
    told = predict(ensemble, stream.find(npy), skip_bad=True)
    assert told.rows == tuple(path.stem for path in sorted(npy.iterdir()) if path != bad)
    np.testing.assert_allclose(told.probability, [expected[name] for name in told.rows], atol=1e-6)
    assert len(told.left_out) == 1 and str(bad) in told.left_out[0] and str(bad) in told.summary(0.5)


def test_a_listed_patch_without_a_file_is_named(ensemble: Ensemble, folder: Path, tiny: Patches) -> None:
    """A submission would lack a row, and nobody know why."""
    (folder / "test_data" / f"{tiny.ids[7]}.npy").unlink()
    with pytest.raises(DataError, match=rf"Test.csv lists {tiny.ids[7]}, but there is no {tiny.ids[7]}.npy"):
        predict(ensemble, stream.find(folder))
    assert predict(ensemble, stream.find(folder), skip_bad=True).rows == (tiny.ids[6], tiny.ids[8])


def test_a_patch_without_a_probability_is_named(ensemble: Ensemble, npy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN is not at least the threshold: it would be written as a patch without a landslide."""
    probabilities = Ensemble.probabilities

    def spoilt(self: Ensemble, pixels: Tensor) -> Scores:
        told = probabilities(self, pixels)
        told[1, 0] = np.nan
        return told

    monkeypatch.setattr(Ensemble, "probabilities", spoilt)
    second = sorted(path.stem for path in npy.glob("*.npy"))[1]
    with pytest.raises(DataError, match=f"patch {second} has no probability: .*; nothing was written"):
        predict(ensemble, stream.find(npy))
    told = predict(ensemble, stream.find(npy), skip_bad=True)
    assert second not in told.rows and len(told.rows) == 4 and second in told.left_out[0]


def test_where_nothing_can_be_predicted_that_is_said(ensemble: Ensemble, npy: Path) -> None:
    """An empty file of predictions would look like a result."""
    for path in npy.iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"no patch could be predicted; the first fault: .*\.npy"):
        predict(ensemble, stream.find(npy), skip_bad=True)


def other_bands(path: Path) -> None:
    """The file of another data set."""
    with h5py.File(path, "a") as file:
        file.attrs["data_set"] = file.attrs["data_set"].replace('"ADVH"', '"SWIR"')


def other_bands_of_before(path: Path) -> None:
    """The file of an older program, which knew the challenge's bands only, with others."""
    with h5py.File(path, "a") as file:
        del file.attrs["data_set"]
        file.attrs["format"], file.attrs["bands"] = FIRST_FORMAT, [*CHALLENGE.bands.names[:11], "SWIR"]


def damaged(path: Path) -> None:
    """A pixel that is another one than was written."""
    with h5py.File(path, "a") as file:
        file["test/pixels"][1, 2, 3, 4] += 1


def not_finite(path: Path) -> None:
    """A pixel that is no number."""
    with h5py.File(path, "a") as file:
        file["test/pixels"][1, 2, 3, 4] = np.nan


def smaller(path: Path) -> None:
    """Patches of another size."""
    write_parts(path, CHALLENGE, {"test": Part(("a",), None, [np.zeros((12, 32, 32), np.float32)])})


def empty(path: Path) -> None:
    """No part at all."""
    write_parts(path, CHALLENGE, {})


ARCHIVES: list[tuple[Callable[[Path], object], str]] = [
    (other_bands, r"holds patches of 64 pixels with the bands R \(DN\), .*SWIR \(dB\); expected .*ADVH \(dB\)"),
    (other_bands_of_before, "has the bands R, .*SWIR; expected R, .*ADVH"),
    (damaged, "is damaged"),
    (not_finite, "patch .*: nan in band B at row 3, column 4"),
    (smaller, r"holds patches of shape \(12, 32, 32\)"),
    (empty, "holds no patches"),
    (half, "cannot be read as HDF5 patches"),
    (Path.unlink, "does not exist"),
]


@pytest.mark.parametrize(("spoil", "sentence"), ARCHIVES)
def test_a_bad_archive_is_refused(
    ensemble: Ensemble, folder: Path, tmp_path: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    """Patches of other bands, or what a broken disk made of them, would be predicted."""
    path = tmp_path / "patches.h5"
    zindi.convert(folder, path)
    spoil(path)
    with pytest.raises(DataError, match=sentence) as error:
        predict(ensemble, stream.find(path))
    assert str(path) in str(error.value)


def test_a_folder_that_says_nothing_is_refused(folder: Path, tmp_path: Path) -> None:
    """Training patches would be predicted because Test.csv was forgotten."""
    (folder / "Test.csv").unlink()
    with pytest.raises(DataError, match=r"has Train.csv and no Test.csv"):
        stream.find(folder)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match=r"holds no .npy files"):
        stream.find(tmp_path / "nothing")


@pytest.mark.parametrize("kind", ["<f8", "<f4", ">f8", "<i2", "<u2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_fast_way_to_read_is_the_slow_one(tmp_path: Path, kind: str, order: str) -> None:
    """Bands and pixels would be exchanged in files that another program wrote."""
    values = np.random.default_rng(0).uniform(0, 200, zindi.file_shape(CHALLENGE)).astype(kind)
    np.save(tmp_path / "patch.npy", np.asarray(values, order=order))  # type: ignore[call-overload]
    pixels = np.empty(CHALLENGE.shape, np.float32)
    Reader(CHALLENGE)(tmp_path / "patch.npy", pixels)
    np.testing.assert_array_equal(pixels, zindi.load_patch(tmp_path / "patch.npy"))


def test_what_is_read_ahead_comes_in_order_and_fails_in_its_turn() -> None:
    """An error would be lost in a thread, or reading run far ahead and fill the memory."""
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number
        raise DataError("the sixth")

    seen = []
    with pytest.raises(DataError, match="the sixth"):
        for number in stream.ahead(items()):
            seen.append(number)
            assert len(made) <= number + 2
    assert seen == list(range(5))


SAMPLE = "ID,label\na,0\nb,0\na,0\n"
SUBMISSIONS = [
    ("ID,label\na,1\nb,0\na,1\n", None),
    ("ID,label\r\na,1\r\nb,0\r\na,1\r\n", None),
    ("id,label\na,1\nb,0\na,1\n", "no header that begins with ID"),
    ("ID,target\na,1\nb,0\na,1\n", "begins with 'ID,target'; expected 'ID,label'"),
    ("ID,label\na,1\nb,0\n", "has a 1 times and .* 2 times .1 rows are missing"),
    ("ID,label\na,1\nb,0\na,1\nc,1\n", "has c 1 times and .* 0 times .1 rows too many"),
    ("ID,label\na,1\na,0\nb,1\n", "line 3: the ID is a; expected b, for rows must be in the order"),
    ("ID,label\na,1\nb,0.7\na,1\n", "line 3: b has label '0.7'; expected 0 or 1"),
    ("ID,label\na,1\nb,\na,1\n", "line 3: b has label ''"),
    ("ID,label\na,1\nb\na,1\n", "line 3: 1 fields; expected 2"),
    ("", "no header"),
    ("ID,label\na,1\nb,0\na,1\n\n", None),
    ("ID,label\n\na,1\nb,0\r\n  \na,1\n\n\n", None),
    ("ID,label\n\na,1\n\nb,2\na,1\n", "line 5: b has label '2'"),
    ("ID,label\n\na,1\na,1\nb,1\n", "line 4: the ID is a; expected b"),
    ("ID,label\na,1\n,\nb,0\na,1\n", "has .* 0 times"),
    ("ID,label\na,1.0\nb,0.0\na,1.0\n", "line 2: a has label '1.0'.*save labels as whole numbers"),
    ("ID,label\na.npy,1\nb.npy,0\na.npy,1\n", "line 2: the ID is a.npy: it is the name of a file; leave out .npy"),
    ("ID;label\na;1\nb;0\na;1\n", "no header .*separated by semicolons"),
    (None, "does not exist"),
]


@pytest.mark.parametrize(("text", "sentence"), SUBMISSIONS)
def test_a_submission_is_checked(tmp_path: Path, text: str | None, sentence: str | None) -> None:
    """One of few submissions a day would be spent on a file that is refused."""
    file, sample = tmp_path / "out.csv", tmp_path / "SampleSubmission.csv"
    sample.write_text(SAMPLE, "utf-8")
    if text is not None:
        file.write_bytes(text.encode())
    if sentence is None:
        assert submission.check(file, sample) == 3
        return
    with pytest.raises(DataError, match=sentence) as error:
        submission.check(file, sample)
    assert "\n" not in str(error.value)


def test_a_submission_has_the_rows_of_the_real_list(real: Path, tmp_path: Path) -> None:
    """The challenge's own list, with the ID that stands twice in it, would not be answered row by row."""
    rows = zindi.read_ids(real / "zindi_Test.csv")
    assert len(rows) == 5398 and len(set(rows)) == 5397
    told = np.random.default_rng(0).uniform(size=(len(rows), 3))
    Predictions(rows, told).write(tmp_path / "out.csv", 0.5)
    sample = tmp_path / "SampleSubmission.csv"
    sample.write_text("".join(["ID,label\n", *(f"{name},0\n" for name in rows)]), "utf-8")
    assert submission.check(tmp_path / "out.csv", sample) == 5398


def test_probabilities_are_written_with_the_range_of_the_folds(tmp_path: Path) -> None:
    """A reader could not tell where the folds disagree."""
    Predictions(("b", "a"), np.array([[0.2, 0.4], [1.0, 0.5]])).write_probabilities(tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    assert table.columns.tolist() == ["ID", "probability", "low", "high"]
    assert table["ID"].tolist() == ["b", "a"]
    np.testing.assert_allclose(table[["probability", "low", "high"]], [[0.3, 0.2, 0.4], [0.75, 0.5, 1.0]])


def test_the_command_takes_runs_and_exported_folders(
    trained: list[Run], ensemble: Ensemble, npy: Path, tmp_path: Path
) -> None:
    """A user would have to know where the store is, or be given another threshold than was asked for."""
    both, out = (trained[0].key, trained[1].folder), tmp_path / "out.csv"
    said = run("predict", *both, npy, "-o", out, "--threads", "1")
    assert "2 runs; nobody chose a threshold for them, it is 0.5" in said and "5 rows" in said
    by_runs = predict(ensemble, stream.find(npy))
    assert out.read_text("utf-8").splitlines()[1:] == [
        f"{name},{label}" for name, label in zip(by_runs.rows, by_runs.labels(0.5), strict=True)
    ]
    bundle.write(replace(ensemble, threshold=0.0), tmp_path / "model", Card("tiny", "simulated"))
    run("predict", tmp_path / "model", npy, "-o", out)
    assert set(pd.read_csv(out)["label"]) == {1}
    run("predict", tmp_path / "model", npy, "-o", out, "--threshold", "1")
    assert set(pd.read_csv(out)["label"]) == {0}
    run("predict", tmp_path / "model", npy, "-o", out, "--probabilities", "--flips")
    flipped = predict(ensemble.replace(flips=True), stream.find(npy))
    np.testing.assert_allclose(pd.read_csv(out)["probability"], flipped.probability, atol=1e-6)


def test_the_command_refuses_what_has_no_meaning(
    trained: list[Run], ensemble: Ensemble, npy: Path, tmp_path: Path
) -> None:
    """A mean over folds of different models would look like a model."""
    bundle.write(ensemble, tmp_path / "model", Card("tiny", "simulated"))
    out = tmp_path / "out.csv"
    with pytest.raises(ModelError, match="give it alone, or runs only"):
        run("predict", tmp_path / "model", trained[0].key, npy, "-o", out)
    with pytest.raises(ModelError, match="nothing is neither a folder that"):
        run("predict", "nothing", npy, "-o", out)
    with pytest.raises(LandslideError, match="is a folder"):
        run("predict", tmp_path / "model", npy, "-o", tmp_path)
    next(npy.iterdir()).write_bytes(b"")
    out.write_text("an older file", "utf-8")
    with pytest.raises(DataError):
        run("predict", tmp_path / "model", npy, "-o", out)
    assert out.read_text("utf-8") == "an older file"
    assert not list(tmp_path.glob(".*"))


def test_a_disk_that_is_full_of_predictions_is_told(
    here: Command, ensemble: Ensemble, npy: Path, tmp_path: Path
) -> None:
    """The sentence would name a file that nobody has asked for, `.1969.out.csv`."""
    bundle.write(ensemble, tmp_path / "model", Card("tiny", "simulated"))
    for options in ((), ("--probabilities",)):
        with small_disk(16):
            done = here("predict", tmp_path / "model", npy, "-o", tmp_path / "out.csv", *options)
        told = f"error: {tmp_path / 'out.csv'} could not be written (File too large); nothing was, make room"
        assert done.returncode == 1 and done.stderr.startswith(told) and done.stderr.count("\n") == 1, done
    assert [path.name for path in tmp_path.iterdir() if "out.csv" in path.name] == []


def test_a_user_sees_one_sentence(here: Command, ensemble: Ensemble, npy: Path, tmp_path: Path) -> None:
    """An error would be a traceback, or the exit code say that all is well."""
    bundle.write(ensemble, tmp_path / "model", Card("tiny", "simulated"))
    half(min((tmp_path / "model").glob("*.safetensors")))
    done = here("predict", tmp_path / "model", npy, "-o", tmp_path / "out.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and "cut off or altered" in done.stderr
    assert not (tmp_path / "out.csv").exists()
