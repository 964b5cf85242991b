"""The model card: what a model is, what it was trained on, what it scored, and what it must not be used for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from landslide_nb.data.dataset import DataSet
from landslide_nb.inference.ensemble import Ensemble, Network

Data = Literal["simulated", "twins", "given"]
TRAINED_ON: Final[Mapping[Data, str]] = {
    "simulated": "**Simulated patches.** No real patch was seen in training. The layout of these patches is invented, so this model"
    " must not be used for any decision about real places.",
    "twins": "**Statistical twins.** Each patch has the statistics and the label of a real one, and simulated pixels. The layout of"
    " these patches is invented, so this model must not be used for any decision about real places.",
    "given": "**Patches that were given by whoever trained it**, as far as the program can tell of {title}.",
}
TERMS: Final = (
    "The data's terms: {licence}; credit: {credit}. Whether trained weights are an adaptation of data is not settled; to be safe,"
    " share them under the terms of the data too."
)
SIMULATOR: Final = "The simulator's parameters were fitted to statistics of the challenge's patches and are CC BY-SA 4.0 (Zindi/ITU, 2025)."


@dataclass(frozen=True)
class Card:
    """What only whoever exports a model can say of it.

    Attributes:
        name: of the model.
        data: what it was trained on: "simulated", "twins" (of real statistics) or "given".
        scores: by what they are, as text, intervals included.
        note: what else a reader has to know.
    """

    name: str
    data: Data
    scores: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def text(self, ensemble: Ensemble) -> str:
        """The card of an ensemble, as Markdown."""
        data_set = ensemble.data_set
        scores = [f"| {name} | {score} |" for name, score in self.scores.items()]
        table = ["| score | value |", "|---|---|", *scores] if scores else ["No scores were given."]
        lines = [
            *(
                f"# {self.name}",
                "",
                "Says how likely a landslide is in a patch of satellite imagery. Made with landslide-nb.",
                "",
            ),
            *("## What it is", "", *_members(ensemble), ""),
            *_patch(data_set),
            *(
                "",
                "## What it was trained on",
                "",
                TRAINED_ON[self.data].format(title=data_set.title),
                *(["", self.note] if self.note else []),
                "",
            ),
            *("## Scores", "", *table, ""),
            *("## Limits", "", *_limits(self.data, data_set), ""),
            *(
                "## Use",
                "",
                "For study, and for comparing methods. It finds patches worth looking at; it does not map landslides",
            ),
            "and does not say that a place is safe. Do not warn, rescue, insure or build by it.",
            *("", "    landslide-nb predict THIS_FOLDER YOUR_PATCHES -o predictions.csv", ""),
            *(
                "## Licence",
                "",
                "The code is Apache-2.0.",
                TERMS.format(licence=data_set.licence, credit=data_set.credit) if self.data == "given" else SIMULATOR,
            ),
            "Networks that started from pretrained weights carry the terms of these as well.",
        ]
        return "\n".join([*lines, ""])


def _members(ensemble: Ensemble) -> list[str]:
    """How the ensemble is put together, one line a member of its first fold."""
    first = ensemble.folds[0]
    lines = []
    for name, member in first.members.items():
        kind = "LightGBM on the statistics of a patch"
        if isinstance(member, Network):
            of = member.settings
            kind = f"`{of.backbone}` on {of.channels} channels at {of.image_size} px, started from `{of.weights.split('/')[-1]}`"
            kind += ", seen in the flips that its bands allow" if member.flips else ""
        lines.append(f"- {name}: {kind}; weight {first.weights[name]:.4g} in the first fold")
    flips = " Each patch is seen in the flips that its bands allow." if ensemble.flips else ""
    count = len(ensemble.folds)
    what = f"{count} folds, whose probabilities are averaged" if count > 1 else "The network of one fold"
    return [
        f"{what}; a landslide is said from {ensemble.threshold:.4g} on.{flips} Of each fold:",
        "",
        *lines,
    ]


def _patch(data_set: DataSet) -> list[str]:
    """What a patch has to be."""
    bands, units = data_set.bands.bands, {band.unit for band in data_set.bands.bands}
    size = f"{data_set.patch_size} × {data_set.patch_size} pixels"
    metres = f" of {data_set.pixel_metres:g} m" if data_set.pixel_metres else ""
    names = ", ".join(f"{band.name} ({band.unit})" for band in bands)
    explanations = {
        "DN": "DN is Sentinel-2's digital number (reflectance × 10,000, with an offset of about 1,000).",
        "dB": "dB is Sentinel-1 backscatter; ΔX is after minus before.",
        "8 bit": "8 bit is from 0 to 255, as in a picture.",
        "relative": "Relative bands are scaled to about 1 on average.",
    }
    lines = [f"A patch is {size}{metres} in {len(bands)} bands, in this order: {names}."]
    return [*lines, *(text for unit, text in explanations.items() if unit in units)]


def _limits(data: Data, data_set: DataSet) -> list[str]:
    """What no score says."""
    lines = [
        "- Patches of another sensor, another processing level (another scale or unit), another pixel size,"
        " or of a season or landscape unlike those of the training give probabilities that mean nothing.",
        f"- All {len(data_set.bands)} bands are needed: without one there is no prediction.",
        "- Probabilities are not calibrated for places where landslides are rarer or more frequent than in training.",
        "- Scores are on patches of the same origin as those of the training; on another region expect less.",
    ]
    return lines if data == "given" else ["- Scores on simulated patches say nothing about real ones.", *lines]
