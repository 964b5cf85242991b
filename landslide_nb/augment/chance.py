"""Random numbers of augmentation: all of them come from one generator, on its device."""

import torch
from torch import Generator, Tensor


def uniform(n: int, low: float, high: float, generator: Generator) -> Tensor:
    """`n` uniform values in [low, high)."""
    return low + (high - low) * torch.rand(n, generator=generator, device=generator.device)
