"""Chapter 01: how many patches are bright, wet-looking or partly without data."""

import pandas as pd


def what_is_rare(table: pd.DataFrame) -> pd.DataFrame:
    """How many patches are bright, wet-looking or partly without data, and how many of them have a landslide."""
    groups = {
        "all patches": table["R_mean"].notna(),
        "bright: cloud or snow (mean RGB at least 4,000 DN)": table["cloud_score_brightness"] >= 4000,
        "mean NDVI below 0: water, cloud or snow": table["NDVI_mean"] < 0,
        "optical nodata (a zero in a band)": (table[["R_min", "G_min", "B_min", "NIR_min"]] == 0).any(axis=1),
    }
    rows = {name: (int(chosen.sum()), chosen.mean(), table["label"][chosen].mean()) for name, chosen in groups.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["patches", "share", "positive"]).rename_axis("group")
