"""Simulated patches: the same for everyone, in the challenge's format, and with something to learn in them."""

from pathlib import Path

import numpy as np
import pytest
from conftest import Command
from numpy.typing import NDArray

from landslide_nb.data import zindi
from landslide_nb.data.bands import CHANGE, OPTICAL, SAR
from landslide_nb.data.patches import Patches
from landslide_nb.data.simulate import POSITIVE_RATE, simulate
from landslide_nb.errors import DataError

BACKSCATTER = tuple(sorted(set(SAR) - set(CHANGE)))


@pytest.fixture(scope="module")
def many() -> Patches:
    """Enough patches for a comparison of the two classes."""
    return simulate(128, seed=3, positive_rate=0.5)


def neighbours(bands: NDArray[np.float32]) -> NDArray[np.float32]:
    """The correlation of each pixel with the one beside it, for each patch and band."""
    centred = bands - bands.mean((2, 3), keepdims=True)
    return np.asarray((centred[..., 1:] * centred[..., :-1]).mean((2, 3)) / (centred**2).mean((2, 3)))


def blocks(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """The means of the 64 blocks of 8 × 8 pixels of each patch."""
    return np.asarray(field.reshape(len(field), 8, 8, 8, 8).mean((2, 4)).reshape(len(field), 64))


def test_same_seed_gives_the_same_bytes(tiny: Patches) -> None:
    """Nobody could repeat a result on simulated patches."""
    again = simulate(24, seed=7, positive_rate=0.5)
    assert again.ids == tiny.ids
    assert again.pixels.tobytes() == tiny.pixels.tobytes()
    assert again.known_labels.tobytes() == tiny.known_labels.tobytes()


def test_other_seed_gives_other_patches(tiny: Patches) -> None:
    """The test part would repeat the training part, under the same names."""
    other = simulate(24, seed=8, positive_rate=0.5)
    assert not set(other.ids) & set(tiny.ids)
    assert not {patch.tobytes() for patch in other.pixels} & {patch.tobytes() for patch in tiny.pixels}
    assert other.known_labels.tolist() != tiny.known_labels.tolist()


@pytest.mark.parametrize(("n", "rate", "positive"), [(20, 0.25, 5), (20, 0, 0), (20, 1, 20), (3, POSITIVE_RATE, 1)])
def test_number_of_landslides_is_not_drawn(n: int, rate: float, positive: int) -> None:
    """A small set could have too few landslides to be split."""
    assert simulate(n, seed=1, positive_rate=rate).known_labels.sum() == positive


def test_challenges_share_of_landslides() -> None:
    """Scores on simulated patches could not be set beside those of the challenge."""
    assert pytest.approx(1255 / (1255 + 5892)) == POSITIVE_RATE


def test_labels_are_shuffled(tiny: Patches) -> None:
    """The first patches of a simulated set would all be landslides."""
    assert 0 < tiny.known_labels[:12].sum() < 12


def test_no_patches() -> None:
    """A folder without a test part could not be simulated."""
    none = simulate(0, seed=1)
    assert len(none) == 0
    assert none.pixels.shape == (0, 12, 64, 64)


@pytest.mark.parametrize(("n", "rate"), [(-1, 0.5), (4, -0.1), (4, 1.1), (4, float("nan"))])
def test_bad_arguments_are_named(n: int, rate: float) -> None:
    """A typing error would end in a traceback of numpy."""
    with pytest.raises(DataError, match=rf"simulate {n} patches with a positive rate of {rate}"):
        simulate(n, seed=1, positive_rate=rate)


def test_ids_say_that_they_are_simulated(tiny: Patches, many: Patches) -> None:
    """A simulated patch would pass for a real one."""
    for patches in (tiny, many):
        assert len(set(patches.ids)) == len(patches)
        assert all(name.startswith("SIM_") for name in patches.ids)


def test_values_are_those_a_sensor_gives(many: Patches) -> None:
    """Simulated patches would break what works on real ones, or let pass what does not."""
    optical, radar = many.pixels[:, OPTICAL], many.pixels[:, SAR]
    assert np.isfinite(many.pixels).all()
    assert (optical == np.round(optical)).all()
    assert optical.min() == 0
    assert 8000 < optical.max() <= 20944
    assert -65.66 < radar.min() < -20
    assert 0 < radar.max() < 40
    assert (many.pixels.std((2, 3)) > 0).all()


def test_nodata_is_zero_in_all_optical_bands(many: Patches) -> None:
    """The study would never meet nodata, which 250 of the real patches have."""
    zero = many.pixels[:, OPTICAL] == 0
    assert 0 < zero.any((1, 2, 3)).sum() < len(many) / 8
    assert (zero.any(1) == zero.all(1)).all()


def test_backscatter_is_smoother_than_change(many: Patches) -> None:
    """Real backscatter correlates with its neighbour by 0.84 to 0.94, its change by 0.41 to 0.54."""
    backscatter = neighbours(many.pixels[:, BACKSCATTER])
    change = neighbours(many.pixels[:, CHANGE])
    assert 0.8 < backscatter.mean() < 0.95
    assert 0.4 < change.mean() < 0.65
    assert (backscatter.mean(1) > change.mean(1)).all()


def test_landslides_can_be_seen(many: Patches) -> None:
    """Nothing could be learned: somewhere in a landslide patch the ground has changed and lost its vegetation."""
    changed = blocks(np.abs(many.pixels[:, CHANGE]).mean(1))
    red, nir = many.pixels[:, 0], many.pixels[:, 3]
    green = blocks((nir - red) / (nir + red + 1e-7))
    contrast = changed.max(1) - np.median(changed, 1)
    lost = np.median(green, 1) - green.min(1)
    landslide = many.known_labels == 1
    assert contrast[landslide].mean() > 2 * contrast[~landslide].mean()
    assert lost[landslide].mean() > lost[~landslide].mean()


def test_some_patches_without_a_landslide_look_like_one(many: Patches) -> None:
    """One threshold would solve the simulated study, and no two methods would differ."""
    changed = blocks(np.abs(many.pixels[:, CHANGE]).mean(1))
    contrast = changed.max(1) - np.median(changed, 1)
    landslide = many.known_labels == 1
    assert contrast[~landslide].max() > np.quantile(contrast[landslide], 0.1)


def test_command_writes_a_challenge_folder(tmp_path: Path, command: Command) -> None:
    """Who does not have the challenge's data could not start."""
    done = command("simulate", tmp_path / "folder", "--patches", "6", "--test", "2", "--seed", "3")
    assert (done.returncode, done.stderr) == (0, "")
    train, test = zindi.read(tmp_path / "folder")
    hidden = simulate(2, 4)
    assert train.fingerprint == simulate(6, 3).fingerprint
    assert test.fingerprint == Patches(hidden.ids, hidden.pixels).fingerprint
    assert not set(train.ids) & set(test.ids)


def test_command_leaves_a_folder_with_files_alone(tmp_path: Path, command: Command) -> None:
    """Simulated patches would mix with the challenge's."""
    (tmp_path / "Train.csv").write_text("ID,label\n")
    done = command("simulate", tmp_path, "--patches", "2", "--test", "0")
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and tmp_path.name in line
    assert [file.name for file in tmp_path.rglob("*")] == ["Train.csv"]
    assert (tmp_path / "Train.csv").read_text() == "ID,label\n"
