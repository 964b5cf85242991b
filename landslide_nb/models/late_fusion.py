"""One encoder for each modality: optical bands, descending and ascending radar pass, their features side by side.

A modality whose channels are the same at every pixel of a patch is taken as missing: no real band is. Its features count
nothing, and those of the others count more, as after dropout. So a network that was trained with modality dropout goes on where
a pass is missing.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from landslide_nb.data.bands import Channel
from landslide_nb.models.names import FusionName, by_modality

FLAT: Final = 1e-4  # standard deviations of a channel; resizing leaves a constant one constant but for its last digits


class LateFusion(nn.Module):
    """Encoders by modality, their features side by side."""

    def __init__(self, named: FusionName, encoders: Mapping[str, nn.Module], channels: tuple[Channel, ...]) -> None:
        """Put encoders together.

        Args:
            named: what the network's name says.
            encoders: by name, as `named.encoders` has them; each from its channels to features `(N, D)`.
            channels: all channels of a patch, of which each encoder takes its own.
        """
        super().__init__()
        self.named = named
        seen = by_modality(channels)
        self.seen = {modality: list(seen[modality]) for modality in named.modalities(tuple(seen))}
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
