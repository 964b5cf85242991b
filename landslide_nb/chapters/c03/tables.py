"""Chapter 03: labels against pixels, and what each transform does to the bands."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from torch import Generator, Tensor

from landslide_nb.augment.transforms import Mixed, mixup
from landslide_nb.data.bands import BandSet

ERROR: Final = "error, millionths"
PIXEL_ERROR: Final = "pixel error, millionths"
FORMATS: Final = {ERROR: ".2g", PIXEL_ERROR: ".2g"}


def cutmix_labels(before: Tensor, targets: Tensor, mixed: Mixed) -> pd.DataFrame:
    """Labels of a batch after CutMix against the pixels that each sample has kept, counted in the pictures themselves."""
    own_pixels = (mixed.pixels == before).all(1).flatten(1).sum(1)
    share = own_pixels.double() / before[0, 0].numel()
    return _mixed_labels(targets, mixed, share, {"own pixels": own_pixels.tolist(), "own share": share.tolist()})


def mixup_labels(before: Tensor, targets: Tensor, mixed: Mixed) -> pd.DataFrame:
    """Labels of a batch after Mixup against Eq. 1 in double precision, and the largest distance of its pixels from it."""
    share = mixed.weight.double()
    wide, first = share.view(-1, 1, 1, 1), before.double()
    distance = (mixed.pixels - (wide * first + (1 - wide) * first[mixed.partner])).abs().flatten(1).amax(1)
    return _mixed_labels(targets, mixed, share, {}).assign(**{PIXEL_ERROR: (1e6 * distance).tolist()})


def _mixed_labels(targets: Tensor, mixed: Mixed, share: Tensor, more: Mapping[str, list[float]]) -> pd.DataFrame:
    own = targets[:, 1].double()
    other, got = own[mixed.partner], mixed.targets[:, 1].double()
    expected = share * own + (1 - share) * other
    columns = {"λ": mixed.weight, "label": own, "mixed with": other, "mixed label": got, "expected": expected}
    table = pd.DataFrame(dict(more) | {name: values.tolist() for name, values in columns.items()})
    return table.assign(**{ERROR: (1e6 * (got - expected).abs()).tolist()}).rename_axis("sample")


def transform_statistics(batches: Mapping[str, Tensor], bands: BandSet) -> pd.DataFrame:
    """What each transform does to the bands, against the first of `batches`, which are scaled, `(N, C, H, W)`.

    Averages over patches and the bands of a group. The mean's change is in standard deviations of the training patches; a
    patch's standard deviation and lag-1 autocorrelation (with the pixels to the right and below) change relative to before.
    """
    before, *_ = (_moments(batch, bands) for batch in batches.values())
    rows = {}
    for title, batch in batches.items():
        after = _moments(batch, bands)
        change = (after / before - 1).assign(mean=after["mean"] - before["mean"])
        rows[title] = {f"{group} {name}": value for group, row in change.iterrows() for name, value in row.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("transform")
    return table.round(3) + 0.0  # no −0.000


def _moments(batch: Tensor, bands: BandSet) -> pd.DataFrame:
    own = batch[:, : len(bands)]
    deviations = own - own.mean((2, 3), keepdim=True)
    variance = deviations.square().mean((2, 3)).clamp(min=1e-12)
    right = (deviations[..., 1:] * deviations[..., :-1]).mean((2, 3))
    below = (deviations[..., 1:, :] * deviations[..., :-1, :]).mean((2, 3))
    moments = {"mean": own.mean((2, 3)), "std": variance.sqrt(), "lag-1": (right + below) / 2 / variance}
    rows = {
        group: {name: float(value[:, list(chosen)].mean()) for name, value in moments.items()}
        for group, chosen in bands.kinds.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


class Mixtures(NamedTuple):
    """The same samples after Mixup in decibels and in linear power.

    Attributes:
        in_db: pixels `(N, C, H, W)`.
        in_power: likewise.
        weight: `(N,)`, λ.
        place: of the band to look at.
        table: how much higher Mixup in power is, in dB, for each radar band.
    """

    in_db: Tensor
    in_power: Tensor
    weight: Tensor
    place: int
    table: pd.DataFrame


def mixtures(pixels: Tensor, targets: Tensor, alpha: float, seed: int, bands: BandSet) -> Mixtures | None:
    """Mixup of pixels `(N, C, H, W)`, not scaled, both ways; None where there is no radar."""
    if not bands.backscatter:
        return None
    drawn, again = (Generator().manual_seed(seed) for _ in range(2))
    in_db = mixup(pixels, targets, alpha, drawn)
    in_power = mixup(pixels, targets, alpha, again, power=bands)
    table = decibels(in_db.pixels, in_power.pixels, bands)
    return Mixtures(in_db.pixels, in_power.pixels, in_db.weight, bands.backscatter[0], table)


def decibels(mixed: Tensor, in_power: Tensor, bands: BandSet) -> pd.DataFrame:
    """How much higher Mixup in linear power is than Mixup in dB, in dB, for each radar band of `(N, C, H, W)`."""
    gap = (in_power - mixed)[:, list(bands.radar)].transpose(0, 1).flatten(1).double().numpy()
    low, high = np.percentile(gap, (5, 95), axis=1)
    index = pd.Index([bands.bands[place].title for place in bands.radar], name="band")
    return pd.DataFrame({"mean": gap.mean(1), "5 %": low, "95 %": high}, index=index)
