"""What chapter 03 says of augmentation: tables and findings on batches whose answers are known."""

import pandas as pd
import pytest
import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from landslide_nb.augment import transforms
from landslide_nb.augment.transforms import Mixed
from landslide_nb.chapters.c03 import figures, findings, tables
from landslide_nb.data.bands import BandSet
from landslide_nb.data.challenge import CHALLENGE

BANDS = CHALLENGE.bands


@pytest.fixture
def batch() -> Tensor:
    """Ten patches, as after scaling."""
    return torch.randn((10, 12, 16, 16), generator=Generator().manual_seed(0))


@pytest.fixture
def targets() -> Tensor:
    """Their labels, in turns."""
    return one_hot(torch.arange(10) % 2, 2).float()


def test_cutmix_labels_are_counted_in_the_pictures(batch: Tensor, targets: Tensor) -> None:
    """The table would compare λ with itself, and never find a wrong label."""
    cut = transforms.cutmix(batch, targets, Generator().manual_seed(1))
    right = tables.cutmix_labels(batch, targets, cut)
    assert right["error, millionths"].max() < 1
    assert right["own pixels"].lt(256).sum() >= 8
    wrong = Mixed(torch.cat([batch[:1], cut.pixels[1:]]), cut.targets.roll(1, 0), cut.partner, cut.weight)
    assert tables.cutmix_labels(batch, targets, wrong)["error, millionths"].max() > 1000


def test_mixup_labels_are_compared_with_equation_1(batch: Tensor, targets: Tensor) -> None:
    """A label or a pixel off Eq. 1 would not be seen."""
    mixed = transforms.mixup(batch, targets, 1.0, Generator().manual_seed(1))
    right = tables.mixup_labels(batch, targets, mixed)
    assert right["error, millionths"].max() < 1 and right["pixel error, millionths"].max() < 10
    wrong = Mixed(mixed.pixels + 0.001, mixed.targets.roll(1, 0), mixed.partner, mixed.weight)
    table = tables.mixup_labels(batch, targets, wrong)
    assert table["error, millionths"].max() > 1000 and table["pixel error, millionths"].min() > 900


def test_statistics_of_known_changes(batch: Tensor) -> None:
    """A chapter would say that contrast smooths, or miss that a mean of neighbours does."""
    smooth = (batch + batch.roll(1, 3)) / 2
    batches = {"as it is": batch, "twice": 2 * batch, "more": batch + 0.5, "smooth": smooth}
    table = tables.transform_statistics(batches, BANDS)
    assert (table.loc["as it is"] == 0).all()
    assert table.loc["twice", "Δ std"] == pytest.approx(1) and table.loc["twice", "Δ lag-1"] == pytest.approx(0)
    assert table.loc["more", "backscatter mean"] == pytest.approx(0.5) and table.loc["more", "optical std"] == 0
    assert table.loc["smooth", "optical std"] == pytest.approx(0.5**0.5 - 1, abs=0.02)


def test_findings_name_the_extremes() -> None:
    """The text would name one transform and give the number of another."""
    labels = pd.DataFrame({"error, millionths": [0.0, 0.25]})
    changes = pd.DataFrame(
        {"optical std": [0.0, -0.3], "Δ std": [-0.1, 0.2], "optical lag-1": [0.5, 0.1], "Δ lag-1": [-0.2, 0.0]},
        index=["blur", "mix"],
    )
    in_db, in_power = torch.zeros(1, 12, 4, 4), torch.full((1, 12, 4, 4), 1.5)
    power = tables.Mixtures(in_db, in_power, torch.ones(1), 4, tables.decibels(in_db, in_power, BANDS))
    text = findings.augmentation(labels, labels, changes, power).data
    for said in (
        "mix (-30\N{NO-BREAK SPACE}% in optical std)",
        "blur (+50\N{NO-BREAK SPACE}% in optical lag-1)",
        "blur (-20\N{NO-BREAK SPACE}% in Δ lag-1)",
        " 1.50 dB higher",
    ):
        assert said in text, text
    assert list(power.table.index) == [band.title for band in BANDS.bands[4:]]
    without = findings.augmentation(labels, labels, changes, None).data
    assert "dB" not in without and "radar" in without


def test_mixtures_are_the_same_samples_both_ways(batch: Tensor, targets: Tensor) -> None:
    """The picture would compare mixtures of other patches, or by another λ."""
    both = tables.mixtures(batch, targets, 1.0, 3, BANDS)
    assert both is not None and BANDS.bands[both.place].role == "vv"
    optical = list(BANDS.optical)
    assert torch.allclose(both.in_db[:, optical], both.in_power[:, optical])
    assert (both.in_power[:, both.place] >= both.in_db[:, both.place] - 1e-5).all()
    again = transforms.mixup(batch, targets, 1.0, Generator().manual_seed(3))
    assert torch.equal(both.in_db, again.pixels) and torch.equal(both.weight, again.weight)


def test_a_chapter_on_other_bands_says_that_there_is_no_radar(batch: Tensor, targets: Tensor) -> None:
    """The chapter would end in a traceback on pictures in three colours, or show decibels of a colour."""
    bands = BandSet(bands=BANDS.bands[:3])
    rgb = batch[:, :3]
    assert tables.mixtures(rgb, targets, 1.0, 3, bands) is None
    table = tables.transform_statistics({"as it is": rgb, "more": rgb + 0.5}, bands)
    assert list(table.columns) == ["optical mean", "optical std", "optical lag-1"]
    assert table.loc["more", "optical mean"] == pytest.approx(0.5)
    for said in (figures.decibels(None), figures.passes(rgb[0].numpy(), bands)):
        assert isinstance(said, str) and "radar" in said
