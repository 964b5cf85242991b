"""Band sets of other data than the challenge's, for tests."""

from landslide_nb.data.bands import Band, BandSet, Channel
from landslide_nb.data.challenge import CHALLENGE


def optical(*roles: str, unit: str = "relative") -> tuple[Band, ...]:
    """Optical bands, each named by its role."""
    return tuple(Band(name=role.upper(), title=role, unit=unit, role=role) for role in roles)


TERRAIN = (
    Band(name="SLOPE", title="Slope", unit="°", role="slope", modality="terrain"),
    Band(name="DEM", title="Elevation", unit="m", role="elevation", modality="terrain"),
)
PICTURE = BandSet(bands=optical("red", "green", "blue", unit="8 bit"))  # as CAS Landslide has them
LANDSLIDE4SENSE = BandSet(
    bands=(
        *optical("coastal", "blue", "green", "red", "red_edge_1", "red_edge_2", "red_edge_3", "nir"),
        *optical("water_vapour", "cirrus", "swir_1", "swir_2"),
        *TERRAIN,
    )
)


def seen(count: int) -> tuple[Channel, ...]:
    """So many channels: of a picture, of Landslide4Sense, or the first of the challenge's."""
    bands = {3: PICTURE, 14: LANDSLIDE4SENSE}.get(count, CHALLENGE.bands)
    return bands.channels(count)
