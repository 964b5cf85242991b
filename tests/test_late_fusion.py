"""Encoders by modality: each sees its own channels, and a missing one takes nothing with it."""

from pathlib import Path

import pytest
import torch
from band_sets import seen
from torch import Tensor, nn

from landslide_nb.common.errors import StudyError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.derived import DERIVED
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.data.splits import split
from landslide_nb.models.backbones import create
from landslide_nb.models.encoders import Backbone
from landslide_nb.models.late_fusion import LateFusion
from landslide_nb.models.names import PACKAGED, FusionName, by_modality
from landslide_nb.training.batches import prepare
from landslide_nb.training.fold import fit_fold
from landslide_nb.training.settings import Settings

BANDS = CHALLENGE.bands
MODALITIES = BANDS.modalities
SMALL = "multi:test_efficientnet"


def made(name: str = SMALL, channels: int = 12) -> Backbone:
    """A network in evaluation whose logits depend on its input."""
    torch.manual_seed(0)
    model = create(name, seen(channels), "none", image_size=32)
    assert isinstance(model.encoder, LateFusion)
    nn.init.normal_(model.classifier.weight)
    return model.eval()


def patches(channels: int = 12) -> Tensor:
    """A batch of scaled channels."""
    return torch.randn(3, channels, 32, 32, generator=torch.Generator().manual_seed(1))


def without(x: Tensor, modality: str, value: float = 0) -> Tensor:
    """A batch in which one modality is missing."""
    changed = x.clone()
    changed[:, list(BANDS.by_modality(x.shape[1])[modality])] = value
    return changed


@pytest.mark.parametrize("count", BANDS.counts)
def test_every_channel_has_a_modality_but_those_of_both_passes(count: int) -> None:
    """An encoder would be fed another pass's channels, and go blind with it."""
    groups = BANDS.by_modality(count)
    names = [channel.name for channel in BANDS.channels(count)]
    assert tuple(groups) == MODALITIES == ("optical", "descending", "ascending")
    assert groups == by_modality(BANDS.channels(count))
    assert [names[i] for i in groups["optical"]][:4] == list(BANDS.names[:4])
    passes = {of: {names[i] for i in groups[of]} for of in ("descending", "ascending")}
    assert all(name.startswith(("D", "SobelVV")) for name in passes["descending"])
    assert all(name.startswith("A") for name in passes["ascending"])
    left = set(names) - {names[i] for group in groups.values() for i in group}
    assert (
        left
        == {name for name in names[12:] if len(DERIVED[name].modalities) > 1}
        == {"Change", "AbsChange"} & set(names)
    )


@pytest.mark.parametrize("channels", BANDS.counts)
@pytest.mark.parametrize("name", [SMALL, "multi(optical,ascending):test_resnet", "multi:test_vit"])
def test_it_is_a_backbone_like_any_other(name: str, channels: int) -> None:
    """A chapter would fail at its embeddings, or its heads would see other features than it does."""
    model, x = made(name, channels), patches(channels)
    with torch.no_grad():
        logits, embedding = model(x), model.embed(x)
    assert logits.shape == (3, 2) and embedding.ndim == 2
    assert torch.allclose(logits, model.classify(embedding), atol=1e-5)
    assert (logits[0] - logits[1]).abs().max() > 1e-6, "the input does not matter"


def test_each_encoder_sees_its_own_channels() -> None:
    """Bands would be mixed up between encoders, without a word."""
    model, x = made(), patches()
    width = model.classifier.in_features // 3
    with torch.no_grad():
        whole = model.embed(x).split(width, 1)
        for place, modality in enumerate(MODALITIES):
            changed = x.clone()
            changed[:, list(BANDS.by_modality(12)[modality])] += 1 + torch.rand(3, 4, 32, 32)
            same = [torch.equal(a, b) for a, b in zip(whole, model.embed(changed).split(width, 1), strict=True)]
            assert same == [other != place for other in range(3)]


@pytest.mark.parametrize("value", [0.0, -2.5, 40.0])
@pytest.mark.parametrize("modality", MODALITIES)
def test_a_missing_modality_counts_nothing_whatever_stands_in_its_place(modality: str, value: float) -> None:
    """A pass that is not there would be read as a pass full of zeros: as very bright ground."""
    model, x = made(), patches()
    with torch.no_grad():
        assert torch.allclose(model(without(x, modality)), model(without(x, modality, value)), atol=1e-5)
        gone = model.embed(without(x, modality)).split(model.classifier.in_features // 3, 1)[MODALITIES.index(modality)]
    assert not gone.any()


def test_a_missing_modality_is_seen_after_scaling_and_resizing(tiny: Patches) -> None:
    """What is constant in the file would not be any more when the network sees it."""
    settings = Settings(backbone=SMALL, weights="none", image_size=50, channels=28)
    bands = torch.from_numpy(tiny.pixels[:4]).clone()
    bands[:, 8:12] = 0
    x = prepare(bands, settings, Scaler.fit(tiny.pixels, BANDS, 28, "standard"))
    model = made(channels=28)
    with torch.no_grad():
        gone = model.embed(x).split(model.classifier.in_features // 3, 1)
    assert [bool(part.any()) for part in gone] == [True, True, False]


def test_all_missing_is_no_number_to_fear() -> None:
    """A patch without anything would divide by zero."""
    with torch.no_grad():
        assert made()(torch.zeros(2, 12, 32, 32)).isfinite().all()


def test_passes_can_share_an_encoder() -> None:
    """`shared` would train three, or the copy in a file would be refused as shared memory."""
    model, x = made("multi(shared):test_efficientnet"), patches()
    assert sorted(modality for modality, _ in model.get_submodule("encoder.encoders").named_children()) == [
        "optical",
        "radar",
    ]
    swapped = x[:, [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7]]
    width = model.classifier.in_features // 3
    with torch.no_grad():
        ours, theirs = model.embed(x).split(width, 1), model.embed(swapped).split(width, 1)
    assert torch.allclose(ours[1], theirs[2], atol=1e-6) and torch.allclose(ours[2], theirs[1], atol=1e-6)
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()} | {
        name for name, _ in model.named_buffers()
    }
    made("multi(shared):test_efficientnet", 20)
    with pytest.raises(
        StudyError, match="of 28 channels there are 7 of the descending pass alone and 6 of the ascending"
    ):
        made("multi(shared):test_efficientnet", 28)


def test_a_stem_that_is_aware_keeps_colours_for_colours() -> None:
    """A radar pass would start from a filter for red."""
    model = create(f"multi:{PACKAGED}", seen(12), "imagenet", "aware").state_dict()
    rgb = create(PACKAGED, BANDS.channels(4), "imagenet").state_dict()["encoder.network.conv_stem.weight"]
    optical, radar = (model[f"encoder.encoders.{name}.network.conv_stem.weight"] for name in ("optical", "descending"))
    assert torch.equal(optical[:, :3], rgb[:, :3])
    mean = rgb[:, :3].mean(1)
    assert torch.allclose(optical[:, 3], mean)
    assert all(torch.allclose(radar[:, i], mean) for i in range(4))


def test_sentinels_weights_go_to_the_bands_that_they_are_of(tmp_path: Path) -> None:
    """Filters for VV would be given to a colour."""
    torch.manual_seed(0)
    network = create("resnet18", seen(12), "none").get_submodule("encoder.network").state_dict()
    first = network["conv1.weight"]
    radar = torch.randn(first.shape[0], 2, *first.shape[2:])
    torch.save(network | {"conv1.weight": radar}, tmp_path / "s1.pth")
    loaded = create("multi:resnet18", seen(12), str(tmp_path / "s1.pth")).state_dict()
    for modality in ("descending", "ascending"):
        assert torch.allclose(
            loaded[f"encoder.encoders.{modality}.network.conv1.weight"][:, :2], radar * 2 / 4, atol=1e-6
        )
    assert torch.allclose(
        loaded["encoder.encoders.optical.network.conv1.weight"][:, 0], radar.mean(1) * 2 / 4, atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("multi(radar):resnet18", "'radar' is none of optical, descending, ascending, shared"),
        ("multi(shared,optical):resnet18", "takes both passes"),
        ("multi:resnet81", "not known to timm"),
        ("multi:unet:resnet18", "has a prefix too many"),
    ],
)
def test_a_wrong_name_is_one_sentence(name: str, said: str) -> None:
    """A typing error would train another network than was meant."""
    with pytest.raises(StudyError, match=said) as caught:
        create(name, seen(12), "none")
    assert "\n" not in str(caught.value)


def test_names_say_what_is_seen() -> None:
    """The order of the words would change the network."""
    turned, named = (
        FusionName.parse(f"multi({which}):resnet18") for which in (" ascending , optical ", "optical,ascending")
    )
    assert turned is not None and named is not None and turned.encoder == "resnet18"
    assert turned.modalities(MODALITIES) == named.modalities(MODALITIES) == ("optical", "ascending")
    assert list(turned.encoders(seen(20)).items()) == list(named.encoders(seen(20)).items())
    assert list(turned.encoders(seen(20))) == ["optical", "ascending"]
    assert FusionName.parse("multi:resnet18") == FusionName("resnet18")
    assert FusionName.parse("resnet18") is None and FusionName.parse("unet:resnet18") is None


def test_a_fold_trains_with_modalities_dropped(tiny: Patches) -> None:
    """The same seed would give another network, or dropping would change nothing."""
    parts = split(tiny.known_labels, 8, 2, 0)
    settings = Settings(
        backbone=SMALL, weights="none", image_size=32, epochs=2, batch_size=4, modality_dropout=0.4, learning_rate=1e-3
    )
    plain = settings.model_copy(update={"modality_dropout": 0.0})
    first, again, other = (fit_fold(each, tiny, parts, 0).log_odds for each in (settings, settings, plain))
    assert (first == again).all()
    assert (first != other).any()
