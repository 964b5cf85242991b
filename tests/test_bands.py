"""Band sets: bands are asked for by role and modality, and what can be derived from them follows from what is there."""

import json

import pytest
from band_sets import LANDSLIDE4SENSE, PICTURE, TERRAIN, optical
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from landslide_nb.common.errors import DataError
from landslide_nb.data.bands import LEVELS, PASSES, Band, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.derived import DERIVED

BANDS = CHALLENGE.bands
# As the first version had them, typed off it: tables, statistics and runs of before go by these names.
FIRST = (
    *("R", "G", "B", "NIR", "DVV", "DVH", "DDVV", "DDVH", "AVV", "AVH", "ADVV", "ADVH"),
    *("NDVI", "EVI2", "VARI", "REDR", "DRVI", "ARVI", "SobelNIR", "CannyNIR"),
    *("NDWI", "GNDVI", "Brightness", "DCross", "ACross", "Change", "AbsChange", "SobelVV"),
)
FIRST_GROUPS = {
    "optical": (0, 1, 2, 3, 12, 13, 14, 15, 18, 19, 20, 21, 22),
    "descending": (4, 5, 6, 7, 16, 23, 27),
    "ascending": (8, 9, 10, 11, 17, 24),
}


def radar(modality: str, *roles: str) -> tuple[Band, ...]:
    """Bands of one pass, or of another radar."""
    return tuple(Band(name=f"{modality} {role}", title=role, unit="dB", role=role, modality=modality) for role in roles)


# Bands of which hypothesis draws sets: no two of the same role and modality.
ALL = (
    *LANDSLIDE4SENSE.bands,
    *(band for of in PASSES for band in radar(of, "vv", "vh", "vv_change", "vh_change", "hh")),
    *radar("alos", "hh", "hv"),
)
BAND_SETS = st.lists(st.sampled_from(ALL), min_size=1, unique_by=lambda band: band.name).map(
    lambda bands: BandSet(bands=tuple(bands))
)


def names(bands: BandSet, count: int) -> tuple[str, ...]:
    """The names of the first channels."""
    return tuple(channel.name for channel in bands.channels(count))


def test_the_challenges_channels_are_those_of_before() -> None:
    """Tables, models and runs of before would have other channels under the same names, or the same under others."""
    assert BANDS.counts == (12, 20, 28) and len(LEVELS) == 3
    for count in BANDS.counts:
        assert names(BANDS, count) == FIRST[:count]
        groups = {of: tuple(i for i in places if i < count) for of, places in FIRST_GROUPS.items()}
        assert BANDS.by_modality(count) == groups
    assert (BANDS.optical, BANDS.radar) == (tuple(range(4)), tuple(range(4, 12)))
    assert (BANDS.backscatter, BANDS.change) == ((4, 5, 8, 9), (6, 7, 10, 11))
    assert BANDS.rgb == (0, 1, 2) and BANDS.other_pass == (0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7)
    assert CHALLENGE.shape == (12, 64, 64)


def test_a_picture_has_its_brightness_and_its_edges() -> None:
    """Pictures in three colours could not be studied with derived channels, or would get an index of a band that is not there."""
    assert PICTURE.counts == (3, 6, 8)
    added = ("VARI", "REDR", "Brightness", "SobelBrightness", "CannyBrightness")
    assert names(PICTURE, 8) == ("RED", "GREEN", "BLUE", *added)
    assert all(channel.modalities == ("optical",) for channel in PICTURE.channels(8))
    assert PICTURE.rgb == (0, 1, 2) and not PICTURE.radar and PICTURE.other_pass is None


def test_landslide4sense_has_its_indices_and_edges() -> None:
    """The fourteen bands of Landslide4Sense would be taken for the challenge's twelve, or red for coastal aerosol."""
    assert LANDSLIDE4SENSE.counts == (14, 21, 23)
    indices = ("NDVI", "EVI2", "VARI", "REDR", "NDWI", "GNDVI", "Brightness")
    assert names(LANDSLIDE4SENSE, 23)[14:] == (*indices, "SobelNIR", "CannyNIR")
    assert LANDSLIDE4SENSE.rgb == (3, 2, 1)
    assert LANDSLIDE4SENSE.modalities == ("optical", "terrain")
    assert LANDSLIDE4SENSE.by_modality(23) == {"optical": (*range(12), *range(14, 23)), "terrain": (12, 13)}
    assert LANDSLIDE4SENSE.kinds == {"optical": tuple(range(12)), "terrain": (12, 13)}
    assert LANDSLIDE4SENSE.other_pass is None


def test_a_level_that_adds_nothing_is_no_level() -> None:
    """A study would have two rows of the same channels, or be told that so many are none of those offered."""
    assert BandSet(bands=TERRAIN).counts == (2,)
    assert BandSet(bands=optical("nir", "red")).counts == (2, 4, 6)
    assert BandSet(bands=optical("nir")).counts == (1, 3), "edges without an index"
    assert names(BandSet(bands=optical("nir")), 3) == ("NIR", "SobelNIR", "CannyNIR")


def test_bands_are_asked_for_by_role() -> None:
    """Code would go by a position, and read another band of another data set."""
    assert BANDS.place("nir") == 3 and LANDSLIDE4SENSE.place("nir") == 7
    assert (BANDS.place("vv", "descending"), BANDS.place("vv", "ascending"), BANDS.place("vv")) == (4, 8, 4)
    assert BANDS.find("slope") is None and BANDS.find("nir", "terrain") is None
    assert BANDS.unchanged(7) == 5 and BANDS.unchanged(10) == 8 and BANDS.unchanged(5) is None
    with pytest.raises(
        DataError, match="there is no band of the role 'slope' here; there are red, green, blue, nir, vv,"
    ):
        BANDS.place("slope")


@pytest.mark.parametrize(
    "bands",
    [(), (*TERRAIN, TERRAIN[0]), (TERRAIN[0], TERRAIN[1].model_copy(update={"name": "SLOPE"})),
     (TERRAIN[0], TERRAIN[0].model_copy(update={"name": "S2"}))],
    ids=["none", "a band twice", "a name twice", "a role twice"],
)  # fmt: skip
def test_bands_are_distinct(bands: tuple[Band, ...]) -> None:
    """A column of statistics would be of two bands, or asking for a role give one of two."""
    with pytest.raises(ValidationError, match="bands must be distinct in name, and in role and modality"):
        BandSet(bands=bands)


def test_a_role_may_stand_once_in_each_modality() -> None:
    """Two passes of the same radar could not be told apart."""
    assert len(BandSet(bands=(*radar("descending", "vv"), *radar("ascending", "vv")))) == 2


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        (radar("descending", "vv", "vh"), None),
        ((*radar("descending", "vv", "vh"), *radar("ascending", "vv")), None),
        ((*radar("descending", "vv"), *radar("ascending", "vh")), None),
        (optical("red", "nir"), None),
        ((*radar("alos", "hh"), *optical("red")), None),
        ((*radar("ascending", "vv"), *TERRAIN, *radar("descending", "vv")), (3, 1, 2, 0)),
        ((*radar("ascending", "vh", "vv"), *radar("descending", "vv", "vh")), (3, 2, 1, 0)),
    ],
    ids=["one pass", "unequal", "unlike", "optical", "another radar", "two", "in another order"],
)
def test_the_other_pass_is_there_or_is_not(bands: tuple[Band, ...], expected: tuple[int, ...] | None) -> None:
    """A patch would be mirrored by exchanging bands that have no counterpart, which no orbit sees."""
    assert BandSet(bands=bands).other_pass == expected


@settings(max_examples=200, deadline=None)
@given(BAND_SETS)
def test_what_is_offered_follows_from_what_is_there(bands: BandSet) -> None:
    """A derived channel would be offered that cannot be computed, stand twice, or depend on the order of the bands."""
    there = {(band.role, band.modality) for band in bands.bands}
    derived = [channel.name for channel in bands.channels(max(bands.counts))[len(bands) :]]
    assert all(set(DERIVED[name].needs) <= there for name in derived)
    assert len(set(derived)) == len(derived)
    possible = {name for name, channel in DERIVED.items() if set(channel.needs) <= there}
    assert possible - set(derived) <= ({"SobelBrightness", "CannyBrightness"} if ("nir", "optical") in there else set())
    assert list(bands.counts) == sorted(set(bands.counts)) and bands.counts[0] == len(bands)
    turned = BandSet(bands=bands.bands[::-1])
    assert turned.counts == bands.counts and turned.derived == bands.derived
    assert [channel.name for channel in turned.channels(99)[len(bands) :]] == derived


@settings(max_examples=200, deadline=None)
@given(BAND_SETS)
def test_every_band_is_in_one_kind_and_one_modality(bands: BandSet) -> None:
    """A chapter's averages would leave a band out, or count it twice."""
    for groups in (bands.kinds, {of: bands.of_modality(of) for of in bands.modalities}):
        assert sorted(place for places in groups.values() for place in places) == list(range(len(bands)))
        assert all(groups.values())
    assert set(bands.groups) >= set(bands.kinds)
    assert sorted((*bands.backscatter, *bands.change)) == list(bands.radar)
    swapped = bands.other_pass
    if swapped is not None:
        assert tuple(swapped[place] for place in swapped) == tuple(range(len(bands)))
        for place, other in enumerate(swapped):
            assert bands.bands[place].role == bands.bands[other].role
            assert (place == other) == (place not in bands.radar)


@settings(max_examples=100, deadline=None)
@given(BAND_SETS, st.integers(8, 2000), st.one_of(st.none(), st.floats(0.1, 100)), st.text())
def test_a_data_set_comes_back_from_its_text(bands: BandSet, size: int, metres: float | None, title: str) -> None:
    """A file, a run or a model would be of another data set than it was made of."""
    data_set = DataSet(name="drawn", title=title, bands=bands, patch_size=size, pixel_metres=metres)
    text = data_set.to_json()
    assert DataSet.from_json(text) == data_set
    assert DataSet.from_json(text).to_json() == text
    assert DataSet.from_json(text).bands.channels(99) == bands.channels(99)
    assert data_set.shape == (len(bands), size, size)


def test_the_text_says_what_is_derived() -> None:
    """A later version that derives more would read other channels into a file or a model of today."""
    told = json.loads(CHALLENGE.to_json())
    assert [name for level in told["bands"]["derived"] for name in level] == list(FIRST[12:])
    told["bands"]["derived"] = [["NDVI"], []]
    assert DataSet.from_json(json.dumps(told)).bands.counts == (12, 13)


@pytest.mark.parametrize(
    "change",
    [
        {"patch_size": 4},
        {"patch_size": None},
        {"sensor": "Sentinel-2"},
        {"bands": {"bands": []}},
        {"bands": {"bands": [{"name": "R"}]}},
    ],
)
def test_a_text_of_something_else_is_refused(change: dict[str, object]) -> None:
    """A typing error in a data set's file would be found as a wrong result."""
    with pytest.raises(ValueError, match="validation error"):
        DataSet.from_json(json.dumps(json.loads(CHALLENGE.to_json()) | change))


def test_a_level_that_adds_nothing_is_not_offered() -> None:
    """`indices` would quietly mean edges where the bands allow no index."""
    alone = BandSet(bands=optical("nir"))
    assert alone.levels == {"bands": 1, "edges": 3} and alone.counts == (1, 3)
    assert PICTURE.levels == {"bands": 3, "indices": 6, "edges": 8}
    assert CHALLENGE.bands.levels == {"bands": 12, "indices": 20, "edges": 28}
    assert BandSet(bands=optical("coastal")).levels == {"bands": 1}
