"""The channels that can be derived from bands: their names, formulas and needs. `channels` computes them.

The paper names NDVI, EVI2, VARI, REDR, Sobel and Canny (§4.1); which others it used, and its formulas, are not given.
`paper_names` says what is the paper's word and what is our reading.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

Need = tuple[str, str]  # role and modality
RED, GREEN, BLUE, NIR = (((role, "optical"),) for role in ("red", "green", "blue", "nir"))
DVV, DVH, AVV, AVH = (((role, of),) for of in ("descending", "ascending") for role in ("vv", "vh"))
CHANGES = tuple((role, of) for of in ("descending", "ascending") for role in ("vv_change", "vh_change"))


class Derived(NamedTuple):
    """One channel derived from the bands.

    Attributes:
        formula: how it is computed; optical bands as reflectance, backscatter in linear power unless dB is said.
        needs: the role and modality of each band that it is computed from.
        paper_names: whether the paper names the channel; if not, it is our choice.
        edge: whether it is an edge, not an index.
    """

    formula: str
    needs: tuple[Need, ...]
    paper_names: bool = False
    edge: bool = False

    @property
    def modalities(self) -> tuple[str, ...]:
        """Of all bands that it comes from, each once."""
        return tuple(dict.fromkeys(modality for _, modality in self.needs))


DERIVED: Final = {
    "NDVI": Derived("(NIR − R) / (NIR + R)", NIR + RED, True),
    "EVI2": Derived("2.5 · (NIR − R) / (NIR + 2.4 R + 1)", NIR + RED, True),
    "VARI": Derived("(G − R) / (G + R − B), clipped to [−1, 1]", RED + GREEN + BLUE, True),
    "REDR": Derived(
        "R / (R + G + B): the red share of visible light, our reading of the abbreviation", RED + GREEN + BLUE, True
    ),
    "DRVI": Derived("4 VH / (VV + VH), descending: the dual-polarisation radar vegetation index", DVV + DVH),
    "ARVI": Derived("4 VH / (VV + VH), ascending", AVV + AVH),
    "SobelNIR": Derived("magnitude of the Sobel gradient of NIR", NIR, True, True),
    "CannyNIR": Derived("Canny edges (0 or 1) of NIR, stretched to [0, 1] in each patch", NIR, True, True),
    "NDWI": Derived("(G − NIR) / (G + NIR)", GREEN + NIR),
    "GNDVI": Derived("(NIR − G) / (NIR + G + 0.1): green NDVI, damped where it is dark", NIR + GREEN),
    "Brightness": Derived("(R + G + B) / 3", RED + GREEN + BLUE),
    "DCross": Derived("VV − VH in dB, descending", DVV + DVH),
    "ACross": Derived("VV − VH in dB, ascending", AVV + AVH),
    "Change": Derived("(ΔVV + ΔVH of both passes) / 4 in dB", CHANGES),
    "AbsChange": Derived("mean of the four |Δ| in dB", CHANGES),
    "SobelVV": Derived("magnitude of the Sobel gradient of descending VV in dB", DVV, False, True),
    "SobelBrightness": Derived("magnitude of the Sobel gradient of Brightness", RED + GREEN + BLUE, False, True),
    "CannyBrightness": Derived(
        "Canny edges (0 or 1) of Brightness, stretched to [0, 1] in each patch", RED + GREEN + BLUE, False, True
    ),
}


def offered(bands: Iterable[Need]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The indices, then the edges, that bands of these roles and modalities allow.

    Edges are those of NIR where there is one, else of the brightness.
    """
    there = set(bands)
    allowed = {name: channel for name, channel in DERIVED.items() if set(channel.needs) <= there}
    if "SobelNIR" in allowed:
        allowed = {
            name: channel for name, channel in allowed.items() if name not in ("SobelBrightness", "CannyBrightness")
        }
    indices = tuple(name for name, channel in allowed.items() if not channel.edge)
    return indices, tuple(name for name, channel in allowed.items() if channel.edge)
