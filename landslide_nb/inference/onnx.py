"""A network as ONNX, for programs without torch: scaling, resizing and softmax are inside, and it is checked against torch."""

import warnings
from copy import deepcopy
from pathlib import Path
from typing import Final, cast

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from landslide_nb.common.errors import ModelError
from landslide_nb.data.scaling import Scaler
from landslide_nb.inference.ensemble import Network
from landslide_nb.models.encoders import Backbone
from landslide_nb.training.settings import Settings

OPSET: Final = 18
TOLERANCE: Final = 1e-4


class WithPreprocessing(nn.Module):
    """From channels `(N, C, H, W)`, derived and not scaled, to probabilities `(N,)`, in float32."""

    centre: Tensor
    scale: Tensor

    def __init__(self, model: Backbone, scaler: Scaler, settings: Settings) -> None:
        """Put what happens to a patch before and after the network around it."""
        super().__init__()
        self.model = model
        self.image_size, self.patch_size = settings.image_size, settings.data_set.patch_size
        self.register_buffer("centre", torch.from_numpy(scaler.centre).view(1, -1, 1, 1))
        self.register_buffer("scale", torch.from_numpy(scaler.scale).view(1, -1, 1, 1))

    def forward(self, channels: Tensor) -> Tensor:
        """As `training.prepare` and `training.predict`, for channels that have been derived."""
        x = (channels - self.centre) / self.scale
        if self.image_size != self.patch_size:
            x = interpolate(x, size=(self.image_size,) * 2, mode="bilinear", align_corners=False)
        return cast(Tensor, self.model(x).softmax(1)[:, 1])


def write(network: Network, path: Path, tolerance: float = TOLERANCE) -> None:
    """Write a network as ONNX: input `channels` `(N, C, H, W)` of the data set's patch size, output `probability` `(N,)`, any N.

    Raises:
        ModelError: if torch cannot write it, or onnxruntime's probabilities are not torch's.
    """
    whole = WithPreprocessing(deepcopy(network.model).cpu(), network.scaler, network.settings).eval()
    several = {"channels": {0: "N"}, "probability": {0: "N"}}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing: sizes are fixed, and what it wrote is checked below
            torch.onnx.export(
                whole,
                (_channels(network, 3),),
                path,
                input_names=["channels"],
                output_names=["probability"],
                dynamic_axes=several,
                opset_version=OPSET,
                dynamo=False,
            )
        off = difference(whole, network, path)
    except Exception as error:  # the exporter's and onnxruntime's own kinds
        reason = str(error).strip().partition("\n")[0][:200]
        raise ModelError(
            f"{network.settings.backbone} cannot be written as ONNX ({reason}); export without it"
        ) from error
    if off > tolerance:
        raise ModelError(
            f"{network.settings.backbone} as ONNX differs from torch by {off:.1e} in probability; expected {tolerance:.0e} at"
            " most: export without it"
        )


def difference(whole: WithPreprocessing, network: Network, path: Path) -> float:
    """The largest difference in probability between torch and onnxruntime, on one made-up patch and on five."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    largest = 0.0
    for count in (1, 5):
        channels = _channels(network, count)
        with torch.no_grad():
            expected = whole(channels).numpy()
        (actual,) = session.run(None, {"channels": channels.numpy()})
        if actual.shape != expected.shape:
            raise ValueError(f"it gives {actual.shape} for {count} patches")
        largest = max(largest, float(np.abs(actual - expected).max()))
    return largest


def _channels(network: Network, count: int) -> Tensor:
    """Made-up channels of the size and spread that the network was trained on."""
    scaler, size = network.scaler, network.settings.data_set.patch_size
    noise = np.random.default_rng(count).normal(size=(count, len(scaler.centre), size, size))
    return torch.from_numpy((scaler.centre[:, None, None] + scaler.scale[:, None, None] * noise).astype(np.float32))
