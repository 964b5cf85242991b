"""Every path that has a way of its own on a GPU, beside the same on the CPU. Without a GPU both are the CPU's."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.data.channels import derive
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments.gpu.rows import Difference, compare
from landslide_nb.experiments.speed import backward
from landslide_nb.models.encoders import Backbone
from landslide_nb.similarity.api import nearest
from landslide_nb.training.batches import batches, prepare
from landslide_nb.training.loop import State, build, predict
from landslide_nb.training.settings import Settings

SSIM: Final = 1e-5  # absolute, as far as the tests let the kernels be from scikit-image
PIXELS: Final = 1e-4  # of what is computed pixel by pixel, where only the last digits of float32 may differ
EDGES: Final = 1e-3  # the share of edge pixels that may differ: other digits put some on the other side of a threshold
# On a CPU, float32 was at most 3e-5 off float64 for the networks here (EfficientNetV2-L's gradients); a GPU's sums have other orders.
FLOAT32: Final = 1e-3
# bfloat16 has 8 bits: on a CPU it was at most 0.08 off float32, over some seeds; TF32 has 11 bits, and is held to the same. That is of
# a small network: one as deep as the paper's, of random weights, magnifies rounding until it is most of a log-odds, `_calm` or not.
ROUNDED: Final = 0.2
SMALL: Final = "test_efficientnet"  # of timm: fused and depthwise convolutions, squeeze and excitation
DAMPED: Final = 0.2
AUGMENTED: Final[dict[str, dict[str, Any]]] = {
    "colour, geometry, CutMix": {"cutmix": True},
    "colour, geometry, Mixup": {"mixup": True},
    "physical Mixup, modality dropout": {"physical": True, "mixup": True, "modality_dropout": 0.25},
}


class SameDraws(TorchFunctionMode):
    """Random numbers come from one generator of the CPU, whatever device they are asked for: each has a stream of its own."""

    def __init__(self, seed: int) -> None:
        """Start the stream."""
        super().__init__()
        self.generator = Generator().manual_seed(seed)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Draw what takes a generator on the CPU; leave all else."""
        asked = kwargs or {}
        if not isinstance(generator := asked.get("generator"), Generator):
            return func(*args, **asked)
        here = asked | {"generator": self.generator} | ({"device": "cpu"} if "device" in asked else {})
        return func(*(each.cpu() if isinstance(each, Tensor) else each for each in args), **here).to(generator.device)


@dataclass(frozen=True, eq=False)
class Bench:
    """What the comparisons share.

    Attributes:
        patches: some, with labels of both kinds.
        settings: of the network that is compared, in float32; its batch is the first patches.
        resized: pixels a side that patches are resized to, apart from the network.
        device: what is compared with the CPU.
    """

    patches: Patches
    settings: Settings
    resized: int
    device: torch.device

    @property
    def pixels(self) -> Tensor:
        """A batch `(N, C, H, W)` on the CPU."""
        return torch.from_numpy(self.patches.pixels[: self.settings.batch_size])

    @property
    def targets(self) -> Tensor:
        """Its labels `(N, 2)`."""
        return one_hot(torch.tensor(self.patches.known_labels[: len(self.pixels)]).long(), 2).float()

    def scaler(self, channels: int) -> Scaler:
        """Fitted on all patches."""
        return Scaler.fit(self.patches.pixels, self.settings.data_set.bands, channels, self.settings.scaling)

    def both(self, work: Callable[[torch.device], Tensor]) -> tuple[Tensor, Tensor]:
        """What the device makes, and what the CPU does."""
        return work(self.device), work(torch.device("cpu"))


def similarities(bench: Bench) -> Iterator[Difference]:
    """SSIM by torch, as a GPU has it, against the CPU's kernel; that of neighbours, for ties may come in another order."""
    pixels, k = bench.patches.pixels, min(5, len(bench.patches) - 1)
    theirs = nearest(pixels, k, device=bench.device.type, keep=False)[1]
    ours = nearest(pixels, k, keep=False)[1]
    yield compare(
        "SSIM of neighbours, torch against numba", torch.from_numpy(theirs), torch.from_numpy(ours), SSIM, "absolute"
    )


def channels(bench: Bench) -> Iterator[Difference]:
    """Derived channels, then scaling and resizing."""
    bands = bench.settings.data_set.bands
    count = bands.counts[-1]
    theirs, ours = bench.both(lambda device: derive(bench.pixels.to(device), bands, count))
    scale = ours.abs().amax((0, 2, 3), keepdim=True).clamp(min=1e-12)  # each channel has a unit of its own
    theirs, ours = theirs.cpu() / scale, ours / scale
    edge = torch.tensor([channel.name.startswith("Canny") for channel in bands.channels(count)])
    index = ~edge & (torch.arange(count) >= len(bands))
    yield compare("derived channels: indices, Sobel", theirs[:, index], ours[:, index], PIXELS)
    yield compare("derived channels: Canny edges", theirs[:, edge], ours[:, edge], EDGES, "share")
    larger = bench.settings.model_copy(update={"image_size": bench.resized})
    scaler = bench.scaler(bench.settings.channels)
    resized = bench.both(lambda device: prepare(bench.pixels.to(device), larger, scaler))
    yield compare("scaling, resizing", *resized, PIXELS)


def augmentation(bench: Bench) -> Iterator[Difference]:
    """An epoch of batches with the same random numbers: real rows and blended ones, each kind of augmentation."""
    n = len(bench.pixels)
    everyone, labels = np.arange(n), bench.patches.known_labels[:n]
    real = SampleTable.real(everyone, labels, [])
    half = np.full(n, 0.5, np.float32)
    rows = real.plus(SampleTable(everyone, everyone[::-1].copy(), half, labels, real.held_out))
    scaler = bench.scaler(bench.settings.channels)
    for name, changes in AUGMENTED.items():
        settings = bench.settings.model_copy(update=changes)

        def epoch(device: torch.device, settings: Settings = settings) -> Tensor:
            with SameDraws(seed=0):
                made = batches(bench.pixels.to(device), rows, settings, scaler, Generator(device).manual_seed(0))
                return torch.cat([part.flatten() for batch in made for part in batch])

        yield compare(f"augmentation: {name}", *bench.both(epoch), PIXELS)


def network(bench: Bench) -> Iterator[Difference]:
    """A training step and a prediction: the device's float32 against the CPU's float64."""
    model = _calm(build(bench.settings))
    reference, state = _outcome(deepcopy(model).double(), bench, bench.settings)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        exact, _ = _outcome(model.to(bench.device), bench, bench.settings, state)
    for name, known in reference.items():
        yield compare(f"{name}, {bench.settings.backbone}: float32 against float64", exact[name], known, FLOAT32)


def rounding(bench: Bench) -> Iterator[Difference]:
    """The same of a small network, on the device alone: arithmetic with fewer digits against float32."""
    settings = bench.settings.model_copy(update={"backbone": SMALL})
    model = _calm(build(settings)).to(bench.device)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        exact, state = _outcome(model, bench, settings)
    kinds = {"bfloat16": settings.model_copy(update={"precision": "bfloat16"})}
    if bench.device.type == "cuda":  # whose convolutions round to TF32 unless told otherwise
        kinds = {"TF32": settings} | kinds
    for kind, changed in kinds.items():
        rounded, _ = _outcome(model, bench, changed, state)
        for name, known in exact.items():
            yield compare(f"{name}, {SMALL}: {kind} against float32", rounded[name], known, ROUNDED)


def _outcome(model: Backbone, bench: Bench, settings: Settings, state: State | None = None) -> tuple[State, State]:
    """Loss and gradients of a training step, log-odds and embeddings after it; and the state that they are of.

    Args:
        model: on its device and in its precision.
        bench: whose batch it sees.
        settings: of the arithmetic.
        state: to predict with; the model's own if not given, where batch normalisation has counted this step's batch.
    """
    scaler, likeness = bench.scaler(settings.channels), next(model.parameters())
    pixels = bench.pixels.to(likeness)
    model.train()
    model.zero_grad()
    loss = backward(model, prepare(pixels, settings, scaler), bench.targets.to(likeness), settings.precision)
    gradients = torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None])
    if state is None:
        state = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    log_odds, embeddings = map(torch.from_numpy, predict(model, pixels, settings, scaler))
    return {"loss": loss, "gradients": gradients, "log-odds": log_odds, "embeddings": embeddings}, state


def _calm(model: Backbone) -> Backbone:
    """Make a network of random weights pass rounding on, not magnify it.

    As it is, EfficientNetV2-L's log-odds have nothing in common in float32 and float64. Branches of residual blocks add a fifth
    of what they would, as if trained from zero; batch normalisation takes the last batch's statistics; the classifier decides.
    """
    for block in model.modules():
        if getattr(block, "has_skip", False):
            norms = [layer for layer in block.modules() if isinstance(layer, nn.BatchNorm2d)]
            nn.init.constant_(norms[-1].weight, DAMPED)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        nn.init.normal_(model.classifier.weight, std=0.1)
    return model
