"""The one contract of every network: an encoder makes features of a patch, one linear layer makes logits of the features.

Heads, maps and occlusion work on `embed`, training and export on `forward`. There is one `forward`, of the same two steps, so what is
said of a network's features is true of the network.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from landslide_nb.common.errors import StudyError, reason

CLASSES: Final = 2
PROBES: Final = 2  # patches that an encoder is tried on; batch normalisation cannot train on one


class Backbone(nn.Module):
    """An encoder and a linear layer that starts undecided: training begins at even odds, not at large random logits."""

    def __init__(self, name: str, encoder: nn.Module, channels: int, image_size: int) -> None:
        """Put a linear layer on an encoder.

        Args:
            name: what the user calls the network.
            encoder: from scaled channels `(N, C, H, W)` to features `(N, D)`.
            channels: input channels, C.
            image_size: height and width that it will see, in pixels.

        Raises:
            StudyError: if the encoder does not make features of such patches.
        """
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(_width(name, encoder, channels, image_size), CLASSES)
        for parameter in self.classifier.parameters():
            nn.init.zeros_(parameter)

    def embed(self, x: Tensor) -> Tensor:
        """Features `(N, D)` of scaled channels `(N, C, H, W)`."""
        return cast(Tensor, self.encoder(x))

    def classify(self, embedding: Tensor) -> Tensor:
        """Logits `(N, 2)` of embeddings `(N, D)`."""
        return cast(Tensor, self.classifier(embedding))

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(N, 2)` of scaled channels `(N, C, H, W)`."""
        return self.classify(self.embed(x))


class TimmEncoder(nn.Module):
    """A timm network without its classifier."""

    def __init__(self, network: Any) -> None:
        """Wrap a network made by `timm.create_model(..., num_classes=0)`."""
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Features `(N, D)` of scaled channels `(N, C, H, W)`."""
        return pooled(self.network(x))


class UNetEncoder(nn.Module):
    """A U-Net whose encoder and decoder features are averaged over the patch: patches have labels, not masks."""

    def __init__(self, encoder: str, channels: int) -> None:
        """Build a U-Net around a timm encoder, from random weights.

        Raises:
            StudyError: if timm's network cannot be the encoder of one.
        """
        from segmentation_models_pytorch import Unet  # noqa: PLC0415 - as in `own_size`

        super().__init__()
        try:
            self.unet = Unet(f"tu-{encoder}", encoder_weights=None, in_channels=channels, classes=1)
        except Exception as error:  # what an encoder must have shows when it is built
            raise StudyError(
                f"{encoder} cannot be the encoder of a U-Net ({reason(error)}); take a convolutional one"
            ) from error
        del self.unet.segmentation_head

    def forward(self, x: Tensor) -> Tensor:
        """The deepest encoder features and the last decoder features, averaged over the patch, `(N, D)`."""
        features = self.unet.encoder(x)
        decoded = self.unet.decoder(features)
        return torch.cat([pooled(features[-1]), pooled(decoded)], 1)


def pooled(output: Any) -> Tensor:
    """Features `(N, D)` of what a network gives: maps `(N, D, H, W)` that it left unpooled are averaged over the patch.

    Raises:
        ValueError: for anything else, such as outputs of several heads: which of them counts is not ours to guess.
    """
    if isinstance(output, Tensor) and output.ndim == 4:
        return output.mean((2, 3))
    if not isinstance(output, Tensor) or output.ndim != 2:
        raise ValueError(f"its features are {_kind(output)}, not one row a patch")
    return output


def _kind(output: Any) -> str:
    """What a network gives, in words."""
    if isinstance(output, Tensor):
        return f"an array of shape {tuple(output.shape)}"
    if isinstance(output, Sequence | Mapping):
        return f"{len(output)} outputs"
    return f"a {type(output).__name__}"


def _width(name: str, encoder: nn.Module, channels: int, image_size: int) -> int:
    """How many features an encoder makes of a patch, seen at two patches: what networks say of themselves is not always so.

    Raises:
        StudyError: if it makes none, or not the same in training as in prediction.
    """
    shapes = []
    for training in (False, True):  # last in training, as networks start
        try:
            shapes.append(tuple(_seen(encoder.train(training), channels, image_size).shape))
        except Exception as error:  # each network fails at what it cannot take in its own way
            raise unfit(name, channels, image_size, reason(error)) from error
    if shapes[0] != shapes[1] or shapes[0][0] != PROBES:
        raise unfit(name, channels, image_size, f"features {shapes[0]} in prediction and {shapes[1]} in training")
    return shapes[0][1]


def _seen(encoder: nn.Module, channels: int, image_size: int) -> Tensor:
    """What a copy of an encoder gives: nothing that it counts, keeps or draws by chance is changed.

    Seen in earnest: on the meta device, where there are shapes and no numbers, a small network takes three times as long. One that has
    no numbers, as `plan` builds it, is seen there.
    """
    like = next(encoder.parameters(), torch.empty(0))
    size = (PROBES, channels, image_size, image_size)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        return cast(Tensor, deepcopy(encoder)(torch.ones(size, device=like.device)))


def unfit(name: str, channels: int, image_size: int, why: str) -> StudyError:
    """The refusal of a network that cannot be used on such patches."""
    own = own_size(name)
    other = "" if own == image_size else f", or try its own image size, {own} pixels"
    return StudyError(
        f"{name} cannot be used on patches of {image_size} × {image_size} pixels with {channels} channels ({why});"
        f" take another network{other}"
    )


def own_size(name: str) -> int:
    """The image size that timm made a network for, in pixels."""
    from timm import get_pretrained_cfg  # noqa: PLC0415 - it loads for seconds, and what reads runs builds no network
    from timm.models import PretrainedCfg  # noqa: PLC0415

    known = get_pretrained_cfg(name.rpartition(":")[2]) or PretrainedCfg()
    return int(known.input_size[-1])
