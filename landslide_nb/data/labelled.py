"""Patches without their pixels: all that scores need of them."""

from dataclasses import dataclass
from typing import Self

from landslide_nb.common.arrays import Labels
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.patches import Names, Patches


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is known of N labelled patches besides their pixels.

    Attributes:
        ids: N distinct names, in the order of the patches.
        known_labels: int8 `(N,)`, 1 where a landslide is in the patch.
        data_set: what the bands are, and whom to credit.
        fingerprint: of the patches, pixels and all.
        groups: `(N,)`, the block of ground of each; None where every patch stands alone.
        regions: `(N,)`, the region of each; None where nobody knows.
    """

    ids: tuple[str, ...]
    known_labels: Labels
    data_set: DataSet
    fingerprint: str
    groups: Names | None = None
    regions: Names | None = None

    @classmethod
    def of(cls, patches: Patches) -> Self:
        """Those of patches in memory.

        Raises:
            DataError: if they have no labels.
        """
        labels = patches.known_labels
        return cls(patches.ids, labels, patches.data_set, patches.fingerprint, patches.groups, patches.regions)

    def __len__(self) -> int:
        """The number of patches."""
        return len(self.ids)
