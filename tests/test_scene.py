"""A scene as a map: right numbers in the right place, whatever ends the program or is wrong with the scene."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from band_sets import optical
from conftest import Command, small_disk
from numpy.typing import NDArray
from PIL import Image
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform
from torch import Tensor, nn

from landslide_nb.common.arrays import Pixels, Scores
from landslide_nb.common.errors import DataError, Stopped
from landslide_nb.data.bands import BandSet
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.scaling import Scaler
from landslide_nb.inference import areas, bundle, cog, quick_look, scene, scene_change
from landslide_nb.inference.card import Card
from landslide_nb.inference.ensemble import Ensemble, Fold, Network
from landslide_nb.inference.grid import Grid, Steps, at
from landslide_nb.inference.layout import Layout, lay_out, remarks
from landslide_nb.inference.scene_map import Predictor, identity_of, mapped
from landslide_nb.training.loop import build
from landslide_nb.training.settings import Settings


def turned(degrees: float) -> Affine:
    """A grid of 10 m, turned anticlockwise."""
    cos, sin = 10 * np.cos(np.radians(degrees)), 10 * np.sin(np.radians(degrees))
    return Affine(cos, sin, 5e5, sin, -cos, 4.7e6)


def scaled(it: Affine, times: float) -> Affine:
    """A grid of larger pixels at the same corner."""
    return Affine(it.a * times, it.b * times, it.c, it.d * times, it.e * times, it.f)


BANDS = BandSet(bands=optical("red", "green", "blue", unit="DN"))
SMALL = DataSet(name="small", title="Small patches", bands=BANDS, patch_size=16, pixel_metres=10)
UTM = (CRS.from_epsg(32654), Affine(10, 0, 500_000, 0, -10, 4_700_000))
DEGREES = (CRS.from_epsg(4326), Affine(9e-5, 0, 141.9, 0, -9e-5, 42.7))
ROTATED = (CRS.from_epsg(32654), turned(30))
GRIDS = {"UTM": UTM, "degrees": DEGREES, "rotated": ROTATED}
BRIGHT = 9000


class Bright:
    """Says how large the bright part of a patch is, and counts the batches it is asked of."""

    data_set, threshold = SMALL, 0.2

    def __init__(self, stop_at: int | None = None) -> None:
        self.asked, self.stop_at = 0, stop_at

    def probabilities(self, pixels: Tensor) -> Scores:
        """The share of bright pixels `(N, 1)`; Ctrl-C at one batch."""
        self.asked += 1
        if self.asked == self.stop_at:
            raise KeyboardInterrupt
        return np.asarray((pixels[:, :1] > BRIGHT - 1).double().mean((2, 3)))


def ground(height: int = 96, width: int = 112, seed: int = 0) -> NDArray[np.uint16]:
    """Three bands of noise, `(3, H, W)`."""
    return np.random.default_rng(seed).integers(1500, 3000, (3, height, width)).astype(np.uint16)


def write(path: Path, pixels: NDArray[Any], grid: tuple[CRS | None, Affine] = UTM, **more: Any) -> Path:
    """A GeoTIFF of some bands."""
    profile = {"driver": "GTiff", "dtype": pixels.dtype, "crs": grid[0], "transform": grid[1], **more}
    shape = {"count": pixels.shape[0], "height": pixels.shape[1], "width": pixels.shape[2]}
    with rasterio.open(path, "w", **profile, **shape) as file:
        file.write(pixels)
    return path


def make(path: Path, output: Path, stride: int | None = None, by: Predictor | None = None, **how: Any) -> Pixels:
    """The map of a scene, which is written too."""
    by = by or Bright()
    with scene.opened(path, by.data_set.bands, **how) as place:
        plan = lay_out(place, by.data_set, stride)
        with mapped(by, place, output, plan, "bright", lambda line: None):
            pass
    return read(output)


def read(path: Path) -> Pixels:
    with rasterio.open(path) as file:
        pixels: Pixels = file.read(1)
    return pixels


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of random weights for patches of 64 pixels in three bands, exported."""
    data_set = SMALL.model_copy(update={"patch_size": 64})
    pixels = ground(64, 64)[None].repeat(4, 0).astype(np.float32)
    settings = Settings(backbone="test_resnet", weights="none", image_size=32, data_set=data_set, channels=3)
    network = build(settings)
    for parameter in list(network.parameters())[-2:]:
        nn.init.normal_(parameter)
    fold = Fold.single(Network(settings, Scaler.fit(pixels, BANDS, 3, "standard"), network.state_dict()))
    folder = tmp_path_factory.mktemp("model") / "model"
    bundle.write(Ensemble((fold,), data_set), folder, Card("random", "simulated"))
    return folder


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
@pytest.mark.parametrize("stride", [4, 8, 16])
def test_cells_lie_where_their_pixels_do(grid: tuple[CRS, Affine], stride: int, tmp_path: Path) -> None:
    """A landslide would be looked for beside where it is, most where a grid is rotated."""
    make(write(tmp_path / "s.tif", ground(), grid), tmp_path / "m.tif", stride)
    with rasterio.open(tmp_path / "m.tif") as file:
        assert file.crs == grid[0] and file.shape == (96 // stride, 112 // stride)
        for row, column in ((0, 0), (3, 5), (file.height - 1, 0), (file.height - 1, file.width - 1)):
            there = at(~grid[1], *file.xy(row, column))
            np.testing.assert_allclose(there, ((column + 0.5) * stride, (row + 0.5) * stride), atol=1e-6)


@pytest.mark.parametrize("shape", [(96, 112), (90, 101)], ids=["whole cells", "a rest at the edge"])
@pytest.mark.parametrize("stride", [4, 8, 16])
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1), (0.4, 0.6), (0, 0.5), (0.5, 1)])
def test_a_landslide_is_found_where_it_was_put(
    shape: tuple[int, int], stride: int, place: tuple[float, float], tmp_path: Path
) -> None:
    """Cells of the map would be shifted, or corners and edges of a scene never be looked at."""
    pixels, cells = ground(*shape), [-(-side // stride) for side in shape]
    row, column = (round(share * (count - 1)) * stride for share, count in zip(place, cells, strict=True))
    square = np.zeros(shape, bool)
    square[row : row + stride, column : column + stride] = True
    pixels[0, square] = BRIGHT
    told = make(write(tmp_path / "s.tif", pixels), tmp_path / "m.tif", stride)
    assert told.shape == tuple(cells) and np.isfinite(told).all()
    high, wide = np.unravel_index(told.argmax(), told.shape)
    assert square[high * stride : (high + 1) * stride, wide * stride : (wide + 1) * stride].any()
    assert told.max() > 0 and (told == told.max()).sum() == 1


@pytest.mark.parametrize(
    ("size", "patch", "stride"), [(96, 16, 8), (90, 16, 8), (90, 16, 16), (16, 16, 5), (33, 16, 1)]
)
def test_each_cell_is_the_mean_of_the_patches_that_hold_it(size: int, patch: int, stride: int) -> None:
    """A part of the scene would be blended from patches beside it, or from none."""
    steps = Steps(size, patch, stride)
    starts = steps.starts.tolist()
    assert starts[0] == 0 and starts[-1] == size - patch and max(np.diff(starts), default=0) <= stride
    for cell, (first, end) in enumerate(steps.seen.tolist()):
        low, high = cell * stride, min((cell + 1) * stride, size)
        holding = [number for number, start in enumerate(starts) if start <= low and high <= start + patch]
        assert holding == list(range(first, end)) and holding


def test_overlap_averages_what_patches_say(tmp_path: Path) -> None:
    """Two strides would disagree on the same ground: half of it bright, far from the border both must say the same."""
    pixels = ground(96, 128)
    pixels[0, :, 64:] = BRIGHT
    path = write(tmp_path / "s.tif", pixels)
    whole, half = make(path, tmp_path / "1.tif", 16), make(path, tmp_path / "2.tif")
    assert half.shape == (12, 16)  # half a patch, where no stride is given
    wide = whole.repeat(2, 0).repeat(2, 1)
    agree = np.ones(16, bool)
    agree[7:9] = False  # cells that patches on both sides hold
    np.testing.assert_array_equal(half[:, agree], wide[:, agree])
    np.testing.assert_allclose(half[:, 7:9], np.array([[0.25, 0.75]] * 12))


@pytest.mark.parametrize("nodata", [0, None], ids=["said by the file", "said by the user"])
def test_nodata_stays_nodata(nodata: int | None, tmp_path: Path) -> None:
    """A clouded or empty corner would get a probability, which somebody takes for safe ground."""
    pixels = ground()
    pixels[1, 20, 30] = 0  # in one band only
    path = write(tmp_path / "s.tif", pixels, nodata=nodata)
    missing = np.isnan(make(path, tmp_path / "m.tif", 8, nodata=None if nodata == 0 else 0))
    expected = np.zeros((12, 14), bool)
    expected[1:4, 2:5] = True  # of each cell that shares a patch with row 20, column 30
    np.testing.assert_array_equal(missing, expected)


def test_masks_transparency_and_nan_are_nodata(tmp_path: Path) -> None:
    """What a file says in another way than by a number would be taken for a measurement."""
    floats = ground().astype(np.float32)
    floats[2, 40, 40] = np.nan
    assert np.isnan(make(write(tmp_path / "n.tif", floats), tmp_path / "m1.tif", 16)).sum() == 1
    alpha = np.concatenate([ground(), np.full((1, 96, 112), 255, np.uint16)])
    alpha[3, 40, 40] = 0
    path = write(tmp_path / "a.tif", alpha, photometric="RGB", alpha="YES")
    assert np.isnan(make(path, tmp_path / "m2.tif", 16)).sum() == 1


@pytest.mark.parametrize("stop_at", [1, 2, 5, 11])
def test_interrupted_it_goes_on_and_ends_the_same(stop_at: int, tmp_path: Path) -> None:
    """A scene of a day would begin anew, or have a seam where it was interrupted."""
    path = write(tmp_path / "s.tif", ground(seed=4) * 6, DEGREES)
    make(path, tmp_path / "whole.tif")
    with pytest.raises(Stopped, match="goes on from there"):
        make(path, tmp_path / "m.tif", by=Bright(stop_at))
    assert not (tmp_path / "m.tif").exists()
    left = list(tmp_path.glob("m.tif.*.partial"))
    assert len(left) == (stop_at > 1)
    for partial in left:
        partial.write_bytes(partial.read_bytes() + b"half a row")  # as a power cut leaves it
    second = Bright()
    make(path, tmp_path / "m.tif", by=second)
    assert second.asked == 11 - (stop_at - 1)  # a batch is a row here
    assert (tmp_path / "m.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.tif", "s.tif", "whole.tif"]


def test_it_goes_on_only_with_what_it_began_with(tmp_path: Path) -> None:
    """Rows of another scene, stride or model would be in the map."""
    path = write(tmp_path / "s.tif", ground())
    with pytest.raises(Stopped):
        make(path, tmp_path / "m.tif", by=Bright(4))
    (partial,) = tmp_path.glob("*.partial")
    write(path, ground(seed=1) * 2)
    for stride in (8, 4):
        again = Bright()
        make(path, tmp_path / "m.tif", stride, by=again)
        assert again.asked == len(Steps(96, 16, stride).starts)
    assert partial.exists()  # of a scene that may come back


def test_a_damaged_row_is_made_again(tmp_path: Path) -> None:
    """A bad disk or a power cut would leave nonsense in the middle of a map."""
    path = write(tmp_path / "s.tif", ground(seed=4) * 6)
    whole = make(path, tmp_path / "w.tif")
    with pytest.raises(Stopped):
        make(path, tmp_path / "m.tif", by=Bright(6))
    (partial,) = tmp_path.glob("*.partial")
    content = bytearray(partial.read_bytes())
    content[len(content) // 5 + 3] ^= 1  # of the second of five rows
    partial.write_bytes(content)
    again = Bright()
    np.testing.assert_array_equal(make(path, tmp_path / "m.tif", by=again), whole)
    assert again.asked == 10


def test_the_identity_is_of_all_that_predicts(model: Path) -> None:
    """A map would go on with another model's weights."""
    ensemble = bundle.read(model)
    assert identity_of(ensemble) == identity_of(bundle.read(model).replace(threshold=0.9))
    assert identity_of(ensemble) != identity_of(ensemble.replace(flips=True))
    (network,) = ensemble.folds[0].members.values()
    assert isinstance(network, Network)
    changed = {name: value + 1 if value.is_floating_point() else value for name, value in network.state.items()}
    other = Network(network.settings, network.scaler, changed)
    assert identity_of(ensemble) != identity_of(Ensemble((Fold.single(other),), ensemble.data_set))


def test_a_cell_is_what_predict_says_of_its_patch(model: Path, here: Command, tmp_path: Path) -> None:
    """`map` would scale, order or cut patches in another way than `predict`."""
    pixels = ground(128, 200, seed=3)
    paths = [write(tmp_path / f"B{number}.tif", pixels[[number]]) for number in range(3)]
    bands = [f"--band={name}={path}" for name, path in zip(("blue", "GREEN", "red"), paths[::-1], strict=True)]
    done = here("map", model, *bands, "-o", tmp_path / "m.tif", "--stride", "64")
    assert done.returncode == 0, done.stderr
    assert "2 × 4 cells of 64 × 64 pixels (about 640 × 640 m), from 8 patches" in done.stdout
    (tmp_path / "patches").mkdir()
    for row, column in np.ndindex(2, 3):
        patch = pixels[:, row * 64 : (row + 1) * 64, column * 64 : (column + 1) * 64]
        np.save(tmp_path / "patches" / f"{row}_{column}.npy", patch.transpose(1, 2, 0).astype(np.float64))
    assert here("predict", model, tmp_path / "patches", "-o", tmp_path / "p.csv", "--probabilities").returncode == 0
    lines = [line.split(",") for line in (tmp_path / "p.csv").read_text("utf-8").splitlines()[1:]]
    told = {line[0]: float(line[1]) for line in lines}
    found = read(tmp_path / "m.tif")
    for row, column in np.ndindex(2, 3):
        assert found[row, column] == pytest.approx(told[f"{row}_{column}"], abs=2e-6)
    assert len({round(value, 6) for value in told.values()}) > 1


def test_the_map_is_a_cloud_optimised_geotiff(tmp_path: Path) -> None:
    """A viewer would fetch all of a map to show its outline, or show what has no data as zero."""
    by = Bright()
    by.data_set = SMALL.model_copy(update={"patch_size": 8})
    make(write(tmp_path / "s.tif", ground(8, 300)), tmp_path / "m.tif", 1, by)
    with rasterio.open(tmp_path / "m.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.block_shapes == [(256, 256)] and file.overviews(1) and file.profile["compress"] == "deflate"
        assert file.dtypes == ("float32",) and np.isnan(file.nodata)
        assert float(file.tags()["LANDSLIDE_THRESHOLD"]) == Bright.threshold


@pytest.mark.parametrize("size", [0, 3_000, 40_000])
def test_a_full_disk_is_said_and_leaves_nothing(size: int, tmp_path: Path) -> None:
    """GDAL does not say that a disk is full: a map would be cut off, and nobody know it."""
    rows = np.random.default_rng(0).random((300, 300)).astype(np.float32)
    grid = Grid(300, 300, UTM[1], UTM[0])
    with small_disk(size), pytest.raises(DataError, match="could not be written"):
        cog.write(tmp_path / "m.tif", grid, rows, "t", {}, tmp_path / "m.tif")
    assert all(path.name == "m.tif" for path in tmp_path.iterdir())


def test_no_room_for_rows_is_said_and_they_are_kept(tmp_path: Path) -> None:
    """Hours of work would be lost where only room was missing."""
    path = write(tmp_path / "s.tif", ground())
    with small_disk(200), pytest.raises(DataError, match=r"make room and start again, finished rows are kept"):
        make(path, tmp_path / "m.tif")
    assert not (tmp_path / "m.tif").exists()
    assert Bright().asked == 0 and make(path, tmp_path / "m.tif").shape == (12, 14)


def spoiled(path: Path, kind: str) -> list[str | Path]:
    """What to give to `map` for each kind of bad scene."""
    pixels, out = ground(64, 80), path / "bad.tif"
    if kind == "overflow":
        pixels[1, 5, 7] = 65535
    if kind == "implausible":
        return [write(out, np.where(np.arange(80) == 9, -32000, pixels.astype(np.int16)).astype(np.int16))]
    if kind == "empty":
        return [write(out, pixels * 0, nodata=0)]
    if kind == "small":
        pixels = pixels[:, :, :63]
    if kind in ("bands", "order"):
        pixels = np.concatenate([pixels, pixels])[: 4 if kind == "bands" else 3]
    if kind == "cut off":
        out.write_bytes(write(path / "x.tif", pixels).read_bytes()[:9000])
        return [out]
    if kind == "text":
        out.write_text("no raster", "utf-8")
        return [out]
    if kind == "complex":
        pixels = pixels.astype(np.complex64)
    write(out, pixels, interleave="pixel", photometric="MINISBLACK")
    if kind == "order":
        with rasterio.open(out, "r+") as file:
            file.descriptions = ("blue", "green", "red")
    return [out]


BAD = {
    "overflow": "65535 in band GREEN at row 5, column 7; expected less than the largest number of uint16",
    "implausible": "-32000 in band RED at row 0, column 9; expected DN from -5000 to 70000",
    "empty": "would be empty: each patch of the scene has pixels without data",
    "small": "has 64 × 63 pixels, less than one patch of the model (64 × 64)",
    "bands": "has 4 bands; the model takes 3, in this order: RED, GREEN, BLUE",
    "order": "calls its bands blue, green, red; the model takes RED, GREEN, BLUE, in this order",
    "cut off": "bad.tif cannot be read",
    "text": "bad.tif cannot be read",
    "complex": "holds complex64; expected whole or floating-point numbers",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_scene_is_one_sentence_and_leaves_nothing(kind: str, model: Path, here: Command, tmp_path: Path) -> None:
    """A map of nonsense would look like any other, or a traceback hide what is wrong."""
    arguments = spoiled(tmp_path, kind)
    before = sorted(tmp_path.iterdir())
    done = here("map", model, *arguments, "-o", tmp_path / "m.tif", "--polygons", tmp_path / "a.geojson")
    assert done.returncode == 1 and BAD[kind] in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


WRONG_BANDS: dict[str, tuple[list[str], str]] = {
    "missing": (["red=r.tif", "green=g.tif"], "band BLUE is missing; the model takes RED, GREEN, BLUE"),
    "unknown": (["red=r.tif", "nir=g.tif", "blue=r.tif"], "'nir' is no band of the model; it has RED (red)"),
    "twice": (["red=r.tif", "red=g.tif"], "--band red is given twice"),
    "no file": (["red"], "--band is 'red'; expected NAME=FILE"),
    "other CRS": (["red=r.tif", "green=crs.tif", "blue=r.tif"], "has the CRS EPSG:32653, not EPSG:32654 as"),
    "other grid": (["red=r.tif", "green=g.tif", "blue=moved.tif"], "has pixels that lie 0.5 pixels elsewhere as"),
    "other size": (["red=r.tif", "green=large.tif", "blue=r.tif"], "128 × 64 pixels, not 64 × 64 as"),
    "absent": (["red=r.tif", "green=none.tif", "blue=r.tif"], "none.tif does not exist"),
    "folder": (["red=r.tif", "green=.", "blue=r.tif"], "is a folder; name its files"),
    "of three": (["red=r.tif", "green=three.tif", "blue=r.tif"], "three.tif has 3 bands; --band takes files of one"),
}


@pytest.mark.parametrize("kind", WRONG_BANDS)
def test_wrong_bands_are_one_sentence(
    kind: str, model: Path, here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Green would be predicted as red, or a band of another place be laid over the others."""
    monkeypatch.chdir(tmp_path)
    one, crs = ground(64, 64)[:1], (CRS.from_epsg(32653), UTM[1])
    for name, pixels, grid in (
        *(("r", one, UTM), ("g", one, UTM), ("crs", one, crs), ("large", one.repeat(2, 1), UTM)),
        *(("moved", one, (UTM[0], Affine(10, 0, 500_005, 0, -10, 4_700_000))), ("three", ground(64, 64), UTM)),
    ):
        write(Path(f"{name}.tif"), pixels, grid)
    before = sorted(tmp_path.iterdir())
    words, sentence = WRONG_BANDS[kind]
    done = here("map", model, "-o", "m.tif", *(f"--band={word}" for word in words))
    assert done.returncode == 1 and sentence in done.stderr and done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_an_output_that_is_read_is_refused(model: Path, here: Command, tmp_path: Path) -> None:
    """A scene would be lost under its map: one that is given, or one that a VRT leads to."""
    path = write(tmp_path / "s.tif", ground(64, 64))
    vrt = tmp_path / "s.vrt"
    vrt.write_text(VRT.format(bands="".join(VRT_BAND.format(number=number) for number in (1, 2, 3))), "utf-8")
    before = path.read_bytes()
    calls: list[tuple[str | Path, ...]] = [(path, "-o", path), (vrt, "-o", path)]
    calls += [(path, "-o", tmp_path / "m.tif", option, path) for option in ("--polygons", "--picture")]
    for call in calls:
        done = here("map", model, *call)
        assert done.returncode == 1 and "would be lost; name a" in done.stderr, done.stderr
    done = here("map", model, path, "-o", tmp_path / "m.tif", "--picture", tmp_path / "m.tif")
    assert done.returncode == 1 and "name the same file" in done.stderr
    assert path.read_bytes() == before and sorted(tmp_path.iterdir()) == [path, vrt]
    assert here("map", model, vrt, "-o", tmp_path / "m.tif").returncode == 0


VRT = """<VRTDataset rasterXSize="64" rasterYSize="64"><SRS>EPSG:32654</SRS>
<GeoTransform>500000, 10, 0, 4700000, 0, -10</GeoTransform>{bands}</VRTDataset>"""
VRT_BAND = """<VRTRasterBand dataType="UInt16" band="{number}"><SimpleSource><SourceFilename relativeToVRT="1">s.tif</SourceFilename>
<SourceBand>{number}</SourceBand></SimpleSource></VRTRasterBand>"""


def test_a_scene_without_a_place_is_mapped_and_said_to_have_none(model: Path, here: Command, tmp_path: Path) -> None:
    """A picture from a drone would be refused, or its areas be drawn in the Gulf of Guinea."""
    path = write(tmp_path / "s.tif", ground(64, 96), (None, Affine.identity()))
    done = here("map", model, path, "-o", tmp_path / "m.tif", "--picture", tmp_path / "m.png")
    assert done.returncode == 0 and "s.tif is not georeferenced" in done.stdout, done.stderr
    assert not done.stderr
    for more, sentence in ((["--polygons", tmp_path / "a.geojson"], "leave --polygons out"), (["--resolution", 5], "")):
        done = here("map", model, path, "-o", tmp_path / "n.tif", *map(str, more))
        assert done.returncode == 1 and "is not georeferenced" in done.stderr and sentence in done.stderr
    done = here("compare", tmp_path / "m.tif", tmp_path / "m.tif", "-o", tmp_path / "c.tif")
    assert "cells before" in done.stdout


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_another_pixel_is_told_and_resampled(grid: tuple[CRS, Affine], tmp_path: Path) -> None:
    """A model of 10 m would see a landscape of 20 m, twice as small as it knows."""
    pixels = ground(64, 64)
    pixels[0, 16:24, 32:40] = BRIGHT
    path = write(tmp_path / "s.tif", pixels, (grid[0], scaled(grid[1], 2)))
    with scene.opened(path, BANDS) as place:
        (line,) = remarks(place, SMALL)
        assert "the model's 10 m; --resolution 10 resamples the scene" in line
    told = make(path, tmp_path / "m.tif", 4, resolution=10)
    with scene.opened(path, BANDS, resolution=10) as place, rasterio.open(tmp_path / "m.tif") as file:
        np.testing.assert_allclose(place.grid.metres, 10, rtol=1e-6)
        assert not remarks(place, SMALL)
        row, column = np.argwhere(told == told.max()).mean(0)
        there = at(~grid[1], *file.xy(row, column))
        np.testing.assert_allclose(there, (72, 40), atol=3)  # in pixels of 10 m
        assert file.width == -(-place.grid.width // 4)
    if grid is UTM:
        assert told.shape == (32, 32)


@pytest.mark.parametrize("said", ["file", "user"])
def test_resampling_mixes_nothing_into_no_data(said: str, tmp_path: Path) -> None:
    """Along the edge of a cloud pixels half of no data would be taken for measurements."""
    pixels = ground(64, 64).astype(np.int16)
    pixels[:, 20:40, 20:40] = -999
    path = write(tmp_path / "s.tif", pixels, (UTM[0], scaled(UTM[1], 2)), nodata=-999 if said == "file" else None)
    with scene.opened(path, BANDS, -999, 10) as place:
        values, missing = place.read(0, 0, 128, 128)
    assert values[:, ~missing].min() >= 1500 and missing[42:78, 42:78].all() and not missing[:38].any()
    other = write(tmp_path / "o.tif", pixels, nodata=0)
    with pytest.raises(DataError, match="only one of them can be kept out"), scene.opened(other, BANDS, -999, 5):
        pass


def test_metres_are_those_of_the_ground(tmp_path: Path) -> None:
    """Areas would be wrong by half where a map projection stretches: at 60° north, Mercator's metres are twice too long."""
    at_60 = Affine(10, 0, 0, 0, -10, 8_399_737.9)
    mercator, utm = Grid(100, 100, at_60, CRS.from_epsg(3857)), Grid(100, 100, UTM[1], UTM[0])
    np.testing.assert_allclose(mercator.metres, 5, rtol=0.01)
    assert utm.metres == (10, 10)
    np.testing.assert_allclose(utm.areas([0, 99], [0, 99]), 100 / 0.9996**2, rtol=1e-4)
    degree = Grid(1, 1, Affine(1e-3, 0, 30, 0, -1e-3, 45.0005), CRS.from_epsg(4326))
    x, y = transform("EPSG:4326", "EPSG:6933", [30, 30.001], [45.0005, 44.9995])  # equal area
    np.testing.assert_allclose(degree.areas([0], [0]), (x[1] - x[0]) * (y[0] - y[1]), rtol=1e-5)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_areas_have_their_place_and_size(grid: tuple[CRS, Affine], tmp_path: Path) -> None:
    """A report would give a landslide a wrong size, or another village."""
    pixels = ground()
    pixels[0, 16:32, 32:64] = BRIGHT  # two cells
    pixels[0, 48:64, 16:32] = BRIGHT
    pixels[0, 64:80, 32:48] = BRIGHT  # touches the one before it at a corner only
    make(write(tmp_path / "s.tif", pixels, grid), tmp_path / "m.tif", 16)
    said = areas.write(tmp_path / "m.tif", tmp_path / "a.geojson", 0.5)
    content = json.loads((tmp_path / "a.geojson").read_text("utf-8"))
    assert said.startswith("3 areas of a probability of at least 0.500") and content["type"] == "FeatureCollection"
    cell = 16**2 * 100
    if grid is DEGREES:
        cell = 16**2 * (9e-5 * 111_320 * np.cos(np.radians(42.697)) * 1.0016) * 9e-5 * 111_080
    sizes = [feature["properties"]["area_m2"] for feature in content["features"]]
    np.testing.assert_allclose(sizes, [2 * cell, cell, cell], rtol=2e-3)
    assert [feature["properties"]["mean_probability"] for feature in content["features"]] == [1, 1, 1]
    (ring,) = content["features"][0]["geometry"]["coordinates"]
    x, y = transform("EPSG:4326", grid[0], *zip(*ring, strict=True))
    corners = np.round([at(~grid[1], *point) for point in zip(x, y, strict=True)], 1)
    assert {tuple(corner) for corner in corners.tolist()} == {(32, 16), (64, 16), (64, 32), (32, 32)}
    points = np.array(ring) - ring[0]
    assert np.sum(points[:-1, 0] * points[1:, 1] - points[1:, 0] * points[:-1, 1]) > 0  # anticlockwise


def test_a_map_without_landslides_has_no_areas(tmp_path: Path) -> None:
    """A program that reads the file would find none, instead of an empty list."""
    make(write(tmp_path / "s.tif", ground()), tmp_path / "m.tif")
    assert areas.write(tmp_path / "m.tif", tmp_path / "a.geojson", 0.5).startswith("0 areas")
    assert json.loads((tmp_path / "a.geojson").read_text("utf-8")) == {"type": "FeatureCollection", "features": []}


@pytest.mark.parametrize("grid", [*GRIDS.values(), (None, Affine.identity())], ids=[*GRIDS, "nowhere"])
def test_a_quick_look_is_drawn(grid: tuple[CRS | None, Affine], tmp_path: Path) -> None:
    """Whoever asks for a picture would get none of a rotated scene, or of one in degrees."""
    path = write(tmp_path / "s.tif", ground(), grid)
    make(path, tmp_path / "m.tif")
    with scene.opened(path, BANDS) as place:
        quick_look.write(tmp_path / "m.tif", place, 8, "a scene", tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as image:
        assert image.format == "PNG" and image.width > 800


def test_north_is_where_it_is_and_the_bar_is_round() -> None:
    """A reader would go the wrong way, or measure with a bar of 837 m."""
    for turn, expected in ((0, (0, -1)), (90, (1, 0)), (30, (0.5, -np.sqrt(0.75)))):
        np.testing.assert_allclose(quick_look.north(Grid(100, 100, turned(turn), UTM[0])), expected, atol=1e-3)
    assert [quick_look.bar_length(across) for across in (3.1, 10_000, 14_999, 700)] == [1, 2000, 2000, 200]


def map_of(path: Path, values: Pixels, grid: tuple[CRS | None, Affine] = UTM, tag: str | None = "0.5") -> Path:
    """A map of given values, as if a model had made it."""
    tags = {"LANDSLIDE_THRESHOLD": tag} if tag else {}
    cog.write(path, Grid(values.shape[0], values.shape[1], grid[1], grid[0]), values, "p", tags, path)
    return path


def test_two_maps_are_compared(here: Command, tmp_path: Path) -> None:
    """What is new would be mixed up with what was there before, or counted where one of both saw nothing."""
    before, after = np.full((2, 300, 400), 0.2, np.float32)
    before[0, :100], after[0, 50:250] = 0.9, 0.75
    before[299, 399] = after[298, 0] = np.nan
    after[299, 399] = 0.9
    paths = [map_of(tmp_path / name, values) for name, values in (("b.tif", before), ("a.tif", after))]
    done = here("compare", *paths, "-o", tmp_path / "c.tif")
    assert done.returncode == 0, done.stderr
    sizes = [float(word.split()[0]) for word in done.stdout.partition("0.500: ")[2].split(", ")]
    np.testing.assert_allclose(sizes, np.array([100, 200, 150]) * 1e-4, rtol=3e-3)
    assert "km² before" in done.stdout and "km² new" in done.stdout
    np.testing.assert_array_equal(read(tmp_path / "c.tif"), after - before)
    with rasterio.open(tmp_path / "c.tif") as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG" and file.transform == UTM[1]


def test_maps_that_cannot_be_compared_are_one_sentence(here: Command, tmp_path: Path) -> None:
    """Differences of two places, or of two scales, would look like landslides."""
    values = np.full((8, 9), 0.4, np.float32)
    first = map_of(tmp_path / "b.tif", values)
    bad: list[tuple[Path, str]] = [
        (map_of(tmp_path / "1.tif", values, (UTM[0], scaled(UTM[1], 2))), "pixels elsewhere as"),
        (map_of(tmp_path / "2.tif", values, (CRS.from_epsg(32653), UTM[1])), "the CRS EPSG:32653, not EPSG:32654"),
        (map_of(tmp_path / "3.tif", values[:7]), "7 × 9 pixels, not 8 × 9"),
        (map_of(tmp_path / "4.tif", values, tag="0.25"), "has the threshold 0.5, "),
        (map_of(tmp_path / "5.tif", values, tag=None), "does not say its model's threshold; say one with --threshold"),
        (map_of(tmp_path / "6.tif", values * 10), "holds 4; expected probabilities, 0 to 1"),
        (map_of(tmp_path / "7.tif", values * np.float32(np.nan)), "have no cell with data in common"),
        (write(tmp_path / "8.tif", ground(8, 9)), "has 3 bands of uint16; expected one of probabilities"),
        (tmp_path / "9.tif", "9.tif does not exist"),
    ]
    for path, sentence in bad:
        done = here("compare", first, path, "-o", tmp_path / "c.tif")
        assert done.returncode == 1 and sentence in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert not (tmp_path / "c.tif").exists() and not list(tmp_path.glob(".*"))
    assert scene_change.compare(first, tmp_path / "4.tif", tmp_path / "c.tif", 0.3).endswith(" 0 km² new")


def test_a_wrong_call_is_refused_before_anything_loads(tmp_path: Path) -> None:
    """Whoever forgets the scene would wait for torch to be told so."""
    calls = [["map", "m", "-o", "o.tif"], ["map", "m", "s.tif", "-o", "o.tif", "--band", "red=a.tif"]]
    calls += [["map", "m", "s.tif", "-o", "o.tif", *more] for more in (["--resolution", "0"], ["--stride", "0"])]
    calls += [["map", "m", "s.tif", "-o", "o.tif", "--picture", "o.tif"]]
    program = f"""
import sys
from landslide_nb.cli import main
for words in {calls!r}:
    sys.argv = ["landslide-nb", *words]
    try:
        main()
    except SystemExit as ended:
        assert ended.code == 1
print(sorted({{"torch", "rasterio", "matplotlib", "numpy"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False, cwd=tmp_path
    )
    assert done.stdout == "[]\n", done.stderr
    assert [line.startswith("error: ") for line in done.stderr.splitlines()] == [True] * len(calls)


@pytest.mark.parametrize("stride", [0, 17])
def test_a_stride_beyond_a_patch_is_refused(stride: int, tmp_path: Path) -> None:
    """Ground between patches would never be looked at."""
    with pytest.raises(DataError, match=f"the stride is {stride} pixels; expected from 1 to 16"):
        make(write(tmp_path / "s.tif", ground()), tmp_path / "m.tif", stride)


def test_no_probability_is_an_error(tmp_path: Path) -> None:
    """What a broken model cannot say would be taken for ground without data."""

    class Broken(Bright):
        def probabilities(self, pixels: Tensor) -> Scores:
            """No numbers."""
            return np.full((len(pixels), 1), np.nan)

    with pytest.raises(DataError, match="the patch at row 0, column 0 has no probability"):
        make(write(tmp_path / "s.tif", ground()), tmp_path / "m.tif", by=Broken())


def test_the_layout_says_what_a_map_will_be() -> None:
    """Nobody would know how long it takes before it begins."""
    plan: Layout = Layout(Grid(128, 192, UTM[1], UTM[0]), 64, 32)
    assert plan.summary() == "4 × 6 cells of 32 × 32 pixels (about 320 × 320 m), from 15 patches"
