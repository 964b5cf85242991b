"""A plan says what would be trained, and the store what was: neither needs data, and nothing that is wanted is removed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from band_sets import seen
from conftest import Command
from safetensors.numpy import save_file

from landslide_nb.common.errors import StudyError
from landslide_nb.common.lock import lock
from landslide_nb.experiments import damage, grids, inventory, plan
from landslide_nb.experiments.code import code_version
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.simulation.draw import POSITIVE_RATE
from landslide_nb.training.settings import Settings

ROOT = Path(__file__).parents[1]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of runs in a store with nothing in it."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def place(folder: Path, key: str, **changes: object) -> Path:
    """A run that looks whole."""
    (folder / key).mkdir()
    record = {"edition": "smoke", "backbone": "resnet18", "fold": 1, "run_seconds": 12.3} | code_version() | changes
    (folder / key / "run.json").write_text(json.dumps(record), "utf-8")
    (folder / key / "history.csv").write_text("epoch,validation_f1\n1,0.25\n2,0.75\n", "utf-8")
    save_file({"weight": np.zeros(500_000, np.float32)}, folder / key / "last.safetensors")
    save_file({"weight": np.zeros(1, np.float32)}, folder / key / "best.safetensors")
    np.savez(folder / key / "arrays.npz", **{name: np.zeros(1) for name in damage.ARRAYS})  # type: ignore[arg-type]
    return folder / key


def begin(folder: Path, key: str, **changes: object) -> Path:
    """A run that was interrupted after an epoch, and while it wrote the next checkpoint."""
    record = {"edition": "smoke", "backbone": "resnet18", "fold": 0} | code_version() | changes
    (folder / f"{key}.begun").write_text(json.dumps(record), "utf-8")
    torch.save({}, folder / f"{key}.checkpoint")
    (folder / f".17.{key}.checkpoint").write_bytes(bytes(10))
    return folder / f"{key}.checkpoint"


def test_the_flops_of_a_known_network_are_the_published_ones() -> None:
    """Hours would be planned by a wrong count: ResNet-18 takes 1.82 GMAC at 224 pixels, for three channels."""
    reference = plan.cost("resnet18", seen(12), 224)
    stem = 7 * 7 * 64 * 112 * 112  # multiplications for each input channel
    assert reference.flops / 2 == pytest.approx(1.82e9 + 9 * stem, rel=0.01)
    with torch.device("meta"):
        expected = sum(p.numel() for p in timm.create_model("resnet18", in_chans=12, num_classes=2).parameters())
    assert reference.parameters == expected


def test_activations_are_counted_once() -> None:
    """Memory would be planned for tensors that share it: a real network's, counted by the hooks of a real pass, are the same."""
    small, large = (plan.cost("test_resnet", seen(12), size).activations for size in (32, 64))
    assert small > 0 and large == pytest.approx(4 * small, rel=0.05)
    settings = Settings(backbone="test_resnet", batch_size=10)
    half = settings.model_copy(update={"precision": "bfloat16"})
    cost = plan.Cost(parameters=1000, flops=1, activations=500)
    assert plan.memory(settings, 2, cost) == 24_000 + 5_000 + 2 * 196_608
    assert plan.memory(half, 2, cost) == 24_000 + 2_500 + 2 * 196_608


def test_the_images_of_a_run_are_those_that_it_trains_on() -> None:
    """The plan would promise hours for other rows than the runs have."""
    study = Study.load("smoke", epochs=2, smote=3)
    patches = study.patches()
    positive = patches.known_labels.mean()
    split = study.splits(patches)
    rows = [len(train) + 3 * patches.known_labels[train].sum() for train, _ in split.folds]
    seen = np.mean([row - row % study.batch_size for row in rows]) * 2
    assert plan.images(study) == pytest.approx(seen * (1 + 3 * POSITIVE_RATE) / (1 + 3 * positive), rel=0.05)


def test_work_and_hours_follow_from_their_parts() -> None:
    """A rate of twice as much would not halve the hours, or hours be of another unit."""
    study = Study.load("smoke", backbone="test_resnet", image_size=32)
    one, two = (plan.table({"x": study}, tflops).iloc[0] for tflops in (1.0, 2.0))
    assert one["GPU hours"] == pytest.approx(2 * two["GPU hours"])
    assert one["GPU hours"] == pytest.approx(3 * one["GFLOPs"] * one["images"] / 1000 / 3600)
    assert one["images"] == plan.images(study) * study.folds


def test_every_run_of_an_edition_has_a_name_of_its_own() -> None:
    """A job of a cluster would train another's run, or write a file that cannot be."""
    study = Study.load("smoke")
    named = plan.jobs(study)
    assert len(named) == sum(each.folds for each in grids.experiments(study).values())
    assert len({(run.study.settings.model_dump_json(), run.fold) for run in named.values()}) == len(named)
    assert all(name.replace("-", "").isalnum() for name in named)
    first = next(iter(named))
    assert isinstance(plan.job(study, first), Run)
    with pytest.raises(StudyError, match=f"did you mean {first!r}"):
        plan.job(study, first + "1")


def test_a_plan_needs_no_data_and_leaves_no_trace(empty: Path, here: Command) -> None:
    """Whoever asks for the cost of the paper's study would have to have its data, or wait for it to be simulated."""
    shutil.rmtree(empty)
    done = here("plan", "-p", "edition", "smoke", "-p", "data", "nowhere.h5", "--tflops", "10", "--no-cpu")
    assert done.returncode == 0, done.stderr
    assert "baseline" in done.stdout and "GPU hours" in done.stdout and "10 TFLOP/s" in done.stdout
    assert list(empty.parent.iterdir()) == []
    wrong = here("fit", "--only", "nothing", "-p", "edition", "smoke")
    assert wrong.returncode == 1 and "no run is called 'nothing'" in wrong.stderr


def test_runs_are_listed(empty: Path, command: Command) -> None:
    """Nobody could tell what fills the disk."""
    place(empty, "aaa")
    begin(empty, "bbb")
    done = command("runs")
    assert done.returncode == 0, done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    assert words[0] == ["key", "edition", "backbone", "fold", "F1", "seconds", "MB", "state"]
    assert words[1] == ["aaa", "smoke", "resnet18", "2", "0.750", "12", "2.0", "current"]
    assert words[2][:4] == ["bbb", "smoke", "resnet18", "1"] and words[2][-1] == "interrupted"


def test_what_no_longer_serves_is_pruned_and_nothing_else(empty: Path, command: Command) -> None:
    """Hours of training would go, or stay for ever what nobody can read."""
    wanted = [place(empty, "current"), begin(empty, "resumable")]
    needless = [place(empty, "code", code="other"), place(empty, "torch", torch="1.0")]
    needless += [begin(empty, "oldone", code="other"), begin(empty, "done")]
    place(empty, "done")
    (empty / "half.tmp").mkdir()
    with lock("busy"):
        (empty / "busy.tmp").mkdir()
        before = sorted(empty.iterdir())
        tried = command("runs", "--prune", "--dry-run")
        assert "5 would go" in tried.stdout and sorted(empty.iterdir()) == before, tried.stdout + tried.stderr
        done = command("runs", "--prune")
    assert "5 are gone" in done.stdout and done.returncode == 0, done.stdout + done.stderr
    left = {path.name.strip(".").removeprefix("17.").split(".")[0] for path in empty.iterdir()}
    assert left == {"current", "resumable", "done", "busy"}
    assert all(path.exists() for path in wanted) and not any(path.exists() for path in needless)
    assert [run.state for run in inventory.kept()] == ["leftover", "current", "current", "interrupted"]


def test_where_all_runs_serve_nothing_goes(empty: Path, here: Command) -> None:
    """`no runs in …` would be read as if they were gone."""
    place(empty, "current")
    for options, told in ((("--dry-run",), "nothing would go"), ((), "nothing goes")):
        done = here("runs", "--prune", *options)
        assert done.stdout == f"{told}: each of the 1 runs in {empty.parent} still serves\n", done


def snakemake(folder: Path, *options: str, config: tuple[str, ...] = ("jobs=runs",), ends: int = 0) -> str:
    """What Snakemake prints in a folder that looks like the checkout, a job for each run."""
    for part in ("Snakefile", "_config.yml", "notebooks", "book", "landslide_nb"):
        if not (folder / part).exists():
            (folder / part).symlink_to(ROOT / part)
    command = [str(Path(sys.executable).parent / "snakemake"), "--config", "edition=smoke", *config, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_snakemake_plans_a_job_for_each_run(tmp_path: Path) -> None:
    """A cluster would get one job that trains everything, or jobs that no run answers to."""
    said = snakemake(tmp_path, "-n", "--cores", "2", "--until", "runs")
    for name in plan.jobs(Study.load("smoke")):
        assert said.count(f"output: build/smoke/runs/{name}.done") == 1
    assert "mem_mb=8000" in said and "runtime=240" in said


def test_snakemake_passes_any_parameter_and_refuses_others(tmp_path: Path) -> None:
    """`--config epochs=3` would build plain smoke without a word, and a misspelt name cost an hour."""
    dry = ("-n", "-p", "--cores", "2")
    text = snakemake(tmp_path, *dry, config=("epochs=3", "weights=my weights.pth"))
    assert "fit -p edition smoke -p epochs 3 -p weights 'my weights.pth'" in text
    assert text.count("-p edition smoke -p epochs 3 -p weights 'my weights.pth'") == 1 + len(
        list(ROOT.glob("notebooks/*.ipynb"))
    )
    wrong = {
        "epoch=3": "unknown parameter 'epoch'; did you mean 'epochs'?",
        "epochs=three": "parameter 'epochs' is 'three'",
    }
    for given, expected in wrong.items():
        assert expected in snakemake(tmp_path, *dry, config=(given,), ends=1)


# A scheduler: it starts the job script beside it, and says the job's number.
SUBMIT = """
echo "$1" >> submitted
sh "$1" > job.$$.log 2>&1 &
echo $!
"""


@pytest.mark.slow
def test_a_cluster_trains_the_runs(empty: Path, tmp_path: Path) -> None:
    """Jobs would start and train nothing, or something that nobody reads, where a scheduler runs them and not Snakemake."""
    (tmp_path / "submit.sh").write_text(SUBMIT, "utf-8")
    study = Study.load("smoke")
    named = [name for name, run in plan.jobs(study).items() if run.study.backbone.startswith("unet:")]
    wanted = [f"build/smoke/runs/{name}.done" for name in named]
    cluster = ("--executor", "cluster-generic", "--cluster-generic-submit-cmd", "sh submit.sh", "--jobs", "2")
    snakemake(tmp_path, *cluster, "--", *wanted)
    assert len((tmp_path / "submitted").read_text("utf-8").splitlines()) == len(named) == study.folds
    assert all((tmp_path / path).is_file() for path in wanted)
    assert {path.name for path in empty.iterdir()} == {plan.job(study, name).key for name in named}
