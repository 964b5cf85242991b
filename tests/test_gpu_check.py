"""The check of a GPU, on the CPU: it runs, it is honest of what was not there, and a wrong number does not pass."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Generator, Tensor

from landslide_nb import cli
from landslide_nb.augment import transforms
from landslide_nb.experiments import plan, speed
from landslide_nb.experiments.gpu import agreement, check, rates
from landslide_nb.experiments.gpu.rows import Difference, compare
from landslide_nb.experiments.speed import Rate, Speed
from landslide_nb.experiments.study import Study
from landslide_nb.similarity.api import nearest
from landslide_nb.training.settings import Settings

KNOWN = Speed(Rate(300.0, 200.0, 400.0), Rate(30.0, 20.0, 40.0), 5_000_000, "a machine")
TINY: dict[str, Any] = {"backbone": "test_efficientnet", "weights": "none", "image_size": 32, "batch_size": 4}


def sizes() -> check.Sizes:
    """The CPU's own comparison; less of what is timed, and compiling."""
    study = Study.load("smoke", backbones={"test_efficientnet": "none"}, **TINY)
    return check.Sizes(study, check.of_cpu().compared, patches=8, turns=1, steps=1, compile=True)


def uncompilable(network: Any) -> Any:
    """What torch.compile does where there is no compiler."""
    raise RuntimeError("no compiler is here")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A check of seconds, in this process alone."""
    asked = sizes()
    monkeypatch.setattr(check, "of_cpu", lambda: asked)
    monkeypatch.setattr(check, "training_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(speed, "SECONDS", 0.01)
    monkeypatch.setattr(rates, "apart", lambda work, settings, seconds: work(settings))
    monkeypatch.setattr(torch, "compile", uncompilable)
    return monkeypatch


@pytest.fixture
def timeless(small: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The same, with nothing measured."""
    small.setattr(rates, "apart", lambda work, settings, seconds: "not measured here")
    return small


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `landslide-nb check-gpu`, as its script calls it."""
    monkeypatch.setattr("sys.argv", ["landslide-nb", "check-gpu", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_it_runs_without_a_gpu(small: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CI would not notice that the check is broken, nor a reader that there was no GPU."""
    output = tmp_path / "results" / "gpu.csv"
    assert run(small, "-o", str(output)) == 0
    said = capsys.readouterr().out
    assert "No GPU is here" in said and "small sizes" in said and "Traceback" not in said
    table: dict[str, dict[str, Any]] = pd.read_csv(output).set_index("what").to_dict("index")  # type: ignore[assignment]
    compared = {name: row for name, row in table.items() if row["tolerance"] > 0}
    assert len(compared) == 15 and {row["ok"] for row in compared.values()} == {"yes"}
    assert 0 < compared["gradients, test_efficientnet: float32 against float64"]["relative"] < agreement.FLOAT32
    assert compared["gradients, test_efficientnet: bfloat16 against float32"]["relative"] > 0
    assert compared["SSIM of neighbours, torch against numba"]["absolute"] > 0
    for name in ("training, as a run has it", "forward, as a run has it", check.PIPELINE, "sustained in training"):
        assert table[name]["value"] > 0
    assert table["training of the smoke edition"]["value"] > 0
    refused = table["training and forward, torch.compile"]
    assert math.isnan(refused["value"]) and refused["note"] == "not available: no compiler is here"
    assert list(output.parent.iterdir()) == [output]


def off(similar: Callable[..., Any]) -> Callable[..., Any]:
    """A search for neighbours whose similarities are wrong on a device."""

    def search(pixels: Any, k: int, device: str | None = None, keep: bool = True) -> Any:
        indices, similarities = similar(pixels, k, device=device, keep=keep)
        return indices, similarities + np.float32(1e-4 if device else 0)

    return search


def test_a_wrong_number_is_noticed(
    timeless: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A GPU that computes something else would be trusted with days of training."""
    timeless.setattr(agreement, "nearest", off(nearest))
    output = tmp_path / "gpu.csv"
    assert run(timeless, "-o", str(output)) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: 1 of the comparisons on ") and len(error.splitlines()) == 1
    assert "SSIM of neighbours" in error and "at most 1e-05" in error
    assert pd.read_csv(output)["ok"].tolist().count("no") == 1


@pytest.mark.parametrize("wrong", [1.01, math.nan])
def test_a_wrong_gradient_is_noticed(wrong: float, timeless: pytest.MonkeyPatch) -> None:
    """A network would train to something else on a GPU, or to nothing."""
    true = speed.backward

    def backward(model: Any, x: Tensor, targets: Tensor, precision: Any) -> Tensor:
        loss = true(model, x, targets, precision)
        if x.dtype == torch.float32 and precision == "float32":  # as the device has it; the reference is float64
            for each in model.parameters():
                each.grad *= wrong
        return loss

    timeless.setattr(agreement, "backward", backward)
    with pytest.raises(check.DeviceError, match="gradients, test_efficientnet: float32 against float64") as error:
        check.check(None, lambda line: None)
    assert "loss" not in str(error.value)


def test_a_device_that_augments_otherwise_is_noticed(timeless: pytest.MonkeyPatch) -> None:
    """Flips and shears of a GPU could be others than those that the tests know."""
    true, calls = transforms.affine, list[int]()

    def affine(pixels: Tensor, matrix: Tensor) -> Tensor:
        calls.append(1)
        return true(pixels, matrix) + (0.01 if len(calls) <= 2 else 0)  # the device comes first: two batches

    timeless.setattr(transforms, "affine", affine)
    with pytest.raises(check.DeviceError, match=r"1 of the comparisons.*geometry, CutMix"):
        check.check(None, lambda line: None)


def test_both_devices_draw_the_same() -> None:
    """Augmentation on two devices, each with random numbers of its own, could not be compared."""

    def drawn(seed: int) -> Tensor:
        with agreement.SameDraws(seed=3):
            x, targets = torch.ones(4, 2, 8, 8), torch.eye(2).repeat(2, 1)
            return transforms.mixup(x, targets, 1.0, Generator().manual_seed(seed)).weight

    assert torch.equal(drawn(0), drawn(1))
    assert len(set(drawn(0).tolist())) == 4


@pytest.mark.parametrize(
    ("theirs", "reference", "ok"),
    [
        ([1.0, 2.0], [1.0, 2.1], True),
        ([1.0, 2.0], [1.0, 2.5], False),
        ([math.nan, 2.0], [1.0, 2.0], False),
        ([0.0, 0.0], [0.0, 0.0], True),
        ([0.1, 0.0], [0.0, 0.0], False),
        ([math.inf, 0.0], [1.0, 0.0], False),
    ],
)
def test_a_difference_is_over_the_largest_value(theirs: list[float], reference: list[float], ok: bool) -> None:
    """What is not a number, or all of a result of zeros, would pass."""
    row = compare("x", torch.tensor(theirs), torch.tensor(reference), 0.1)
    assert isinstance(row, Difference) and row.ok is ok


def test_a_measurement_that_does_not_end_is_ended() -> None:
    """A compiler that hangs would hold a GPU that is paid by the minute."""
    assert rates.apart(rates.compiled, Settings(**TINY), 0.01) == "it had not ended after 0 s"


def test_hours_are_those_of_the_plan() -> None:
    """The estimate would be of other runs than those that `fit` trains."""
    study = sizes().study
    rate = rates.sustained(KNOWN, study.settings)
    once, twice = (rates.hours(study, tflops, 1.0).value for tflops in (rate, 2 * rate))
    assert once == pytest.approx(2 * twice)
    assert rates.hours(study, rate, 0.5).value == pytest.approx(2 * once)
    baseline = study.replace(left_out=())
    images = plan.images(baseline) * baseline.folds
    assert once > images / KNOWN.training.median / 3600  # one experiment of many, all at least as dear
