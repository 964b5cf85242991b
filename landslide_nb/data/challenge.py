"""The challenge's data set: 12 bands of Sentinel-1 and Sentinel-2 in patches of 64 pixels, and what only it has.

Band order, units and meaning are the challenge's, and so are the 12, 20 and 28 channels of the paper (§4.1): which derived
channel is in which of them is our choice where the paper does not name it.
"""

from typing import Final

from landslide_nb.data.bands import Band, BandSet
from landslide_nb.data.dataset import DataSet

CHALLENGE: Final = DataSet(
    name="zindi",
    title="Classification for Landslide Detection (Zindi/ITU 2025)",
    bands=BandSet(
        bands=(
            Band(name="R", title="Red", unit="DN", role="red"),
            Band(name="G", title="Green", unit="DN", role="green"),
            Band(name="B", title="Blue", unit="DN", role="blue"),
            Band(name="NIR", title="Near infrared", unit="DN", role="nir"),
            Band(name="DVV", title="Descending VV", unit="dB", role="vv", modality="descending"),
            Band(name="DVH", title="Descending VH", unit="dB", role="vh", modality="descending"),
            Band(name="DDVV", title="Descending ΔVV", unit="dB", role="vv_change", modality="descending"),
            Band(name="DDVH", title="Descending ΔVH", unit="dB", role="vh_change", modality="descending"),
            Band(name="AVV", title="Ascending VV", unit="dB", role="vv", modality="ascending"),
            Band(name="AVH", title="Ascending VH", unit="dB", role="vh", modality="ascending"),
            Band(name="ADVV", title="Ascending ΔVV", unit="dB", role="vv_change", modality="ascending"),
            Band(name="ADVH", title="Ascending ΔVH", unit="dB", role="vh_change", modality="ascending"),
        ),
        derived=(
            ("NDVI", "EVI2", "VARI", "REDR", "DRVI", "ARVI", "SobelNIR", "CannyNIR"),
            ("NDWI", "GNDVI", "Brightness", "DCross", "ACross", "Change", "AbsChange", "SobelVV"),
        ),
    ),
    patch_size=64,
    pixel_metres=10.0,
    credit="Zindi and ITU, Classification for Landslide Detection (2025)",
    licence="CC BY-SA 4.0",
)
