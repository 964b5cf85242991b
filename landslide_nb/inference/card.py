"""The model card: what a model is, what it was trained on, what it scored, and what it must not be used for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from landslide_nb.data.bands import BANDS
from landslide_nb.inference.ensemble import Ensemble, Network

Data = Literal["simulated", "twins", "given"]
TRAINED_ON: Final[Mapping[Data, str]] = {
    "simulated": "**Simulated patches.** No real patch was seen in training. The layout of these patches is invented, so this model"
    " must not be used for any decision about real places.",
    "twins": "**Statistical twins.** Each patch has the statistics and the label of a real one, and simulated pixels. The layout of"
    " these patches is invented, so this model must not be used for any decision about real places.",
    "given": "**Patches that were given by whoever trained it**, as far as the program can tell: of the challenge"
    " *Classification for Landslide Detection* (Zindi/ITU, 2025), or in its format.",
}
SHARE_ALIKE: Final = (
    "The challenge's data are CC BY-SA 4.0: credit Zindi and ITU, *Classification for Landslide Detection* (2025). Whether trained"
    " weights are an adaptation of such data is not settled; to be safe, share them under CC BY-SA 4.0 too."
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
        bands = ", ".join(f"{band.name} ({band.unit})" for band in BANDS)
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
            f"A patch is 64 × 64 pixels of 10 m in 12 bands, in this order: {bands}. Optical bands are Sentinel-2 digital numbers"
            " (reflectance × 10,000, with an offset of about 1,000), the others Sentinel-1 backscatter; ΔX is after minus before.",
            *("", "## What it was trained on", "", TRAINED_ON[self.data], *(["", self.note] if self.note else []), ""),
            *("## Scores", "", *table, ""),
            *("## Limits", "", *_limits(self.data), ""),
            *(
                "## Use",
                "",
                "For study, and for comparing methods. It finds patches worth looking at; it does not map landslides",
            ),
            "and does not say that a place is safe. Do not warn, rescue, insure or build by it.",
            *("", "    landslide-nb predict THIS_FOLDER YOUR_PATCHES -o predictions.csv", ""),
            *("## Licence", "", "The code is Apache-2.0.", SHARE_ALIKE if self.data == "given" else SIMULATOR),
            "Networks that started from pretrained weights carry the terms of these as well.",
        ]
        return "\n".join([*lines, ""])


def _members(ensemble: Ensemble) -> list[str]:
    """How the ensemble is put together, one line a member of its first fold."""
    first = ensemble.folds[0]
    lines = []
    for name, member in first.members.items():
        kind = "LightGBM on the 85 statistics of a patch"
        if isinstance(member, Network):
            of = member.settings
            kind = f"`{of.backbone}` on {of.channels} channels at {of.image_size} px, started from `{of.weights.split('/')[-1]}`"
            kind += ", seen in the four flips that radar allows" if member.flips else ""
        lines.append(f"- {name}: {kind}; weight {first.weights[name]:.4g} in the first fold")
    flips = " Each patch is seen in the four flips that radar allows." if ensemble.flips else ""
    return [
        f"{len(ensemble.folds)} folds, whose probabilities are averaged; a landslide is said from {ensemble.threshold:.4g} on."
        f"{flips} Of each fold:",
        "",
        *lines,
    ]


def _limits(data: Data) -> list[str]:
    """What no score says."""
    lines = [
        "- Patches of another sensor, another processing level (without the offset, or in linear power instead of dB), another pixel size,"
        " or of a season or landscape unlike those of the training give probabilities that mean nothing.",
        "- All twelve bands are needed: without one radar pass, or an acquisition from before the event, there is no prediction.",
        "- Probabilities are not calibrated for places where landslides are rarer or more frequent than in training.",
        "- Scores are on patches of the same origin as those of the training; on another region expect less.",
    ]
    return lines if data == "given" else ["- Scores on simulated patches say nothing about real ones.", *lines]
