"""Speed and memory are measured once, apart from what else runs, and kept under what they depend on."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from band_sets import LANDSLIDE4SENSE, seen

from landslide_nb.chapters.c04 import figures, findings, tables
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.display.picture import MARKERS
from landslide_nb.experiments import grids, plan, speed
from landslide_nb.experiments.speed import Rate, Speed
from landslide_nb.experiments.study import Study
from landslide_nb.metrics.bootstrap import Interval
from landslide_nb.training.settings import Settings

SMALL: dict[str, Any] = {"backbone": "test_resnet", "weights": "none", "image_size": 32, "batch_size": 8}
KNOWN = Speed(Rate(300.0, 200.0, 400.0), Rate(30.0, 20.0, 40.0), 5_000_000, "a machine")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with nothing in it, and a measurement that takes no time."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path))
    monkeypatch.setattr(speed, "_apart", lambda settings: KNOWN)
    return tmp_path / "speeds"


def test_a_measurement_is_made_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory would be that of the chapter, or of the network before; a rate would be of another batch."""
    monkeypatch.setenv("LANDSLIDE_NB_STORE", str(tmp_path))
    ballast = torch.ones(50_000_000)  # 200 MB, which are not the network's
    measured = speed.speed(Settings(**SMALL))
    assert measured is not None
    for rate in (measured.forward, measured.training):
        assert 0 < rate.slowest <= rate.median <= rate.fastest < 1e6
    assert measured.forward.median > measured.training.median
    states = 4 * 4 * plan.cost("test_resnet", seen(12), 32).parameters  # weights, gradients, Adam's two moments
    if not torch.cuda.is_available():
        assert states < measured.memory < 150e6
    assert measured.machine == speed.machine() != ""
    assert ballast.sum() > 0


def test_more_memory_is_seen() -> None:
    """Networks of any size would take the same."""
    small, large = (speed._apart(Settings(**(SMALL | {"image_size": size, "batch_size": 32}))) for size in (32, 160))
    assert small is not None and large is not None
    assert large.memory > small.memory + 10e6
    assert large.forward.median < small.forward.median


def test_it_is_measured_once(kept: Path) -> None:
    """A chapter would measure anew each time, and its numbers change."""
    said: list[str] = []
    first = speed.speed(Settings(**SMALL), said.append)
    again = speed.speed(Settings(**SMALL), said.append)
    assert first == again == replace(KNOWN, machine=speed.machine())
    assert said == ["measuring the speed of test_resnet"]
    (file,) = kept.glob("*.npz")
    assert np.load(file)["memory"] == 5_000_000


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        ({"image_size": 64}, True),
        ({"channels": 20}, True),
        ({"data_set": CHALLENGE.model_copy(update={"title": "Another"})}, False),
        ({"batch_size": 9}, True),
        ({"precision": "bfloat16"}, True),
        ({"threads": 2}, True),
        ({"backbone": "test_vit"}, True),
        ({"epochs": 7}, False),
        ({"weights": "imagenet"}, False),
        ({"mixup": True}, False),
    ],
)
def test_what_it_depends_on_makes_it_anew(change: dict[str, Any], anew: bool, kept: Path) -> None:
    """The table would show another size's speed, or measure for every change of a parameter."""
    speed.speed(Settings(**SMALL))
    speed.speed(Settings(**(SMALL | change)))
    assert len(list(kept.glob("*.npz"))) == 1 + anew


def test_other_channels_of_the_same_number_are_measured_anew(kept: Path) -> None:
    """Encoders by modality of one data set would be shown with the speed of another's."""
    turned = LANDSLIDE4SENSE.model_copy(update={"bands": (*LANDSLIDE4SENSE.bands[2:], *LANDSLIDE4SENSE.bands[:2])})
    for bands in (LANDSLIDE4SENSE, turned):
        data_set = CHALLENGE.model_copy(update={"bands": bands})
        speed.speed(Settings(data_set=data_set, channels=14, **SMALL))
    assert len(list(kept.glob("*.npz"))) == 2


def test_another_machine_measures_anew(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared store would show one machine's speed as another's."""
    speed.speed(Settings(**SMALL))
    monkeypatch.setattr(speed, "machine", lambda: "another")
    speed.speed(Settings(**SMALL))
    assert len(list(kept.glob("*.npz"))) == 2


def test_too_small_a_machine_leaves_a_gap(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network too large for the machine would end the chapter that only shows it, or be kept as unmeasurable."""
    monkeypatch.setattr(speed, "_apart", lambda settings: None)
    study = Study.load("smoke", backbone="test_resnet", weights="none", image_size=32)
    table = tables.sizes({"x": study})
    assert table["memory (MB)"].isna().all() and (table["parameters (M)"] > 0).all()
    assert not list(kept.glob("*"))


def test_a_process_that_dies_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that the system kills for its memory would end the chapter in a traceback."""
    monkeypatch.setattr(speed, "measure", die)
    assert speed._apart(Settings(**SMALL)) is None


def die(settings: Settings) -> Speed:
    """End as a process does that the system kills for its memory."""
    os._exit(9)


def test_sizes_are_of_each_studys_network(kept: Path) -> None:
    """The table would show the same network in each row, or hide what it starts from."""
    studies = grids.by_backbone(Study.load("smoke", decur="somewhere/decur.pth"))
    table = tables.sizes(studies)
    assert list(table.index) == list(studies)
    assert table["weights"].tolist() == ["imagenet", "none", "decur.pth"]
    for name, study in studies.items():
        of = plan.cost(study.backbone, seen(12), study.image_size)
        assert table.loc[name, "parameters (M)"] == of.parameters / 1e6
        assert table.loc[name, "GFLOPs"] == of.flops / 1e9
    assert table.loc["resnet50, DeCUR", "forward (images/s)"] == Interval(300, 200, 400)
    assert table.loc["resnet50, DeCUR", "memory (MB)"] == 5


def scored(**of: tuple[float, float, float]) -> pd.DataFrame:
    """A table of F1: train, test, and the difference to the first, each with a narrow interval; of AUROC half the difference."""
    names = ("train F1", "test F1", "difference", "AUROC", "difference in AUROC")
    rows = {
        name: dict(zip(names, (Interval(v, v - 0.01, v + 0.01) for v in (*row, 0.9, row[2] / 2)), strict=True))
        for name, row in of.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


SCORE = scored(own=(0.9, 0.7, 0.0), tf_efficientnetv2_b0=(0.95, 0.8, 0.1), inception_next_atto=(0.99, 0.6, -0.1))
SIZE = pd.DataFrame({"parameters (M)": [3.0, 6.0, 4.0], "weights": ["imagenet", "none", "none"]}, index=SCORE.index)


def test_the_picture_has_a_marker_for_each_and_the_papers_claim() -> None:
    """Networks could only be told apart by colour, and the paper's finding be missing beside ours."""
    picture = figures.f1_over_parameters(SIZE, SCORE)
    axis = picture.figure.axes[0]
    assert axis.get_xscale() == "log"
    filled = [
        line
        for line in axis.lines
        if line.get_markerfacecolor() not in ("white", "none") and line.get_linestyle() == "None"
    ]
    assert len({line.get_marker() for line in filled} & set(MARKERS)) == len(SCORE)
    for name in SCORE.index:
        assert name in picture.alt
    assert "EfficientNetV2-L" in picture.caption and "InceptionV3" in picture.caption


def test_the_findings_follow_the_numbers() -> None:
    """The text would praise another network than the one that leads, or say that the paper is confirmed whatever comes out."""
    weights = scored(none=(0.5, 0.5, 0.0), imagenet=(0.9, 0.7, 0.2)).rename_axis("own")
    said = findings.backbones(SIZE, SCORE, weights).data
    assert "Highest test F1: `tf_efficientnetv2_b0` with 0.800" in said
    assert "2 of 2 others differ" in said and "`inception_next_atto` (-0.100)" in said
    assert "The largest, `tf_efficientnetv2_b0` (6.0 M parameters)" in said and "smallest, `own` (3.0 M)" in said
    assert "gap between train and test F1 is that of `inception_next_atto`: +0.390" in said
    assert "(own): +0.200 [+0.190, +0.210] in test F1, the 95 % interval excludes 0" in said
    assert "+0.100 [+0.090, +0.110] in AUROC" in said and "this tests the start as much as the network" in said
    assert "EfficientNetV2 (`tf_efficientnetv2_b0`) is number 1 of 3." in said
    assert "Inception (`inception_next_atto`) is number 3 of 3." in said
    blind = scored(own=(0.1, 0.0, 0.0), other=(0.0, 0.0, 0.0))
    nothing = findings.backbones(SIZE.iloc[:2].set_index(blind.index), blind, weights).data
    assert "nothing to rank" in nothing and "Highest" not in nothing and "+0.200" in nothing
    none = findings.backbones(SIZE.iloc[:1], SCORE.iloc[:1], weights).data
    assert "is number" not in none and "0 of 0 others" in none and "this tests the start" not in none
