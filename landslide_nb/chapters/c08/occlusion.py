"""Chapter 08: the bands that carry the decision (Fig. 7), over all folds, each patch by networks that never saw it.

A table of falls has a row for each fold and patch (index `fold`, `patch`), its `label`, the `probability` of a landslide with
all bands, and for each band and group how far that probability falls when the band or the whole group is overwritten.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from landslide_nb.data.bands import BandSet
from landslide_nb.display.picture import BLUE, GREEN, GREY, ORANGE, Picture, panels
from landslide_nb.experiments.run import Run
from landslide_nb.experiments.study import Study
from landslide_nb.explain.occlusion import Fill, band_occlusion, features_of
from landslide_nb.metrics.bootstrap import Interval

FILLS: Final[Mapping[Fill, str]] = {
    "zero": "set to zero",
    "mean": "set to its mean",
    "permuted": "from another patch",
}
RIVALS: Final = ("SAR", "descending", "ascending")  # groups that are set against the optical one


def all_folds(study: Study, fill: Fill) -> pd.DataFrame:
    """The falls of landslide patches and false alarms that a fold's network never saw: hold-out, else its validation patches.

    Args:
        study: its runs are trained if they are missing.
        fill: what bands are overwritten with; donors are all patches that the network never saw.
    """
    parts = {}
    for fold in range(study.folds):
        run = Run(study, fold)
        result, patches = run.fit(), run.data[0]
        unseen = result.test if len(result.test) else result.validation
        labels, probabilities = patches.known_labels, result.probabilities
        chosen = unseen[(labels[unseen] == 1) | (probabilities[unseen] >= 0.5)]
        seed = study.seed + fold
        falls = band_occlusion(
            run, patches.take(chosen), fill, features_of(study.data_set.bands), patches.take(unseen), seed
        )
        parts[fold] = falls.assign(label=labels[chosen], probability=probabilities[chosen])
    return pd.concat(parts, names=["fold", "patch"])


def features_in(falls: pd.DataFrame) -> list[str]:
    """The bands and groups that a table of falls tells of."""
    return [str(name) for name in falls.columns if name not in ("label", "probability")]


def landslides(falls: pd.DataFrame) -> pd.DataFrame:
    """The patches that the paper looks at."""
    return falls[falls["label"] == 1]


def alarms(falls: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Patches called landslides (probability at least 0.5), rightly and wrongly: both chosen by it, so both tend to fall."""
    called = falls[falls["probability"] >= 0.5]
    return {"hits": called[called["label"] == 1], "false alarms": called[called["label"] == 0]}


def count(falls: pd.DataFrame) -> int:
    """How many patches there are; each may stand there once for every fold."""
    return int(falls.index.get_level_values("patch").nunique())


def intervals(falls: pd.DataFrame, resamples: int, seed: int = 0) -> dict[str, Interval]:
    """The mean of each column with its interval over patches and folds.

    Patches and folds are resampled independently of each other (the pigeonhole bootstrap: Owen, Annals of Applied
    Statistics 1, 2007), so a patch that several folds score counts once, and networks differ as they do. It is wide rather than narrow.

    Args:
        falls: index `fold`, `patch`; at least one row.
        resamples: of the bootstrap.
        seed: of the resampling.

    Returns:
        An `Interval` for each column.
    """
    rng = np.random.default_rng(seed)
    weights = np.ones((resamples, len(falls)))
    for level in ("fold", "patch"):
        codes, names = pd.factorize(falls.index.get_level_values(level))
        weights *= rng.multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)[:, codes]
    weights = weights[weights.sum(1) > 0]  # a fold may be drawn that has none of the patches drawn
    means = weights @ falls.to_numpy(np.float64) / weights.sum(1, keepdims=True)
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    rows = zip(falls.columns, falls.mean(), low, high, strict=True)
    return {str(name): Interval(float(mean), float(a), float(b)) for name, mean, a, b in rows}


def table(sets: Mapping[str, pd.DataFrame], resamples: int) -> pd.DataFrame:
    """The mean fall for each band and group (rows) and each of the sets (columns), with intervals."""
    by_set = {name: intervals(falls[features_in(falls)], resamples) for name, falls in sets.items() if len(falls)}
    columns = {name: pd.Series(column, dtype=object) for name, column in by_set.items()}
    features = list(dict.fromkeys(name for falls in sets.values() for name in features_in(falls)))
    return pd.DataFrame(columns, index=pd.Index(features, name="band"))


def against_optical(falls: pd.DataFrame, bands: BandSet, resamples: int) -> dict[str, Interval]:
    """How much more the probability falls without SAR than without optical bands; positive: SAR matters more.

    Returns:
        Single SAR bands minus single optical ones, summed as in the paper (eight against four) and their means; all of SAR as a
        group, and each pass (four bands against four), minus the optical group.
    """
    optical, radar = (falls[[bands.names[place] for place in of]] for of in (bands.optical, bands.radar))
    gaps = {"sum of single bands": radar.sum(axis=1) - optical.sum(axis=1)}
    gaps |= {"mean of single bands": radar.mean(axis=1) - optical.mean(axis=1)}
    gaps |= {f"{group} as a group": falls[group] - falls["optical"] for group in RIVALS}
    return intervals(pd.DataFrame(gaps), resamples)


def evidence(sets: Mapping[str, pd.DataFrame], bands: BandSet, resamples: int) -> pd.DataFrame | None:
    """`against_optical` for each of the sets that has patches, a row each; None where there are no optical bands or no passes."""
    if not bands.optical or not set(RIVALS) <= set(bands.groups):
        return None
    rows = {name: against_optical(falls, bands, resamples) for name, falls in sets.items() if len(falls)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("minus optical")


def verdict(difference: Interval) -> str:
    """What a difference between SAR and optical says of the paper's finding."""
    return "for it" if difference.low > 0 else "against it" if difference.high < 0 else "inconclusive"


def picture(sets: Mapping[str, pd.DataFrame], bands: BandSet, resamples: int, caption: str, name: str) -> Picture:
    """Mean falls of bands and groups with intervals, a panel for each set; strokes are single folds (Fig. 7).

    Args:
        sets: tables of falls by title.
        bands: of the patches.
        resamples: of the intervals.
        caption: what the panels are, a whole sentence.
        name: of the picture.
    """
    sets = {title: falls for title, falls in sets.items() if len(falls)}
    shown = table(sets, resamples)
    # A gap stands between bands and groups.
    features = features_of(bands)
    y = -np.arange(len(features)) - np.where(np.arange(len(features)) >= len(bands), 0.8, 0)
    radar = [set(places) <= set(bands.radar) for places in features.values()]
    figure, axes = panels(1, max(len(sets), 1), 2.5, 1.1 + 0.18 * len(features), sharex=True, sharey=True)
    for axis, title in zip(axes[0], sets, strict=False):
        values = np.array(shown[title].tolist())
        error = np.abs(values[:, 1:] - values[:, :1]).T
        bars = axis.barh(y, values[:, 0], 0.75, xerr=error, capsize=2, edgecolor="black", lw=0.4, error_kw={"lw": 1})
        for bar, sar in zip(bars, radar, strict=True):
            bar.set(facecolor=BLUE if sar else GREEN, hatch="///" if sar else "", alpha=0.75)
        folds = sets[title].groupby(level="fold")[list(features)].mean()
        axis.plot(folds.T.to_numpy(), y, "|", color=ORANGE, ms=7, mew=1.2)
        axis.axvline(0, color=GREY, lw=0.8)
        axis.set(title=title, xlabel=f"fall, {count(sets[title])} patches")
    axes[0, 0].set_yticks(y, list(features))
    sentence = "; ".join(
        f"{title}: {', '.join(f'{band} {value.value:+.3f}' for band, value in shown[title].items())}" for title in sets
    )
    alt = (
        f"Bars of the mean fall of the landslide probability without a band or group. {sentence or 'No patch to show.'}"
    )
    key = "Plain: optical; hatched: SAR; bars: means with 95 % intervals over patches and folds; strokes: single folds."
    return Picture(figure, name, alt, f"{caption} {key}")
