"""Backbones with any number of input channels: what timm has, U-Nets, and an encoder for each modality, under one door.

Examples:
    >>> channels = CHALLENGE.bands.channels(12)
    >>> network = create("tf_efficientnet_lite0", channels, weights="imagenet")
    >>> network = create("unet:resnet18", channels, weights="none")
    >>> network = create("multi:tf_efficientnet_lite0", channels, weights="imagenet")
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import timm
import torch
from torch import nn

from landslide_nb.common.errors import StudyError, WeightsError, reason
from landslide_nb.data.bands import RGB, Channel
from landslide_nb.models.depthwise import quicken
from landslide_nb.models.encoders import Backbone, TimmEncoder, UNetEncoder, own_size, unfit
from landslide_nb.models.late_fusion import LateFusion
from landslide_nb.models.malloc import keep_freed_memory
from landslide_nb.models.names import PACKAGES, UNET, FusionName, Stem, check_name
from landslide_nb.models.pretrained import from_file, packaged_weights


def create(
    name: str,
    channels: tuple[Channel, ...],
    weights: str = "imagenet",
    stem: Stem = "repeat",
    image_size: int | None = None,
) -> Backbone:
    """Build a backbone, laid out in memory as convolutions are fastest.

    Args:
        name: a timm model; `unet:` and a timm encoder; or `multi:` and a timm model, one for each modality (`names.FusionName`).
        channels: what it sees, as `BandSet.channels` gives it.
        weights: "imagenet" (from the pip package where one has them, else from timm's hub), "none", or a file; of a U-Net's
            encoder.
        stem: what the first convolution starts from when the weights are of RGB: "repeat" is timm's way, their filters over
            and over; "aware" keeps them for R, G and B and gives every other channel their mean; "random" forgets them, of
            whatever weights. A file for Sentinel's bands brings its own stem.
        image_size: that of the patches as the network will see them, in pixels; None for timm's own.

    Raises:
        StudyError: if nothing is known by that name, or the network cannot be used on such patches.
        WeightsError: if the weights cannot be had.
    """
    check_name(name)
    keep_freed_memory()
    encoder = _encoder(name, channels, weights, stem, image_size)
    quicken(encoder)
    network = Backbone(name, encoder, len(channels), image_size or own_size(name))
    # Channels last: on a CPU, training is up to 1.8 times as fast so, and of no network slower.
    return network.to(memory_format=torch.channels_last)


@cache
def check(name: str, channels: tuple[Channel, ...], image_size: int) -> None:
    """Try a backbone on such patches, once in a process: before hours of training, not after.

    Raises:
        StudyError: if it cannot be used on them.
    """
    create(name, channels, "none", image_size=image_size)


def _encoder(name: str, channels: tuple[Channel, ...], weights: str, stem: Stem, image_size: int | None) -> nn.Module:
    """The encoder of a backbone."""
    if name.startswith(UNET):
        return _unet(name.removeprefix(UNET), channels, weights, stem)
    if named := FusionName.parse(name):
        encoders = {
            of: TimmEncoder(_timm(named.encoder, [channels[i] for i in chosen], weights, stem, image_size))
            for of, chosen in named.encoders(channels).items()
        }
        return LateFusion(named, encoders, channels)
    return TimmEncoder(_timm(name, channels, weights, stem, image_size))


def _timm(name: str, seen: Sequence[Channel], weights: str, stem: Stem, image_size: int | None) -> Any:
    """A timm network for these channels, without its classifier."""
    if weights == "none":
        return _network(name, len(seen), image_size, num_classes=0)
    return _pretrained(name, seen, weights, stem, image_size, num_classes=0)


def _network(name: str, channels: int, image_size: int | None, **more: object) -> Any:
    """Build a timm network.

    Raises:
        StudyError: if it is not one for these channels and this size.
    """
    try:
        return _sized(name, image_size, in_chans=channels, **more)
    except Exception as error:  # each network refuses in its own way
        raise unfit(name, channels, image_size or own_size(name), reason(error)) from error


def _sized(name: str, image_size: int | None, **more: object) -> Any:
    if image_size is not None:
        try:  # only networks with a fixed grid take img_size
            return timm.create_model(name, img_size=image_size, **more)
        except TypeError:
            pass
    return timm.create_model(name, **more)


def _unet(encoder: str, seen: Sequence[Channel], weights: str, stem: Stem) -> UNetEncoder:
    """A U-Net; weights are for its encoder, there are none for a decoder that ends in classes."""
    model = UNetEncoder(encoder, len(seen))
    if weights != "none":
        theirs = _pretrained(encoder, seen, weights, stem, None, features_only=True).state_dict()
        ours = model.unet.encoder.model
        ours.load_state_dict({name: theirs[name] for name in ours.state_dict()})
    return model


def _pretrained(
    name: str, seen: Sequence[Channel], weights: str, stem: Stem, image_size: int | None, **more: object
) -> Any:
    overlay: dict[str, object] | None = None
    if weights != "imagenet":
        if not Path(weights).is_file():
            raise WeightsError(f"weights file {weights} does not exist; give a file, 'imagenet' or 'none'")
        overlay = {"state_dict": from_file(weights, name, seen)}
    elif (bare := name.split(".", maxsplit=1)[0]) in PACKAGES:
        overlay = {"state_dict": packaged_weights(bare)}
    try:
        network = _sized(name, image_size, in_chans=len(seen), pretrained=True, pretrained_cfg_overlay=overlay, **more)
    except Exception as error:  # timm, the hub's client and torch each raise their own
        _network(name, len(seen), image_size, **more)  # one that cannot be built has no lack of weights
        source = "timm's hub" if weights == "imagenet" else weights
        raise WeightsError(
            f"weights of {name} cannot be had from {source} ({reason(error)}); give a weights file or weights='none'"
        ) from error
    if stem != "repeat":
        for conv in _stems(network, name, len(seen)):
            _restart_stem(conv, stem, seen)
    return network


def _stems(network: nn.Module, name: str, channels: int) -> list[nn.Conv2d]:
    """The convolutions that see the patch.

    Raises:
        StudyError: if there are none, as in networks that cut a patch into rows of numbers.
    """
    known = timm.get_pretrained_cfg(name)
    first = known.first_conv if known else None
    named = {first} if isinstance(first, str) else set(first or ())
    named |= {one.replace(".", "_") for one in named}  # as timm calls them in a network that gives its features
    stems = [layer for of, layer in network.named_modules() if of in named and isinstance(layer, nn.Conv2d)]
    if not stems or any(layer.in_channels != channels for layer in stems):
        raise StudyError(f"{name} has no first convolution to start anew; take stem 'repeat', or another network")
    return stems


def _restart_stem(conv: nn.Conv2d, stem: Stem, seen: Sequence[Channel]) -> None:
    """Replace timm's repeated RGB filters in the first convolution; filters of another origin have no R, G and B to keep."""
    if stem == "random":
        conv.reset_parameters()
        return
    rgb, more = conv.weight[:, :3].detach().clone(), conv.weight[:, 3:]
    repeated = more[:, :3]
    if torch.equal(rgb[:, : repeated.shape[1]], repeated):  # timm repeats R, G, B in turn, all of them scaled alike
        mean, known = rgb.mean(1), RGB[: rgb.shape[1]]  # of two channels timm keeps two filters
        with torch.no_grad():
            for place, channel in enumerate(seen):
                conv.weight[:, place] = rgb[:, RGB.index(channel.role)] if channel.role in known else mean


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
