"""The seeds that every library takes."""

from typing import Final

# NumPy takes seeds below 2³², LightGBM below 2³¹; and some are counted on from the given one, fold by fold.
LARGEST_SEED: Final = 2_000_000_000
