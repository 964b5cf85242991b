"""The one contract: a network's logits are made of its features, whatever its kind; what cannot keep it is refused by name."""

from typing import Any

import pytest
import timm
import torch
from band_sets import LANDSLIDE4SENSE, PICTURE, seen
from torch import Tensor, nn

from landslide_nb.common.errors import StudyError, reason
from landslide_nb.models import encoders
from landslide_nb.models.backbones import create
from landslide_nb.models.encoders import Backbone, TimmEncoder, pooled

SIZE = 64
# Of unlike families: convolutions, attention, both, neither, features in maps and in tokens, heads with layers of their own.
FAMILIES = (
    *("test_byobnet", "test_convnext", "test_efficientnet", "test_mambaout", "test_nfnet", "test_resnet", "test_vit"),
    *("mobilenetv3_small_050", "lcnet_035", "edgenext_xx_small", "efficientvit_b0", "ghostnet_050", "hgnetv2_b0"),
    *("mobilevit_xxs", "poolformerv2_s12", "repvit_m0_9", "starnet_s050", "tiny_vit_5m_224", "xcit_nano_12_p16_224"),
    *("unet:test_resnet", "multi:test_vit", "multi(shared):test_resnet"),
)
# These ended in a traceback, or predicted by other features than they gave.
HARD = (
    *("deit_tiny_distilled_patch16_224", "levit_128s", "efficientformerv2_s0", "pit_ti_distilled_224", "dla46x_c"),
    *("dpn48b", "volo_d1_224", "multi:levit_128s"),
)


def patches(channels: int = 12, count: int = 3) -> Tensor:
    """Scaled channels `(N, C, 64, 64)`."""
    return torch.randn(count, channels, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def made(name: str, channels: int = 12) -> Backbone:
    """A network whose logits depend on its input."""
    torch.manual_seed(0)
    model = create(name, seen(channels), "none", image_size=SIZE)
    nn.init.normal_(model.classifier.weight)
    return model


@pytest.mark.parametrize("name", [*FAMILIES, *HARD])
def test_logits_are_made_of_the_features(name: str) -> None:
    """An SVM or a map would be of other features than the network decides by, in training or in prediction."""
    model, x = made(name), patches()
    for training in (True, False):
        model.train(training)
        torch.manual_seed(1)  # of dropout
        logits = model(x)
        torch.manual_seed(1)
        embedding = model.embed(x)
        assert logits.shape == (3, 2) and embedding.shape == (3, model.classifier.in_features)
        assert torch.allclose(logits, model.classify(embedding), atol=1e-5)
        assert (logits[0] - logits[1]).abs().max() > 1e-6, "the input does not matter"


@pytest.mark.parametrize("name", HARD)
def test_a_patch_is_predicted_whatever_is_beside_it(name: str) -> None:
    """The same patch would have one probability in a batch and another in the next."""
    model, x = made(name).eval(), patches()
    with torch.no_grad():
        assert torch.allclose(torch.cat([model(one[None]) for one in x]), model(x), atol=1e-4)


@pytest.mark.parametrize("name", ["levit_128s", "test_vit", "unet:test_resnet"])
def test_a_step_of_training_reaches_the_first_layer(name: str) -> None:
    """A part of the network would stay as it started, without a word."""
    model = made(name).train()
    model(patches()).square().sum().backward()
    first = next(p for p in model.encoder.parameters() if p.ndim == 4)
    assert first.grad is not None and first.grad.abs().max() > 0


@pytest.mark.parametrize("channels", [3, 12, 14])
@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "unet:test_resnet"])
@pytest.mark.parametrize("size", [64, 128])
def test_any_channels_and_size(name: str, channels: int, size: int) -> None:
    """Images of another data set could not be learnt from."""
    model = create(name, seen(channels), "none", image_size=size).eval()
    with torch.no_grad():
        assert model(torch.randn(2, channels, size, size)).shape == (2, 2)
    assert len({channel.name for channel in seen(channels)}) == channels


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "efficientformer_l1",
            r"64 × 64 pixels with 12 channels .*another network, or try its own image size, 224 pixels",
        ),
        ("halonet_h1", r"64 × 64 pixels .*block_size"),
        ("csatv2", r"with 12 channels"),
        ("multi:efficientformer_l1", r"own image size, 224 pixels"),
        ("unet:vit_tiny_patch16_224", r"cannot be the encoder of a U-Net"),
    ],
)
def test_what_cannot_see_such_patches_is_refused_by_name(name: str, said: str) -> None:
    """A night in a queue would end in a traceback of somebody else's code, after the data has been read."""
    with pytest.raises(StudyError, match=said) as caught:
        create(name, seen(12), "none", image_size=SIZE)
    assert str(caught.value).startswith(name.removeprefix("unet:")) and "\n" not in str(caught.value)


def test_a_network_refused_at_one_size_works_at_its_own() -> None:
    """The advice in the refusal would be wrong."""
    assert create("efficientformer_l1", seen(12), "none", image_size=224).classifier.in_features == 448


def test_a_network_that_cannot_be_built_lacks_no_weights() -> None:
    """Whoever has no network would be sent to look for weights that would not help."""
    with pytest.raises(StudyError, match=r"nest_tiny cannot be used on patches of 50 × 50 pixels .*divide"):
        create("nest_tiny", seen(12), "imagenet", image_size=50)


def test_late_fusion_needs_two_modalities() -> None:
    """One encoder would be called several, or the channels of a picture be fed to encoders of the radar's."""
    with pytest.raises(StudyError, match=r"multi: all bands are optical, .*take test_resnet alone"):
        create("multi:test_resnet", seen(3), "none", image_size=SIZE)
    with pytest.raises(StudyError, match=r"multi\(shared\).*takes both passes"):
        create("multi(shared):test_resnet", seen(14), "none", image_size=SIZE)
    with pytest.raises(StudyError, match="'ascending' is none of optical, terrain, shared"):
        create("multi(optical,ascending):test_resnet", seen(14), "none", image_size=SIZE)


@pytest.mark.parametrize("channels", LANDSLIDE4SENSE.counts)
def test_late_fusion_of_another_data_set_has_its_modalities(channels: int) -> None:
    """Terrain would be fed to an encoder as if it were the radar's, or be left out."""
    model = create("multi:test_resnet", LANDSLIDE4SENSE.channels(channels), "none", image_size=SIZE).eval()
    nn.init.normal_(model.classifier.weight)
    assert [name for name, _ in model.get_submodule("encoder.encoders").named_children()] == ["optical", "terrain"]
    x = patches(channels)
    width = model.classifier.in_features // 2
    with torch.no_grad():
        whole = model.embed(x).split(width, 1)
        for place, modality in enumerate(LANDSLIDE4SENSE.modalities):
            changed = x.clone()
            changed[:, list(LANDSLIDE4SENSE.by_modality(channels)[modality])] += torch.rand(3, 1, SIZE, SIZE)
            same = [torch.equal(a, b) for a, b in zip(whole, model.embed(changed).split(width, 1), strict=True)]
            assert same == [other != place for other in range(2)]


def test_a_pictures_network_is_the_one_that_three_channels_make() -> None:
    """Weights of RGB would be repeated for a picture that has red, green and blue as they are."""
    ours = create("tf_efficientnet_lite0", PICTURE.channels(3), "imagenet", "aware", SIZE).state_dict()
    theirs = create("tf_efficientnet_lite0", PICTURE.channels(3), "imagenet", "repeat", SIZE).state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


class Odd(nn.Module):
    """A network that gives something else than features."""

    def __init__(self, prediction: Any, training: Any = None) -> None:
        super().__init__()
        self.given = {False: prediction, True: prediction if training is None else training}
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Any:
        """What was asked for."""
        return self.given[self.training](x * self.scale)


class Stays(nn.Module):
    """A layer with an array that no device is told of, as some networks have them: it cannot be tried without numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.ones(1)

    def forward(self, x: Tensor) -> Tensor:
        """The same, but for a constant on the CPU."""
        return torch.cat([x, self.mean.expand(len(x), 1)], 1)


def rows(x: Tensor) -> Tensor:
    """Three features a patch."""
    return x.mean((2, 3))[:, :3]


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (Odd(lambda x: (rows(x), rows(x))), "2 outputs, not one row a patch"),
        (Odd(lambda x: {"features": rows(x)}), "1 outputs, not one row a patch"),
        (Odd(lambda x: x.flatten(2)), r"shape \(2, 12, 4096\), not one row"),
        (Odd(rows, lambda x: (rows(x), rows(x))), "2 outputs"),
        (Odd(rows, lambda x: rows(x)[:, :2]), r"features \(2, 3\) in prediction and \(2, 2\) in training"),
        (Odd(lambda x: rows(x)[:1]), r"features \(1, 3\)"),
    ],
    ids=["a pair", "a mapping", "tokens", "a pair in training", "another width in training", "one row for two"],
)
def test_what_gives_no_features_is_refused(network: nn.Module, said: str) -> None:
    """A head with two outputs would be trained on one and asked for the other."""
    with pytest.raises(StudyError, match=f"resnet18 cannot be used .*{said}"):
        Backbone("resnet18", TimmEncoder(network), 12, SIZE)


def test_maps_that_are_left_unpooled_are_averaged() -> None:
    """A network whose features are maps would have as many features as pixels."""
    x = patches()
    assert torch.allclose(pooled(x), x.mean((2, 3)))


def test_looking_at_a_network_does_not_change_it() -> None:
    """What a run draws by chance would depend on how its width was found, and batch statistics start from noise."""
    network = timm.create_model("test_resnet", in_chans=12, num_classes=0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for encoder in (network, nn.Sequential(network, Stays())):
        torch.manual_seed(5)
        drawn = torch.get_rng_state()
        encoders._width("test_resnet", encoder, 12, SIZE)
        assert torch.equal(torch.get_rng_state(), drawn)
        assert encoder.training
    after = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_reason_is_one_line() -> None:
    """An error that says nothing would leave empty brackets in the sentence."""
    assert reason(ValueError("first\nsecond")) == "first"
    with pytest.raises(AssertionError) as caught:
        torch._assert(SIZE % 7 == 0, "")
    assert reason(caught.value) == 'torch._assert(SIZE % 7 == 0, "")'
    assert reason(KeyError()) == "KeyError"
