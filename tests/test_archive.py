"""Published runs give the numbers of the runs that they were published from, without pixels, weights or training."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Command

from landslide_nb.common.errors import DataError, RunError
from landslide_nb.data.labelled import Labelled
from landslide_nb.data.patches import Patches
from landslide_nb.experiments import archive, comparisons, grids, publication, runs
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.training import fold

TINY = {
    "backbone": "test_resnet",
    "weights": "none",
    "image_size": 32,
    "learning_rate": 1e-2,
    "backbones": {"test_resnet": "none"},
}


@pytest.fixture(scope="module")
def study(tiny: Patches, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of seconds without SMOTE, so that its best network is that with a cosine schedule."""
    path = tmp_path_factory.mktemp("archived") / "tiny.h5"
    tiny.write(path)
    return Study.load(
        "smoke", str(path), n_test=6, folds=2, epochs=2, batch_size=4, smote_per_patch=0, resamples=200, **TINY
    )


@pytest.fixture(scope="module")
def where(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where its baseline and its best network are published."""
    folder, lines = tmp_path_factory.mktemp("published"), list[str]()
    rows = {"baseline": grids.baseline(study), "best": grids.best(study)}
    runs.train(rows, lines.append)
    assert publication.publish(rows, folder, lines.append) == 4 and lines[-1] == "best: 2 of 2 runs"
    return folder


def test_the_same_numbers_come_from_what_is_published(
    study: Study, where: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh clone would show other scores than the ones that were trained, or train again."""
    rows = {"baseline": grids.baseline(study), "best": grids.best(study)}
    labels = study.labelled().known_labels
    before = runs.fit(rows)
    monkeypatch.setenv("LANDSLIDE_NB_PUBLISHED", str(where))
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "empty"))
    monkeypatch.setattr(fold, "fit_fold", None)
    after = runs.fit(rows)
    for name in rows:
        for ours, theirs in zip(after[name], before[name], strict=True):
            np.testing.assert_allclose(ours.log_odds, theirs.log_odds, rtol=1e-3)
            assert ours.history["validation_f1"].tolist() == pytest.approx(
                theirs.history["validation_f1"].tolist(), abs=1e-6
            )
            assert (ours.test == theirs.test).all() and ours.seconds == theirs.seconds
    assert set(after["best"][0].decisions) == {"FC", "LightGBM", *(f"SVM, C = {c:g}" for c in study.svm_c)}
    assert not after["baseline"][0].decisions, "heads are asked of the best network only"
    told, was = (comparisons.compare_heads(each["best"], study, labels) for each in (after, before))
    assert [it.value for it in told["test F1"]] == pytest.approx([it.value for it in was["test F1"]], abs=1e-6)
    assert not list((tmp_path / "empty").glob("runs/*")), "something was trained"


def test_published_bytes_are_the_same_twice(study: Study, where: Path, tmp_path: Path) -> None:
    """Publishing again would be a change of the repository."""
    rows = {"baseline": grids.baseline(study), "best": grids.best(study)}
    publication.publish(rows, tmp_path, lambda line: None)
    for path in sorted(where.iterdir()):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_patches_are_all_but_their_pixels(study: Study, where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A split of published patches would be another one than that of the training."""
    monkeypatch.setenv("LANDSLIDE_NB_PUBLISHED", str(where))
    known, patches = archive.patches(), study.patches()
    assert known.ids == patches.ids and (known.known_labels == patches.known_labels).all()
    assert known.fingerprint == patches.fingerprint and known.data_set == patches.data_set
    ours, theirs = study.splits(known), study.splits(patches)
    assert (ours.test == theirs.test).all() and all(
        (a[0] == b[0]).all() for a, b in zip(ours.folds, theirs.folds, strict=True)
    )
    assert len(known) == len(patches) and known.groups is None
    with pytest.raises(DataError, match="has runs of other patches"):
        archive.write_patches(Labelled.of(patches.take(range(8))), where)


def test_a_key_does_not_depend_on_code_and_a_record_names_it(study: Study, where: Path) -> None:
    """Published runs would be lost with every change of the code, or nobody know which code they come from."""
    run = Run(grids.baseline(study), 0)
    record = json.loads((where / f"{run.published_key}.json").read_text("utf-8"))
    assert {"code", "torch", "edition", "fold", "seed", "run_seconds", "history"} <= set(record)
    assert "code" not in run.inputs and set(run.inputs) | {"code"} <= set(run.determined_by)
    assert record["seed"] + 1 == Run(grids.baseline(study), 1).determined_by["seed"], "folds are no replicates"


@pytest.mark.parametrize("damage", ["npz", "json", "none"])
def test_what_is_not_whole_is_named(
    damage: str, study: Study, where: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that git has cut off would end in a traceback."""
    run = Run(grids.baseline(study), 0)
    for path in where.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("LANDSLIDE_NB_PUBLISHED", str(tmp_path))
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "empty"))
    if damage == "none":
        for path in tmp_path.glob("*.npz"):
            path.unlink()
        with pytest.raises(DataError, match="holds no published runs: they are in the project's repository"):
            archive.patches()
        return
    path = tmp_path / f"{run.published_key}.{damage}"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"the published run .* cannot be read .*; take the repository's file again"):
        run.fit()


def test_the_command_publishes_what_is_kept(study: Study, tmp_path: Path, here: Command) -> None:
    """Who trains the study on her own patches could not share what came of it."""
    words = [
        word
        for name, value in {
            "data": study.data,
            "n_test": 6,
            "folds": 2,
            "epochs": 2,
            "batch_size": 4,
            "smote_per_patch": 0,
            "resamples": 200,
            **TINY,
        }.items()
        for word in ("-p", name, str(value))
    ]
    done = here("publish", tmp_path / "out", *words)
    assert done.returncode == 0, done.stderr
    assert "baseline: " in done.stdout and (tmp_path / "out" / "patches.npz").is_file()
    none = here("publish", tmp_path / "none", *words, "-p", "seed", "5")
    assert none.returncode == 1 and "none of these runs is in the store; train them first" in none.stderr
    assert not (tmp_path / "none").exists()
    with pytest.raises(RunError):
        publication.publish({"x": grids.baseline(study).replace(seed=9)}, tmp_path / "none", lambda line: None)
