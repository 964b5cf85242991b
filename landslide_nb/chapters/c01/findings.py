"""What chapter 01 found, said with the numbers that it computed."""

from collections.abc import Mapping

import pandas as pd
from IPython.display import Markdown

from landslide_nb.chapters.c01 import difficulty
from landslide_nb.data.bands import BandSet, Places
from landslide_nb.display.wording import capitalised, reach, sentences


def exploration(rare: pd.DataFrame, scores: Mapping[str, pd.DataFrame]) -> Markdown:
    """Chapter 01: how rare, and what plain statistics know."""
    everyone = rare.loc["all patches"]
    lines = [f"- {everyone['positive']:.1%} of the {everyone['patches']:.0f} patches here have a landslide."]
    for source, table in scores.items():
        row = table.iloc[0]
        lines.append(
            f"- {capitalised(source)}: LightGBM on 85 statistics reaches an out-of-fold F1 of {row['out-of-fold F1']} (95 % interval)."
        )
    return sentences("\n".join(lines))


def realism(
    levels: pd.DataFrame,
    texture: pd.DataFrame,
    transfer: pd.DataFrame | None,
    giveaways: pd.DataFrame | None,
    bands: BandSet,
    source: str,
    measured: list[str],
) -> Markdown:
    """Chapter 01: how near the patches come to real ones, in levels and texture, and to trees; then what was measured beforehand."""
    lines = _levels(levels, bands, source) if "real mean" in levels else []
    lag = texture["lag 1, median"]
    each = "; ".join(f"{kind} {reach(lag[_titles(bands, places)], '.2f')}" for kind, places in bands.kinds.items())
    lines.append(
        f"- Correlation of neighbouring pixels (medians over patches, lowest and highest of the bands): {each}."
    )
    if transfer is not None and giveaways is not None:
        lines += [
            f"- LightGBM trained on {source} and tested on real patches reaches F1 {transfer['F1']['simulated → real']}; trained and tested"
            f" on real ones, {transfer['F1']['real → real, out of fold']}; on {source} themselves,"
            f" {transfer['F1']['simulated → simulated, out of fold']}.",
            f"- LightGBM still tells the two kinds apart (AUROC {giveaways.attrs['auroc']}), most of all by"
            f" {', '.join(f'`{name}`' for name in giveaways.index[:4])}: single statistics agree, but not all of their combinations.",
        ]
    return sentences("\n".join(lines + measured))


def hardness(scores: pd.DataFrame, looks: pd.DataFrame) -> list[str]:
    """Whether simulated patches are as hard as real ones, and look like them, in a line each; `difficulty`'s tables."""
    lines = [f"- How hard they are for networks was measured beforehand: {difficulty.measured_on()}."]
    for name in (column for column in map(str, scores) if column.startswith("simulated")):
        known = scores[scores[name].notna() & scores["to"].notna()]
        missed = [str(score) for score in known.index[~known[name].between(known["aimed at: from"], known["to"])]]
        far = f"; not {'; '.join(missed)}" if missed else ""
        lines.append(
            f"- {capitalised(name)}: {len(known) - len(missed)} of {len(known)} scores lie where they were aimed at{far}."
        )
    real = len(difficulty.asked_about_real_patches())
    outside = [" ".join(place) for place in looks.index[~looks["within"]]]
    where = f"; not {', '.join(outside)}" if outside else ""
    lines.append(
        f"- Of {len(looks)} medians of texture and contrast, {looks['within'].sum()} lie within the range of {real} real patches{where}."
    )
    return lines


def _levels(levels: pd.DataFrame, bands: BandSet, source: str) -> list[str]:
    """How far levels and spreads are from those published for the challenge's patches."""
    mean, std = ((levels[of] - levels[f"real {of}"]).abs() / levels[f"real {of}"].abs() for of in ("mean", "std"))
    optical, radar = _titles(bands, bands.optical), _titles(bands, bands.radar)
    off = max((levels[of] - levels[f"real {of}"])[radar].abs().max() for of in ("mean", "std"))
    return [
        f"- Of {source}, mean and spread over all pixels differ from the published ones of the challenge's training patches by at most"
        f" {mean[optical].max():.1%} and {std[optical].max():.1%} in the optical bands, and by at most {off:.2f} dB in the radar bands."
    ]


def _titles(bands: BandSet, places: Places) -> list[str]:
    return [bands.bands[place].title for place in places]
