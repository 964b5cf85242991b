"""Folders of images with masks: what is cut, labelled, thinned and grouped, and every bad folder is refused in one sentence."""

import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from landslide_nb.cli import main
from landslide_nb.common.errors import DataError
from landslide_nb.data.patches import Patches
from landslide_nb.data.sources import registry, zindi
from landslide_nb.data.sources.cutting import corners, label_of, thin
from landslide_nb.data.sources.groups import group_of, region_of
from landslide_nb.data.sources.options import Options
from landslide_nb.data.sources.pairs import Pair
from landslide_nb.experiments import data
from landslide_nb.experiments.study import Study

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # these images lie nowhere
Array = NDArray[Any]
SIDE = 16  # of a patch here
SMALL = Options(patch=SIDE)


class Answer(NamedTuple):
    """What the command line gave back."""

    code: int
    out: str
    err: str


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """`landslide-nb convert` in this process."""

    def run(*arguments: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", ["landslide-nb", "convert", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Answer(int(ended.value.code or 0), captured.out, captured.err)

    return run


def image_of(number: int, height: int = 40, width: int = 32, bands: int = 3) -> Array:
    """An 8-bit image `(H, W, bands)`."""
    return np.random.default_rng(number).integers(0, 256, (height, width, bands), np.uint8)


def mask_of(height: int = 40, width: int = 32) -> Array:
    """A mask 0/1 whose upper left patch is all landslide, with one pixel in the patch to the right of it."""
    mask = np.zeros((height, width), np.uint8)
    mask[:SIDE, :SIDE] = mask[3, SIDE + 2 : SIDE + 3] = 1
    return mask


def save(path: Path, array: Array, key: str = "array") -> None:
    """Write an array `(H, W)` or `(H, W, C)` in the format that the ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(array).save(path)
    elif path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file[key] = array
    else:
        bands = array[None] if array.ndim == 2 else np.moveaxis(array, 2, 0)
        shape = {"count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2]}
        with rasterio.open(path, "w", driver="GTiff", dtype=bands.dtype, compress="deflate", **shape) as file:
            file.write(bands)


def fill(folder: Path, suffix: str = ".png", numbers: tuple[int, ...] = (1, 2, 41), scale: float = 1) -> Path:
    """A folder of images 40 by 32 with masks; `scale` other than 1 makes floating-point numbers."""
    for number in numbers:
        image = image_of(number) if scale == 1 else (image_of(number) * scale).astype(np.float32)
        save(folder / "images" / f"image_{number}{suffix}", image)
        save(folder / "masks" / f"mask_{number}.png", mask_of() * 255)
    return folder


def fill_landslide4sense(folder: Path, numbers: tuple[int, ...] = (3030, 3031)) -> Path:
    """A folder as Landslide4Sense has it."""
    for number in numbers:
        image = np.random.default_rng(number).random((128, 128, 14))
        save(folder / "img" / f"image_{number}.h5", image, "img")
        save(folder / "mask" / f"mask_{number}.h5", mask_of(128, 128), "mask")
    return folder


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Three PNGs with masks."""
    return fill(tmp_path / "slides")


def converted(folder: Path, options: Options = SMALL, kind: str | None = None) -> Patches:
    """A folder's patches, through the file."""
    output = folder.parent / "out.h5"
    registry.convert(folder, output, options, kind)
    return Patches.read(output)


# What comes out


def test_patches_are_the_pixels_of_the_images(masks: Path) -> None:
    """A patch would have other pixels, or another label, than its name says."""
    patches = converted(masks)
    assert patches.ids[:3] == ("image_1-r0-c0", "image_1-r16-c0", "image_1-r16-c16")
    assert patches.known_labels[:3].tolist() == [1, 0, 0]
    assert patches.masks is not None
    for patch_id, pixels, mask in zip(patches.ids, patches.pixels, patches.masks, strict=True):
        number, row, column = (int(text) for text in patch_id.translate({ord(c): " " for c in "imagerc_-"}).split())
        window = np.s_[row : row + SIDE, column : column + SIDE]
        np.testing.assert_array_equal(pixels, np.moveaxis(image_of(number)[window], 2, 0))
        np.testing.assert_array_equal(mask, mask_of()[window])
    assert patches.groups is not None and sorted(set(patches.groups)) == ["1-40", "41-80"]
    assert patches.regions is None
    bands = patches.data_set.bands
    assert [(band.role, band.unit, band.modality) for band in bands.bands] == [
        (role, "8 bit", "optical") for role in ("red", "green", "blue")
    ]
    assert (patches.data_set.name, patches.data_set.title, patches.data_set.licence) == (
        "slides",
        "slides",
        "not stated",
    )


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".h5"])
def test_every_format_gives_the_same_patches(suffix: str, tmp_path: Path) -> None:
    """The same image would be another one in another format: bands or sides mixed up."""
    expected = converted(fill(tmp_path / "png" / "slides"))
    given = fill(tmp_path / "other" / "slides", suffix)
    for mask in list((given / "masks").iterdir()):
        save(mask.with_suffix(suffix), mask_of())  # 1 in place of 255
        mask.unlink()
    found = converted(given, Options(patch=SIDE, unit=("8 bit",)))
    assert (found.ids, found.fingerprint, found.data_set) == (expected.ids, expected.fingerprint, expected.data_set)


def test_numbers_that_are_no_8_bit(tmp_path: Path) -> None:
    """Reflectance of 16 bits, or of relative numbers, would be cut off or called something else."""
    folder = tmp_path / "slides"
    save(folder / "images" / "a.tif", image_of(1, 16, 16).astype(np.uint16) * 40)
    save(folder / "masks" / "a.tif", mask_of(16, 16))
    patches = converted(folder, Options(patch=SIDE, unit=("DN",)))
    assert patches.pixels.max() > 9000 and patches.data_set.bands.bands[0].unit == "DN"
    assert patches.groups is not None and patches.groups.tolist() == ["a"]
    relative = converted(fill(tmp_path / "floats", ".npy", scale=0.01))
    assert relative.data_set.bands.bands[0].unit == "relative"


def test_16_bit_png_is_read_whole_where_its_unit_is_said(masks: Path) -> None:
    """Eight of sixteen bits would be dropped without a word."""
    shutil.rmtree(masks)
    (masks / "images").mkdir(parents=True)
    image = (image_of(1, 16, 16).astype(np.uint16) * 257).transpose(2, 0, 1)
    with rasterio.open(
        masks / "images" / "1.png", "w", driver="PNG", dtype="uint16", count=3, height=16, width=16
    ) as file:
        file.write(image)
    save(masks / "masks" / "1.png", mask_of(16, 16))
    np.testing.assert_array_equal(converted(masks, Options(patch=SIDE, unit=("DN",))).pixels[0], image)
    with pytest.raises(DataError, match="uint16; expected 8 bit"):
        converted(masks)


def test_bands_of_several_sensors(tmp_path: Path) -> None:
    """Backscatter would be taken for light, or a slope for decibels."""
    folder = tmp_path / "slides"
    save(folder / "images" / "1.npy", image_of(1, 16, 16, 4) / 4)
    save(folder / "masks" / "1.npy", mask_of(16, 16))
    options = Options.of(patch=SIDE, bands="nir,descending_vv,vv,slope", unit="DN, dB, dB, °")
    bands = converted(folder, options).data_set.bands.bands
    assert [(band.role, band.modality, band.unit) for band in bands] == [
        *(("nir", "optical", "DN"), ("vv", "descending", "dB"), ("vv", "radar", "dB"), ("slope", "terrain", "°")),
    ]


def test_one_array_of_several_by_its_key(tmp_path: Path) -> None:
    """A file with more than one array could not be used."""
    folder = fill(tmp_path / "slides", numbers=(1,))
    for name, array in (("images/image_1.h5", image_of(1)), ("masks/mask_1.h5", mask_of())):
        save(folder / name, array, "wanted")
        with h5py.File(folder / name, "a") as file:
            file["other"] = array * 0
        (folder / name).with_suffix(".png").unlink()
    options = Options(patch=SIDE, unit=("8 bit",))
    with pytest.raises(DataError, match=r"2 arrays of 2 or 3 dimensions \(other, wanted\); say with --keys"):
        converted(folder, options)
    found = converted(folder, options.model_copy(update={"keys": ("wanted", "wanted")}))
    assert found.pixels.max() > 0 and found.known_labels.sum() == 1


def test_landslide4sense(tmp_path: Path) -> None:
    """The data set's own folder would be refused, its bands mixed up, or a block would lie in two regions."""
    folder = fill_landslide4sense(tmp_path / "l4s", (3030, 3031, 3700))
    patches = converted(folder, Options())
    bands = patches.data_set.bands
    assert bands.names == (*(f"B{i}" for i in range(1, 13)), "slope", "DEM")
    assert bands.rgb == (3, 2, 1) and bands.of_modality("terrain") == (12, 13)
    assert patches.data_set.pixel_metres == 10 and "Ghorbanzadeh" in patches.data_set.credit
    assert patches.regions is not None and patches.groups is not None
    pairs = dict(zip(patches.groups.tolist(), patches.regions.tolist(), strict=True))
    assert pairs == {"3001-3030": "1-3030", "3031-3070": "3031-3319", "3670-3709": "3630-"}
    with h5py.File(folder / "img" / "image_3030.h5") as file:
        np.testing.assert_array_equal(patches.pixels[0], file["img"][:64, :64].transpose(2, 0, 1).astype(np.float32))


def test_the_challenge_is_recognised_and_written_as_before(folder: Path, tmp_path: Path, call: Call) -> None:
    """The challenge's own file would be another one than before."""
    zindi.convert(folder, tmp_path / "before.h5")
    answer = call(folder, tmp_path / "now.h5")
    assert (answer.code, answer.err) == (0, "")
    assert (tmp_path / "now.h5").read_bytes() == (tmp_path / "before.h5").read_bytes()
    assert answer.out.splitlines()[-1] == "test: 3 patches"


def test_a_study_takes_any_folder(masks: Path, folder: Path, tmp_path: Path) -> None:
    """A study on a folder would be another one than on the file, or only the challenge's could be used."""
    large = fill_landslide4sense(tmp_path / "l4s")
    for source in (folder, large):
        registry.convert(source, tmp_path / "file.h5")
        on_folder, on_file = (Study.load("smoke", str(path)) for path in (source, tmp_path / "file.h5"))
        assert on_folder.patches().fingerprint == on_file.patches().fingerprint
        assert data.data_set_of(str(source)) == data.data_set_of(str(tmp_path / "file.h5"))


def test_what_a_user_is_told(masks: Path, tmp_path: Path, call: Call) -> None:
    """A user would not know what is in the file, and what was left out."""
    answer = call(masks, tmp_path / "out.h5", "--patch", SIDE, "--regions", "2,41")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[-3:] == [
        "train: 9 patches, 3 with a landslide, 3 groups, 3 regions",
        "left out: 3 patches with some landslide, but less than 0.01 of their pixels",
        "left out: the right or bottom rest of 3 images, whose sides are no multiples of 16 pixels",
    ]
    assert "masks: 3 of 3" in answer.out and "train: 9 of 9" in answer.out
    thinned = call(masks, tmp_path / "out.h5", "--patch", SIDE, "--positive-rate", "0.25")
    assert "train: 8 patches, 2 with a landslide, 2 groups" in thinned.out
    assert "left out: 1 patches at random, to have 0.25 positive" in thinned.out


def test_a_folder_without_a_landslide_is_said_to_be_one(masks: Path, tmp_path: Path, call: Call) -> None:
    """Such patches can be predicted; who wants to train on them would look for the fault elsewhere."""
    for number in (1, 2, 41):
        save(masks / "masks" / f"mask_{number}.png", mask_of() * 0)
    answer = call(masks, tmp_path / "out.h5", "--patch", SIDE)
    assert answer.code == 0
    assert "train: 12 patches, 0 with a landslide" in answer.out and "all patches are negative" in answer.out


def test_the_order_of_files_is_of_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same data would be another set on another disk."""
    folder = fill(tmp_path / "slides", numbers=(3, 100, 20, 1))
    options = Options(patch=SIDE, positive_rate=0.3)
    expected, listing = converted(folder, options), Path.iterdir
    for seed in range(3):

        def shuffled(path: Path, seed: int = seed) -> Any:
            return iter(random.Random(seed).sample(found := list(listing(path)), len(found)))

        monkeypatch.setattr(Path, "iterdir", shuffled)
        found = converted(folder, options)
        assert (found.ids, found.fingerprint) == (expected.ids, expected.fingerprint)
    numbers = [int(name.split("-")[0].removeprefix("image_")) for name in expected.ids]
    assert numbers == sorted(numbers)


def test_masks_of_other_kinds(masks: Path) -> None:
    """Masks with a palette, with colours or of one bit would be refused."""
    expected = converted(masks)
    for number, mode in ((1, "RGBA"), (2, "RGB"), (41, "1")):
        Image.fromarray(mask_of() * 255).convert(mode).save(masks / "masks" / f"mask_{number}.png")
    with pytest.raises(DataError, match=r"mask_1.png marks landslides by 255, mask_41.png by 1; expected one number"):
        converted(masks)
    for number in (1, 2, 41):
        mask = Image.fromarray(mask_of())
        mask.putpalette([0, 0, 0, 255, 0, 0])
        mask.save(masks / "masks" / f"mask_{number}.png")
    assert converted(masks).fingerprint == expected.fingerprint


# What cutting, labels, groups and thinning are


@given(st.integers(8, 90), st.integers(8, 90), st.integers(8, 40))
def test_patches_cover_an_image_once(height: int, width: int, size: int) -> None:
    """A pixel would be in two patches, of which one trains and one tests, or in none without need."""
    covered = np.zeros((height, width), int)
    for row, column in corners(height, width, size):
        assert covered[row : row + size, column : column + size].shape == (size, size)
        covered[row : row + size, column : column + size] += 1
    expected = np.zeros_like(covered)
    expected[: height // size * size, : width // size * size] = 1
    np.testing.assert_array_equal(covered, expected)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_patch_is_positive_from_the_share_on(pixels: int, percent: int) -> None:
    """A patch at the limit would get either label, as numbers round."""
    mask = np.arange(100).reshape(10, 10) < pixels
    expected = 0 if pixels == 0 else 1 if pixels >= percent else None
    assert label_of(mask, percent / 100) == expected


@given(st.integers(1, 200), st.integers(1, 200), st.floats(0.05, 0.95), st.integers(0, 5))
def test_thinning_gives_the_rate(positive: int, negative: int, rate: float, seed: int) -> None:
    """The rate would be another one, or both classes would lose patches."""
    ids = [f"patch-{i}" for i in range(positive + negative)]
    labels = (np.arange(len(ids)) < positive).astype(np.int8)
    try:
        chosen = thin(ids, labels, rate, seed)
    except DataError:
        assert min(negative * rate / (1 - rate), positive * (1 - rate) / rate) <= 0.5
        return
    left = labels[chosen]
    assert (np.diff(chosen) > 0).all()
    assert left.sum() == positive or (left == 0).sum() == negative
    assert abs(left.sum() - rate * len(left)) <= 0.51
    shuffled = np.random.default_rng(seed).permutation(len(ids))
    again = thin([ids[i] for i in shuffled], labels[shuffled], rate, seed)
    assert {ids[shuffled[i]] for i in again} == {ids[i] for i in chosen}


def test_thinning_is_seeded() -> None:
    """Another seed has to leave others, or a spread over seeds would be none."""
    ids, labels = [f"patch-{i}" for i in range(100)], (np.arange(100) < 50).astype(np.int8)
    assert (
        thin(ids, labels, 0.2, 1).tolist() == thin(ids, labels, 0.2, 1).tolist() != thin(ids, labels, 0.2, 2).tolist()
    )


@given(st.integers(0, 5000), st.integers(1, 60), st.lists(st.integers(2, 5000), unique=True, max_size=4).map(sorted))
def test_a_group_lies_in_one_region(number: int, block: int, regions: list[int]) -> None:
    """A region that is held out would share a group with training."""
    pair = Pair(Path("image.png"), Path("mask.png"), "", number)
    group, region = group_of(pair, block, tuple(regions)), region_of(pair, tuple(regions))
    (start, end), (first, last) = (
        map(int, (text.replace("--", "-") + "9999999" * text.endswith("-")).split("-")) for text in (group, region)
    )
    assert first <= start <= max(number, 1) <= end <= last
    assert end - start < block


# What is wrong with a folder


class Fault(NamedTuple):
    """Something wrong with a folder, and what the sentence has to say: where it is, and what."""

    damage: Callable[[Path], object]
    words: tuple[str, ...]
    more: tuple[str, ...] = ()


def put(name: str, array: Array, key: str = "array") -> Callable[[Path], None]:
    """Write a file in the place of another one of that name, whatever its ending."""

    def damage(folder: Path) -> None:
        path = folder / name
        for old in path.parent.glob(f"{path.stem}.*"):
            old.unlink()
        save(path, array, key)

    return damage


def text(name: str, content: bytes) -> Callable[[Path], object]:
    """Write bytes into a file."""
    return lambda folder: (folder / name).write_bytes(content)


def cut_short(name: str) -> Callable[[Path], object]:
    """Cut a file, as a broken download does."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-900])


def copy_to(name: str, other: str) -> Callable[[Path], object]:
    """Leave a copy of a file under another name."""
    return lambda folder: shutil.copy(folder / name, folder / other)


def link_out(folder: Path) -> None:
    """Replace an image by a link to a file elsewhere."""
    shutil.move(folder / "images" / "image_2.png", folder.parent / "elsewhere.png")
    (folder / "images" / "image_2.png").symlink_to(folder.parent / "elsewhere.png")


def link_in_hdf5(folder: Path) -> None:
    """Replace an image by an HDF5 file whose array is a link to another file."""
    save(folder.parent / "elsewhere.h5", image_of(2))
    (folder / "images" / "image_2.png").unlink()
    with h5py.File(folder / "images" / "image_2.h5", "w") as file:
        file["array"] = h5py.ExternalLink(str(folder.parent / "elsewhere.h5"), "array")


def nodata(folder: Path) -> None:
    """Replace an image by a GeoTIFF with pixels without data."""
    put("images/image_2.tif", image_of(2))(folder)
    with rasterio.open(folder / "images" / "image_2.tif", "r+") as file:
        file.nodata = int(image_of(2)[0, 0, 0]) or 1


def shortened_tif(folder: Path) -> None:
    """A GeoTIFF that breaks off."""
    put("images/image_2.tif", image_of(2))(folder)
    cut_short("images/image_2.tif")(folder)


def transparent(folder: Path) -> None:
    """Make an image transparent in one pixel."""
    image = np.concatenate([image_of(2), np.full((40, 32, 1), 255, np.uint8)], 2)
    image[5, 5, 3] = 0
    save(folder / "images" / "image_2.png", image)


def both_kinds(folder: Path) -> None:
    """Add the challenge's list to a folder of images with masks."""
    (folder / "Train.csv").write_text("ID,label\n", "utf-8")


def empty_masks(folder: Path) -> None:
    """Remove all masks."""
    for mask in (folder / "masks").iterdir():
        mask.unlink()


def broken_links(folder: Path) -> None:
    """Add an image and a mask that are links to nothing."""
    for name in ("images/image_9.png", "masks/mask_9.png"):
        (folder / name).symlink_to(folder / "none.png")


def without_number(folder: Path) -> None:
    """Add an image whose name has no number."""
    save(folder / "images" / "a.png", image_of(1))
    save(folder / "masks" / "a.png", mask_of() * 255)


def with_nan(dtype: type[np.floating]) -> Array:
    """An image with a value that is none."""
    image = image_of(2).astype(dtype)
    image[3, 4, 1] = np.nan
    return image


GREY_16 = np.full((40, 32), 60_000, np.uint16)
FLOATS = ("--unit", "DN")
FAULTS = {
    "image without mask": Fault(lambda f: (f / "masks/mask_2.png").unlink(), ("image_2.png has no mask", "1 such")),
    "mask without image": Fault(lambda f: (f / "images/image_2.png").unlink(), ("mask_2.png has no image", "1 such")),
    "another size": Fault(
        put("masks/mask_2.png", mask_of(40, 40) * 255), ("image_2.png has 40 × 32", "its mask 40 × 40")
    ),
    "three numbers in a mask": Fault(
        put("masks/mask_2.png", mask_of() + np.eye(40, 32, dtype=np.uint8)),
        ("mask_2.png holds 2 numbers besides 0 (1, 2",),
    ),
    "masks by 255 and by 1": Fault(
        put("masks/mask_2.png", mask_of()), ("mask_1.png marks landslides by 255, mask_2.png by 1",)
    ),
    "a mask in colours": Fault(
        put("masks/mask_2.png", image_of(1)), ("mask_2.png has the shape (40, 32, 3)", "a mask")
    ),
    "truncated PNG": Fault(cut_short("images/image_2.png"), ("image_2.png cannot be read",)),
    "no PNG": Fault(text("images/image_2.png", b"<html>not found</html>"), ("image_2.png cannot be read",)),
    "PNG of no bytes": Fault(text("masks/mask_2.png", b""), ("mask_2.png cannot be read",)),
    "truncated GeoTIFF": Fault(shortened_tif, ("image_2.tif cannot be read",), ("--unit", "8 bit")),
    "16 bit": Fault(put("images/image_1.png", GREY_16), ("image_1.png", "uint16", "8 bit"), ("--bands", "red")),
    "same number": Fault(
        copy_to("images/image_2.png", "images/image_02.png"), ("image_02.png and image_2.png", "keep one")
    ),
    "same name": Fault(
        copy_to("images/image_2.png", "images/image_2.npy"), ("image_2.npy and image_2.png", "keep one")
    ),
    "NaN": Fault(
        put("images/image_2.npy", with_nan(np.float64)), ("image_2.npy", "nan in band green at row 3, column 4"), FLOATS
    ),
    "NaN in a mask": Fault(put("masks/mask_2.npy", np.full((40, 32), np.nan)), ("mask_2.npy", "nan", "one that marks")),
    "no masks": Fault(empty_masks, ("masks holds no .png",)),
    "a link out of the folder": Fault(link_out, ("image_2.png is a link that leads out of",)),
    "a broken link": Fault(
        broken_links,
        ("_9.png is not a file",),
    ),
    "a link in an HDF5 file": Fault(link_in_hdf5, ("image_2.h5 holds 0 arrays",), FLOATS),
    "no such key": Fault(
        put("images/image_2.h5", image_of(2)),
        ("image_2.h5 has no array 'img'; it has array",),
        (*FLOATS, "--keys", "img,mask"),
    ),
    "four bands": Fault(
        put("images/image_2.npy", image_of(2, bands=4)), ("image_2.npy", "(40, 32, 4)", "3 bands"), FLOATS
    ),
    "one band": Fault(put("images/image_2.png", image_of(2)[..., 0]), ("image_2.png", "(40, 32, 1)", "3 bands")),
    "channels first": Fault(
        put("images/image_2.npy", image_of(2).transpose(2, 0, 1)), ("(3, 40, 32)", "last place"), FLOATS
    ),
    "complex": Fault(put("images/image_2.npy", image_of(2) * 1j), ("image_2.npy holds complex128",), FLOATS),
    "text": Fault(put("images/image_2.npy", np.full((40, 32, 3), "a")), ("image_2.npy holds <U1",), FLOATS),
    "pickled": Fault(
        put("images/image_2.npy", image_of(2).astype(object)), ("image_2.npy is not a whole .npy",), FLOATS
    ),
    "beyond float32": Fault(put("images/image_2.npy", image_of(2) * 1e300), ("image_2.npy", "inf"), FLOATS),
    "no data": Fault(nodata, ("image_2.tif has pixels without data",), FLOATS),
    "transparent": Fault(transparent, ("image_2.png is transparent",)),
    "a palette": Fault(
        lambda f: Image.open(f / "images/image_2.png").quantize(16).save(f / "images/image_2.png"),
        ("image_2.png", "palette"),
    ),
    "a JPEG": Fault(
        lambda f: Image.open(f / "images/image_2.png").save(f / "images/image_3.jpg"), ("image_3.jpg cannot be read",)
    ),
    "a folder below": Fault(lambda f: (f / "images/more").mkdir(), ("more cannot be read", "no folders below")),
    "a link to nowhere": Fault(
        lambda f: (f / "images/more").symlink_to(f / "gone"), ("more cannot be read", "no folders below")
    ),
    "smaller than a patch": Fault(lambda f: None, ("mask_1.png has 40 × 32", "64"), ("--patch", "64")),
    "several formats": Fault(put("images/image_2.npy", image_of(2)), ("images has PNG and other files", "--unit")),
    "whole numbers without a unit": Fault(
        lambda f: [put(f"images/image_{n}.tif", image_of(n))(f) for n in (1, 2, 41)],
        ("image_1.tif holds uint8", "--unit"),
    ),
    "unknown band": Fault(lambda f: None, ("'rod' is not known", "red"), ("--bands", "rod,green,blue")),
    "a band twice": Fault(
        lambda f: None, ("--bands is 'red,red,blue'; expected each band once",), ("--bands", "red,red,blue")
    ),
    "unknown unit": Fault(lambda f: None, ("--unit is 'bits'", "8 bit"), ("--unit", "bits")),
    "two units": Fault(lambda f: None, ("--unit names 2 units for 3 bands",), ("--unit", "DN,dB")),
    "no share": Fault(
        lambda f: None, ("--positive-share is 2.0; expected less than or equal to 1",), ("--positive-share", "2")
    ),
    "no rate": Fault(lambda f: None, ("--positive-rate is 0.0; expected greater than 0",), ("--positive-rate", "0")),
    "falling regions": Fault(lambda f: None, ("--regions is '9,3'; expected rising numbers",), ("--regions", "9,3")),
    "one key": Fault(lambda f: None, ("--keys is 'img'; expected two names",), ("--keys", "img")),
    "no region without a number": Fault(
        without_number,
        ("a.png has no number",),
        ("--regions", "2"),
    ),
    "a rate without positives": Fault(
        lambda f: [put(f"masks/mask_{n}.png", mask_of() * 0)(f) for n in (1, 2, 41)],
        ("0 positive and 12 negative patches cannot be thinned",),
        ("--positive-rate", "0.2"),
    ),
    "all in between": Fault(
        lambda f: [put(f"masks/mask_{n}.png", np.eye(40, 32, dtype=np.uint8))(f) for n in (1, 2, 41)],
        ("no patch is left of 3", "--positive-share"),
        ("--patch", "32", "--positive-share", "0.9"),
    ),
    "two kinds": Fault(both_kinds, ("could be of the kinds zindi and masks", "--kind")),
    "no kind": Fault(
        lambda f: shutil.rmtree(f / "masks"),
        ("is of no known kind", "zindi", "landslide4sense", "images/ and masks/", "--kind"),
    ),
    "another kind": Fault(lambda f: None, ("img is not a folder",), ("--kind", "landslide4sense", "--patch", "16")),
    "unknown kind": Fault(lambda f: None, ("--kind is 'mask'", "zindi, landslide4sense, masks"), ("--kind", "mask")),
    "no folder": Fault(shutil.rmtree, ("slides is not a folder",)),
}
FAULTS_OF_LANDSLIDE4SENSE = {
    "no such key": Fault(
        put("img/image_3030.h5", np.ones((128, 128, 14)), "image"), ("image_3030.h5 has no array 'img'; it has image",)
    ),
    "no such key in a mask": Fault(
        put("mask/mask_3030.h5", mask_of(128, 128), "img"), ("mask_3030.h5 has no array 'mask'",)
    ),
    "thirteen bands": Fault(put("img/image_3030.h5", np.ones((128, 128, 13)), "img"), ("(128, 128, 13)", "14 bands")),
    "whole numbers": Fault(
        put("img/image_3030.h5", np.ones((128, 128, 14), np.int16), "img"), ("image_3030.h5 holds int16",)
    ),
    "truncated": Fault(cut_short("img/image_3030.h5"), ("image_3030.h5 cannot be read",)),
    "bands are known": Fault(
        lambda f: None, ("--bands, --unit does not apply", "landslide4sense"), ("--bands", "red", "--unit", "DN")
    ),
}


def refused(folder: Path, fault: Fault, call: Call, *options: str | Path) -> None:
    """Damage a folder: converting it has to end in one sentence and exit code 1, and the old file is still there."""
    fault.damage(folder)
    output = folder.parent / "out" / "patches.h5"
    output.parent.mkdir()
    output.write_bytes(b"old")
    given = {option for option in fault.more if option.startswith("--")}
    answer = call(folder, output, *(options if "--patch" not in given else ()), *fault.more)
    assert answer.code == 1, answer
    assert answer.err.startswith("error: ") and len(answer.err.splitlines()) == 1, answer.err
    assert [word for word in fault.words if word not in answer.err] == [], answer.err
    assert [path.name for path in output.parent.iterdir()] == ["patches.h5"] and output.read_bytes() == b"old"


@pytest.mark.parametrize("name", FAULTS)
def test_bad_folder(name: str, masks: Path, call: Call) -> None:
    """A user would see a traceback, wrong patches, or lose the file that was there."""
    refused(masks, FAULTS[name], call, "--patch", str(SIDE))


@pytest.mark.parametrize("name", FAULTS_OF_LANDSLIDE4SENSE)
def test_bad_folder_of_landslide4sense(name: str, tmp_path: Path, call: Call) -> None:
    """The same, of the data set's own format."""
    refused(fill_landslide4sense(tmp_path / "l4s"), FAULTS_OF_LANDSLIDE4SENSE[name], call)


def test_options_that_the_challenge_has_not(folder: Path, tmp_path: Path, call: Call) -> None:
    """Someone would believe that the challenge's patches were cut."""
    answer = call(folder, tmp_path / "out.h5", "--patch", "32", "--positive-rate", "0.1")
    assert answer.code == 1 and "--patch, --positive-rate does not apply to a folder of the kind zindi" in answer.err


@pytest.mark.parametrize(
    "output", ["slides", "slides/patches.h5", "slides/images/image_1.png", "slides/../slides/a.h5"]
)
def test_output_in_the_folder_is_refused(output: str, masks: Path, tmp_path: Path, call: Call) -> None:
    """An image would be overwritten, or the next conversion would read its own output."""
    before = sorted(masks.rglob("*"))
    answer = call(masks, tmp_path / output, "--patch", str(SIDE))
    assert answer.code == 1 and "is in the folder that is read" in answer.err
    assert sorted(masks.rglob("*")) == before


def test_a_folder_that_may_not_be_read(
    masks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    """A user would see a traceback in place of a word on permissions."""

    def refuse(path: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    answer = call(masks, tmp_path / "out.h5", "--patch", str(SIDE))
    assert (answer.code, answer.err) == (1, f"error: {masks / 'images'} cannot be read (Permission denied)\n")
    monkeypatch.setattr(Path, "is_dir", lambda path: True if path == masks else refuse(path))
    answer = call(masks, tmp_path / "out.h5", "--patch", str(SIDE))
    assert (answer.code, answer.err) == (1, f"error: {masks} cannot be read (Permission denied)\n")


def test_a_link_inside_the_folder_is_followed(masks: Path) -> None:
    """Whoever keeps each image once and links to it could not start."""
    expected = converted(masks)
    shutil.move(masks / "images" / "image_2.png", masks / "kept.png")
    (masks / "images" / "image_2.png").symlink_to(os.path.relpath(masks / "kept.png", masks / "images"))
    assert converted(masks).fingerprint == expected.fingerprint


# The real data


@pytest.fixture(scope="module")
def real_patches(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Patches:
    """All of landslide4sense_rgb."""
    output = tmp_path_factory.mktemp("real") / "real.h5"
    registry.convert(real / "landslide4sense_rgb", output, Options(regions=(3031, 3320)))
    return Patches.read(output)


def test_real_counts_are_those_of_a_short_script(real: Path, real_patches: Patches) -> None:
    """Labels, blocks or regions would be other ones than numpy and Pillow give."""
    found = set()
    for path in (real / "landslide4sense_rgb" / "masks").iterdir():
        number, mask = int(path.stem[5:]), np.asarray(Image.open(path))[..., 0] > 0
        region = (number >= 3031) + (number >= 3320)
        for row in (0, 64):
            for column in (0, 64):
                count = int(mask[row : row + 64, column : column + 64].sum())
                if count == 0 or count >= 41:
                    block = (number - (1, 3031, 3320)[region]) // 40
                    found.add((f"image_{number}-r{row}-c{column}", int(count > 0), (region, block), region))
    labels, groups, regions = real_patches.known_labels, real_patches.groups, real_patches.regions
    assert groups is not None and regions is not None
    assert {(name, label) for name, label, *_ in found} == set(zip(real_patches.ids, labels.tolist(), strict=True))
    assert len({block for *_, block, _ in found}) == len(set(groups.tolist()))
    assert sorted(set(regions.tolist())) == ["1-3030", "3031-3319", "3320-"]
    of = dict(zip(real_patches.ids, regions.tolist(), strict=True))
    assert all(of[name] == ("1-3030", "3031-3319", "3320-")[region] for name, *_, region in found)


def test_real_hdf5_patches_are_the_pngs(real: Path, real_patches: Patches, tmp_path: Path) -> None:
    """Bands would be in another order, or rows and columns exchanged: PNG = floor(RGB / maximum × 255)."""
    registry.convert(real / "landslide4sense_h5", tmp_path / "out.h5")
    patches = Patches.read(tmp_path / "out.h5")
    assert patches.pixels.shape[1] == 14
    place = {name: i for i, name in enumerate(real_patches.ids)}
    for number in (1, 4):
        names = [name for name in patches.ids if name.startswith(f"image_{number}-")]
        rgb = patches.pixels[[patches.ids.index(name) for name in names]][:, list(patches.data_set.bands.rgb or ())]
        png = real_patches.pixels[[place[name] for name in names]]
        assert names and rgb.shape == png.shape
        scale = (png.max() + 0.5) / rgb.max()
        assert np.abs(rgb * scale - png - 0.5).max() < 1.1


def test_real_files_in_another_order(real: Path, tmp_path: Path) -> None:
    """The same images, found in another order, would be another data set."""
    prints = []
    for seed in range(2):
        folder, names = tmp_path / str(seed) / "slides", [*range(1, 6), 3100, 3400]
        random.Random(seed).shuffle(names)
        for number in names:
            for what, name in (("images", f"image_{number}.png"), ("masks", f"mask_{number}.png")):
                (folder / what).mkdir(parents=True, exist_ok=True)
                if (source := real / "landslide4sense_rgb" / what / name).is_file():
                    shutil.copy(source, folder / what / name)
        prints.append(converted(folder, Options(positive_rate=0.4)))
    assert prints[0].ids == prints[1].ids and prints[0].fingerprint == prints[1].fingerprint
