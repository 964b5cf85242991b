"""What stands for no data is not taken for pixels: it is named, and patches that have it can be left out."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from landslide_nb.cli import app
from landslide_nb.common.arrays import Pixels, Scores
from landslide_nb.common.errors import DataError
from landslide_nb.data import stream
from landslide_nb.data.bands import PLAUSIBLE, SLOPE, Band, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches, check_pixels
from landslide_nb.data.sources import landslide4sense, zindi
from landslide_nb.data.sources.options import UNITS
from landslide_nb.inference.predictions import predict

NODATA = (-9999.0, -32768.0, float(np.finfo(np.float32).min), float(np.finfo(np.float32).max), 1e30, -1e38, np.nan)


def spoil(folder: Path, value: float, name: str = "train_data/SIM_007_000002.npy") -> None:
    """Put a value into one pixel of a patch: its band DVH (5), row 3, column 4."""
    patch = np.load(folder / name)
    patch[3, 4, 5] = value
    np.save(folder / name, patch)


@pytest.mark.parametrize("unit", [*UNITS, "Pa"])
@pytest.mark.parametrize("value", NODATA)
def test_nodata_is_no_measurement_in_any_unit(value: float, unit: str) -> None:
    """One such pixel in one patch leaves no spread in all the others after scaling, and the score is that of a coin."""
    bands = BandSet(bands=(Band(name="X", title="X", unit=unit, role="x"),))
    pixels = np.zeros((1, 8, 8), np.float32)
    check_pixels(pixels, "a", bands)
    pixels[0, 3, 4] = value
    with pytest.raises(DataError, match=r"a: .* in band X at row 3, column 4; expected .*nodata.*--nodata"):
        check_pixels(pixels, "a", bands)


@pytest.mark.parametrize("unit", ["DN", "relative"])
@pytest.mark.parametrize("values", [(0, 1), (0, 255), (-1000, 10_000), (0, 65_535)])
def test_reflectance_in_any_scale_is_taken(values: tuple[float, float], unit: str) -> None:
    """Patches would be refused because of the factor that their provider chose."""
    bands = BandSet(bands=(Band(name="R", title="Red", unit=unit, role="red"),))
    check_pixels(np.array(values, np.float32).reshape(1, 1, 2), "a", bands)


def test_real_pixels_are_taken(real: Path) -> None:
    """Ranges that were thought up would refuse what was measured."""
    recovered = np.load(real / "zindi_recovered_patches.npz")
    pixels = np.ascontiguousarray(recovered["x"].transpose(0, 3, 1, 2), np.float32)
    assert len(Patches(tuple(recovered["ids"].tolist()), pixels)) == 11
    zindi.load_patch(real / "ID_005GY8.npy")
    for path in sorted((real / "landslide4sense_h5" / "img").glob("*.h5")):
        with h5py.File(path) as file:
            check_pixels(file["img"][()].transpose(2, 0, 1).astype(np.float32), path.name, landslide4sense.BANDS)
    optical, radar = [0, 1, 2, 3], [4, 5]
    for pair in np.load(real / "bigearthnet_pairs.npz")["pixels"]:
        for places, bands in ((optical, CHALLENGE.bands.optical), (radar, CHALLENGE.bands.backscatter[:2])):
            chosen = BandSet(bands=tuple(CHALLENGE.bands.bands[place] for place in bands))
            check_pixels(np.moveaxis(pair, -1, 0)[places] if pair.shape[-1] == 6 else pair[places], "pair", chosen)


def test_a_folder_names_the_pixel_and_what_to_do(folder: Path, tmp_path: Path) -> None:
    """The reader would have to look through thousands of patches for one pixel."""
    spoil(folder, -9999)
    done = CliRunner().invoke(app, ["convert", str(folder), str(tmp_path / "f.h5")])
    sentence = str(done.exception)
    assert (
        "SIM_007_000002.npy: -9999.0 in band DVH at row 3, column 4; expected dB from -200 to 200: nodata" in sentence
    )
    assert "`--nodata -9999.0`" in sentence and not (tmp_path / "f.h5").exists()


@pytest.mark.parametrize(
    ("value", "said"), [(-9999, "-9999"), (np.finfo(np.float32).min, "-3.40282e38"), (np.nan, "nan")]
)
def test_convert_leaves_such_patches_out(value: float, said: str, folder: Path, tmp_path: Path) -> None:
    """All other patches could not be used because of one, or it would go without a word."""
    spoil(folder, value)
    spoil(folder, value, "test_data/SIM_007_000006.npy")
    done = CliRunner().invoke(app, ["convert", str(folder), str(tmp_path / "f.h5"), "--nodata", said])
    assert done.exception is None, done.exception
    assert "train: left out: 1 patches with pixels without data" in done.output
    assert "test: left out: 1 patches" in done.output
    whole = Patches.read(tmp_path / "f.h5")
    assert whole.ids == tuple(f"SIM_007_{i:06}" for i in (0, 1, 3, 4, 5))
    labels = dict(zip(*zindi.read_labels(folder / "Train.csv"), strict=True))
    assert [labels[name] for name in whole.ids] == whole.known_labels.tolist()
    assert Patches.read(tmp_path / "f.h5", "test").ids == ("SIM_007_000007", "SIM_007_000008")


def test_all_patches_without_data_is_said(folder: Path, tmp_path: Path) -> None:
    """A file without patches would be written, and fail much later."""
    done = CliRunner().invoke(app, ["convert", str(folder), str(tmp_path / "f.h5"), "--nodata", "0"])
    assert done.exception is None, done.exception  # no pixel of these is 0
    for path in (folder / "train_data").iterdir():
        spoil(folder, -9999, f"train_data/{path.name}")
    done = CliRunner().invoke(app, ["convert", str(folder), str(tmp_path / "g.h5"), "--nodata", "-9999"])
    assert "each of the 6 labelled patches" in str(done.exception) and not (tmp_path / "g.h5").exists()


def test_images_lose_only_the_patches_without_data(tmp_path: Path) -> None:
    """A whole image, or all of them, would be refused for a strip at the edge of a scene."""
    for name in ("images", "masks"):
        (tmp_path / "scene" / name).mkdir(parents=True)
    image, mask = np.full((16, 32, 3), 5, np.float32), np.zeros((16, 32), np.uint8)
    image[:, 30:, 1] = -9999
    image[0, 0] = 7  # no two patches alike
    mask[0, 0] = mask[9, 9] = 1
    np.save(tmp_path / "scene" / "images" / "1.npy", image)
    np.save(tmp_path / "scene" / "masks" / "1.npy", mask)
    line = ["convert", str(tmp_path / "scene"), str(tmp_path / "f.h5"), "--patch", "8"]
    done = CliRunner().invoke(app, line)
    assert "1.npy: -9999.0 in band green at row 0, column 30" in str(done.exception)
    done = CliRunner().invoke(app, [*line, "--nodata", "-9999"])
    assert done.exception is None, done.exception
    assert "left out: 2 patches with pixels without data (-9999)" in done.output
    assert Patches.read(tmp_path / "f.h5").ids == tuple(f"1-r{r}-c{c}" for r in (0, 8) for c in (0, 8, 16))


class Half:
    """Stands for an ensemble; says 0.5 of every patch."""

    def probabilities(self, pixels: Pixels) -> Scores:
        """One fold."""
        return np.full((len(pixels), 1), 0.5)


@pytest.mark.parametrize("form", ["folder", "file"])
def test_predict_leaves_such_patches_out(form: str, folder: Path, tiny: Patches, tmp_path: Path) -> None:
    """A probability would be written for a patch that was not seen."""
    source = folder / "train_data"
    spoil(folder, 177)  # plausible, and still what the user says stands for no data
    if form == "file":
        pixels = tiny.pixels[:6].copy()
        pixels[2, 5, 3, 4] = 177
        Patches(tiny.ids[:6], pixels).write(tmp_path / "f.h5", "test")
        source = tmp_path / "f.h5"
    ensemble = Half()
    assert len(predict(ensemble, stream.find(source)).rows) == 6  # type: ignore[arg-type]
    predictions = predict(ensemble, stream.find(source, nodata=177))  # type: ignore[arg-type]
    assert len(predictions.rows) == 5 and "SIM_007_000002" not in predictions.rows
    assert predictions.summary(0.5).endswith("left out: 1 patches with pixels without data (177)")


def test_the_page_tells_the_ranges_that_are_checked() -> None:
    """A reader would prepare patches by ranges that are no longer true."""
    page = (Path(__file__).parents[1] / "book" / "your_patches.md").read_text("utf-8").replace("−", "-")
    for unit, (low, high) in PLAUSIBLE.items():
        assert f"| {unit} | {low:,} | {high:,}" in page
    assert f"a slope: {SLOPE[0]} to {SLOPE[1]}" in page


@pytest.mark.parametrize("last", [False, True])
def test_pixels_are_checked_in_either_layout(last: bool) -> None:
    """A band would be checked by the range of another one where channels come last."""
    pixels = np.zeros((3, 8, 8), np.float32)
    pixels = np.ascontiguousarray(pixels.transpose(1, 2, 0)).transpose(2, 0, 1) if last else pixels
    bands = BandSet(bands=tuple(Band(name=u, title=u, unit=u, role=u) for u in ("DN", "dB", "m")))
    pixels[0], pixels[2] = 9000, 8000
    check_pixels(pixels, "a", bands)
    pixels[1, 7, 6] = 201
    with pytest.raises(DataError, match=r"a: 201\.0 in band dB at row 7, column 6"):
        check_pixels(pixels, "a", bands)
