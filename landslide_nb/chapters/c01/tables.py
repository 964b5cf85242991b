"""Chapter 01: kinds of patches, and how often they have a landslide."""

import pandas as pd

from landslide_nb.data.bands import BandSet
from landslide_nb.tabular import statistics


def what_is_rare(table: pd.DataFrame, bands: BandSet) -> pd.DataFrame:
    """How many patches are bright, wet-looking or partly without data, as far as the bands tell, and how many have a landslide."""
    units = {band.unit for band in bands.bands if band.modality == "optical"}
    groups = {"all patches": table["label"].notna()}
    if bands.rgb and units == {"DN"}:
        groups["bright: cloud or snow (mean RGB at least 4,000 DN)"] = table[statistics.BRIGHTNESS] >= 4000
    if "NDVI_mean" in table:
        groups["mean NDVI below 0: water, cloud or snow"] = table["NDVI_mean"] < 0
    if bands.optical:
        lowest = table[[f"{bands.names[place]}_min" for place in bands.optical]]
        groups["optical nodata (a zero in a band)"] = (lowest == 0).any(axis=1)
    rows = {name: (int(chosen.sum()), chosen.mean(), table["label"][chosen].mean()) for name, chosen in groups.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["patches", "share", "positive"]).rename_axis("group")
