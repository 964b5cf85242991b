"""Depthwise convolutions whose weights' gradients are matrix products where maps are small.

On a CPU, torch's own gradient of a 5 × 5 filter on maps of 4 × 4 or 2 × 2 pixels takes forty times as long as the convolution, and in a
network for 64 pixels most of a training step.
"""

from functools import cache
from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d

PIXELS: Final = 16  # of the largest map for which a matrix of all pairs of pixels is the faster way
Sizes = tuple[int, int]


class DepthwiseConv2d(nn.Conv2d):
    """A convolution of each channel with its own filter, zeros beyond the border; torch's own but for that gradient."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        small = input.shape[2] * input.shape[3] <= PIXELS
        plain = input.device.type == "cpu" and input.dtype == weight.dtype == torch.float32
        trains = torch.is_grad_enabled() and weight.requires_grad and not torch.is_autocast_enabled("cpu")
        if not (small and plain and trains):
            return cast(Tensor, super()._conv_forward(input, weight, bias))
        out: Tensor = _Depthwise.apply(input, weight, self.stride, self.padding, self.dilation)
        return out if bias is None else out + bias[:, None, None]


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: Sizes, padding: Sizes, dilation: Sizes) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = (stride, padding, dilation)
        return conv2d(x, weight, None, stride, padding, dilation, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        stride, padding, dilation = ctx.geometry
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            rest = (list(stride), list(padding), list(dilation), False, [0, 0], len(weight), [True, False, False])
            of_x = torch.ops.aten.convolution_backward(grad, x, weight, None, *rest)[0]
        if ctx.needs_input_grad[1]:
            of_weight = weight_gradient(x, grad, tuple(weight.shape[2:]), stride, padding, dilation)
        return of_x, of_weight, None, None, None


def weight_gradient(
    x: Tensor, grad: Tensor, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes = (1, 1)
) -> Tensor:
    """The gradient of a depthwise convolution's filters.

    Args:
        x: its input `(N, C, H, W)`.
        grad: the gradient of its output `(N, C, H', W')`.
        kernel: height and width of a filter.
        stride: of the convolution.
        padding: zeros on each side.
        dilation: of a filter.

    Returns:
        `(C, 1, *kernel)`.
    """
    channels = x.shape[1]
    ours = x.flatten(2).permute(1, 2, 0).contiguous()  # (C, pixels, N); of other layouts torch copies each matrix alone
    theirs = grad.flatten(2).permute(1, 0, 2).contiguous()  # (C, N, pixels')
    pairs = torch.bmm(ours, theirs).flatten(1)  # each pixel of the input with each of the output
    taps = _taps(tuple(x.shape[2:]), tuple(grad.shape[2:]), kernel, stride, padding, dilation)
    return (pairs @ taps).view(channels, 1, *kernel)


@cache
def _taps(size: Sizes, out: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Tensor:
    """Which element of a filter joins which pixel of the input with which of the output: `(pixels · pixels', elements)`, 0 or 1."""
    joins = torch.zeros(*size, *out, *kernel)
    for y, x, i, j in (
        (y, x, i, j) for y in range(out[0]) for x in range(out[1]) for i in range(kernel[0]) for j in range(kernel[1])
    ):
        row, column = (
            p * s - q + e * d for p, s, q, e, d in zip((y, x), stride, padding, (i, j), dilation, strict=True)
        )
        if 0 <= row < size[0] and 0 <= column < size[1]:
            joins[row, column, y, x, i, j] = 1
    return joins.view(size[0] * size[1] * out[0] * out[1], kernel[0] * kernel[1])


def quicken(network: nn.Module) -> None:
    """Let a network's depthwise convolutions compute their gradients so; its parameters and names stay what they are."""
    for layer in network.modules():
        own_filters = type(layer) is nn.Conv2d and layer.groups == layer.in_channels == layer.out_channels > 1
        if own_filters and layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
            layer.__class__ = DepthwiseConv2d
