"""What chapter 01 found, said with the numbers that it computed."""

from collections.abc import Mapping

import pandas as pd
from IPython.display import Markdown

from landslide_nb.data.bands import BACKSCATTER, BANDS, CHANGE, OPTICAL, SAR


def exploration(rare: pd.DataFrame, scores: Mapping[str, pd.DataFrame]) -> Markdown:
    """Chapter 01: how rare, and what plain statistics know."""
    everyone = rare.loc["all patches"]
    lines = [f"- {everyone['positive']:.1%} of the {everyone['patches']:.0f} patches here have a landslide."]
    for source, table in scores.items():
        row = table.iloc[0]
        lines.append(
            f"- {source}: plain statistics and trees reach an out-of-fold F1 of {row['out-of-fold F1']} (95 % interval)."
        )
    return Markdown("\n".join(lines))


def realism(
    levels: pd.DataFrame,
    texture: pd.DataFrame,
    transfer: pd.DataFrame | None,
    giveaways: pd.DataFrame | None,
    source: str,
) -> Markdown:
    """Chapter 01: how near the patches come to real ones, in levels and texture, and to trees."""
    mean, std = ((levels[of] - levels[f"real {of}"]).abs() / levels[f"real {of}"].abs() for of in ("mean", "std"))
    optical, radar = [BANDS[i].title for i in OPTICAL], [BANDS[i].title for i in SAR]
    off = max((levels[of] - levels[f"real {of}"])[radar].abs().max() for of in ("mean", "std"))
    backscatter, change = ([BANDS[i].title for i in group] for group in (BACKSCATTER, CHANGE))
    lag = texture["lag 1, median"]
    lines = [
        f"- Of {source}, mean and spread over all pixels differ from the published ones of the challenge's training patches by at most"
        f" {mean[optical].max():.1%} and {std[optical].max():.1%} in the optical bands, and by at most {off:.2f} dB in the radar bands.",
        f"- Neighbouring pixels correlate by {lag[backscatter].min():.2f} to {lag[backscatter].max():.2f} in backscatter and by"
        f" {lag[change].min():.2f} to {lag[change].max():.2f} in its change (medians over patches).",
    ]
    if transfer is not None and giveaways is not None:
        lines += [
            f"- Trees trained on {source} and tested on real patches reach F1 {transfer['F1']['simulated → real']}; trained and tested on"
            f" real ones, {transfer['F1']['real → real, out of fold']}; on {source} themselves,"
            f" {transfer['F1']['simulated → simulated, out of fold']}.",
            f"- Trees still tell the two kinds apart (AUROC {giveaways.attrs['auroc']}), most of all by"
            f" {', '.join(f'`{name}`' for name in giveaways.index[:4])}: single statistics agree, but not all of their combinations.",
        ]
    return Markdown("\n".join(lines))
