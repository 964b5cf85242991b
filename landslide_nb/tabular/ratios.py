"""Ratios and differences of the 85 statistics: what one patch's bands and passes say about each other.

Backscatter is in decibels, so a difference of two bands is a ratio of powers, whatever the slope, the soil and the season do to
both. Optical levels and all spreads are taken as logarithms for the same reason. A single level tells the scene; a contrast of
polarisations, passes or colours tells what is on the ground. Nothing here is fitted: each row is computed from itself.
"""

from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from landslide_nb.common.errors import DataError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.tabular.statistics import COLUMNS, MOMENTS, SIGNALS

BANDS: Final = CHALLENGE.bands
COLOURS, RADAR, POST, DELTA = (
    tuple(BANDS.names[place] for place in group)
    for group in (BANDS.optical, BANDS.radar, BANDS.backscatter, BANDS.change)
)
# The same polarisation seen from both sides, and the two polarisations of one pass.
RADAR_PAIRS: Final = (
    *(("DVV", "DVH"), ("AVV", "AVH"), ("DDVV", "DDVH"), ("ADVV", "ADVH")),
    *(("DVV", "AVV"), ("DVH", "AVH"), ("DDVV", "ADVV"), ("DDVH", "ADVH")),
)
FORMS: Final = ("level", "lowest", "highest", "spread", "above", "below", "tails", "lean")
OFFSET: Final = 1000.0  # DN; what the challenge's optical bands seem to be shifted by
Column = NDArray[np.float64]
Forms = dict[str, dict[str, Column]]


def derive(statistics: ArrayLike) -> NDArray[np.float32]:
    """Monotone forms of the 85 statistics, then their ratios and differences.

    Args:
        statistics: `(N, 85)` in the order of `COLUMNS`.

    Returns:
        finite `(N, F)` in the order of `NAMES`.

    Raises:
        DataError: if there are not 85 columns.
    """
    values = np.asarray(statistics, np.float64)
    if values.ndim != 2 or values.shape[1] != len(COLUMNS):
        raise DataError(f"statistics have the shape {values.shape}; expected (N, {len(COLUMNS)})")
    return np.column_stack(list(_all(values).values())).astype(np.float32)


def _all(values: NDArray[np.float64]) -> dict[str, Column]:
    raw = dict(zip(COLUMNS, values.T, strict=True))
    forms = _forms(raw)
    flat = {f"{form} {signal}": column for form in FORMS for signal, column in forms[form].items()}
    return flat | _colours(forms) | _radar(forms) | _changes(forms) | _indices(raw, forms)


def _forms(raw: dict[str, Column]) -> Forms:
    """Each moment of each signal on a scale where differences mean something."""
    forms: Forms = {form: {} for form in FORMS}
    for signal in SIGNALS:
        mean, std, lowest, highest, kurt, skew = (raw[f"{signal}_{moment}"] for moment in MOMENTS)
        scale = _log_level if signal in COLOURS else np.asarray
        safe = np.maximum(std, 1e-6)
        columns = (
            *(scale(mean), scale(lowest), scale(highest), _log(std, 1e-4)),
            *(np.log1p(np.maximum(gap, 0) / safe) for gap in (highest - mean, mean - lowest)),
            np.log1p(np.maximum(kurt + 2, 0)),  # Fisher's kurtosis is never below −2
            np.sign(skew) * np.log1p(np.abs(skew)),
        )
        for form, column in zip(FORMS, columns, strict=True):
            forms[form][signal] = column
    return forms


def _log(values: Column, least: float) -> Column:
    return np.asarray(np.log(np.maximum(values, least)))


def _log_level(values: Column) -> Column:
    return _log(values, 1.0)


def _colours(forms: Forms) -> dict[str, Column]:
    """Every optical band against every other, in every form, and each one's relative spread."""
    pairs = {
        f"{form} {a} − {b}": forms[form][a] - forms[form][b] for a, b in combinations(COLOURS, 2) for form in FORMS
    }
    return pairs | {f"relative spread {a}": forms["spread"][a] - forms["level"][a] for a in COLOURS}


def _radar(forms: Forms) -> dict[str, Column]:
    """Polarisations and passes against each other; steep ground shows as spread that the two passes do not share."""
    level, spread = forms["level"], forms["spread"]
    columns = {f"spread {a} − {b}": spread[a] - spread[b] for a, b in combinations(RADAR, 2)}
    for a, b in RADAR_PAIRS:
        columns |= {f"{form} {a} − {b}": forms[form][a] - forms[form][b] for form in FORMS if form != "spread"}
        columns[f"level {a} + {b}"] = level[a] + level[b]
        columns[f"|level| {a} + {b}"] = np.abs(level[a]) + np.abs(level[b])
    columns["spread of backscatter"] = np.sum([spread[band] for band in POST], axis=0)
    for name, choose in (("calmer", np.minimum), ("rougher", np.maximum)):
        columns[f"spread, {name} pass"] = choose(spread["DVV"], spread["AVV"])
    return columns


def _changes(forms: Forms) -> dict[str, Column]:
    """How much the radar changed: root mean square, range, asymmetry, and all bands together."""
    level, spread = forms["level"], forms["spread"]
    columns = {}
    for post, change in zip(POST, DELTA, strict=True):
        lowest, highest = forms["lowest"][change], forms["highest"][change]
        columns[f"before {post}"] = level[post] - level[change]
        columns[f"rms {change}"] = np.log(np.hypot(level[change], np.exp(spread[change])))
        columns[f"range {change}"] = _log(highest - lowest, 1e-3)
        columns[f"extremes {change}"] = highest + lowest
    columns["change"] = np.sum([level[band] for band in DELTA], axis=0)
    columns["|change|"] = np.sum([np.abs(level[band]) for band in DELTA], axis=0)
    columns["spread of change"] = np.sum([spread[band] for band in DELTA], axis=0)
    columns["spread of change, calmer pass"] = np.minimum(
        spread["DDVV"] + spread["DDVH"], spread["ADVV"] + spread["ADVH"]
    )
    return columns


def _indices(raw: dict[str, Column], forms: Forms) -> dict[str, Column]:
    """Indices of reflectance without the offset, and what the spread of an index says of how its two bands go together."""
    red, green, blue, nir = (np.maximum(raw[f"{band}_mean"] - OFFSET, 20) for band in COLOURS)
    ndvi, ndwi = forms["level"]["NDVI"], forms["level"]["NDWI"]
    plain = (raw["NIR_mean"] - raw["R_mean"]) / np.maximum(raw["NIR_mean"] + raw["R_mean"], 1)
    return {
        "NDVI of reflectance": (nir - red) / (nir + red),
        "NDWI of reflectance": (green - nir) / (green + nir),
        "bare soil": (red + blue - nir) / (red + blue + nir),
        "green over red": np.log(green / red),
        "blue over red": np.log(blue / red),
        "red share": red / (red + green + blue),
        "NDVI − NDVI of means": ndvi - plain,
        "spread NDVI − NDWI": forms["spread"]["NDVI"] - forms["spread"]["NDWI"],
        "level NDVI + NDWI": ndvi + ndwi,
        "lean NDVI + NDWI": forms["lean"]["NDVI"] + forms["lean"]["NDWI"],
        "NDVI lowest + NDWI highest": forms["lowest"]["NDVI"] + forms["highest"]["NDWI"],
        "NDVI highest + NDWI lowest": forms["highest"]["NDVI"] + forms["lowest"]["NDWI"],
        **_together(raw, "NDVI", "NIR", "R"),
        **_together(raw, "NDWI", "G", "NIR"),
        **{f"spread {band} · NDVI": forms["spread"][band] * ndvi for band in POST},
    }


def _together(raw: dict[str, Column], index: str, first: str, second: str) -> dict[str, Column]:
    """The correlation of two bands over a patch, from the spread of their index (delta method), and how far that is from none.

    For (a − b) / (a + b) the variance is near (2b/s²)² var a + (2a/s²)² var b − 8ab/s⁴ cov(a, b), with s = a + b.
    """
    a, b = (np.maximum(raw[f"{band}_mean"], 1) for band in (first, second))
    da, db = 2 * b / (a + b) ** 2 * raw[f"{first}_std"], -2 * a / (a + b) ** 2 * raw[f"{second}_std"]
    alone, variance = da**2 + db**2, raw[f"{index}_std"] ** 2
    correlation = np.clip((variance - alone) / np.minimum(2 * da * db, -1e-12), -1.5, 1.5)
    return {
        f"correlation {first}, {second}": correlation,
        f"spread {index} unexplained": _log(raw[f"{index}_std"], 1e-4) - 0.5 * _log(alone, 1e-8),
    }


def _names() -> tuple[str, ...]:
    return tuple(_all(np.ones((1, len(COLUMNS)))))


NAMES: Final = _names()


def of_radar(name: str) -> bool:
    """Whether a derived column says anything of the radar; the others are of optical bands alone."""
    words = set(name.replace(",", " ").split())
    return bool(words & {*RADAR, "change", "|change|", "backscatter", "pass"})


def frame(table: pd.DataFrame) -> pd.DataFrame:
    """The derived columns of a table that `statistics.describe` or `statistics.read` gives, named."""
    return pd.DataFrame(derive(table[list(COLUMNS)].to_numpy()), index=table.index, columns=list(NAMES))
