"""Depthwise convolutions are torch's own in all but how long their gradients take."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from band_sets import seen
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from timm.layers import Conv2dSame
from torch import Tensor, nn
from torch.nn.functional import conv2d

from landslide_nb.models import backbones, depthwise
from landslide_nb.models.backbones import create
from landslide_nb.models.depthwise import DepthwiseConv2d, quicken, weight_gradient
from landslide_nb.models.encoders import Backbone

LITE = "tf_efficientnet_lite0"
PAIR = st.tuples(st.integers(1, 2), st.integers(1, 2))
SIDES = st.integers(1, 4)


@dataclass(frozen=True)
class Geometry:
    """Sizes of a depthwise convolution and of what it sees."""

    batch: int
    channels: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    def layer(self, kind: type[nn.Conv2d], bias: bool = False) -> nn.Conv2d:
        """A convolution of these sizes, with random weights."""
        rest = (self.kernel, self.stride, self.padding, self.dilation, self.channels, bias)
        return kind(self.channels, self.channels, *rest)

    def pixels(self) -> Tensor:
        """Random input."""
        return torch.randn(self.batch, self.channels, *self.size)

    @property
    def fits(self) -> bool:
        """Whether the filter fits on the padded map."""
        sides = zip(self.size, self.kernel, self.padding, self.dilation, strict=True)
        return all(size + 2 * pad > far * (side - 1) for size, side, pad, far in sides)


KERNELS = st.tuples(st.sampled_from([3, 5]), st.sampled_from([3, 5]))
GEOMETRIES = st.builds(
    Geometry,
    st.integers(1, 3),
    st.integers(2, 4),
    st.tuples(SIDES, SIDES),
    KERNELS,
    PAIR,
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    PAIR,
)
SQUARE = Geometry(4, 3, (4, 4), (5, 5), (1, 1), (2, 2), (1, 1))


def ours(out: Tensor) -> bool:
    """Whether an output's gradient goes through the matrix product."""
    steps: list[Any] = [out.grad_fn]
    while steps:
        step = steps.pop()
        if step is not None:
            if "_Depthwise" in step.name():
                return True
            steps += [before for before, _ in step.next_functions]
    return False


def gradients(layer: nn.Conv2d, x: Tensor, towards: Tensor) -> list[Tensor]:
    """Those of the input, the filters and, if there is one, the bias."""
    x = x.clone().requires_grad_()
    return list(torch.autograd.grad(layer(x), [x, *layer.parameters()], towards))


def twins(geometry: Geometry, bias: bool = False) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Our layer and torch's, of the same weights."""
    mine, theirs = geometry.layer(DepthwiseConv2d, bias), geometry.layer(nn.Conv2d, bias)
    theirs.load_state_dict(mine.state_dict())
    return mine, theirs


def quickened(network: nn.Module) -> list[nn.Module]:
    """The layers whose gradients are ours."""
    return [layer for layer in network.modules() if type(layer) is DepthwiseConv2d]


@pytest.fixture
def doubles() -> Iterator[None]:
    """Everything is float64, so that two ways of adding up cannot differ by rounding."""
    depthwise._taps.cache_clear()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    depthwise._taps.cache_clear()


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Networks are made as timm has them."""
    with monkeypatch.context() as patch:
        patch.setattr(backbones, "quicken", lambda network: None)
        yield


def lite(seed: int = 0) -> Backbone:
    """The network of most experiments, random weights, 12 channels of 64 pixels."""
    torch.manual_seed(seed)
    return create(LITE, seen(12), "none", image_size=64)


@given(GEOMETRIES, st.booleans())
@settings(deadline=None)
def test_gradients_are_torchs(geometry: Geometry, bias: bool) -> None:
    """A network would be trained by other gradients than those of its loss: it would learn, and worse."""
    assume(geometry.fits)
    mine, theirs = twins(geometry, bias)
    x = geometry.pixels()
    out = mine(x)
    assert ours(out)
    torch.testing.assert_close(out, theirs(x), rtol=1e-5, atol=1e-6)
    towards = torch.randn_like(out)
    for found, expected in zip(gradients(mine, x, towards), gradients(theirs, x, towards), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@given(GEOMETRIES)
@settings(deadline=None)
@pytest.mark.usefixtures("doubles")
def test_the_filters_gradient_is_exact(geometry: Geometry) -> None:
    """A tap that is off by a pixel at a border would hide in float32's tolerance."""
    assume(geometry.fits)
    x = geometry.pixels()
    weight = torch.randn(geometry.channels, 1, *geometry.kernel, requires_grad=True)
    out = conv2d(x, weight, None, geometry.stride, geometry.padding, geometry.dilation, geometry.channels)
    towards = torch.randn_like(out)
    (expected,) = torch.autograd.grad(out, weight, towards)
    found = weight_gradient(x, towards, geometry.kernel, geometry.stride, geometry.padding, geometry.dilation)
    assert found.dtype == torch.float64 and found.shape == weight.shape
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_layouts_do_not_matter() -> None:
    """Networks are laid out channels last: their gradients would be of pixels in another order."""
    mine, theirs = twins(SQUARE)
    x, towards = (SQUARE.pixels().to(memory_format=torch.channels_last) for _ in range(2))
    for found, expected in zip(gradients(mine, x, towards), gradients(theirs, x, towards), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(5, 5), (4, 5), (17, 1), (32, 32)])
def test_larger_maps_take_torchs_way(size: tuple[int, int]) -> None:
    """A matrix of all pairs of pixels would fill the memory: 4 GB for each channel of a map of 180 pixels."""
    geometry = Geometry(2, 3, size, (3, 3), (1, 1), (1, 1), (1, 1))
    mine, theirs = twins(geometry, bias=True)
    x = geometry.pixels()
    assert not ours(mine(x))
    towards = torch.randn_like(x)
    for found, expected in zip(gradients(mine, x, towards), gradients(theirs, x, towards), strict=True):
        assert torch.equal(found, expected)


def test_without_gradients_it_is_torchs_way() -> None:
    """A prediction, or a frozen network's, would pay for gradients that nobody takes."""
    mine, theirs = twins(SQUARE, bias=True)
    x = SQUARE.pixels()
    with torch.no_grad():
        assert torch.equal(mine(x), theirs(x)) and not mine(x).requires_grad
    with torch.inference_mode():
        assert torch.equal(mine(x), theirs(x))
    mine.weight.requires_grad_(False)
    assert not ours(mine(x.requires_grad_()))


def test_half_precision_is_torchs_way() -> None:
    """A training in bfloat16 would stop at a product of two types, or be in float32 where it says that it is not."""
    mine, theirs = twins(SQUARE, bias=True)
    x = SQUARE.pixels()
    with torch.autocast("cpu", torch.bfloat16):
        out = mine(x)
        assert out.dtype == torch.bfloat16 and not ours(out)
        assert torch.equal(out, theirs(x))
    double = mine.double()(x.double())
    assert double.dtype == torch.float64 and not ours(double)


def test_a_frozen_input_needs_no_gradient() -> None:
    """The first layer of a network, whose input is data, would fail."""
    mine, theirs = twins(SQUARE)
    x = SQUARE.pixels()
    towards = torch.randn_like(x)
    found, expected = (torch.autograd.grad(layer(x), [layer.weight], towards)[0] for layer in (mine, theirs))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_gradients_are_the_same_each_time() -> None:
    """A resumed run would go on as it would not have."""
    mine, _ = twins(Geometry(36, 8, (4, 4), (5, 5), (1, 1), (2, 2), (1, 1)))
    x = torch.randn(36, 8, 4, 4)
    towards = torch.randn_like(x)
    first, second = gradients(mine, x, towards), gradients(mine, x, towards)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_only_depthwise_layers_with_zeros_around_are_quickened() -> None:
    """A layer that mixes channels, reflects at its border or pads as it goes would compute something else."""
    network = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 8, 3, padding=1, groups=4),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv2d(1, 1, 3, padding=1),
        nn.Conv2d(4, 4, 3, padding="same", groups=4),
        nn.Conv2d(4, 4, 3, padding=1, groups=4, padding_mode="reflect"),
        Conv2dSame(4, 4, 3, stride=2, groups=4),
    )
    quicken(network)
    assert [type(layer) is DepthwiseConv2d for layer in network] == [True] + [False] * 7


@pytest.mark.usefixtures("plain")
def test_quickening_changes_neither_weights_nor_chance() -> None:
    """Runs that are kept, or published, would not fit the network any more; the same seed would give another."""
    network = lite()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    names, state = [name for name, _ in network.named_parameters()], torch.random.get_rng_state()
    quicken(network)
    assert len(quickened(network)) > 5
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [name for name, _ in network.named_parameters()] == names
    after = network.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[name], before[name]) for name in before)


def test_a_network_is_the_same_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network would predict something else than the one that others build by the same name, weights and seed."""
    mine = lite()
    with monkeypatch.context() as patch:
        patch.setattr(backbones, "quicken", lambda network: None)
        theirs = lite()
    assert quickened(mine) and not quickened(theirs)
    x = torch.randn(4, 12, 64, 64).to(memory_format=torch.channels_last)
    for network in (mine, theirs):
        torch.manual_seed(0)
        nn.init.normal_(network.classifier.weight)
    assert torch.equal(mine.train()(x), theirs.train()(x))
    assert all(torch.equal(a, b) for a, b in zip(mine.buffers(), theirs.buffers(), strict=True))
    with torch.no_grad():
        assert torch.equal(mine.eval()(x), theirs.eval()(x))
    for network in (mine, theirs):  # statistics of this batch, so that a batch of four is not all noise
        network.eval()(x).square().sum().backward()
    for (name, found), expected in zip(mine.named_parameters(), theirs.parameters(), strict=True):
        assert found.grad is not None and expected.grad is not None
        scale = float(expected.grad.abs().max())
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-3, atol=1e-4 * scale, msg=name)
    theirs.load_state_dict(mine.state_dict())


def test_a_copy_is_quick_and_its_own() -> None:
    """A network that is copied for another experiment would be slow again, or train the one that it is a copy of."""
    network = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False))
    quicken(network)
    copy = deepcopy(network)
    assert quickened(copy)
    copy(torch.randn(2, 4, 2, 2)).sum().backward()
    (changed,), (kept,) = copy.parameters(), network.parameters()
    assert changed.grad is not None and kept.grad is None
    with torch.no_grad():
        changed.zero_()
    assert kept.abs().sum() > 0
