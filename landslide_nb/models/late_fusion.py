"""One encoder for each modality: optical bands, descending and ascending radar pass, their features side by side.

A modality whose channels are the same at every pixel of a patch is taken as missing: no real band is. Its features count
nothing, and those of the others count more, as after dropout. So a network that was trained with modality dropout goes on where
a pass is missing.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

import torch
from torch import Tensor, nn

from landslide_nb.data.bands import CHANNEL_COUNTS, MODALITIES, modality_channels
from landslide_nb.errors import StudyError

NAME: Final = re.compile(r"multi(?:\((?P<options>[^)]*)\))?:(?P<encoder>.+)")
SHARED: Final = "shared"
RADAR: Final = "radar"  # what an encoder of both passes is called
FLAT: Final = 1e-4  # standard deviations of a channel; resizing leaves a constant one constant but for its last digits


class FusionName(NamedTuple):
    """What a name says: `multi:NAME`, `multi(optical,ascending):NAME`, `multi(shared):NAME`.

    Attributes:
        encoder: a timm model.
        modalities: which the network sees; all three if none is named.
        shared: whether the two passes, which are of one sensor, share an encoder.
    """

    encoder: str
    modalities: tuple[str, ...] = MODALITIES
    shared: bool = False

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """The parts of a name; None of another kind of backbone.

        Raises:
            StudyError: for an unknown option, or passes that would share an encoder where there is one.
        """
        if not (found := NAME.fullmatch(name)):
            return None
        options = [option.strip() for option in (found["options"] or "").split(",") if option.strip()]
        if unknown := [option for option in options if option not in (*MODALITIES, SHARED)]:
            raise StudyError(f"backbone {name!r}: {unknown[0]!r} is none of {', '.join((*MODALITIES, SHARED))}")
        chosen = tuple(modality for modality in MODALITIES if modality in options) or MODALITIES
        shared = SHARED in options
        if shared and not set(MODALITIES[1:]) <= set(chosen):
            raise StudyError(f"backbone {name!r}: to share an encoder takes both passes, descending and ascending")
        return cls(found["encoder"], chosen, shared)

    def encoders(self, channels: int) -> dict[str, tuple[int, ...]]:
        """The channels that each encoder is made for; of a shared one, those of its first pass.

        Raises:
            StudyError: if it is not known which channel is of which modality, or passes that share an encoder have unlike
                numbers of channels.
        """
        if channels not in CHANNEL_COUNTS:
            raise StudyError(
                f"multi:{self.encoder} cannot know which of {channels} channels are of which modality; take one of"
                f" {', '.join(map(str, CHANNEL_COUNTS))} channels, or {self.encoder} alone"
            )
        seen = modality_channels(channels)
        made = {self.name_of(modality): seen[modality] for modality in reversed(self.modalities)}
        if self.shared and len(seen["descending"]) != len(seen["ascending"]):
            raise StudyError(
                f"multi(shared): of {channels} channels {len(seen['descending'])} are of the descending pass alone and"
                f" {len(seen['ascending'])} of the ascending one; take 12 or 20 channels, or encoders that are not shared"
            )
        return dict(reversed(made.items()))

    def name_of(self, modality: str) -> str:
        """The name of the encoder that sees a modality."""
        return RADAR if self.shared and modality != MODALITIES[0] else modality


class LateFusion(nn.Module):
    """Encoders by modality, their features side by side."""

    def __init__(self, named: FusionName, encoders: Mapping[str, nn.Module], channels: int) -> None:
        """Put encoders together.

        Args:
            named: what the network's name says.
            encoders: by name, as `named.encoders` has them; each from its channels to features `(N, D)`.
            channels: all channels of a patch, of which each encoder takes its own.
        """
        super().__init__()
        self.named = named
        self.seen = {modality: list(modality_channels(channels)[modality]) for modality in named.modalities}
        self.encoders = nn.ModuleDict(encoders)

    def forward(self, x: Tensor) -> Tensor:
        """Features of all encoders, `(N, D)`; those of a missing modality are zero."""
        parts, present = [], []
        for modality, channels in self.seen.items():
            seen = x[:, channels]
            parts.append(self.encoders[self.named.name_of(modality)](seen))
            low, high = seen.amin((2, 3)), seen.amax((2, 3))
            present.append((high - low > FLAT).any(1))
        there = torch.stack(present, 1).to(parts[0].dtype)
        share = there / there.mean(1, keepdim=True).clamp(min=1 / there.shape[1])
        return torch.cat([part * share[:, i : i + 1] for i, part in enumerate(parts)], 1)
