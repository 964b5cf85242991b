"""What chapter 08 found, said with the numbers that it computed, beside what the paper found."""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
from IPython.display import Markdown

from landslide_nb.chapters.c08.occlusion import RIVALS, count, verdict
from landslide_nb.data.bands import BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.display.wording import sentences
from landslide_nb.metrics.bootstrap import Interval

FEW: Final = 10  # patches: fewer say nothing of what carries a wrong decision
Found = Mapping[str, Interval]
NO_RADAR: Final = "There is no radar among these bands, so whether SAR matters more than optical bands cannot be asked of these patches."


def occlusion(
    falls: pd.DataFrame, wrong: pd.DataFrame, alarms: Mapping[str, pd.DataFrame], bands: BandSet, source: str
) -> Markdown:
    """Chapter 08: the bands whose loss costs most, and what carries false alarms.

    Args:
        falls: `occlusion.table`, a column for each way of occluding or set of patches.
        wrong: the same of hits and false alarms.
        alarms: these two themselves, `occlusion.alarms`.
        bands: of the patches.
        source: what the patches are.
    """
    lines = [
        f"- Bands whose loss costs most ({source}), {title}: {_most(column.to_dict(), bands)}."
        for title, column in falls.items()
    ]
    many = count(alarms["false alarms"])
    if many < FEW:
        return sentences("\n".join([*lines, f"- False alarms are too few ({many}) to ask what carries them."]))
    false, right = wrong["false alarms"].to_dict(), (wrong["hits"].to_dict() if "hits" in wrong else {})
    groups = ", ".join(f"{name} {false[name]:+.3f}" for name in ("optical", "SAR") if name in false)
    beside = ", ".join(f"{name} {right[name]:+.3f}" for name in ("optical", "SAR") if name in right)
    lines.append(
        f"- What carries a wrong “landslide” ({many} patches): {_most(false, bands)}"
        f"{f'; whole groups {groups}' if groups else ''}{f', against {beside} in hits' if beside else ''}."
    )
    return sentences("\n".join(lines))


def _most(falls: Mapping[Any, Interval], bands: BandSet) -> str:
    """The three bands of the largest falls."""
    return ", ".join(
        f"{band} {falls[band]:+.3f}" for band in sorted(bands.names, key=lambda band: -falls[band].value)[:3]
    )


def sar(evidence: pd.DataFrame | None, real: Found | None, bands: BandSet, source: str) -> Markdown:
    """Chapter 08: does "SAR matters more" hold? The evidence for it and against it.

    Args:
        evidence: `occlusion.evidence` of the networks.
        real: differences to optical bands on the table of real patches (`permutation.evidence`); None without a table.
        bands: of these patches.
        source: what the networks' patches are.
    """
    if evidence is None:
        return sentences(f"- {NO_RADAR}")
    rows: Any = evidence.to_dict("index")
    differences = {f"{column}, {name}": value for name, row in rows.items() for column, value in row.items()}
    sides = _sides(differences)
    counts = ", ".join(f"{len(names)} {side}" for side, names in sides.items())
    lines = [
        "- The paper finds SAR more important than optical bands, by single bands set to zero and summed. A sum of"
        f" {len(bands.radar)} bands against one of {len(bands.optical)} favours SAR, and bands that say the same hide each other's"
        " loss, which only whole groups show.",
        f"- Networks on {source}, {len(differences)} differences: {counts} (95 % intervals over patches and folds).",
    ]
    if real is None:
        lines.append("- No table of real statistics was given, so nothing here speaks of real landslides.")
    else:
        sentence = "; ".join(
            f"**{side}**: {', '.join(f'{name} {real[name]:+.3f}' for name in names)}"
            for side, names in _sides(real).items()
        )
        lines.append(f"- LightGBM on statistics of real patches. Differences {sentence}. {_summary(real)}")
    lines.append(
        "- A patch with a band of zeros, or with a band of another place, is one that no satellite sees: this measures what a"
        " model leans on, not what the ground shows."
    )
    return sentences("\n".join(lines))


def _sides(differences: Found) -> dict[str, list[str]]:
    """What speaks for "SAR matters more", against it, and neither."""
    sides = {
        side: [name for name, value in differences.items() if verdict(value) == side]
        for side in ("for it", "against it", "inconclusive")
    }
    return {side: names for side, names in sides.items() if names}


def _summary(differences: Found) -> str:
    """One sentence: radar as a whole, and each pass, which has as many bands as there are optical ones."""
    order = {
        "for it": "more important than",
        "against it": "less important than",
        "inconclusive": "inconclusive against",
    }
    comparison = {group: order[verdict(differences[f"F1 lost, {group}"])] for group in RIVALS}
    passes = " and ".join(f"the {group} pass is {comparison[group]} them" for group in RIVALS[1:])
    bands = CHALLENGE.bands
    return (
        f"So by the F1 that LightGBM loses, all {len(bands.radar)} SAR bands together are {comparison[RIVALS[0]]} the"
        f" {len(bands.optical)} optical ones; with as many bands as those, {passes}."
    )
