"""Landslide4Sense as it is handed out: `img/image_N.h5` and `mask/mask_N.h5`, 128 pixels a side, 12 Sentinel-2 bands and terrain.

Ghorbanzadeh et al. 2022, IEEE TGRS, doi 10.1109/TGRS.2022.3215209. Numbers that follow each other are neighbours on the ground.
"""

from pathlib import Path
from typing import Final

from landslide_nb.common.progress import Report
from landslide_nb.data.bands import BandSet
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.sources.cutting import cut_into_patches
from landslide_nb.data.sources.options import Found, Options
from landslide_nb.data.sources.pairs import find_pairs
from landslide_nb.data.sources.roles import band

LOOKS_FOR: Final = "img/ and mask/"
OPTIONS: Final = frozenset({"patch", "positive_share", "positive_rate", "seed", "block", "regions", "nodata"})
REGIONS: Final = (
    3031,
    3320,
    3630,
)  # of the training part, by how they look; nobody says which event each is, or of those from 3630 on
ROLES: Final = (
    *("coastal", "blue", "green", "red", "red_edge_1", "red_edge_2", "red_edge_3", "nir"),
    *("water_vapour", "cirrus", "swir_1", "swir_2"),
)
BANDS: Final = BandSet(
    bands=(
        *(
            band(role, "relative", f"B{i}") for i, role in enumerate(ROLES, 1)
        ),  # as the data set counts them, not Sentinel-2
        band("slope", "relative"),
        band("elevation", "relative", "DEM"),
    )
)


def recognises(folder: Path) -> bool:
    """Whether it has the data set's two folders."""
    return (folder / "img").is_dir() and (folder / "mask").is_dir()


def data_set(folder: Path, options: Options) -> DataSet:
    """Landslide4Sense, in patches of the size that is asked for."""
    return DataSet(
        name="landslide4sense",
        title="Landslide4Sense",
        bands=BANDS,
        patch_size=options.patch,
        pixel_metres=10.0,
        credit=(
            "Ghorbanzadeh et al. 2022, Landslide4Sense (IARAI; IEEE TGRS, doi 10.1109/TGRS.2022.3215209;"
            " Zenodo record 10463239)"
        ),
        licence="see the data set's terms",
    )


def parts(folder: Path, options: Options, report: Report | None = None) -> Found:
    """Its part "train"; the masks are read now, images when their pixels are asked for."""
    fixed = {"keys": ("img", "mask")} | ({} if "regions" in options.model_fields_set else {"regions": REGIONS})
    pairs = find_pairs(folder / "img", folder / "mask", (".h5",))
    return cut_into_patches(pairs, data_set(folder, options), options.model_copy(update=fixed), (), report)
