"""What a full disk, a power cut or a broken copy has left of a run is found, set aside and trained again."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
from spoil import empty, half, other

from landslide_nb.common import files
from landslide_nb.common.errors import ModelError
from landslide_nb.data.patches import Patches
from landslide_nb.experiments import inventory, runs
from landslide_nb.experiments.damage import damaged_file
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.inference import bundle

FILES = ("run.json", "history.csv", "arrays.npz", "last.safetensors", "best.safetensors")


@pytest.fixture(scope="module")
def fitted(tiny: Patches, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path, bytes]:
    """A study of seconds, a store with its first run, and what that run said."""
    folder = tmp_path_factory.mktemp("damage")
    tiny.write(folder / "tiny.h5")
    network = {"backbone": "test_resnet", "weights": "none", "image_size": 32, "batch_size": 4}
    study = Study.load("smoke", str(folder / "tiny.h5"), n_test=6, epochs=2, **network)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDSLIDE_NB_STORE", str(folder / "store"))
        return study, folder / "store", Run(study, 0).fit().log_odds.tobytes()


@pytest.fixture
def run(fitted: tuple[Study, Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The run in a store of its own, to be damaged."""
    copytree(fitted[1], tmp_path / "store")
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "store"))
    return Run(fitted[0], 0)


def states() -> dict[str, str]:
    """What `landslide-nb runs` says of what is in the store, by name."""
    return {path.name: each.state for each in inventory.kept() for path in each.paths}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", [empty, half, Path.unlink])
def test_damage_to_a_run_is_seen(run: Run, file: str, damage: Callable[[Path], None]) -> None:
    """Every try to read the run would end in a traceback, and no list would say which run it is."""
    assert run.done and damaged_file(run.folder) is None
    damage(run.folder / file)
    assert not run.done and damaged_file(run.folder) == file
    assert states() == {run.key: "damaged"} and run.key in inventory.table(inventory.kept())
    if file in ("run.json", "arrays.npz", "last.safetensors"):
        with pytest.raises(ModelError, match=r"holds no whole run .*; train it again"):
            bundle.read_run(run.folder)


@pytest.mark.parametrize(("file", "damage"), [("last.safetensors", half), ("arrays.npz", other)])
def test_a_damaged_run_is_set_aside_and_trained_again(
    run: Run, fitted: tuple[Study, Path, bytes], file: str, damage: Callable[[Path], None]
) -> None:
    """Whoever has a damaged run would have to find out what to delete."""
    lines: list[str] = []
    damage(run.folder / file)
    aside = run.folder.with_name(f"{run.key}.damaged")
    assert run.fit(lines.append).log_odds.tobytes() == fitted[2]
    assert lines[0] == f"{run.folder / file} is damaged; set aside in {aside.name}, the run is trained again"
    assert states() == {run.key: "current", aside.name: "damaged"}
    assert all(inventory.remove(each) for each in inventory.kept() if each.needless)
    assert states() == {run.key: "current"}


@pytest.mark.parametrize("damage", [empty, half])
def test_a_damaged_checkpoint_is_set_aside(run: Run, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """A run that was interrupted while the disk was full could never be trained."""
    begun = Run(run.study.replace(seed=7), 0)
    lines: list[str] = []

    def interrupt(line: str) -> None:
        if line.startswith("epoch 2/2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begun.train(interrupt)
    checkpoint = begun.folder.with_suffix(".checkpoint")
    assert states()[checkpoint.name] == "interrupted"
    damage(checkpoint)
    assert states()[checkpoint.name] == "damaged"
    runs.train_runs({"one": begun}, lines.append)
    assert f"{checkpoint} is damaged (" in lines[1] and f"; set aside as {checkpoint.name}.damaged," in lines[1]
    assert len(lines) == 4, "it did not start anew"
    assert states() == {run.key: "current", begun.key: "current", f"{checkpoint.name}.damaged": "damaged"}


def test_what_may_not_be_read_is_no_damage(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of somebody else's store would be set aside because of its permissions."""

    def denied(*args: object, **options: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(PermissionError):
        damaged_file(run.folder)


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut would leave an empty file under the name of a checkpoint."""
    flushed: list[str] = []

    def flush(number: int) -> None:
        flushed.append((tmp_path / f".{os.getpid()}.it.json").read_text("utf-8"))
        assert not (tmp_path / "it.json").exists()

    monkeypatch.setattr("os.fsync", flush)
    with files.replacing(tmp_path / "it.json") as temporary:
        temporary.write_text(json.dumps("whole"), "utf-8")
    assert flushed == ['"whole"']


def test_damaged_patches_are_rendered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every chapter would fail until somebody finds the file in the store."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path))
    study = Study.load("smoke", simulated_patches=8)
    fingerprint = study.patches().fingerprint
    (path,) = (tmp_path / "rendered").glob("*.h5")
    half(path)
    with pytest.warns(UserWarning, match=rf"{path.name} .*; set aside as {path.name}\.damaged, rendered again"):
        assert study.patches().fingerprint == fingerprint
    assert study.patches().fingerprint == fingerprint
