"""What the chapters conclude by hand is what the committed numbers say; a new edition that says otherwise fails here."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from landslide_nb.chapters.c01 import difficulty
from landslide_nb.metrics.bootstrap import Interval

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"[-+]?\d*\.?\d+")


def told(chapter: str, row: str, column: str, table: int = 0, before: str = "") -> Interval:
    """A number of the committed book with its interval; of several tables that have such a row and column, the first.

    Args:
        chapter: its number.
        row: the first column's text.
        column: the header.
        table: the number of the table, where that has to be said.
        before: the header in chapters that were executed before it had its name.
    """
    for path in sorted((ROOT / "results" / "book").glob(f"{chapter}_*-{table or '*'}.csv")):
        found = pd.read_csv(path, index_col=0, dtype=str)
        found = found.rename(columns={before: column})
        found.index = found.index.astype(str).str.replace(" %", "%")  # as chapters of before had it
        if row in found.index and column in found:
            value, *ends = map(float, NUMBER.findall(str(found.loc[row, column])))
            low, high = ends or (value, value)
            return Interval(value, low, high)
    raise AssertionError(f"no table of chapter {chapter} has a row {row!r} and a column {column!r}")


def above(interval: Interval) -> bool:
    """Whether a difference is a gain by more than chance allows."""
    return interval.low > 0


def below(interval: Interval) -> bool:
    """Whether it is a loss."""
    return interval.high < 0


def open_to_chance(interval: Interval) -> bool:
    """Whether it is neither."""
    return interval.low <= 0 <= interval.high


def test_01_simulated_statistics_are_near_enough_for_trees() -> None:
    """Trees go from simulated to real patches without loss, and still tell the two apart."""
    real, transferred = (
        told("01", f"{source} → real{more}", "F1") for source, more in (("real", ", out of fold"), ("simulated", ""))
    )
    assert transferred.low < real.value < transferred.high


def test_01_networks_of_simulated_patches_rank_most_real_landslides_first_and_call_few() -> None:
    """Twelve real patches, and what networks made of them that had seen simulated ones only."""
    asked = difficulty.asked_about_real_patches()
    landslide = asked["label"] == 1
    said = asked["probability of the ensemble"]
    first = said[landslide] > said[~landslide].max()
    assert first.mean() > 0.5 > (said[landslide] >= 0.5).mean()


def test_02_blending_smoothes_and_the_leak_flatters() -> None:
    """Speckle is averaged away; the author's own score is the furthest from the hold-out."""
    for bands in ("optical", "backscatter", "Δ"):
        assert told("02", bands, "variance kept, mean").value < 0.9
    assert above(told("02", "difference", "out-of-fold F1"))
    unseen, out = (told("02", "before the split", name).value for name in ("hold-out F1", "out-of-fold F1"))
    assert told("02", "before the split", "with synthetic patches", before="as its author scores").value > out > unseen
    near, far = (told("02", name, "median").value for name in ("SSIM-SMOTE", "SMOTE on pixels"))
    assert abs(near - far) < 0.05 < near - told("02", "real patches", "median").value


def test_03_mixing_decibels_is_darker() -> None:
    """Labels are exact; interpolation makes the radar's change smoother."""
    assert told("03", "rotation 9°", "Δ lag-1").value > 0.1


def test_04_imagenet_ranks_better_and_depth_does_not() -> None:
    """The start shows in AUROC and not in F1, and a random one learns too; depth shows in neither."""
    start, deeper = ("imagenet", "difference"), ("tf_efficientnet_lite1", "difference")
    assert above(told("04", "imagenet", "difference in AUROC")) and open_to_chance(told("04", *start))
    assert told("04", "none", "train F1").low > 0.85
    assert open_to_chance(told("04", *deeper)) and open_to_chance(
        told("04", "tf_efficientnet_lite1", "difference in AUROC")
    )


def verdicts(chapter: str) -> pd.Series:
    """The verdicts of a chapter's table of changes, by row."""
    for path in sorted((ROOT / "results" / "book").glob(f"{chapter}_*.csv")):
        found = pd.read_csv(path, index_col=0)
        if "verdict" in found:
            return found["verdict"][found["verdict"] != "–"]
    raise AssertionError(f"no table of chapter {chapter} has verdicts")


def test_06_no_head_is_ahead_on_real_landslides_and_the_stack_is_on_statistics() -> None:
    """All heads are inconclusive, by little; on real statistics the stack is ahead of plain trees, SMOTE is not."""
    assert set(verdicts("06")) == {"inconclusive"}
    for name in ("SVM, C = 0.5", "SVM, C = 0.1"):
        assert 0 < told("06", name, "paper").value < told("06", name, "smallest visible").value
    assert told("06", "SVM, C = 10", "ours").value < -0.005
    gain = "F1 minus that of LightGBM, 85 statistics"
    assert above(told("06", "LightGBM and SVM, ratios", gain)) and not above(told("06", "LightGBM, SMOTE", gain))
    assert open_to_chance(told("06", "0.11", "gain"))


@pytest.mark.parametrize(
    ("how", "says"), [("set to zero", below), ("set to its mean", below), ("from another patch", above)]
)
def test_08_radar_or_light_depends_on_how_it_is_taken_away(how: str, says: Callable[[Interval], bool]) -> None:
    """The paper's claim holds for exchanged bands and is reversed for bands at zero."""
    assert says(told("08", how, "SAR as a group"))


def test_08_on_real_statistics_radar_is_ahead_by_number() -> None:
    """Eight bands are ahead of four; the descending pass alone is not."""
    all_of_it, light, descending = (told("08", name, "F1 lost") for name in ("SAR", "optical", "descending"))
    assert all_of_it.value > light.value > descending.value


def test_07_the_map_is_clearer_and_the_embedding_is_not() -> None:
    """The best network's regions are clearer in the map only; seeds share few neighbours."""
    row = "best model minus baseline"
    assert above(told("07", row, "in the map")) and open_to_chance(told("07", row, "in the embedding"))
    assert told("07", "best model", "neighbours that seeds share").value < 0.25


def test_09_flips_folds_and_the_stem_add_up() -> None:
    """Old means carry most of it; the last steps are not to be told from none; encoders bear clouds."""
    old = (
        "+ a stem that starts at random",
        "+ an encoder for each modality",
        "+ test-time flips",
        "+ the mean over folds",
    )
    assert all(above(told("09", step, "adds there")) for step in old)
    new = ("+ modality dropout", "+ all other networks", "+ the trees")
    assert all(open_to_chance(told("09", step, "adds there")) for step in new)
    stem, encoders = (told("09", "clouds over half", name).value for name in ("one stem", "encoders, dropout"))
    assert encoders < stem / 2


def test_09_dropout_does_not_quite_halve_what_a_missing_pass_costs() -> None:
    """The conclusion says how near it is."""
    stem, encoders = (told("09", "no ascending pass", name) for name in ("one stem", "encoders, dropout"))
    assert stem.value / 2 < encoders.value < stem.low


def test_05_what_the_paper_has_would_have_been_seen() -> None:
    """Every change is inconclusive; all but the step schedule's are small beside the paper's, which lie outside of our intervals."""
    said = verdicts("05")
    assert len(said) == 6 and set(said) == {"inconclusive"}
    for row in said.index:
        ours, paper, visible = (told("05", row, name) for name in ("ours", "paper", "smallest visible"))
        seen = visible.value < abs(paper.value) and not ours.low <= paper.value <= ours.high
        assert open_to_chance(ours) and seen == (row != "+ step schedule"), row
    assert told("05", "baseline", "train F1").value > 0.9
    rows = ("baseline", *said.index)
    gains = [[told("05", name, f"{part}: best − last") for name in rows] for part in ("test", "validation")]
    assert sum(map(above, gains[0])) < len(rows) / 2 and sum(it.value for it in gains[0]) < sum(
        it.value for it in gains[1]
    )
    recall, precision = (told("05", "images 1-3030", name).value for name in ("recall", "precision"))
    assert recall > precision


def test_05_occlusion_finds_scars_and_so_does_contrast() -> None:
    """The conclusion says that both are above chance, alike, and gradients hardly."""
    column, start = "share in the scar, {}: over chance", "baseline, random start"
    contrast = told("05", "contrast of the picture, no network", column.format("occlusion"))
    rows = ("baseline", "384 px + Mixup", "6 channels + Mixup + CutMix", "Mixup + CutMix", "+ cosine schedule", start)
    for row in rows:
        occlusion, gradient = (told("05", row, column.format(kind)) for kind in ("occlusion", "gradient"))
        assert above(occlusion) and occlusion.low < contrast.value < occlusion.high
        assert gradient.value < contrast.value / 3
    ours, theirs = (told("05", row, column.format("occlusion")) for row in ("baseline", start))
    assert ours.low < theirs.value < ours.high


def test_10_no_change_replicates_and_none_reverses() -> None:
    """The summary would be too kind, or too hard; trees without pixels stand between the paper's networks."""
    said = verdicts("10")
    assert len(said) == 11 and set(said) == {"inconclusive"}
    for row in said.index:
        small = row == "+ step schedule" or row.startswith("SVM")
        ours, paper = (told("10", row, name) for name in ("ours", "paper"))
        assert small == (ours.low <= paper.value <= ours.high) or row == "LightGBM", row
    trees, stack = (told("10", name, "here").value for name in ("LightGBM, 85 statistics", "LightGBM and SVM, ratios"))
    first, best = (told("05", name, "test_f1").value for name in ("baseline", "+ cosine + SSIM-SMOTE"))
    assert first < trees < stack < best


def test_11_the_map_is_an_order_and_not_an_inventory() -> None:
    """Half of the annotated pixels on half of the ground of a random order; much is called before; rare landslides, false alarms."""
    names = ("order of the map", "best order", "random order")
    ours, best, random = (told("11", name, "km² to half") for name in names)
    assert best.value < ours.value < random.low and ours.value < 0.6 * random.value
    assert told("11", "called before", "share").value > 15
    assert told("11", "0.1%", "alarms that are one").value < 1
    assert told("11", "0.1%", "found").value > 90
