"""Simulated patches: the same for everyone, in the challenge's format, and with something to learn in them."""

import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Command
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from landslide_nb.common.errors import DataError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import zindi
from landslide_nb.models import heads
from landslide_nb.simulation.draw import POSITIVE_RATE, Simulator, draw, packaged, simulate
from landslide_nb.simulation.fit import fit
from landslide_nb.tabular import statistics

BANDS = CHALLENGE.bands


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
    optical, radar = many.pixels[:, BANDS.optical], many.pixels[:, BANDS.radar]
    assert np.isfinite(many.pixels).all()
    assert (optical == np.round(optical)).all()
    assert optical.min() == 0
    assert 8000 < optical.max() <= 20944
    assert -65.66 < radar.min() < -20
    assert 0 < radar.max() < 40
    assert (many.pixels.std((2, 3)) > 0).all()


def test_some_optical_pixels_have_no_data() -> None:
    """The study would never meet the zeros that 3 % of the real patches have, most of them in a single band."""
    zero = draw(2000, seed=3)[["R_min", "G_min", "B_min", "NIR_min"]] == 0
    assert 0.02 < zero.any(axis=1).mean() < 0.05
    assert zero.all(axis=1).mean() < 0.005


def test_backscatter_is_smoother_than_change(many: Patches) -> None:
    """Real backscatter correlates with its neighbour by 0.68 to 0.97, its change by 0.32 to 0.91; on water both are speckle."""
    backscatter = neighbours(many.pixels[:, BANDS.backscatter])
    change = neighbours(many.pixels[:, BANDS.change])
    assert 0.7 < backscatter.mean() < 0.95
    assert 0.4 < change.mean() < 0.7
    assert (backscatter.mean(1) > change.mean(1)).mean() > 0.8


def test_landslides_can_be_seen(many: Patches) -> None:
    """Nothing could be learned: somewhere in a landslide patch the ground has lost its vegetation."""
    lost, landslide = barest(many), many.known_labels == 1
    assert lost[landslide].mean() > lost[~landslide].mean()


def barest(patches: Patches) -> NDArray[np.float32]:
    """By how much the NDVI of the barest block is below that of the median one, for each patch."""
    red, nir = patches.pixels[:, 0], patches.pixels[:, 3]
    green = blocks((nir - red) / (nir + red + 1e-7))
    return np.asarray(np.median(green, 1) - green.min(1))


def test_some_patches_without_a_landslide_look_like_one(many: Patches) -> None:
    """One threshold would solve the simulated study, and no two methods would differ."""
    lost, landslide = barest(many), many.known_labels == 1
    assert lost[~landslide].max() > np.quantile(lost[landslide], 0.5)


def test_command_writes_a_challenge_folder(tmp_path: Path, command: Command) -> None:
    """Who does not have the challenge's data could not start."""
    done = command("simulate", tmp_path / "folder", "--patches", "20", "--test", "2", "--seed", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "train_data: 10 of 20" in done.stdout
    train, test = zindi.read(tmp_path / "folder")
    hidden = simulate(2, 4)
    assert train.fingerprint == simulate(20, 3).fingerprint
    assert test.fingerprint == Patches(hidden.ids, hidden.pixels).fingerprint
    assert not set(train.ids) & set(test.ids)


def test_command_leaves_a_folder_with_files_alone(tmp_path: Path, command: Command) -> None:
    """Simulated patches would mix with the challenge's."""
    (tmp_path / "Train.csv").write_text("ID,label\n", "utf-8")
    done = command("simulate", tmp_path, "--patches", "2", "--test", "0")
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and tmp_path.name in line
    assert [file.name for file in tmp_path.rglob("*")] == ["Train.csv"]
    assert (tmp_path / "Train.csv").read_text("utf-8") == "ID,label\n"


def test_number_of_threads_does_not_matter(tiny: Patches) -> None:
    """Two machines would not simulate the same patches, and no score could be repeated."""
    code = (
        "import numba; numba.set_num_threads(1)\n"
        "import landslide_nb.simulation.render as render; render.cores = lambda: 1\n"
        "from landslide_nb.simulation.draw import simulate\n"
        "print(simulate(24, seed=7, positive_rate=0.5).fingerprint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == tiny.fingerprint


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Rows enough to fit a small simulator to: drawn from the one in the package."""
    return draw(300, seed=5, positive_rate=0.3)


@pytest.mark.slow
def test_simulator_can_be_fitted_to_another_table(table: pd.DataFrame, tmp_path: Path, command: Command) -> None:
    """Nobody could check where the package's parameters come from, or simulate another challenge."""
    table.to_csv(tmp_path / "table.csv", index=False)
    done = command("fit-simulator", tmp_path / "table.csv", tmp_path / "model.npz")
    assert (done.returncode, done.stderr) == (0, "")
    model = Simulator.read(tmp_path / "model.npz")
    fit(table).write(tmp_path / "again.npz")
    assert (tmp_path / "model.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()
    drawn = draw(300, seed=1, positive_rate=0.3, model=model)
    spread = table["NIR_mean"].std()
    assert abs(drawn["NIR_mean"].mean() - table["NIR_mean"].mean()) < 0.3 * spread
    made = command("simulate", tmp_path / "folder", "--patches", "4", "--test", "0", "--model", tmp_path / "model.npz")
    assert made.returncode == 0, made.stderr
    assert zindi.read(tmp_path / "folder")[0].fingerprint == simulate(4, 42, model=model).fingerprint


def test_table_too_small_for_a_simulator(table: pd.DataFrame) -> None:
    """The mixtures would be fitted to less than a row for each component."""
    with pytest.raises(DataError, match="5 rows of label 1; a simulator needs at least"):
        fit(pd.concat([table[table.label == 0], table[table.label == 1][:5]]))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", "shape", "text", "one class"])
def test_file_that_is_no_simulator(content: bytes | str, tmp_path: Path, command: Command) -> None:
    """A wrong file would end in a traceback, or simulate nonsense."""
    path = tmp_path / "model.npz"
    arrays = packaged()._asdict()
    damaged = {
        "shape": {"means": np.zeros((2, 3))},
        "text": {"weights": arrays["weights"].astype(str)},
        "one class": {"labels": np.zeros_like(arrays["labels"])},
    }
    if isinstance(content, str):
        np.savez(path, **(arrays | damaged[content]))
    else:
        path.write_bytes(content)
    done = command("simulate", tmp_path / "folder", "--model", path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and "model.npz" in line
    assert not (tmp_path / "folder").exists()


def test_model_in_the_package_is_small() -> None:
    """The package would carry the table that its parameters were fitted to."""
    with as_file(files("landslide_nb") / "simulation" / "simulator.npz") as path:
        assert path.stat().st_size <= 500_000


@pytest.mark.slow
def test_trees_trained_on_simulated_patches_know_real_ones(real: Path) -> None:
    """What is compared on simulated patches would have nothing to do with the challenge."""
    rows = statistics.read(real / "zindi_train_statistics.csv.gz")
    simulated = statistics.describe(simulate(1500, seed=11))
    trees = heads.lightgbm(0).fit(simulated[list(statistics.COLUMNS)], simulated["label"])
    probabilities = np.asarray(trees.predict_proba(rows[list(statistics.COLUMNS)]))[:, 1]
    assert roc_auc_score(rows["label"], probabilities) > 0.95
    assert f1_score(rows["label"], probabilities > 0.5) > 0.75
