"""Weights from files: DeCUR's checkpoints, as published, filters mapped to our bands by meaning, and refusals."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from band_sets import LANDSLIDE4SENSE, PICTURE, seen
from torch import Tensor

from landslide_nb.common.errors import StudyError, WeightsError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.models.backbones import create
from landslide_nb.models.encoders import TimmEncoder, UNetEncoder
from landslide_nb.models.names import PACKAGED
from landslide_nb.models.pretrained import by_meaning, packaged_weights

RESNET = "resnet18"  # a small relative of the published ResNet-50: the names are the same
State = dict[str, Tensor]
BAND_NAMES = CHALLENGE.bands.names
SAR_PLACE = {"DVV": 0, "DVH": 1, "AVV": 0, "AVH": 1}
OPTICAL_PLACE = {"B": 1, "G": 2, "R": 3, "NIR": 7}  # B2, B3, B4 and B8 among B1, …, B8, B8A, B9, …, B12


def trunk(channels: int, seed: int) -> State:
    """A network's weights without its last layer, as DeCUR's authors save them."""
    torch.manual_seed(seed)
    return dict(timm.create_model(RESNET, in_chans=channels, num_classes=0).state_dict())


def joint(sar: State, optical: State) -> State:
    """Both trunks in one file, as trained by several processes, with what served the pretraining."""
    both = {f"module.backbone_1.{name}": value for name, value in sar.items()}
    both |= {f"module.backbone_2.{name}": value for name, value in optical.items()}
    return both | {"module.projector1.0.weight": torch.zeros(4, 4), "module.bn.running_mean": torch.zeros(4)}


def load(path: Path, weights: object, **more: object) -> State:
    """The network that a file makes."""
    torch.save(weights, path)
    model = create(RESNET, seen(12), str(path), **more)  # type: ignore[arg-type]
    assert isinstance(model.encoder, TimmEncoder)
    return dict(model.encoder.network.state_dict())


def body(weights: State) -> State:
    """All but the first filters and the last layer."""
    return {name: value for name, value in weights.items() if name != "conv1.weight" and not name.startswith("fc.")}


def same(a: State, b: State) -> bool:
    """Whether two sets of weights are equal to the bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("prefix", ["", "module.", "backbone_2.", "module.backbone_2."])
def test_an_optical_trunk_is_mapped_by_meaning(prefix: str, tmp_path: Path) -> None:
    """Red would start from the filter for coastal aerosol, the first of Sentinel-2's thirteen bands."""
    optical = trunk(13, 1)
    ours = load(tmp_path / "ms.pth", {prefix + name: value for name, value in optical.items()})
    first, mapped = optical["conv1.weight"] * 13 / 12, ours["conv1.weight"]
    for band, place in OPTICAL_PLACE.items():
        assert torch.allclose(mapped[:, BAND_NAMES.index(band)], first[:, place])
    for place in range(4, 12):
        assert torch.allclose(mapped[:, place], first.mean(1))
    assert same(body(ours), body(optical))


def test_a_radar_trunk_is_mapped_by_meaning(tmp_path: Path) -> None:
    """VH would start from the filter for VV."""
    sar = trunk(2, 2)
    ours = load(tmp_path / "sar.pth", sar)
    first, mapped = sar["conv1.weight"] * 2 / 12, ours["conv1.weight"]
    for place, band in enumerate(BAND_NAMES):
        expected = first[:, SAR_PLACE[band]] if band in SAR_PLACE else first.mean(1)
        assert torch.allclose(mapped[:, place], expected), band
    assert same(body(ours), body(sar))


@pytest.mark.parametrize("wrapped", [False, True], ids=["as published", "as a training checkpoint"])
def test_a_joint_file_gives_each_band_its_sensors_filter(wrapped: bool, tmp_path: Path) -> None:
    """The full checkpoint could not be used, or its radar filters would be lost, or the radar's trunk be taken."""
    sar, optical = trunk(2, 2), trunk(13, 1)
    weights = joint(sar, optical)
    ours = load(tmp_path / "joint.pth", {"epoch": 100, "model": weights} if wrapped else weights)
    mapped = ours["conv1.weight"] * 12 / 15
    for band, place in OPTICAL_PLACE.items():
        assert torch.allclose(mapped[:, BAND_NAMES.index(band)], optical["conv1.weight"][:, place])
    for band, place in SAR_PLACE.items():
        assert torch.allclose(mapped[:, BAND_NAMES.index(band)], sar["conv1.weight"][:, place])
    everything = torch.cat([sar["conv1.weight"], optical["conv1.weight"]], 1)
    assert torch.allclose(mapped[:, BAND_NAMES.index("ADVV")], everything.mean(1), atol=1e-6)
    assert same(body(ours), body(optical))


def test_channels_that_are_all_alike_give_the_response_of_before() -> None:
    """The first layer would be louder or softer than what follows it has learned from."""
    filters = torch.full((8, 13, 3, 3), 0.25)
    for channels in (3, 12, 14, 20, 28):
        mapped = by_meaning([filters], seen(channels))
        assert mapped.shape == (8, channels, 3, 3)
        assert torch.allclose(mapped.sum(1), filters.sum(1))


def test_filters_of_sentinel_2_go_to_the_bands_of_another_data_set() -> None:
    """Landslide4Sense's short-wave infrared would start from a mean, or its red from the filter for coastal aerosol."""
    filters = torch.randn(8, 13, 3, 3, generator=torch.Generator().manual_seed(0))
    mapped = by_meaning([filters], LANDSLIDE4SENSE.channels(14)) * 14 / 13
    places = {
        "COASTAL": 0,
        "BLUE": 1,
        "GREEN": 2,
        "RED": 3,
        "RED_EDGE_1": 4,
        "RED_EDGE_2": 5,
        "RED_EDGE_3": 6,
        "NIR": 7,
    }
    places |= {"WATER_VAPOUR": 9, "CIRRUS": 10, "SWIR_1": 11, "SWIR_2": 12}
    for place, name in enumerate(LANDSLIDE4SENSE.names):
        expected = filters[:, places[name]] if name in places else filters.mean(1)
        assert torch.allclose(mapped[:, place], expected, atol=1e-6), name
    picture = by_meaning([filters], PICTURE.channels(3)) * 3 / 13
    assert torch.allclose(picture, filters[:, [3, 2, 1]], atol=1e-6)


def test_three_channels_are_left_to_timm(tmp_path: Path) -> None:
    """RGB weights would be taken for those of another sensor."""
    rgb = trunk(3, 3)
    ours = load(tmp_path / "rgb.pth", rgb)
    assert torch.allclose(ours["conv1.weight"], rgb["conv1.weight"].repeat(1, 4, 1, 1) * 3 / 12)


def test_an_aware_stem_leaves_what_is_mapped_by_meaning(tmp_path: Path) -> None:
    """VV would lose its filter to a mean of colours; the random stem is to forget it."""
    path, optical = tmp_path / "ms.pth", trunk(13, 1)
    mapped = load(path, optical)["conv1.weight"]
    assert torch.equal(load(path, optical, stem="aware")["conv1.weight"], mapped)
    assert not torch.allclose(load(path, optical, stem="random")["conv1.weight"], mapped, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: {k: v for k, v in w.items() if k != "layer3.0.conv1.weight"}, "lacks 1 .*'layer3.0.conv1.weight'"),
        (lambda w: w | {"conv1.weight": torch.zeros(64, 10, 7, 7)}, "filters for 10 channels; expected 12, 3, 2 "),
        (lambda w: w | {"conv1.weight": torch.zeros(64, 13, 5, 5)}, "conv1 weight shape"),
        (lambda w: w | {"layer1.0.conv1.weight": torch.zeros(1)}, "Error.s. in loading"),
        (
            lambda w: {f"backbone.{k}": v for k, v in w.items()} | {"da2_l3.proj_q.weight": torch.zeros(1)},
            "layers that a plain network has not, such as 'da2_l3.proj_q.weight'",
        ),
        (lambda w: {f"backbone_3.{k}": v for k, v in w.items()}, "lacks "),
    ],
    ids=["a layer less", "another sensor", "other filters", "another shape", "deformable attention", "another prefix"],
)
def test_what_is_not_whole_is_refused(change: object, said: str, tmp_path: Path) -> None:
    """Training would start from random layers, and be reported as started from the file."""
    path = tmp_path / "weights.pth"
    torch.save(change(trunk(13, 1)), path)  # type: ignore[operator]
    with pytest.raises(WeightsError, match=f"{re.escape(str(path))}.*{said}") as caught:
        create(RESNET, seen(12), str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stem", ["repeat", "aware"])
def test_a_unets_encoder_starts_from_the_weights(stem: str) -> None:
    """A U-Net would be said to start from ImageNet, and start from nothing."""
    model = create(f"unet:{PACKAGED}", seen(12), "imagenet", stem)  # type: ignore[arg-type]
    assert isinstance(model.encoder, UNetEncoder)
    ours, theirs = model.encoder.unet.encoder.model.state_dict(), packaged_weights(PACKAGED)
    trained = [name for name in ours if name != "conv_stem.weight" and "num_batches" not in name]
    assert len(trained) > 200 and all(torch.equal(ours[name], theirs[name]) for name in trained)
    first = ours["conv_stem.weight"]
    assert torch.allclose(first[:, :3], theirs["conv_stem.weight"] * 3 / 12)
    assert torch.equal(first[:, :3], first[:, 3:6]) == (stem == "repeat")
    with torch.no_grad():
        assert model.eval().embed(torch.randn(2, 12, 64, 64)).isfinite().all()


def test_a_unets_encoder_starts_from_a_file(tmp_path: Path) -> None:
    """A U-Net on a cluster without a network, or on DeCUR's weights, could not be compared."""
    optical, path = trunk(13, 1), tmp_path / "ms.pth"
    torch.save(optical, path)
    model = create(f"unet:{RESNET}", seen(12), str(path))
    assert isinstance(model.encoder, UNetEncoder)
    ours = dict(model.encoder.unet.encoder.model.state_dict())
    assert same(body(ours), body(optical))
    assert torch.equal(ours["conv1.weight"], by_meaning([optical["conv1.weight"]], seen(12)))


@pytest.mark.parametrize("name", ["test_convnext", "unet:test_convnext", "test_vit"])
def test_a_stem_is_found_wherever_timm_has_it(name: str, tmp_path: Path) -> None:
    """The comparison of first layers would end in a traceback for networks whose first layer is within another."""
    path = tmp_path / "rgb.pth"
    torch.save(timm.create_model(name.removeprefix("unet:"), num_classes=0).state_dict(), path)
    aware, repeated = (create(name, seen(12), str(path), stem, 64).state_dict() for stem in ("aware", "repeat"))
    changed = [key for key in aware if not torch.equal(aware[key], repeated[key]) and "decoder" not in key]
    assert len(changed) == 1 and aware[changed[0]].shape[1] == 12
    assert torch.equal(aware[changed[0]][:, :3], repeated[changed[0]][:, :3])


def test_a_network_without_a_first_convolution_is_refused_an_aware_stem(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stem would be reported as aware, and be timm's."""
    known = replace(timm.get_pretrained_cfg(PACKAGED), first_conv=None)
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda name: known)
    with pytest.raises(StudyError, match=f"{PACKAGED} has no first convolution to start anew; take stem 'repeat'"):
        create(PACKAGED, seen(12), "imagenet", "aware", 64)
