"""Chapter 01: how hard simulated patches are, and how they look in numbers, beside real ones.

Networks are trained for this, so it was measured beforehand: `benchmarks/simulator_difficulty.py` and `benchmarks/simulator.py`
write the tables, which lie beside this module. Real scores: an EVA02-large on NIR, green and blue, and LightGBM on the 85
statistics, both published out of fold for 7,146 of the challenge's training patches.
"""

from importlib.resources import files

import pandas as pd


def difficulty() -> pd.DataFrame:
    """Scores of trees and small networks out of fold, by score: real, simulated by each simulator and seed, and what was aimed at."""
    table = _table("simulator_difficulty", ["score"])
    asked = table[table["real"].notna()]
    simulated = [column for column in map(str, table) if column.startswith("simulated")]
    ends = {"lowest": "aimed at: from", "highest": "to"}
    named = asked.rename(index=lambda score: score.replace("trees on", "LightGBM on"))
    return named[["real", *simulated, "lowest", "highest"]].rename(columns=ends)


def measured_on() -> str:
    """How many simulated patches, folds and steps the scores of `difficulty` are of, in words."""
    of = _table("simulator_difficulty", ["score"])["simulated"]
    return f"{of['patches']:,.0f} simulated patches, {of['folds']:.0f} folds, networks of {of['steps']:,.0f} steps"


def looks() -> pd.DataFrame:
    """Texture and contrast of scars, by band and measure: medians, simulated now and before, and the range of twelve real patches."""
    return _table("simulator_texture", ["band", "measure"])


def asked_about_real_patches() -> pd.DataFrame:
    """The probability of a landslide that networks trained on simulated patches give each real one, by ID."""
    return _table("simulator_on_real_patches", ["ID"])


def _table(name: str, index: list[str]) -> pd.DataFrame:
    with (files("landslide_nb") / "chapters" / "c01" / f"{name}.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, index_col=index)
