"""Bands by the name of their role: what each shows, and the sensor that saw it."""

from typing import Final

from landslide_nb.common.errors import DataError
from landslide_nb.data.bands import OPTICAL, PASSES, Band

POLARISATIONS: Final = {"vv": "VV", "vh": "VH", "vv_change": "ΔVV", "vh_change": "ΔVH"}

_OPTICAL: Final = {
    "coastal": "Coastal aerosol",
    "blue": "Blue",
    "green": "Green",
    "red": "Red",
    "red_edge_1": "Red edge 1",
    "red_edge_2": "Red edge 2",
    "red_edge_3": "Red edge 3",
    "nir": "Near infrared",
    "nir_narrow": "Narrow near infrared",
    "water_vapour": "Water vapour",
    "cirrus": "Cirrus",
    "swir_1": "Short-wave infrared 1",
    "swir_2": "Short-wave infrared 2",
}
_TERRAIN: Final = {"slope": "Slope", "elevation": "Elevation", "aspect": "Aspect", "curvature": "Curvature"}
# A radar band whose pass is not said is of the modality "radar".
KNOWN: Final = (
    {role: (role, OPTICAL, title) for role, title in _OPTICAL.items()}
    | {role: (role, "terrain", title) for role, title in _TERRAIN.items()}
    | {role: (role, "radar", title) for role, title in POLARISATIONS.items()}
    | {
        f"{of}_{role}": (role, of, f"{of.capitalize()} {title}")
        for of in PASSES
        for role, title in POLARISATIONS.items()
    }
)


def band(known_as: str, unit: str, name: str | None = None) -> Band:
    """The band of a role, such as `red`, `slope`, `vv` or, of one pass, `descending_vv`.

    Args:
        known_as: one of `KNOWN`.
        unit: of its values.
        name: what the data set calls it; by default the same.

    Raises:
        DataError: if no such role is known.
    """
    if known_as not in KNOWN:
        raise DataError(f"the band {known_as!r} is not known; expected roles of {', '.join(KNOWN)}")
    role, modality, title = KNOWN[known_as]
    return Band(name=name or known_as, title=title, unit=unit, role=role, modality=modality)
