"""Backbones with 12 to 28 input channels: everything timm has, U-Nets, and an encoder for each modality, under one door.

Examples:
    >>> network = create("tf_efficientnet_lite0", channels=12, weights="imagenet")
    >>> network = create("unet:resnet18", channels=12, weights="none")
    >>> network = create("multi:tf_efficientnet_lite0", channels=12, weights="imagenet")
"""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, cast

import pandas as pd
import timm
import torch
from segmentation_models_pytorch import Unet
from torch import Tensor, nn

from landslide_nb.data.bands import BAND_NAMES, channel_names
from landslide_nb.errors import StudyError, WeightsError
from landslide_nb.models.memory import keep_freed_memory
from landslide_nb.models.late_fusion import Multi, MultiBackbone
from landslide_nb.models.pretrained import PACKAGED, from_file, packaged_weights

CLASSES: Final = 2
UNET: Final = "unet:"
RGB: Final = BAND_NAMES[:3]
Stem = Literal["repeat", "aware", "random"]


class Backbone(nn.Module):
    """A timm network that ends in two logits."""

    def __init__(self, network: Any) -> None:
        """Wrap a network made by `timm.create_model`."""
        super().__init__()
        self.network = network
        _start_undecided(network.get_classifier())

    def embed(self, x: Tensor) -> Tensor:
        """The features before the last layer, `(N, D)`."""
        features = self.network.forward_features(x)
        return cast(Tensor, self.network.forward_head(features, pre_logits=True))

    def classify(self, embedding: Tensor) -> Tensor:
        """Logits `(N, 2)` of embeddings `(N, D)`."""
        return cast(Tensor, self.network.get_classifier()(embedding))

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(N, 2)` of scaled channels `(N, C, H, W)`."""
        return cast(Tensor, self.network(x))


class UNetBackbone(nn.Module):
    """A U-Net whose pooled encoder and decoder features are classified: patches have labels, not masks."""

    def __init__(self, encoder: str, channels: int) -> None:
        """Build a U-Net around a timm encoder, from random weights."""
        super().__init__()
        try:
            self.unet = Unet(f"tu-{encoder}", encoder_weights=None, in_channels=channels, classes=1)
        except Exception as error:  # what an encoder must have shows when it is built
            reason = str(error).strip().partition("\n")[0][:200]
            raise StudyError(
                f"{encoder} cannot be the encoder of a U-Net ({reason}); take a convolutional one"
            ) from error
        del self.unet.segmentation_head
        decoder_channels = 16  # of the last of smp's default decoder blocks
        self.classifier = nn.Linear(self.unet.encoder.out_channels[-1] + decoder_channels, CLASSES)
        _start_undecided(self.classifier)

    def embed(self, x: Tensor) -> Tensor:
        """The deepest encoder features and the last decoder features, averaged over the patch, `(N, D)`."""
        features = self.unet.encoder(x)
        decoded = self.unet.decoder(features)
        return torch.cat([features[-1].mean((2, 3)), decoded.mean((2, 3))], 1)

    def classify(self, embedding: Tensor) -> Tensor:
        """Logits `(N, 2)` of embeddings `(N, D)`."""
        return cast(Tensor, self.classifier(embedding))

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(N, 2)` of scaled channels `(N, C, H, W)`."""
        return self.classify(self.embed(x))


AnyBackbone = Backbone | UNetBackbone | MultiBackbone


def create(
    name: str, channels: int = 12, weights: str = "imagenet", stem: Stem = "repeat", image_size: int | None = None
) -> AnyBackbone:
    """Build a backbone, laid out in memory as convolutions are fastest.

    Args:
        name: a timm model; `unet:` and a timm encoder; or `multi:` and a timm model, one for each modality (`multi.Multi`).
        channels: input channels.
        weights: "imagenet" (from the pip package where one has them, else from timm's hub), "none", or a file; of a U-Net's
            encoder.
        stem: what the first convolution starts from when the weights are of RGB: "repeat" is timm's way, their filters over
            and over; "aware" keeps them for R, G and B and gives every other channel their mean; "random" forgets them, of
            whatever weights. A file for Sentinel's bands brings its own stem.
        image_size: for networks that must know it (ViT, Swin).

    Raises:
        StudyError: if nothing is known by that name.
        WeightsError: if the weights cannot be had.
    """
    check_name(name)
    keep_freed_memory()
    network = _create(name, channels, weights, stem, image_size)
    # Channels last: on a CPU, training is up to 1.8 times as fast so, and of no network slower.
    return network.to(memory_format=torch.channels_last)


def _create(name: str, channels: int, weights: str, stem: Stem, image_size: int | None) -> AnyBackbone:
    seen = channel_names(channels)
    if name.startswith(UNET):
        return _unet(name.removeprefix(UNET), seen, weights, stem)
    if multi := Multi.parse(name):
        encoders = {
            of: _timm(multi.encoder, [seen[i] for i in chosen], weights, stem, image_size, num_classes=0)
            for of, chosen in multi.encoders(channels).items()
        }
        return MultiBackbone(multi, encoders, channels, CLASSES)
    return Backbone(_timm(name, seen, weights, stem, image_size))


def check_name(name: str) -> None:
    """Raise `StudyError`, with near misses, if no backbone has this name."""
    multi = Multi.parse(name)
    bare = multi.encoder if multi else name.removeprefix(UNET)
    known = timm.is_model(bare.split(".")[0]) and ("." not in bare or bare in timm.list_pretrained())
    if not known:
        near = difflib.get_close_matches(bare, timm.list_models(), 3)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise StudyError(f"backbone {name!r} is not known to timm{hint} (timm.list_models() shows all)")


def _timm(name: str, seen: Sequence[str], weights: str, stem: Stem, image_size: int | None, **more: object) -> Any:
    """A timm network for these channels."""
    if weights == "none":
        return _network(name, len(seen), image_size, **more)
    return _pretrained(name, seen, weights, stem, image_size, **more)


def _network(name: str, channels: int, image_size: int | None, **more: object) -> Any:
    arguments = {"in_chans": channels, "num_classes": CLASSES} | more
    if image_size is not None:
        try:  # only networks with a fixed grid take img_size
            return timm.create_model(name, img_size=image_size, **arguments)
        except TypeError:
            pass
    return timm.create_model(name, **arguments)


def _unet(encoder: str, seen: Sequence[str], weights: str, stem: Stem) -> UNetBackbone:
    """A U-Net; weights are for its encoder, there are none for a decoder that ends in classes."""
    model = UNetBackbone(encoder, len(seen))
    if weights != "none":
        theirs = _pretrained(encoder, seen, weights, stem, None, features_only=True).state_dict()
        ours = model.unet.encoder.model
        ours.load_state_dict({name: theirs[name] for name in ours.state_dict()})
    return model


def _pretrained(
    name: str, seen: Sequence[str], weights: str, stem: Stem, image_size: int | None, **more: object
) -> Any:
    overlay: dict[str, object] | None = None
    if weights != "imagenet":
        if not Path(weights).is_file():
            raise WeightsError(f"weights file {weights} does not exist; give a file, 'imagenet' or 'none'")
        overlay = {"state_dict": from_file(weights, name, seen)}
    elif name.split(".", maxsplit=1)[0] == PACKAGED:
        overlay = {"state_dict": packaged_weights()}
    try:
        network = _network(name, len(seen), image_size, pretrained=True, pretrained_cfg_overlay=overlay, **more)
    except Exception as error:  # timm, the hub's client and torch each raise their own
        reason = str(error).strip().partition("\n")[0][:200]
        source = "timm's hub" if weights == "imagenet" else weights
        raise WeightsError(
            f"weights of {name} cannot be had from {source} ({reason}); give a weights file or weights='none'"
        ) from error
    if stem != "repeat":
        _restart_stem(network.get_submodule(timm.get_pretrained_cfg(name).first_conv), stem, seen)
    return network


def _restart_stem(conv: Any, stem: Stem, seen: Sequence[str]) -> None:
    """Replace timm's repeated RGB filters in the first convolution; filters of another origin have no R, G and B to keep."""
    if stem == "random":
        conv.reset_parameters()
        return
    rgb, more = conv.weight[:, :3], conv.weight[:, 3:]
    repeated = more[:, :3]
    if torch.equal(rgb[:, : repeated.shape[1]], repeated):  # timm repeats R, G, B in turn, all of them scaled alike
        mean = rgb.mean(1)
        with torch.no_grad():
            for place in (i for i, name in enumerate(seen) if name not in RGB):
                conv.weight[:, place] = mean


def _start_undecided(classifier: nn.Module) -> None:
    """Start the last layer at zero, so that training begins at even odds and not at large random logits."""
    for parameter in classifier.parameters():
        nn.init.zeros_(parameter)


def parameters(model: nn.Module) -> int:
    """How many trainable numbers a network has."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def stages(name: str = "tf_efficientnetv2_l") -> pd.DataFrame:
    """The stages of an EfficientNet, read off timm's network: what the paper's Table 1 lists for EfficientNetV2-L.

    Returns:
        One row a stage: operator, expansion (missing where the stage has none), stride, channels, layers.
    """
    with torch.device("meta"):  # shapes are enough; no memory is filled
        network = timm.create_model(name)
    stem = network.conv_stem
    rows: list[tuple[object, ...]] = [("Conv", stem.kernel_size[0], False, None, stem.stride[0], stem.out_channels, 1)]
    for stage in network.blocks:
        block, last = stage[0], stage[-1]
        convs = [m for m in block.modules() if isinstance(m, nn.Conv2d)]
        kernel, stride = max(c.kernel_size[0] for c in convs), max(c.stride[0] for c in convs)
        kind = {"EdgeResidual": "Fused-MBConv", "InvertedResidual": "MBConv"}.get(type(block).__name__, "Conv")
        expand = None if kind == "Conv" else convs[0].out_channels // convs[0].in_channels
        squeezes = any("SqueezeExcite" in type(m).__name__ for m in block.modules())
        out = [m for m in last.modules() if isinstance(m, nn.Conv2d)][-1].out_channels
        rows.append((kind, kernel, squeezes, expand, stride, out, len(stage)))
    head = network.conv_head
    rows.append(("Conv & AvgPool & FC", head.kernel_size[0], False, None, None, head.out_channels, 1))
    table = pd.DataFrame(rows, columns=["operator", "kernel", "SE", "expand", "stride", "channels", "layers"])
    return table.astype({"expand": "Int64", "stride": "Int64"}).rename_axis("stage")
