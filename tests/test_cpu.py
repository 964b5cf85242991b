"""What an edition costs on a CPU of this machine is estimated from a step that is timed here, once."""

import math
import re
from pathlib import Path

import pytest
import torch
from conftest import Command

from landslide_nb.experiments import cpu, grids, plan
from landslide_nb.experiments.study import Study
from landslide_nb.training.settings import Settings

SMALL = Settings(backbone="test_resnet", weights="none", image_size=32, batch_size=8)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with nothing in it."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path))
    return tmp_path / "steps"


def test_a_step_is_timed_once(kept: Path) -> None:
    """`plan` would take minutes each time; a rate would be of another network, or this process go on with other threads."""
    said: list[str] = []
    threads = torch.get_num_threads()
    first = cpu.training_rate(SMALL.model_copy(update={"threads": 2}), 1e7, said.append)
    assert first is not None and 1 < first < 1e6
    assert cpu.training_rate(SMALL.model_copy(update={"threads": 2}), 1e7, said.append) == first
    assert said == ["timing a training step: test_resnet, 32 px, 12 channels"]
    assert len(list(kept.glob("*.npz"))) == 1 and torch.get_num_threads() == threads


def test_a_large_network_is_timed_on_few_images(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Timing the paper's network on a whole batch would take minutes."""
    timed: list[int] = []

    def two(settings: Settings, images: int) -> float:
        timed.append(images)
        return 2.0

    monkeypatch.setattr(cpu, "_seconds", two)
    rates = [cpu.training_rate(SMALL.model_copy(update={"batch_size": 36}), flops) for flops in (1e6, 4e9, 1e12)]
    assert timed == [36, 4, 2] and rates == [18, 2, 1]


def test_a_network_too_large_for_the_machine_leaves_a_gap(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan of all others would end in a traceback, or a fault of another kind be called a lack of memory."""

    def fail(settings: Settings, images: int) -> float:
        raise RuntimeError(message)

    monkeypatch.setattr(cpu, "_seconds", fail)
    message = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    assert cpu.training_rate(SMALL, 1e7) is None
    message = "size mismatch"
    with pytest.raises(RuntimeError, match="size mismatch"):
        cpu.training_rate(SMALL, 1e7)


def test_cpu_hours_follow_from_the_rate() -> None:
    """Hours would be of one fold, or of another unit."""
    study = Study.load("smoke", backbone="test_resnet", image_size=32)
    row = plan.table({"x": study}, rate=lambda settings, flops: 2.0).iloc[0]
    assert row["CPU hours"] == pytest.approx(row["images"] / 2 / 3600)
    assert math.isnan(plan.table({"x": study}).iloc[0]["CPU hours"])


def test_a_plan_says_what_it_takes_here(kept: Path, here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no GPU would learn hours of a machine that one does not have."""
    study = Study.load(
        "smoke", backbone="test_resnet", weights="none", backbones={"test_resnet": "none"}, image_size=32
    )
    monkeypatch.setattr(grids, "experiments", lambda chosen: {"one": study, "two": study})
    done = here("plan")
    assert done.returncode == 0 and "CPU hours\n" in done.stdout.splitlines(keepends=True)[0], done
    assert re.search(r"or \d+\.\d CPU hours, and need", done.stdout) and " runs side by side take " in done.stdout
    assert done.stderr == "timing a training step: test_resnet, 32 px, 12 channels\n"
    without = here("plan", "--no-cpu")
    assert "CPU hours" not in without.stdout and without.stderr == ""
    message = plan.text(study, rate=lambda settings, flops: None)
    assert "2 experiments are not in it: this machine has too little memory" in message
