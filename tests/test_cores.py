"""A process uses the CPUs that it may use, not all that there are."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from landslide_nb.cli import app
from landslide_nb.common import cores
from landslide_nb.data.patches import Patches
from landslide_nb.experiments import runs
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.training import fold
from landslide_nb.training.loop import build


def allow(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let this process use so many of 64 CPUs, as `taskset` and the schedulers of clusters do."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(count)), raising=False)


def test_what_is_allowed_counts_not_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 processes would share the two CPUs of a job, and the memory of two would not do for them."""
    allow(monkeypatch, 2)
    assert cores.cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS and Windows
    assert cores.cores() == 64


def test_too_many_threads_are_limited_and_told_once(
    tiny: Patches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that wait for one another's CPU take many times as long, and nobody would know why."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path / "store"))
    allow(monkeypatch, 1)
    tiny.write(tmp_path / "tiny.h5")
    network = {"backbone": "test_resnet", "weights": "none", "image_size": 32, "batch_size": 4}
    study = Study.load("smoke", str(tmp_path / "tiny.h5"), n_test=6, epochs=1, threads=64, **network)
    used, lines = list[int](), list[str]()

    def built(*args: Any) -> Any:
        used.append(torch.get_num_threads())
        return build(*args)

    monkeypatch.setattr(fold, "build", built)
    runs.train_runs({"one": Run(study, 0)}, lines.append)
    warning = "threads is 64, but this process may use 1 of the CPUs: so many are used"
    assert used == [1] and lines.count(warning) == 1


def test_predict_limits_its_threads(trained: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--threads 64` on two CPUs would take many times as long."""
    allow(monkeypatch, 1)
    before = torch.get_num_threads()
    try:
        told = CliRunner().invoke(
            app, ["predict", trained[0].key, trained[0].study.data, "-o", str(tmp_path / "p.csv"), "--threads", "64"]
        )
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert told.exit_code == 0 and "threads is 64, but this process may use 1 of the CPUs" in told.stderr
