"""The 12 bands of a patch and the 16 channels that can be derived from them.

Band order, units and meaning are the challenge's. The paper works with 12, 20 and 28 channels and names NDVI, EVI2, VARI,
REDR, Sobel and Canny (§4.1); which others it used, and its formulas, are not given. `paper_names` says what is the paper's
word and what is our reading.
"""

from typing import Final, NamedTuple


class Band(NamedTuple):
    """One band of a patch.

    Attributes:
        name: the short name, as in the columns of the statistics table.
        title: the name for people.
        unit: DN (reflectance × 10,000, with an offset) or dB.
        group: the sensor and pass that saw it.
    """

    name: str
    title: str
    unit: str
    group: str


class Derived(NamedTuple):
    """One channel derived from the bands.

    Attributes:
        name: short name.
        formula: how it is computed; optical bands in DN / 10,000, backscatter in linear power unless dB is said.
        paper_names: whether the paper names the channel; if not, it is our choice.
        group: the group of all bands that it comes from; "both passes" for what mixes the radar's two.
    """

    name: str
    formula: str
    paper_names: bool
    group: str


BANDS: Final = (
    Band("R", "Red", "DN", "optical"),
    Band("G", "Green", "DN", "optical"),
    Band("B", "Blue", "DN", "optical"),
    Band("NIR", "Near infrared", "DN", "optical"),
    Band("DVV", "Descending VV", "dB", "descending"),
    Band("DVH", "Descending VH", "dB", "descending"),
    Band("DDVV", "Descending ΔVV", "dB", "descending"),
    Band("DDVH", "Descending ΔVH", "dB", "descending"),
    Band("AVV", "Ascending VV", "dB", "ascending"),
    Band("AVH", "Ascending VH", "dB", "ascending"),
    Band("ADVV", "Ascending ΔVV", "dB", "ascending"),
    Band("ADVH", "Ascending ΔVH", "dB", "ascending"),
)
BAND_NAMES: Final = tuple(band.name for band in BANDS)
OPTICAL: Final = tuple(i for i, band in enumerate(BANDS) if band.group == "optical")
SAR: Final = tuple(i for i, band in enumerate(BANDS) if band.unit == "dB")
CHANGE: Final = tuple(i for i, band in enumerate(BANDS) if "Δ" in band.title)
BACKSCATTER: Final = tuple(i for i in SAR if i not in CHANGE)
DERIVED: Final = (
    Derived("NDVI", "(NIR − R) / (NIR + R)", True, "optical"),
    Derived("EVI2", "2.5 · (NIR − R) / (NIR + 2.4 R + 1)", True, "optical"),
    Derived("VARI", "(G − R) / (G + R − B), clipped to [−1, 1]", True, "optical"),
    Derived(
        "REDR", "R / (R + G + B): the red share of visible light, our reading of the abbreviation", True, "optical"
    ),
    Derived("DRVI", "4 VH / (VV + VH), descending: the dual-polarisation radar vegetation index", False, "descending"),
    Derived("ARVI", "4 VH / (VV + VH), ascending", False, "ascending"),
    Derived("SobelNIR", "magnitude of the Sobel gradient of NIR", True, "optical"),
    Derived("CannyNIR", "Canny edges (0 or 1) of NIR, stretched to [0, 1] in each patch", True, "optical"),
    Derived("NDWI", "(G − NIR) / (G + NIR)", False, "optical"),
    Derived("GNDVI", "(NIR − G) / (NIR + G + 0.1): green NDVI, damped where it is dark", False, "optical"),
    Derived("Brightness", "(R + G + B) / 3", False, "optical"),
    Derived("DCross", "VV − VH in dB, descending", False, "descending"),
    Derived("ACross", "VV − VH in dB, ascending", False, "ascending"),
    Derived("Change", "(ΔVV + ΔVH of both passes) / 4 in dB", False, "both passes"),
    Derived("AbsChange", "mean of the four |Δ| in dB", False, "both passes"),
    Derived("SobelVV", "magnitude of the Sobel gradient of descending VV in dB", False, "descending"),
)
CHANNEL_COUNTS: Final = (12, 20, 28)
MODALITIES: Final = ("optical", "descending", "ascending")


def channel_names(count: int) -> tuple[str, ...]:
    """The names of the first `count` channels: bands, then derived ones."""
    return (*BAND_NAMES, *(channel.name for channel in DERIVED))[:count]


def modality_channels(count: int) -> dict[str, tuple[int, ...]]:
    """Which of the first `count` channels come from each modality's bands alone."""
    groups = [one.group for one in (*BANDS, *DERIVED)][:count]
    return {modality: tuple(i for i, group in enumerate(groups) if group == modality) for modality in MODALITIES}


GROUPS: Final = {"optical": OPTICAL, "backscatter": BACKSCATTER, "Δ": CHANGE}
