"""Patches in memory and in one HDF5 file: what goes in comes out, or an error says why not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslide_nb.common.errors import DataError
from landslide_nb.data.bands import Band, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.hdf5 import FIRST_FORMAT, Part, read_data_set, read_rows, write_parts
from landslide_nb.data.patches import Patches

SMALL = (4, 12, 3, 2)
OTHER = DataSet(
    name="two",
    title="Two bands",
    bands=BandSet(
        bands=(
            Band(name="VV", title="VV", unit="dB", role="vv", modality="ascending"),
            Band(name="S", title="Slope", unit="°", role="slope", modality="terrain"),
        )
    ),
    patch_size=8,
    credit="nobody",
)


def small(**changes: Any) -> Patches:
    """Four patches of 3 × 2 pixels, with something changed."""
    pixels = np.random.default_rng(0).normal(size=SMALL).astype(np.float32)
    labels = np.array([0, 1, 0, 1], np.int8)
    arguments: dict[str, Any] = {"ids": ("a", "b", "c", "d"), "pixels": pixels, "labels": labels}
    return Patches(**arguments | changes)


def beside() -> dict[str, Any]:
    """What may belong to `small` besides pixels and labels; each mask has a pixel of its own."""
    masks = np.zeros((4, 3, 2), np.uint8)
    masks[range(4), [0, 1, 2, 0], [0, 1, 0, 1]] = 1
    return {"groups": np.array(["x", "x", "y", "z"]), "regions": np.array(["Ä", "Ä", "B", "B"]), "masks": masks}


def with_value(value: float) -> NDArray[np.float32]:
    """The pixels of `small` with one value in the third patch."""
    pixels = small().pixels.copy()
    pixels[2, 5, 1, 0] = value
    return pixels


def of_the_first_format(path: Path, **changes: Any) -> Path:
    """`small` as the first version wrote it: bands by name, and no data set."""
    patches = small(**changes)
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "landslide-nb patches 1"
        file.attrs["bands"] = ["R", "G", "B", "NIR", "DVV", "DVH", "DDVV", "DDVH", "AVV", "AVH", "ADVV", "ADVH"]
        group = file.create_group("train")
        group["ids"] = np.array([name.encode() for name in patches.ids], dtype=h5py.string_dtype())
        if patches.labels is not None:
            group["labels"] = patches.labels
        group.create_dataset("pixels", data=patches.pixels, chunks=(1, *SMALL[1:]))
        group.attrs["fingerprint"] = patches.fingerprint
    return path


def edited(path: Path, edit: Callable[[h5py.File], object]) -> Path:
    """The file after someone opened it with another tool."""
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file with the four patches."""
    small().write(tmp_path / "patches.h5")
    return tmp_path / "patches.h5"


def test_file_gives_back_what_was_written(tiny: Patches, tmp_path: Path) -> None:
    """A study on the file would be another study than on the folder it was made from."""
    tiny.write(tmp_path / "new folder" / "patches.h5")
    read = Patches.read(tmp_path / "new folder" / "patches.h5")
    assert read.ids == tiny.ids
    assert read.pixels.dtype == np.float32
    np.testing.assert_array_equal(read.pixels, tiny.pixels)
    np.testing.assert_array_equal(read.known_labels, tiny.known_labels)
    assert read.known_labels.dtype == np.int8
    assert read.fingerprint == tiny.fingerprint
    assert [file.name for file in (tmp_path / "new folder").iterdir()] == ["patches.h5"]


def test_what_belongs_to_patches_comes_back(tmp_path: Path) -> None:
    """Neighbours on the ground would be split after a conversion, a region not be found, or a mask lie on another patch."""
    whole = small(**beside())
    whole.write(tmp_path / "patches.h5")
    read = Patches.read(tmp_path / "patches.h5")
    assert read.fingerprint == whole.fingerprint
    for name, given_ in beside().items():
        np.testing.assert_array_equal(getattr(read, name), given_)
    assert read.masks is not None and read.masks.dtype == np.uint8
    plain = tmp_path / "plain.h5"
    small().write(plain)
    assert all(getattr(Patches.read(plain), name) is None for name in beside())


@pytest.mark.parametrize("missing", ["groups", "regions", "masks"])
def test_one_that_is_missing_takes_no_other_with_it(missing: str, tmp_path: Path) -> None:
    """Patches with masks and no groups could not be kept, or get groups that nobody gave."""
    small(**beside() | {missing: None}).write(tmp_path / "patches.h5")
    read = Patches.read(tmp_path / "patches.h5")
    assert {name for name in beside() if getattr(read, name) is None} == {missing}


def test_the_data_set_travels_with_the_patches(tmp_path: Path) -> None:
    """A file of another data set would be read as if its bands were the challenge's, and its authors not be credited."""
    pixels = np.random.default_rng(1).normal(size=(2, 2, 8, 8)).astype(np.float32)
    patches = Patches(("a", "b"), pixels, None, OTHER)
    patches.write(tmp_path / "other.h5")
    read = Patches.read(tmp_path / "other.h5")
    assert read.data_set == read_data_set(tmp_path / "other.h5") == OTHER
    assert read.take([1]).data_set == OTHER
    np.testing.assert_array_equal(read.pixels, pixels)
    with pytest.raises(DataError, match=r"expected float32 \(2, 12, H, W\)"):
        Patches(("a", "b"), pixels)
    with pytest.raises(DataError, match="patch b: inf in band S at row 0, column 3"):
        wrong = pixels.copy()
        wrong[1, 1, 0, 3] = np.inf
        Patches(("a", "b"), wrong, None, OTHER)


def test_unlabelled_patches_stay_unlabelled(tmp_path: Path) -> None:
    """Unknown labels would turn into zeros and be trained on."""
    small(labels=None).write(tmp_path / "hidden.h5", "test")
    read = Patches.read(tmp_path / "hidden.h5")
    assert read.labels is None
    assert read.fingerprint == small(labels=None).fingerprint
    with pytest.raises(DataError, match="4 patches have no labels"):
        _ = read.known_labels


def test_no_patches_are_a_set_too(tmp_path: Path) -> None:
    """A challenge folder without test patches could not be converted."""
    none = small().take(np.arange(0))
    none.write(tmp_path / "none.h5")
    assert len(Patches.read(tmp_path / "none.h5")) == 0


def test_training_part_is_read_first(tmp_path: Path) -> None:
    """A study would start on the patches without labels."""
    train, test = small(), small(ids=tuple("efgh"), labels=None)
    parts = {"test": Part(test.ids, None, test.pixels), "train": Part(train.ids, train.labels, train.pixels)}
    write_parts(tmp_path / "both.h5", CHALLENGE, parts)
    assert Patches.read(tmp_path / "both.h5").ids == train.ids
    assert Patches.read(tmp_path / "both.h5", "test").ids == test.ids


def test_pixels_are_written_one_patch_at_a_time(tmp_path: Path) -> None:
    """The whole challenge would have to fit into memory: a generator that reuses its array shows who collects."""
    whole, buffer = small(), np.empty(SMALL[1:], np.float32)

    def one_by_one() -> Iterator[NDArray[np.float32]]:
        for patch in whole.pixels:
            buffer[:] = patch
            yield buffer

    write_parts(tmp_path / "patches.h5", CHALLENGE, {"train": Part(whole.ids, whole.labels, one_by_one())})
    np.testing.assert_array_equal(Patches.read(tmp_path / "patches.h5").pixels, whole.pixels)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(4)), st.booleans())
def test_fingerprint_does_not_depend_on_the_order(order: list[int], labelled: bool) -> None:
    """The same patches in another order would be trained on again."""
    whole = small() if labelled else small(labels=None)
    assert whole.take(order).fingerprint == whole.fingerprint


@settings(max_examples=50, deadline=None)
@given(st.tuples(*(st.integers(0, size - 1) for size in SMALL)), st.sampled_from((-np.inf, np.inf)))
def test_fingerprint_depends_on_every_pixel(at: tuple[int, ...], towards: float) -> None:
    """Results of other data would be shown, because its smallest change went unnoticed."""
    pixels = small().pixels.copy()
    pixels[at] = np.nextafter(pixels[at], np.float32(towards))
    assert small(pixels=pixels).fingerprint != small().fingerprint


@pytest.mark.parametrize("index", range(4))
def test_fingerprint_depends_on_every_label_and_id(index: int) -> None:
    """A corrected label, or two patches that swapped their names, would go unnoticed."""
    labels = small().known_labels.copy()
    labels[index] ^= 1
    renamed = (*"abcd"[:index], "x", *"abcd"[index + 1 :])
    swapped = list("abcd")
    swapped[index], swapped[index - 1] = swapped[index - 1], swapped[index]
    others = [small(labels=labels), small(ids=renamed), small(ids=tuple(swapped)), small(labels=None)]
    assert len({small().fingerprint, *(other.fingerprint for other in others)}) == 5


def test_fingerprint_depends_on_groups_regions_and_masks() -> None:
    """A corrected mask, or blocks of another size, would go unnoticed: results would be shown of the split of before."""
    whole = beside()
    moved = {name: np.roll(value, 1, 0) for name, value in whole.items()}
    others = [whole | {name: value} for name, value in moved.items()] + [whole | {name: None} for name in whole]
    others += [{"regions": whole["groups"]}, {"groups": whole["groups"]}, {}, whole]
    prints = {small(**each).fingerprint for each in others}
    assert len(prints) == len(others)


@settings(max_examples=30, deadline=None)
@given(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 1)))
def test_fingerprint_depends_on_every_pixel_of_a_mask(at: tuple[int, ...]) -> None:
    """A mask that was drawn anew would pass for the old one where few pixels differ."""
    masks = beside()["masks"].copy()
    masks[at] ^= 1
    assert small(masks=masks).fingerprint != small(masks=beside()["masks"]).fingerprint


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(4)))
def test_what_belongs_to_patches_is_taken_with_them(order: list[int]) -> None:
    """Groups or masks would end up at other patches, and a split cut what it must not."""
    whole = small(**beside())
    taken = whole.take(order)
    assert taken.fingerprint == whole.fingerprint
    assert taken.masks is not None and np.array_equal(taken.masks, beside()["masks"][order])


def test_fingerprint_depends_on_the_shape_and_the_number() -> None:
    """Turned patches, or fewer of them, would pass for the same."""
    turned = small(pixels=small().pixels.reshape(4, 12, 2, 3))
    assert len({small().fingerprint, turned.fingerprint, small().take([0, 1, 2]).fingerprint}) == 3


def test_unlabelled_is_not_label_0() -> None:
    """Patches that nobody looked at would pass for patches without a landslide."""
    assert small(labels=np.zeros(4, np.int8)).fingerprint != small(labels=None).fingerprint


def test_take_keeps_ids_pixels_and_labels_together() -> None:
    """Labels would end up at other patches."""
    whole = small()
    taken = whole.take([3, 0])
    assert taken.ids == ("d", "a")
    np.testing.assert_array_equal(taken.pixels, whole.pixels[[3, 0]])
    assert taken.known_labels.tolist() == [1, 0]
    assert small(labels=None).take([1]).labels is None
    assert whole.take(whole.known_labels == 1).ids == ("b", "d")


def test_take_of_nothing_is_empty() -> None:
    """A selection that happens to be empty would end in an IndexError."""
    assert len(small().take([])) == 0


def test_take_refuses_a_patch_twice() -> None:
    """A patch would stand on both sides of a split."""
    with pytest.raises(DataError, match="patch b stands twice"):
        small().take([1, 2, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": ("a", "b", "c", "b")}, "patch b stands twice"),
        ({"ids": ("a", "b", "c")}, r"expected float32 \(3, 12, H, W\)"),
        ({"pixels": np.zeros((4, 11, 3, 2), np.float32)}, r"float32 \(4, 11, 3, 2\); expected float32 \(4, 12, H, W\)"),
        ({"pixels": np.zeros((4, 3, 2, 12), np.float32)}, r"\(4, 3, 2, 12\); expected"),
        ({"pixels": np.zeros((4, 12, 6), np.float32)}, r"\(4, 12, 6\); expected"),
        ({"pixels": np.zeros(SMALL)}, "float64"),
        ({"pixels": with_value(np.nan)}, "patch c: nan in band DVH at row 1, column 0"),
        ({"pixels": with_value(-np.inf)}, "patch c: -inf in band DVH"),
        ({"labels": np.array([0, 1, 0, 2], np.int8)}, "patch d has label 2; expected 0 or 1"),
        ({"labels": np.array([0, -1, 0, 1], np.int8)}, "patch b has label -1"),
        ({"labels": np.array([0, 1, 0], np.int8)}, r"int8 \(3,\); expected int8 \(4,\)"),
        ({"labels": np.array([0, 1, 0, 1])}, r"int64 \(4,\); expected int8"),
        ({"groups": np.array(["a", "b", "c"])}, r"groups have the shape \(3,\); expected \(4,\)"),
        ({"regions": np.array([["a", "b", "c", "d"]])}, r"regions have the shape \(1, 4\)"),
        ({"masks": np.zeros((4, 2, 3), np.uint8)}, r"masks have the shape \(4, 2, 3\); expected \(4, 3, 2\)"),
    ],
)
def test_wrong_patches_are_refused(changes: dict[str, Any], message: str) -> None:
    """A wrong patch would be found hours later, as a loss that is NaN."""
    with pytest.raises(DataError, match=message):
        small(**changes)


@pytest.mark.parametrize("read", [Patches.read, read_rows])
def test_unknown_part_names_those_there(read: Callable[[Path, str], object], written: Path) -> None:
    """A user would have to open the file with another tool to see what it holds."""
    with pytest.raises(DataError, match=r"patches\.h5 has no part 'trian'; it has train"):
        read(written, "trian")


@pytest.mark.parametrize("name", ["missing.h5", "."])
def test_missing_file_is_named(name: str, tmp_path: Path) -> None:
    """A typing error in a path would end in a traceback of h5py."""
    with pytest.raises(DataError, match="does not exist"):
        Patches.read(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"ID,label\na,0\n", b"\x89HDF\r\n\x1a\n"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    """Train.csv in place of the HDF5 file would end in a traceback of h5py."""
    (tmp_path / "other.h5").write_bytes(content)
    with pytest.raises(DataError, match=r"other\.h5 cannot be read as HDF5"):
        Patches.read(tmp_path / "other.h5")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.999])
def test_truncated_file_is_refused(share: float, written: Path) -> None:
    """A copy that broke off would be read in part."""
    whole = written.read_bytes()
    written.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"patches\.h5"):
        Patches.read(written)


@pytest.mark.parametrize("bit", [0, 22, 30, 31])
@pytest.mark.parametrize("patch", [0, 3])
def test_flipped_bit_in_the_pixels_is_noticed(patch: int, bit: int, written: Path) -> None:
    """Damage of a disk would go into the results."""
    content = bytearray(written.read_bytes())
    at = content.index(small().pixels[patch].tobytes()) + 20
    content[at + bit // 8] ^= 1 << bit % 8
    written.write_bytes(content)
    with pytest.raises(DataError, match=r"patches\.h5 is damaged|patch [ad]"):
        Patches.read(written)


def test_damaged_id_is_refused(tiny: Patches, tmp_path: Path) -> None:
    """A flipped bit in an id would end in a traceback about UTF-8."""
    tiny.write(tmp_path / "patches.h5")
    content = (tmp_path / "patches.h5").read_bytes()
    (tmp_path / "patches.h5").write_bytes(content.replace(tiny.ids[2].encode(), b"\xd3" + tiny.ids[2][1:].encode()))
    with pytest.raises(DataError, match=r"patches\.h5"):
        Patches.read(tmp_path / "patches.h5")


def _swap_ids(file: h5py.File) -> None:
    file["train/ids"][:2] = file["train/ids"][:2][::-1]


def _flip_a_label(file: h5py.File) -> None:
    file["train/labels"][0] = 1


def _rename_bands(file: h5py.File) -> None:
    file.attrs["data_set"] = file.attrs["data_set"].replace('"NIR"', '"R"')


def _drop_a_band(file: h5py.File) -> None:
    bands = CHALLENGE.bands.bands[:-1]
    file.attrs["data_set"] = CHALLENGE.model_copy(update={"bands": BandSet(bands=bands)}).to_json()


def _drop_data_set(file: h5py.File) -> None:
    del file.attrs["data_set"]


def _damage_data_set(file: h5py.File) -> None:
    file.attrs["data_set"] = file.attrs["data_set"][:-9]


def _change_a_group(file: h5py.File) -> None:
    file["train/groups"][0] = "y"


def _swap_regions(file: h5py.File) -> None:
    file["train/regions"][1:3] = file["train/regions"][1:3][::-1]


def _change_a_mask(file: h5py.File) -> None:
    file["train/masks"][3, 2, 1] = 1


def _drop_masks(file: h5py.File) -> None:
    del file["train/masks"]


def _other_format(file: h5py.File) -> None:
    file.attrs["format"] = "landslide-nb patches 3"


def _drop_format(file: h5py.File) -> None:
    del file.attrs["format"]


def _drop_fingerprint(file: h5py.File) -> None:
    del file["train"].attrs["fingerprint"]


def _drop_pixels(file: h5py.File) -> None:
    del file["train/pixels"]


@pytest.mark.parametrize(
    "edit",
    [
        *(_swap_ids, _flip_a_label, _rename_bands, _drop_a_band, _drop_data_set, _damage_data_set, _drop_format),
        *(_other_format, _drop_fingerprint, _drop_pixels, _change_a_group, _swap_regions, _change_a_mask, _drop_masks),
    ],
)
def test_edited_file_is_refused(edit: Callable[[h5py.File], None], tmp_path: Path) -> None:
    """A file that another tool changed, or made, would pass for the challenge's data; or the error would be a page long."""
    small(**beside()).write(tmp_path / "patches.h5")
    with pytest.raises(DataError, match=r"patches\.h5|pixels are") as caught:
        Patches.read(edited(tmp_path / "patches.h5", edit))
    assert "\n" not in str(caught.value)


def _reorder_bands(file: h5py.File) -> None:
    bands = BandSet(bands=CHALLENGE.bands.bands[::-1], derived=CHALLENGE.bands.derived)
    file.attrs["data_set"] = CHALLENGE.model_copy(update={"bands": bands}).to_json()


def test_a_file_with_other_bands_is_not_the_challenges(written: Path) -> None:
    """Red would be read as the ascending pass: runs and models would take it for the challenge's data."""
    assert Patches.read(written).data_set == CHALLENGE
    read = Patches.read(edited(written, _reorder_bands)).data_set
    assert read != CHALLENGE and read.bands.names == CHALLENGE.bands.names[::-1]


@pytest.mark.parametrize("labelled", [True, False])
def test_a_file_of_the_first_format_is_the_challenges(labelled: bool, tmp_path: Path) -> None:
    """Whoever converted the challenge's folder with the first version would have to do it again, or get other runs."""
    changes: dict[str, Any] = {} if labelled else {"labels": None}
    path = of_the_first_format(tmp_path / "old.h5", **changes)
    read = Patches.read(path)
    assert read.ids == small().ids and read.data_set == read_data_set(path) == CHALLENGE
    np.testing.assert_array_equal(read.pixels, small().pixels)
    assert read.fingerprint == small(**changes).fingerprint
    assert (read.labels is None) == (not labelled) and all(getattr(read, name) is None for name in beside())
    assert read_rows(path, "train") == tuple("abcd")


def test_a_first_fingerprint_is_what_it_was() -> None:
    """Files of the first format would be called damaged: patches without groups, regions and masks hash as before."""
    assert small().fingerprint == "3c684f65c74ba971"
    assert FIRST_FORMAT == "landslide-nb patches 1"


def test_a_file_of_the_first_format_with_other_bands_is_refused(tmp_path: Path) -> None:
    """A file that another tool made of other bands would pass for the challenge's data."""
    path = of_the_first_format(tmp_path / "old.h5")

    def reorder(file: h5py.File) -> None:
        file.attrs["bands"] = file.attrs["bands"][::-1]

    with pytest.raises(DataError, match=r"old\.h5 has the bands ADVH, ADVV.*expected R, G"):
        Patches.read(edited(path, reorder))


def breaking() -> Iterator[NDArray[np.float32]]:
    """Pixels of which the third cannot be read."""
    yield from small().pixels[:2]
    raise DataError("c.npy is broken")


@pytest.mark.parametrize("there", [False, True])
def test_failed_write_changes_nothing(there: bool, tmp_path: Path) -> None:
    """Half a file would pass for a whole one, or the old one would be lost."""
    path = tmp_path / "patches.h5"
    if there:
        small().write(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(DataError, match=r"c\.npy is broken"):
        write_parts(path, CHALLENGE, {"train": Part(tuple("abcd"), None, breaking())})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_too_few_pixels_are_no_file(tmp_path: Path) -> None:
    """A patch without pixels would be read as zeros."""
    with pytest.raises(ValueError, match="shorter"):
        write_parts(tmp_path / "patches.h5", CHALLENGE, {"train": Part(tuple("abcd"), None, small().pixels[:3])})
    assert not list(tmp_path.iterdir())


def test_rows_are_the_ids_where_the_challenge_lists_none(written: Path) -> None:
    """A submission could not be written for such a file."""
    assert read_rows(written, "train") == ("a", "b", "c", "d")
