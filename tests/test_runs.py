"""A run is a value: trained once, kept whole or not at all, and the same bytes wherever it is trained."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import killed
import numpy as np
import pytest
import torch
from conftest import small_disk
from sklearn.preprocessing import StandardScaler

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.common import source
from landslide_nb.common.errors import DataError, LeakError, RunError, Stopped, StudyError, WeightsError
from landslide_nb.common.lock import held
from landslide_nb.data.patches import Patches
from landslide_nb.experiments import code, runs, written
from landslide_nb.experiments import run as experiment_run
from landslide_nb.experiments.result import Result
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.training import fold as training_fold
from landslide_nb.training.loop import predict

ARRAYS = ("log_odds", "best_log_odds", "embeddings", "first", "second", "weight")
FIT = """
import sys
from pathlib import Path
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
study = Study.load(**eval(sys.argv[3]) | {"data": sys.argv[1]})
run = Run(study, 0)
run.key
(Path(sys.argv[2]) / "ready").touch()
result = run.fit(lambda line: print(line, flush=True))
print("bytes", result.log_odds.tobytes().hex())
"""
SETTINGS: dict[str, Any] = {
    "n_test": 6,
    "folds": 2,
    "epochs": 2,
    "image_size": 32,
    "batch_size": 4,
    "backbone": "test_resnet",
    "weights": "none",
    "smote": 1,
    "smote_neighbours": 2,
}


@pytest.fixture(scope="session")
def data(tiny: Patches, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny patches as a file, as a user has them."""
    path = tmp_path_factory.mktemp("data") / "tiny.h5"
    tiny.write(path)
    return path


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with nothing in it."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def study(data: Path, **changes: Any) -> Study:
    """A study of seconds."""
    return Study.load("smoke", str(data), **(SETTINGS | changes))


def refuse(*args: object, **options: object) -> None:
    """What must not be called."""
    raise AssertionError("this trains again")


@pytest.fixture(scope="module")
def fitted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Result]]:
    """One run that several tests look at, in a store of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDSLIDE_NB_STORE", str(tmp_path_factory.mktemp("fitted")))
        run = Run(study(data), 1)
        yield run, run.fit()


def test_two_stores_hold_the_same_bytes(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people with the same data and settings would have different numbers."""
    results = []
    for name in ("a", "b"):
        monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / name))
        results.append(Run(study(data), 0).fit())
    first, second = results
    assert first.folder.is_relative_to(tmp_path / "a") and second.folder.is_relative_to(tmp_path / "b")
    assert first.folder.name == second.folder.name
    for name in ARRAYS:
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name
    for file in ("last.safetensors", "best.safetensors"):
        assert (first.folder / file).read_bytes() == (second.folder / file).read_bytes()


def test_a_run_is_trained_once(empty: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chapter would train for hours what is already there."""
    run = Run(study(data), 0)
    assert not run.done
    first = run.fit()
    assert run.done and run.folder.is_relative_to(empty)
    monkeypatch.setattr(experiment_run, "fit_fold", refuse)
    second = Run(study(data), 0).fit()
    for name in ARRAYS:
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name
    assert second.history.equals(first.history) and second.seconds == first.seconds


CHANGES = ({"epochs": 3}, {"seed": 1}, {"data_seed": 1}, {"n_test": 8}, {"folds": 3}, {"smote": 2}, {"colour": 0.1})


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_what_determines_a_run_changes_its_key(data: Path, change: dict[str, Any]) -> None:
    """Another run's numbers would be shown as this one's."""
    assert Run(study(data, **change), 0).key != Run(study(data), 0).key


def test_fold_data_and_code_change_the_key(
    data: Path, tiny: Patches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results would survive a change of the data or of the code that they came from."""
    brighter = Patches(tiny.ids, tiny.pixels + 1, tiny.labels)
    brighter.write(tmp_path / "brighter.h5")
    keys = [Run(study(data), 0).key, Run(study(data), 1).key, Run(study(tmp_path / "brighter.h5"), 0).key]
    monkeypatch.setattr(experiment_run, "code_version", lambda: {"code": "another"})
    keys.append(Run(study(data), 0).key)
    assert len(set(keys)) == 4


def test_the_same_patches_in_another_order_are_another_run(data: Path, tiny: Patches, tmp_path: Path) -> None:
    """Folds are cut by position: a kept run would score patches as unseen that it was trained on."""
    tiny.take(np.arange(24)[::-1]).write(tmp_path / "reversed.h5")
    here, there = Run(study(data), 0), Run(study(tmp_path / "reversed.h5"), 0)
    trained = {here.data[0].ids[i] for i in here.data[1].folds[0][0]}
    elsewhere = {there.data[0].ids[i] for i in there.data[1].folds[0][0]}
    assert trained == elsewhere or here.key != there.key


@pytest.mark.parametrize(
    "change", [{"resamples": 101}, {"note": "x"}, {"statistics": "x.csv"}, {"svm_c": (2.0,)}, {"patch": "x.npy"}]
)
def test_what_does_not_determine_a_run_does_not_change_its_key(data: Path, change: dict[str, Any]) -> None:
    """A longer bootstrap would train all networks again."""
    assert Run(study(data, **change), 0).key == Run(study(data), 0).key


def test_words_and_places_are_not_in_the_key(data: Path, tmp_path: Path) -> None:
    """Another spelling of a credit, or weights in another folder, would train everything again."""
    plain = study(data)
    titled = plain.data_set.model_copy(update={"title": "Another title", "credit": "somebody", "licence": "none"})
    assert Run(plain.replace(data_set=titled), 0).key == Run(plain, 0).key
    here, there = tmp_path / "here.pth", tmp_path / "there.pth"
    for path in (here, there):
        path.write_bytes(b"the same weights")
    first, moved = (Run(study(data, weights=str(path)), 0) for path in (here, there))
    assert first.key == moved.key != Run(plain, 0).key
    assert first.record["weights"] == str(here)
    there.write_bytes(b"other weights")
    assert Run(study(data, weights=str(there)), 0).key != first.key


def test_a_copy_of_the_data_is_the_same_run(data: Path, tmp_path: Path) -> None:
    """Moving the data would train everything again."""
    shutil.copy(data, tmp_path / "moved.h5")
    assert Run(study(tmp_path / "moved.h5"), 0).key == Run(study(data), 0).key


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("training/loop.py", "\n# a comment\n", False),
        ("training/loop.py", "\n\n    # a comment, indented\n\n", False),
        ("chapters/c05/figures.py", "\nX = 1\n", False),
        ("experiments/comparisons.py", "\nX = 1\n", False),
        ("training/loop.py", "\nX = 1\n", True),
        ("training/batches.py", "\nX = 1\n", True),
        ("models/encoders.py", "\nX = 1\n", True),
        ("augment/smote.py", "\nX = 1\n", True),
        ("data/channels.py", "\nX = 1\n", True),
    ],
)
def test_code_version_follows_the_code_of_runs(
    file: str, text: str, changes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment or a figure would train everything again, or a changed loop nothing."""
    package = tmp_path / "landslide_nb"
    shutil.copytree(source.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    with (package / file).open("a", encoding="utf-8") as stream:
        stream.write(text)
    before = code.code_version()["code"]
    monkeypatch.setattr(source, "PACKAGE", package)
    monkeypatch.setattr(source, "COMMON", package / "common")
    for known in (source.files_of, source.code_of):  # for this copy of the package only
        monkeypatch.setattr(source, known.__name__, cache(known.__wrapped__))
    assert (source.code_of(code.TRAINING) != before) == changes


def test_two_processes_train_a_run_once(empty: Path, data: Path, tmp_path: Path) -> None:
    """Two jobs of a cluster would do the same work, or write over each other."""
    command = [sys.executable, "-c", FIT, str(data), str(tmp_path), repr(SETTINGS)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    run, lines = Run(study(data), 0), list[str]()
    assert run.key
    while not (tmp_path / "ready").exists():
        assert other.poll() is None, other.communicate()[0]
        time.sleep(0.01)
    result = run.fit(lines.append)
    (printed, _) = other.communicate(timeout=120)
    assert other.returncode == 0, printed
    epochs = [[line for line in told if line.startswith("epoch")] for told in (lines, printed.splitlines())]
    assert sorted(map(len, epochs)) == [0, SETTINGS["epochs"]], (lines, printed)
    assert printed.splitlines()[-1] == f"bytes {result.log_odds.tobytes().hex()}"
    assert len([path for path in (empty / "runs").iterdir() if path.is_dir()]) == 1


def test_a_synthetic_row_from_the_validation_fold_stops_the_run(
    empty: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oversampling before the split would inflate every score of the book."""
    run = Run(study(data), 0)
    honest, unseen = run.data[1].folds[0]
    none, half = np.array([], np.int64), np.array([0.5], np.float32)
    leaking = SampleTable(honest[:1], unseen[:1], half, np.ones(1, np.int8), held_out=none)
    monkeypatch.setattr(training_fold, "oversample", lambda *args, **options: leaking)
    with pytest.raises(LeakError, match=f"patch {unseen[0]} as its second parent"):
        run.fit()
    assert not run.done


@pytest.mark.parametrize("part", ["fit_fold", "save"])
def test_nothing_is_half_written(part: str, empty: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that failed would be read as one that is done."""
    run = Run(study(data, epochs=1), 0)

    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(written if part == "save" else experiment_run, part, fail)
        with pytest.raises(RuntimeError, match="no space left"):
            run.fit()
    assert not run.done
    result = run.fit()
    assert run.done and len(result.history) == 1
    assert sorted(path.name for path in empty.glob("runs/*")) == [run.key]


def test_a_disk_that_is_full_of_the_first_epoch_is_told(empty: Path, data: Path) -> None:
    """Two tracebacks of torch would say `unexpected pos 128 vs 0`, and what was begun stay for ever."""
    run = Run(study(data), 0)
    told = rf"^{re.escape(str(run.folder))}\.checkpoint could not be written \(File too large\); nothing was, make room"
    with small_disk(20_480), pytest.raises(DataError, match=told):
        run.fit()
    assert not list((empty / "runs").iterdir()) and not held(run.key)


@pytest.mark.parametrize("size", [6_000, 100_000], ids=["arrays", "weights"])
def test_a_disk_that_is_full_of_the_result_is_told(
    size: int, empty: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit at the end of a night would be a traceback of numpy or safetensors, and leave half a folder."""
    run, lines = Run(study(data), 0), list[str]()

    def write(*given: Any) -> None:
        with small_disk(size):
            written.write(*given)

    with monkeypatch.context() as patch:
        patch.setattr(experiment_run, "write", write)
        with pytest.raises(
            DataError, match=rf"{run.key} could not be written \(File too large\); nothing was, make room"
        ):
            run.fit()
    assert {path.suffix for path in (empty / "runs").iterdir()} == {".begun", ".checkpoint"}
    run.fit(lines.append)
    assert not lines, "what was trained is trained again"


def test_an_interrupted_run_goes_on(empty: Path, data: Path) -> None:
    """A night on a cluster that ends one epoch early would have to be repeated whole."""
    run, lines = Run(study(data, epochs=3, smote=0), 0), list[str]()

    def interrupt(line: str) -> None:
        if line.startswith("epoch 3/3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.fit(interrupt)
    result = run.fit(lines.append)
    assert [line.partition(":")[0] for line in lines] == ["epoch 3/3"]
    assert result.history["epoch"].tolist() == [1, 2, 3]


def test_the_kept_network_gives_the_kept_probabilities(fitted: tuple[Run, Result]) -> None:
    """Occlusion and predictions would be of another network than the one that was scored."""
    run, result = fitted
    network, scaler = run.model()
    log_odds, embeddings = predict(network, torch.from_numpy(run.data[0].pixels), run.study.settings, scaler)
    np.testing.assert_allclose(log_odds, result.log_odds, atol=4e-6)  # of probabilities 1e-6
    np.testing.assert_allclose(embeddings, result.embeddings, atol=1e-5)
    assert np.ptp(result.probabilities) > 1e-4


def test_train_validation_and_test_share_no_patch(fitted: tuple[Run, Result]) -> None:
    """A score would be of patches that were trained on."""
    run, result = fitted
    parts = [set(part.tolist()) for part in (result.train, result.validation, result.test)]
    assert sorted(map(len, parts)) == [6, 9, 9] and len(set.union(*parts)) == 24
    assert set(result.first.tolist()) | set(result.second.tolist()) == parts[0]
    assert set(run.held_out.tolist()) == parts[1] | parts[2]
    synthetic = result.weight < 1
    labels = run.data[0].known_labels
    assert synthetic.sum() == labels[result.train].sum() > 0
    assert (labels[result.first[synthetic]] == 1).all() and (labels[result.second[synthetic]] == 1).all()


def test_scaling_is_fitted_on_training_patches_only(fitted: tuple[Run, Result], tiny: Patches) -> None:
    """Statistics of the validation and test patches would leak into training."""
    run, result = fitted
    _, scaler = run.model()
    values = tiny.pixels[result.train].transpose(0, 2, 3, 1).reshape(-1, 12).astype(float)
    reference = StandardScaler().fit(values)
    np.testing.assert_allclose(scaler.centre, reference.mean_, rtol=1e-5)
    np.testing.assert_allclose(scaler.scale, reference.scale_, rtol=1e-5)
    everyone = tiny.pixels.mean((0, 2, 3), dtype=float)
    assert not np.allclose(scaler.centre, everyone, rtol=1e-3)


def test_a_run_says_what_determined_it(fitted: tuple[Run, Result]) -> None:
    """Nobody could tell later where a number came from."""
    run, result = fitted
    record = json.loads((result.folder / "run.json").read_text("utf-8"))
    assert record["fingerprint"] == run.data[0].fingerprint
    assert (record["epochs"], record["fold"], record["backbone"]) == (2, 1, "test_resnet")
    assert {"code", "torch", "timm"} <= set(record)


def test_a_fold_that_does_not_exist_is_named(data: Path) -> None:
    """Counting from 1 would end in an index error, or train on another fold."""
    for number in (2, -1):
        with pytest.raises(DataError, match=f"fold {number} does not exist; there are 2"):
            Run(study(data), number).fit()


def test_all_folds_of_all_studies_are_fitted(
    empty: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table would lack a fold, or a user see no sign of life for hours."""
    lines: list[str] = []
    studies = {"one": study(data, epochs=1), "same": study(data, epochs=1)}
    results = runs.fit(studies, lines.append)
    assert [len(folds) for folds in results.values()] == [2, 2]
    assert results["one"][0].folder == results["same"][0].folder
    whole = np.concatenate([result.validation for result in results["one"]])
    assert sorted(whole.tolist()) == sorted(set(range(24)) - set(results["one"][0].test.tolist()))
    told = [line for line in lines if line.startswith("run ")]
    assert len(told) == 2, "two names for one study are one training"
    for number, line in enumerate(told, 1):
        assert re.match(rf"run {number} of 2\b.*: (one|same), fold [12] of 2", line)
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "alone"))
    alone = Run(studies["one"], 0).fit()
    assert alone.log_odds.tobytes() == results["one"][0].log_odds.tobytes(), "it matters who trains"


def test_runs_that_wait_are_not_begun_after_one_has_failed(
    empty: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night of training would go on after its first run has failed, and the reason be said in the morning."""
    lines: list[str] = []
    monkeypatch.setattr(runs, "cores", lambda: 1)
    monkeypatch.setattr(runs, "workers", ThreadPoolExecutor)  # which starts no process and loads nothing again
    studies = {"bad": study(data, weights=str(tmp_path / "none.pth"), smote=0), "good": study(data, epochs=1)}
    with pytest.raises(WeightsError, match=r"none\.pth does not exist"):
        runs.train(studies, lines.append)
    assert len(lines) == 1 and lines[0].startswith("run 1 of 4 failed: bad, fold 1 of 2: ") and "none.pth" in lines[0]
    begun = {path.name.partition(".")[0] for path in (empty / "runs").iterdir()}
    assert begun == {Run(studies["bad"], 0).key}


def test_a_failed_run_is_told_while_others_train(empty: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason why a run failed would be told when all that were begun before it have ended, hours later."""
    told, lines, begun = Event(), list[str](), list[str]()

    def train(_: Study, fold: int, title: str) -> float:
        begun.append(title)
        if fold == 1:
            raise MemoryError("no memory")
        assert told.wait(60), "it is told too late"
        return 1.0

    def report(line: str) -> None:
        lines.append(line)
        told.set()

    monkeypatch.setattr(runs, "cores", lambda: 2)
    monkeypatch.setattr(runs, "workers", ThreadPoolExecutor)  # workers that see what a test has patched
    monkeypatch.setattr(runs, "_train_here", train)
    with pytest.raises(RunError, match=r"one, fold 2 of 3: MemoryError: no memory; runs that are done are kept"):
        runs.train({"one": study(data, folds=3)}, report)
    assert lines == ["run 1 of 3 failed: one, fold 2 of 3: no memory"]
    assert begun == ["one, fold 1 of 3", "one, fold 2 of 3"]


def test_a_network_that_does_not_fit_is_refused_before_any_training(empty: Path, data: Path) -> None:
    """The first runs would be trained for hours, and then the last of the study refuse its size."""
    studies = {"good": study(data, epochs=1), "bad": study(data, backbone="vgg11", image_size=16)}
    with pytest.raises(
        StudyError, match=r"^vgg11 cannot be used on patches of 16 × 16 pixels .*; take another network"
    ):
        runs.train(studies, refuse)
    assert not (empty / "runs").exists()


def test_a_killed_process_is_told_with_its_runs(empty: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`A process in the process pool was terminated abruptly` says neither which run it was, nor why, nor what to do."""
    monkeypatch.setattr(runs, "cores", lambda: 2)
    monkeypatch.setattr(runs, "_train_here", killed.train)
    lines: list[str] = []
    remedy = r"memory: train one at a time .*, or take a smaller batch_size or image_size; runs that are done are kept"
    with pytest.raises(RunError, match=rf"one, fold \d of 3 or one, fold \d of 3 was killed, .* {remedy}"):
        runs.train({"one": study(data, folds=3)}, lines.append)
    assert not lines


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")]
)
def test_too_little_memory_is_told_with_a_remedy(data: Path, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback of torch would end the night, and not say which run it was."""

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(Run, "train", fail)
    with pytest.raises(
        RunError, match=r"^one: there is not memory enough \(.*\); take a smaller batch_size or image_size$"
    ):
        runs.train_runs({"one": Run(study(data, seed=9), 0)}, lambda line: None)


def test_a_notebook_that_is_interrupted_says_how_it_goes_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops a chapter would read a hundred lines of a traceback, and not what is lost: nothing."""

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "train", interrupt)
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt) as caught:
        runs.train_runs({"one": Run(study(data, seed=9), 0)}, lines.append)
    assert lines[-1] == f"stopped; {runs.STOPPED}"
    assert isinstance(caught.value, Stopped) and caught.value._render_traceback_() == [f"Stopped: {runs.STOPPED}"]


def test_a_run_that_diverges_is_named_and_leaves_nothing(empty: Path, data: Path) -> None:
    """It would be kept as a current run, or go on from the epoch that it cannot go on from."""
    diverging = Run(study(data, learning_rate=1e30), 0)
    usual = f"the smoke edition has {Study.load('smoke').learning_rate:g}"
    with pytest.raises(
        RunError, match=rf"one, fold 1: test_resnet has diverged: .*; take a learning_rate below 1e\+30; {usual}$"
    ):
        runs.train_runs({"one, fold 1": diverging}, lambda line: None)
    assert not list((empty / "runs").iterdir())


def test_training_reads_no_result(empty: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`landslide-nb fit` of many runs would hold the embeddings of all of them in memory, or send them between processes."""
    monkeypatch.setattr(Run, "_read", refuse)
    monkeypatch.setattr(runs, "workers", ThreadPoolExecutor)  # workers that see what a test has patched
    studies = {"one": study(data, epochs=1), "same": study(data, epochs=1)}
    assert runs._train_here(studies["one"], 0, "one") > 0
    lines: list[str] = []
    assert runs.train(studies, lines.append) == 2  # one of them is missing
    studies["more"] = study(data, epochs=1, seed=1)
    assert runs.train(studies, lines.append) == 4  # two are
    assert runs.train(studies, refuse) == 4  # none is
    assert len(list((empty / "runs").iterdir())) == 4


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_leaves_torch_as_it_was(data: Path, tiny: Patches, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a notebook computes after a run would be other numbers than before it, or slower, or refused as not deterministic."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    chosen, parts = study(data, epochs=1, threads=1), Run(study(data), 0).data[1]
    if fails:
        monkeypatch.setattr(training_fold, "predict", refuse)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(False)
    try:
        torch.manual_seed(321)
        np.random.seed(5)
        expected, numpys = torch.rand(3), np.random.rand(3)
        torch.manual_seed(321)
        np.random.seed(5)
        with pytest.raises(AssertionError) if fails else nullcontext():
            training_fold.fit_fold(chosen.settings, tiny, parts, 0)
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.initial_seed() == 321 and torch.equal(torch.rand(3), expected)
        assert (np.random.rand(3) == numpys).all()
        torch.use_deterministic_algorithms(True, warn_only=True)
        with pytest.raises(AssertionError) if fails else nullcontext():
            training_fold.fit_fold(chosen.settings, tiny, parts, 0)
        assert torch.are_deterministic_algorithms_enabled() and torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])


def test_log_odds_are_kept_whole(empty: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is sure would be kept as if it were less so: stacks, thresholds and flips are computed from log-odds."""
    run = Run(study(data, epochs=1), 0)
    sure = np.where(np.arange(24) % 2, 40, -40).astype(np.float32)

    def told(*given: Any) -> tuple[Any, Any]:
        return sure, predict(*given)[1]

    monkeypatch.setattr(training_fold, "predict", told)
    result = run.fit()
    assert result.log_odds.dtype == np.float32 and result.log_odds.tolist() == sure.tolist()
    assert result.best_log_odds.tolist() == sure.tolist()
    assert (result.probabilities[::2] > 0).all() and result.probabilities[0] == pytest.approx(np.exp(-40.0), rel=1e-6)


KILLED = """
import sys
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
run = Run(Study.load(**eval(sys.argv[2]) | {"data": sys.argv[1]}), 0)
run.fit(lambda line: print(line, flush=True))
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(
    empty: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that fails would leave other numbers than one that does not, or a store that nobody can read."""
    changes: dict[str, Any] = SETTINGS | {"epochs": 6, "cutmix": True, "mixup": True, "schedule": "cosine"}
    command = [sys.executable, "-c", KILLED, str(data), repr(changes)]
    for line in ("epoch 2/6", "epoch 5/6"):  # the moment after it: within, and near the end of training
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
        assert process.stdout is not None
        assert any(told.startswith(line) for told in process.stdout)
        process.kill()
        process.communicate()
    run = Run(study(data, **changes), 0)
    assert not run.done and run.folder.with_suffix(".begun").is_file()
    assert run.folder.with_suffix(".checkpoint").is_file() and not held(run.key)
    (empty / "runs" / f".1.{run.key}.checkpoint").touch()  # as if killed while writing
    lines: list[str] = []
    resumed = run.fit(lines.append)
    assert 1 <= len(lines) <= 2, "it did not go on from the fifth epoch"
    assert [path.name for path in (empty / "runs").iterdir()] == [run.key], "something is left"
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "whole"))
    whole = Run(study(data, **changes), 0).fit()
    for name in ARRAYS:
        assert getattr(resumed, name).tobytes() == getattr(whole, name).tobytes(), name


LAUNCHED = """
import sys
from landslide_nb.experiments import runs
from landslide_nb.experiments.study import Study
if __name__ == "__main__":
    study = Study.load(**eval(sys.argv[2]) | {"data": sys.argv[1]})
    runs.fit({"it": study, "again": study.replace(seed=1)}, lambda line: print(line, flush=True))
"""


@pytest.mark.slow
def test_two_processes_of_accelerate_train_a_run_together(
    empty: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several GPUs would train something else than one does, wait for each other for ever, or write over each other."""
    changes: dict[str, Any] = SETTINGS | {"backbone": "test_convnext"}  # without batch normalisation they agree closely
    (tmp_path / "fit.py").write_text(LAUNCHED, "utf-8")
    accelerate = [str(Path(sys.executable).parent / "accelerate"), "launch", "--multi_gpu", "--num_processes", "2"]
    options = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    given = [str(tmp_path / "fit.py"), str(data), repr(changes)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*accelerate, *options, *given], capture_output=True, text=True, env=environment, timeout=240, check=False
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("processes may not talk to each other here")
    assert done.returncode == 0, done.stderr[-3000:]
    epochs = [line for line in done.stdout.splitlines() if "epoch" in line]
    assert len(epochs) == 2 * 2 * SETTINGS["epochs"], "not one of them alone reports"
    assert len(list((empty / "runs").iterdir())) == 4
    together = Run(study(data, **changes), 0)
    assert together.done
    result = together.fit(refuse)
    assert json.loads((result.folder / "run.json").read_text("utf-8"))["processes"] == 2
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "alone"))
    alone = Run(study(data, **changes), 0).fit()
    np.testing.assert_allclose(result.probabilities, alone.probabilities, atol=1e-3)
    assert np.ptp(alone.probabilities) > 1e-2
