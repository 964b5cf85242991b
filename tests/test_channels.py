"""From bands to channels, by role: each channel is what `derived.DERIVED` says, and no pixel makes it NaN."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kornia.filters import canny
from numpy.typing import NDArray
from scipy import ndimage

from landslide_nb.common.errors import StudyError
from landslide_nb.data import channels as channels_module
from landslide_nb.data.bands import Band, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.channels import derive
from landslide_nb.data.derived import DERIVED
from landslide_nb.data.patches import Patches

BANDS = CHALLENGE.bands
NAMES = tuple(channel.name for channel in BANDS.channels(28))
Bands = dict[str, NDArray[np.float64]]
Array = NDArray[np.float64]
EXTREMES = (0.0, -65.0, 20944.0)
GRADIENT_FLOOR = 1.001e-3  # kornia's Sobel adds 1e-6 under the root, so that the gradient of a gradient exists


def _radar_vegetation_index(vv: Array, vh: Array) -> Array:
    """From dB to power, then the textbook's formula."""
    vv, vh = 10 ** (vv / 10), 10 ** (vh / 10)
    return np.asarray(4 * vh / (vv + vh))


def _sobel(patches: Array) -> Array:
    """The slope of each patch in units a pixel: scipy's weights add up to 8."""
    slopes = [[ndimage.sobel(patch, axis, mode="nearest") / 8 for axis in (0, 1)] for patch in patches]
    return np.stack([np.hypot(*pair) for pair in slopes])


# `derived.DERIVED` in numpy: optical bands in DN / 10,000, backscatter in dB.
FORMULAS: dict[str, Callable[[Bands], Array]] = {
    "NDVI": lambda b: (b["NIR"] - b["R"]) / (b["NIR"] + b["R"]),
    "EVI2": lambda b: 2.5 * (b["NIR"] - b["R"]) / (b["NIR"] + 2.4 * b["R"] + 1),
    "VARI": lambda b: np.clip((b["G"] - b["R"]) / (b["G"] + b["R"] - b["B"]), -1, 1),
    "REDR": lambda b: b["R"] / (b["R"] + b["G"] + b["B"]),
    "DRVI": lambda b: _radar_vegetation_index(b["DVV"], b["DVH"]),
    "ARVI": lambda b: _radar_vegetation_index(b["AVV"], b["AVH"]),
    "SobelNIR": lambda b: _sobel(b["NIR"]),
    "NDWI": lambda b: (b["G"] - b["NIR"]) / (b["G"] + b["NIR"]),
    "GNDVI": lambda b: (b["NIR"] - b["G"]) / (b["NIR"] + b["G"] + 0.1),
    "Brightness": lambda b: (b["R"] + b["G"] + b["B"]) / 3,
    "DCross": lambda b: b["DVV"] - b["DVH"],
    "ACross": lambda b: b["AVV"] - b["AVH"],
    "Change": lambda b: (b["DDVV"] + b["DDVH"] + b["ADVV"] + b["ADVH"]) / 4,
    "AbsChange": lambda b: (abs(b["DDVV"]) + abs(b["DDVH"]) + abs(b["ADVV"]) + abs(b["ADVH"])) / 4,
    "SobelVV": lambda b: _sobel(b["DVV"]),
    "SobelBrightness": lambda b: _sobel((b["R"] + b["G"] + b["B"]) / 3),
}
# Two that the challenge does not have among its 28: they are for bands without NIR.
RGB_EDGES = ("SobelBrightness", "CannyBrightness")


def noise() -> NDArray[np.float32]:
    """Three patches of 16 × 16 pixels in the bands' units, without structure."""
    rng = np.random.default_rng(0)
    optical = rng.integers(300, 9000, (3, 4, 16, 16))
    radar = rng.normal(-10, 5, (3, 8, 16, 16))
    return np.concatenate([optical, radar], 1).astype(np.float32)


def derived(pixels: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """One channel of 28; of those that the challenge has not, by red, green and blue alone."""
    bands = BANDS if name in NAMES else rgb("DN")
    count = max(bands.counts)
    place = [channel.name for channel in bands.channels(count)].index(name)
    channel: NDArray[np.float32] = derive(torch.from_numpy(pixels[:, : len(bands)]), bands, count)[:, place].numpy()
    return channel


def rgb(unit: str) -> BandSet:
    """Red, green and blue, in this order, and nothing else."""
    names = {"R": "red", "G": "green", "B": "blue"}
    return BandSet(bands=tuple(Band(name=name, title=role, unit=unit, role=role) for name, role in names.items()))


def with_nir(nir: NDArray[np.float32]) -> NDArray[np.float32]:
    """One patch that has only a near-infrared band."""
    pixels = np.zeros((1, 12, *nir.shape), np.float32)
    pixels[0, 3] = nir
    return pixels


@pytest.mark.parametrize("count", BANDS.counts)
def test_channels_are_as_many_as_asked(count: int, tiny: Patches) -> None:
    """The network would see other channels than the table of a chapter names."""
    bands = torch.from_numpy(tiny.pixels[:3])
    channels = derive(bands, BANDS, count)
    assert channels.shape == (3, count, 64, 64)
    assert channels.dtype == torch.float32
    assert torch.equal(channels[:, :12], bands)
    assert torch.equal(channels, derive(bands, BANDS, 28)[:, :count])
    assert len({channel.name for channel in BANDS.channels(count)}) == count


def test_names_of_bands_and_channels_agree() -> None:
    """Groups of bands would name other bands than the challenge ships."""
    assert BANDS.counts == (12, 20, 28)
    assert (*BANDS.names, *(name for name in DERIVED if name not in RGB_EDGES)) == NAMES
    assert [BANDS.names[i] for i in BANDS.optical] == ["R", "G", "B", "NIR"]
    assert [BANDS.names[i] for i in BANDS.change] == ["DDVV", "DDVH", "ADVV", "ADVH"]
    assert [BANDS.names[i] for i in BANDS.backscatter] == ["DVV", "DVH", "AVV", "AVH"]
    assert (*BANDS.optical, *BANDS.radar) == tuple(range(len(BANDS)))
    assert {*FORMULAS, "CannyNIR", "CannyBrightness"} == set(DERIVED) == set(channels_module.FORMULAS)


@pytest.mark.parametrize("source", ["noise", "simulated"])
@pytest.mark.parametrize("name", FORMULAS)
def test_channel_equals_its_formula(name: str, source: str, tiny: Patches) -> None:
    """The book would print one formula, and the network see another."""
    pixels = noise() if source == "noise" else tiny.pixels[tiny.pixels[:, 0].min((1, 2)) > 0][:3]
    units = np.where(np.arange(12) < 4, 10_000, 1)[:, None, None]
    bands: Bands = dict(zip(BANDS.names, (pixels.astype(float) / units).swapaxes(0, 1), strict=True))
    floor = GRADIENT_FLOOR if name.startswith("Sobel") else 1e-5
    np.testing.assert_allclose(derived(pixels, name), FORMULAS[name](bands), rtol=1e-4, atol=floor)


@pytest.mark.parametrize("size", [3, 16])
def test_no_pixel_makes_a_channel_infinite(size: int) -> None:
    """One nodata pixel would turn a whole training run into NaN."""
    mixed = np.random.default_rng(1).choice(EXTREMES, (64, 12, size, size))
    constant = np.broadcast_to(np.array(EXTREMES)[:, None, None, None], (3, 12, size, size))
    pixels = torch.from_numpy(np.concatenate([mixed, constant]).astype(np.float32))
    infinite = []
    for bands in (BANDS, rgb("DN"), rgb("8 bit")):
        count = max(bands.counts)
        finite = derive(pixels[:, : len(bands)], bands, count).isfinite().all(-1).all(-1).all(0)
        infinite += [channel.name for channel, is_so in zip(bands.channels(count), finite, strict=True) if not is_so]
    assert infinite == []


def test_nodata_has_no_vegetation_and_no_edges() -> None:
    """Nodata would look like a forest or a coast."""
    nodata = np.zeros((1, 12, 16, 16), np.float32)
    for name in (
        "NDVI",
        "EVI2",
        "VARI",
        "REDR",
        "NDWI",
        "GNDVI",
        "Brightness",
        "CannyNIR",
        "Change",
        "CannyBrightness",
    ):
        assert not derived(nodata, name).any(), name
    assert derived(nodata, "SobelNIR").max() <= GRADIENT_FLOOR
    assert derived(nodata, "SobelBrightness").max() <= GRADIENT_FLOOR


def test_indices_stay_in_their_range() -> None:
    """A dark pixel would outweigh all others after scaling."""
    optical = np.random.default_rng(2).choice((0, 1, 2, 1000, 20944), (16, 4, 16, 16))
    pixels = np.concatenate([optical, np.zeros((16, 8, 16, 16))], 1).astype(np.float32)
    for name in ("NDVI", "VARI", "NDWI", "GNDVI"):
        assert np.abs(derived(pixels, name)).max() <= 1 + 1e-6, name
    assert derived(pixels, "REDR").min() >= 0
    assert derived(pixels, "REDR").max() <= 1 + 1e-6


def test_canny_marks_a_step_and_nothing_else() -> None:
    """Edges would be drawn where there are none, or be missed."""
    step = np.full((32, 32), 1500, np.float32)
    step[:, 16:] = 3000
    edges = derived(with_nir(step), "CannyNIR")[0]
    assert set(np.unique(edges)) == {0, 1}
    assert edges[2:-2, 14:18].any(1).all()
    assert not edges[:, :14].any()
    assert not edges[:, 18:].any()


def test_canny_is_the_one_of_kornia(tiny: Patches) -> None:
    """Edges would be cut off, or run on from one patch into the next: they are followed in another way, which is much faster."""
    nir = torch.from_numpy(tiny.pixels[:, 3]) / 10_000
    low, high = nir.amin((1, 2), keepdim=True), nir.amax((1, 2), keepdim=True)
    expected = canny(((nir - low) / (high - low))[:, None])[1][:, 0]
    assert expected.any()
    np.testing.assert_array_equal(derived(tiny.pixels, "CannyNIR"), expected.numpy())


@pytest.mark.parametrize("factor", [0.25, 4])
def test_canny_does_not_depend_on_the_light(factor: float, tiny: Patches) -> None:
    """A dark patch would have no edges: it is stretched before."""
    nir = tiny.pixels[0, 3]
    assert derived(with_nir(nir), "CannyNIR").any()
    np.testing.assert_array_equal(derived(with_nir(factor * nir), "CannyNIR"), derived(with_nir(nir), "CannyNIR"))


def test_channels_of_a_patch_do_not_depend_on_its_neighbours(tiny: Patches) -> None:
    """A patch would have other edges in training than alone, and no prediction could be repeated."""
    bands = torch.from_numpy(tiny.pixels[:4])
    alone = torch.cat([derive(bands[i : i + 1], BANDS, 28) for i in range(4)])
    torch.testing.assert_close(derive(bands, BANDS, 28), alone)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)))
def test_derived_channels_do_not_depend_on_the_order_of_the_bands(order: list[int]) -> None:
    """A data set that has its bands in another order would have other indices under the same names."""
    shuffled = BandSet(bands=tuple(BANDS.bands[i] for i in order))
    count, pixels = max(shuffled.counts), torch.from_numpy(noise())
    assert count == 28
    theirs = derive(pixels[:, order], shuffled, count)
    ours = dict(zip(NAMES, derive(pixels, BANDS, 28).unbind(1), strict=True))
    for channel, values in zip(shuffled.channels(count), theirs.unbind(1), strict=True):
        assert torch.equal(values, ours[channel.name]), channel.name


@pytest.mark.parametrize("name", ["VARI", "REDR", "Brightness", "SobelBrightness", "CannyBrightness"])
def test_units_make_no_other_channel(name: str) -> None:
    """Pictures of 8 bits would have indices of another size than reflectances, and a model of one be blind on the other."""
    reflectance = np.random.default_rng(3).uniform(0.01, 0.9, (2, 3, 16, 16))
    found = []
    for unit, full in (("DN", 10_000), ("8 bit", 255), ("relative", 1)):
        bands = rgb(unit)
        place = [channel.name for channel in bands.channels(8)].index(name)
        found.append(derive(torch.from_numpy(reflectance * full).float(), bands, 8)[:, place])
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("count", [0, 11, 13, 24, 40])
def test_other_counts_are_refused(count: int) -> None:
    """A study on 13 channels would silently be one on 12."""
    with pytest.raises(StudyError, match=f"channels is {count}; expected one of 12, 20, 28"):
        derive(torch.zeros(1, 12, 8, 8), BANDS, count)


@pytest.mark.parametrize("count", [2, 4, 12])
def test_other_counts_of_other_bands_are_refused(count: int) -> None:
    """A picture of three bands would be given the channels of twelve, and end in a traceback of torch's."""
    with pytest.raises(StudyError, match=f"channels is {count}; expected one of 3, 6, 8"):
        derive(torch.zeros(1, 3, 8, 8), rgb("8 bit"), count)
