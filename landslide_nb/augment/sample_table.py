"""The training table: a training sample is a row, not pixels.

A row names two parents and a weight: `x = λ·X[first] + (1 − λ)·X[second]`. A real patch is `(i, i, 1)`; a SMOTE patch is
`(i, neighbour, λ)`. Pixels are blended when a batch is gathered, so synthetic patches cost no memory, keep their parents,
and "no held-out patch has a part in a training row" is one check. It is made whenever a table is made, and has no switch.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from landslide_nb.common.errors import LeakError


@dataclass(frozen=True, eq=False)
class SampleTable:
    """A table of training samples over one set of patches.

    Attributes:
        first: int64 `(N,)`, the parent that is weighted by λ.
        second: int64 `(N,)`, the other parent; equal to `first` for a real patch.
        weight: float32 `(N,)`, λ.
        labels: int8 `(N,)`.
        held_out: the patches that no row may touch: validation and test.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weight: NDArray[np.float32]
    labels: NDArray[np.int8]
    held_out: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Refuse a leak.

        Raises:
            LeakError: if a parent of any row is held out, or counted from the end.
        """
        for name, parents in (("first", self.first), ("second", self.second)):
            if (parents < 0).any():
                raise LeakError(
                    f"a {name} parent is {parents.min()}; expected indices from 0, which can be checked for leaks"
                )
            leaking = np.flatnonzero(np.isin(parents, self.held_out))
            if leaking.size:
                row = leaking[0]
                raise LeakError(
                    f"training row {row} has patch {parents[row]} as its {name} parent, which is held out for validation"
                    f" or test ({leaking.size} such rows); oversample inside the training fold"
                )

    def __len__(self) -> int:
        """The number of training samples."""
        return len(self.first)

    @classmethod
    def real(cls, indices: ArrayLike, labels: NDArray[np.int8], held_out: ArrayLike) -> Self:
        """The patches at `indices` as they are; `labels` are those of all patches."""
        selection = np.asarray(indices)
        chosen = np.flatnonzero(selection) if selection.dtype == bool else selection.astype(np.int64)
        weight = np.ones(len(chosen), np.float32)
        return cls(chosen, chosen, weight, labels[chosen], np.asarray(held_out, np.int64))

    def plus(self, other: Self) -> Self:
        """These rows, then the `other` ones; what either holds out stays held out."""
        return type(self)(
            np.concatenate([self.first, other.first]),
            np.concatenate([self.second, other.second]),
            np.concatenate([self.weight, other.weight]),
            np.concatenate([self.labels, other.labels]),
            np.union1d(self.held_out, other.held_out),
        )

    def take(self, chosen: ArrayLike) -> Self:
        """The rows at these places, or where a mask is true; what is held out stays held out."""
        at = np.asarray(chosen)
        return type(self)(self.first[at], self.second[at], self.weight[at], self.labels[at], self.held_out)

    @property
    def real_patches(self) -> NDArray[np.int64]:
        """The distinct patches that take part, sorted: all that scaling may be fitted on."""
        return np.union1d(self.first, self.second)

    def gather(self, pixels: Tensor, rows: Tensor) -> Tensor:
        """Blend the pixels of the samples at `rows` from all patches' `(P, C, H, W)`, on their device."""
        first, second = (torch.from_numpy(a)[rows].to(pixels.device) for a in (self.first, self.second))
        weight = torch.from_numpy(self.weight)[rows].to(pixels.device).view(-1, 1, 1, 1)
        return blend(pixels[first], pixels[second], weight)


def blend(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """`λ·first + (1 − λ)·second`; exactly `first` where λ is 1."""
    return torch.lerp(second, first, weight)
