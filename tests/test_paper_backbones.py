"""The paper's networks: built for our channels, trained a step at its image size, and of the size that was published."""

from typing import Final, NamedTuple

import numpy as np
import pytest
import timm
import torch
from band_sets import seen

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments import grids
from landslide_nb.experiments.study import Study
from landslide_nb.models.backbones import create, parameters
from landslide_nb.models.names import UNET
from landslide_nb.training.loop import build, train
from landslide_nb.training.settings import Settings


class Published(NamedTuple):
    """A network's size as published, for 3 channels and 1000 classes.

    Attributes:
        millions: of parameters.
        source: where it is published.
    """

    millions: float
    source: str


PUBLISHED: Final = {
    "tf_efficientnetv2_l.in21k_ft_in1k": Published(118.515272, "torchvision, EfficientNet_V2_L_Weights"),
    "inception_v3": Published(
        23.9, "keras.io/api/applications, InceptionV3: without the auxiliary classifier, as timm's"
    ),
    "resnet50": Published(25.557032, "torchvision, ResNet50_Weights"),
    "wide_resnet50_2": Published(68.883240, "torchvision, Wide_ResNet50_2_Weights"),
    "regnety_320": Published(145.046770, "torchvision, RegNet_Y_32GF_Weights"),
    "vit_base_patch16_224": Published(86.567656, "torchvision, ViT_B_16_Weights"),
    "swin_base_patch4_window7_224": Published(87.768224, "torchvision, Swin_B_Weights"),
    "davit_base": Published(87.9, "Ding et al. 2022, abstract"),
    "resnet34": Published(21.797672, "torchvision, ResNet34_Weights"),
}
BANDS: Final = 12
SIZE: Final = 256
NAMES: Final = tuple(Study.load("paper").backbones)


def convolutions(inputs: int, outputs: int) -> int:
    """The parameters of a block of a U-Net's decoder: two 3 × 3 convolutions, each with batch normalisation."""
    return 9 * inputs * outputs + 9 * outputs * outputs + 4 * outputs


def expected(name: str) -> float:
    """How many parameters a network has by what is published, with our first and last layer."""
    encoder = name.removeprefix(UNET)
    with torch.device("meta"):
        network = timm.create_model(encoder)
    first = network.get_submodule(network.default_cfg["first_conv"])
    features: int = network.get_classifier().in_features
    size: float = 1e6 * PUBLISHED[encoder].millions + (BANDS - 3) * first.weight[:, 0].numel() - 1000 * (features + 1)
    if encoder == name:
        return size + 2 * (features + 1)
    # The decoder of segmentation-models-pytorch: each block takes what is below it and the encoder's features of its size.
    skips = [info["num_chs"] for info in network.feature_info][-2::-1]
    below, widths = features, (256, 128, 64, 32, 16)
    for width, skip in zip(widths, (*skips, 0), strict=True):
        size += convolutions(below + skip, width)
        below = width
    return size + 2 * (features + below + 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_network_of_the_paper_is_whole_and_can_be_trained(name: str) -> None:
    """A name would stand for another network than the paper's, or fail at its image size after hours in a queue."""
    torch.manual_seed(0)
    model = create(name, seen(BANDS), "none", image_size=SIZE).train()
    assert parameters(model) == pytest.approx(expected(name), rel=0.02)
    logits = model(torch.randn(1, BANDS, SIZE, SIZE))
    assert logits.shape == (1, 2)
    logits[:, 1].sum().backward()
    classifier = [p for n, p in model.named_parameters() if "classifier" in n or ".head" in n or ".fc" in n]
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in classifier)


def test_every_network_has_a_published_size() -> None:
    """A network would join the list, and its size be believed."""
    assert {name.removeprefix(UNET) for name in NAMES} == set(PUBLISHED)
    assert sum(name.startswith(UNET) for name in NAMES) >= 2, "the paper has U-Net variants"
    assert set(Study.load("paper").backbones.values()) == {"imagenet"}, "the paper starts all from ImageNet"


@pytest.mark.slow  # and 4 GB of memory
def test_a_training_step_of_the_papers_network(tiny: Patches) -> None:
    """The paper's own network, at its image size, would first be trained on a machine that costs money."""
    study = grids.baseline(Study.load("paper"))
    settings: Settings = study.settings.model_copy(update={"weights": "none", "epochs": 1, "batch_size": 2})
    labels = tiny.known_labels
    chosen = np.concatenate([np.flatnonzero(labels == value)[:1] for value in (0, 1)])
    rows = SampleTable.real(chosen, labels, np.empty(0, np.int64))
    scaler = Scaler.fit(tiny.pixels[chosen], settings.data_set.bands, settings.channels, settings.scaling)
    model = build(settings)
    trained = train(model, torch.from_numpy(tiny.pixels), rows, (chosen, labels[chosen]), settings, scaler)
    assert settings.image_size == SIZE and settings.backbone.startswith("tf_efficientnetv2_l")
    assert len(trained.history) == 1 and trained.history[0]["loss"] == pytest.approx(np.log(2), abs=0.01)
    assert trained.last["classifier.weight"].abs().max() > 0, "the step changed nothing"
