"""Online augmentation: what is mixed adds up, what is moved is not altered, what is off does nothing."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import beta, kstest
from torch import Generator, Tensor
from torch.nn.functional import one_hot
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from landslide_nb.augment import physics, transforms
from landslide_nb.augment.sample_table import blend
from landslide_nb.common.errors import StudyError
from landslide_nb.data.bands import Band, BandSet
from landslide_nb.data.challenge import CHALLENGE

BANDS = CHALLENGE.bands
# Another data set's: terrain among optical bands, which are not the first, and no radar.
OTHER = BandSet(
    bands=(
        Band(name="S", title="Slope", unit="°", role="slope", modality="terrain"),
        Band(name="R", title="Red", unit="DN", role="red"),
        Band(name="E", title="Elevation", unit="m", role="elevation", modality="terrain"),
        Band(name="G", title="Green", unit="DN", role="green"),
        Band(name="B", title="Blue", unit="DN", role="blue"),
    )
)
ONE_PASS = BandSet(bands=BANDS.bands[:8])


def generator(seed: int = 0) -> Generator:
    """A generator with a seed."""
    return Generator().manual_seed(seed)


def batch(n: int = 16, channels: int = 12, height: int = 8, width: int = 8) -> Tensor:
    """Pixels as after scaling, no two alike."""
    return torch.randn((n, channels, height, width), generator=generator(9))


def labels(n: int = 16) -> Tensor:
    """One-hot targets `(n, 2)` of both classes."""
    return one_hot(torch.arange(n) % 2, 2).float()


def matrix(angle: float = 0, shear: float = 0, flip: float = 1, shift: tuple[float, float] = (0, 0)) -> Tensor:
    """The affine matrices of one transformation for a batch of one."""
    return transforms.affine_matrix(*(torch.tensor([value]).float() for value in (angle, shear, flip, shift)))


def bands_in_db(n: int = 16) -> Tensor:
    """Bands `(n, 12, 8, 8)` of the size that the challenge's have: thousands of DN, −40 to 5 dB."""
    x = batch(n)
    x[:, :4] = 1500 + 300 * x[:, :4]
    x[:, 4:] *= 6
    x[:, list(BANDS.backscatter)] -= 14
    return x


def dihedral(patch: Tensor) -> list[Tensor]:
    """The eight ways to lay a patch `(C, H, H)`."""
    turned = [torch.rot90(patch, k, (1, 2)) for k in range(4)]
    return [*turned, *(t.flip(2) for t in turned)]


def test_cutmix_labels_are_the_pixel_count() -> None:
    """Labels would be in another proportion than the area that a network sees (Algorithm 2)."""
    x, targets = batch(channels=3, height=9, width=14), labels()
    mixed = transforms.cutmix(x, targets, generator())
    own = (mixed.pixels == x).all(1)
    share = own.float().mean((1, 2))
    alone = mixed.partner == torch.arange(16)
    assert torch.allclose(mixed.weight[~alone], share[~alone], atol=1e-6, rtol=0)
    expected = share[:, None] * targets + (1 - share[:, None]) * targets[mixed.partner]
    assert torch.allclose(mixed.targets, expected, atol=1e-6, rtol=0)
    assert len(mixed.weight.unique()) > 8


def test_cutmix_pixels_stay_in_their_place() -> None:
    """A pixel would come from neither parent, from another place, or be a blend."""
    x = batch(channels=3, height=9, width=14)
    mixed = transforms.cutmix(x, labels(), generator())
    inside = (mixed.pixels == x[mixed.partner]).all(1)
    assert ((mixed.pixels == x).all(1) | inside).all()
    assert not torch.equal(mixed.pixels, x)
    assert sorted(mixed.partner.tolist()) == list(range(16))


def test_rectangles_are_rectangles_with_exact_shares() -> None:
    """A rectangle would be empty, have holes, or have another area than λ says."""
    masks, weight = transforms.rectangles(500, 7, 12, generator())
    rows, columns = masks[:, 0].any(2), masks[:, 0].any(1)
    assert masks.shape == (500, 1, 7, 12) and masks.dtype == torch.bool
    assert masks.flatten(1).any(1).all()
    assert torch.equal(masks[:, 0], rows[:, :, None] & columns[:, None, :])
    for sides in (rows, columns):
        assert (sides.int().diff(dim=1).abs().sum(1) <= 2).all()
        assert not (sides[:, 0] & sides[:, -1] & ~sides.all(1)).any()
    assert torch.allclose(weight, 1 - masks.float().mean((1, 2, 3)), atol=1e-6, rtol=0)


def test_every_rectangle_is_equally_likely() -> None:
    """Corners would be drawn otherwise than Algorithm 2 says: too many large or small rectangles."""
    masks, _ = transforms.rectangles(20_000, 3, 1, generator())
    _, counts = masks[:, 0, :, 0].unique(dim=0, return_counts=True)
    assert len(counts) == 6  # two of the four edges of three rows
    assert (counts / 20_000).numpy() == pytest.approx(1 / 6, abs=0.015)


def test_mixup_is_equation_1() -> None:
    """Pixels and labels would not be blended by the same λ."""
    x, targets = batch(channels=3, height=9, width=14), labels()
    mixed = transforms.mixup(x, targets, 1.0, generator())
    share, partner = mixed.weight.double().numpy(), mixed.partner.numpy()
    pixels, y = x.double().numpy(), targets.double().numpy()
    wide = share[:, None, None, None]
    np.testing.assert_allclose(mixed.pixels, wide * pixels + (1 - wide) * pixels[partner], atol=1e-5)
    np.testing.assert_allclose(mixed.targets, share[:, None] * y + (1 - share[:, None]) * y[partner], atol=1e-6)
    assert not np.array_equal(partner, np.arange(16))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_weights_are_beta_distributed(alpha: float) -> None:
    """α would have another meaning than in the literature."""
    weight = transforms.mixup(batch(4000, 1, 1, 1), labels(4000), alpha, generator()).weight
    assert weight.min() >= 0 and weight.max() <= 1
    assert kstest(weight.double().numpy(), beta(alpha, alpha).cdf).pvalue > 0.01


MIXERS: list[Callable[[Tensor, Tensor, Generator], transforms.Mixed]] = [
    transforms.cutmix,
    lambda x, targets, source: transforms.mixup(x, targets, 0.4, source),
]


@pytest.mark.parametrize("mix", MIXERS, ids=["cutmix", "mixup"])
def test_mixed_targets_are_probabilities(mix: Callable[[Tensor, Tensor, Generator], transforms.Mixed]) -> None:
    """The loss would weigh samples differently, or be undefined."""
    for seed in range(20):
        targets = mix(batch(), labels(), generator(seed)).targets
        assert torch.allclose(targets.sum(1), torch.ones(16), atol=1e-6, rtol=0)
        assert targets.min() >= 0


def test_geometry_without_strength_only_flips_and_turns() -> None:
    """Pixels would be interpolated, and so blurred, where the user asked for none of it."""
    x = batch(200, 2)
    moved = transforms.geometry(x, 0.0, generator())
    assert torch.allclose(moved.flatten(2).sort().values, x.flatten(2).sort().values, atol=1e-4, rtol=0)
    gaps = torch.stack([torch.stack([(m - d).abs().max() for d in dihedral(p)]) for m, p in zip(moved, x, strict=True)])
    assert gaps.min(1).values.max() < 1e-4
    assert gaps.argmin(1).unique().tolist() == list(range(8))


def test_geometry_with_strength_moves_more() -> None:
    """The strength would be taken and ignored."""
    x = batch(50, 2)
    still, moved = (transforms.geometry(x, strength, generator()) for strength in (0.0, 0.5))
    assert (still - moved).abs().mean() > 0.1
    assert moved.isfinite().all() and moved.shape == x.shape


def test_affine_identity_is_the_identity() -> None:
    """Every patch would be blurred a little by being resampled."""
    x = batch(1, 3, 8, 10)
    assert torch.allclose(transforms.affine(x, matrix()), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_affine_turns_are_those_of_torch(quarters: int) -> None:
    """An angle would turn by another angle, or off the centre."""
    x = batch(1, 3)
    turned = transforms.affine(x, matrix(angle=-quarters * math.pi / 2))  # ours are clockwise
    assert torch.allclose(turned, torch.rot90(x, quarters, (2, 3)), atol=1e-5, rtol=0)


def test_affine_flip_is_that_of_torch() -> None:
    """A flip would be a turn, or shift by a pixel."""
    x = batch(1, 3, 8, 10)
    assert torch.allclose(transforms.affine(x, matrix(flip=-1)), torch.flip(x, (3,)), atol=1e-5, rtol=0)


def test_affine_shift_is_mirrored_at_the_border() -> None:
    """Shifted patches would have black edges, which a network learns to see."""
    x = batch(1, 3, 8, 8)
    shifted = transforms.affine(x, matrix(shift=(2 * 3 / 8, -2 * 1 / 8)))  # 3 columns and −1 row of half-widths
    mirrored = np.pad(x.numpy(), ((0, 0), (0, 0), (0, 1), (3, 0)), mode="symmetric")
    assert torch.allclose(shifted, torch.from_numpy(mirrored[:, :, 1:, :8]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize(
    ("angle", "shear", "shift"),
    [(0, 0, (0, 0)), (17, 0, (0, 0)), (-150, 0, (0, 0)), (0, 12, (0, 0)), (0, 0, (5, -3)), (31, -9, (-4, 2))],
)
def test_affine_is_that_of_torchvision(flip: int, angle: float, shear: float, shift: tuple[int, int]) -> None:
    """A strength would mean another angle, another direction or another order than in the library all know."""
    x = batch(1, 12, 32, 32)
    ours = transforms.affine(x, matrix(math.radians(angle), math.radians(shear), flip, (shift[0] / 16, shift[1] / 16)))
    flipped = functional.hflip(x) if flip < 0 else x
    theirs, seen = (
        functional.affine(image, angle, list(shift), 1.0, [shear, 0.0], InterpolationMode.BILINEAR)
        for image in (flipped, torch.ones_like(x))
    )
    inside = seen > 1 - 1e-5  # theirs is zero beyond the border, ours is mirrored
    assert inside.float().mean() > 0.5
    assert (ours - theirs)[inside].abs().max() < 1e-4


@pytest.mark.parametrize("angle", [-40, 5, 90, 137])
def test_a_turn_is_that_of_torchvision(angle: float) -> None:
    """A patch would be turned the other way, or about another point."""
    x = batch(1, 12, 32, 32)
    ours = transforms.affine(
        x, matrix(math.radians(-angle))
    )  # torchvision's `rotate` is anticlockwise, its `affine` is not
    theirs, seen = (functional.rotate(image, angle, InterpolationMode.BILINEAR) for image in (x, torch.ones_like(x)))
    assert (ours - theirs)[seen > 1 - 1e-5].abs().max() < 1e-4


def test_a_mirrored_patch_is_one_that_the_other_pass_sees() -> None:
    """A flipped descending pass would be fed as a descending one, that looks the wrong way."""
    x = bands_in_db(1)
    names = BANDS.names
    mirrored = dict(zip(names, physics.mirror_east_west(x, BANDS)[0], strict=True))
    for name, image in zip(names, x[0], strict=True):
        other = name if name in names[:4] else {"D": "A", "A": "D"}[name[0]] + name[1:]
        assert torch.equal(mirrored[other], image.flip(1)), name
    assert torch.equal(physics.mirror_east_west(physics.mirror_east_west(x, BANDS), BANDS), x)


def test_mirroring_gives_four_patches_equally_often() -> None:
    """A patch would be flipped without its passes, turned by a quarter, or always in the same way."""
    x = bands_in_db(1)
    flipped = physics.mirror_east_west(x, BANDS)
    allowed = [x, flipped, x.flip(2), flipped.flip(2)]
    seen = physics.mirror(x.expand(2000, -1, -1, -1), BANDS, generator())
    counts = [int((seen == one).flatten(1).all(1).sum()) for one in allowed]
    assert sum(counts) == 2000
    assert np.array(counts) / 2000 == pytest.approx(0.25, abs=0.04)


def test_physical_geometry_turns_by_five_degrees_at_most() -> None:
    """A patch would be turned as no orbit sees it."""
    ramp = torch.linspace(-1, 1, 33).expand(1, 1, 33, 33)
    x = torch.cat([ramp, ramp.mT], 1).expand(500, -1, -1, -1)  # where a pixel came from
    moved = transforms.geometry(x, 0.2, generator(), physical=True)[:, :, 12:21, 12:21]
    along, down = (moved.diff(dim=axis).mean((2, 3)) * 16 for axis in (3, 2))  # (N, 2): columns of the matrix
    turned = torch.rad2deg(torch.asin(-along[:, 1]))
    assert 4 < turned.abs().max() < 5.01
    assert torch.rad2deg(torch.atan2(down[:, 0], down[:, 1])).abs().max() < 10.02  # turned and sheared
    assert torch.allclose(along[:, 0] * down[:, 1] - along[:, 1] * down[:, 0], torch.ones(500), atol=1e-3)


def test_radar_is_mixed_in_power() -> None:
    """The mean of decibels, lower than the power of the mixture, would go on being taken for it."""
    x, targets = bands_in_db(), labels()
    mixed = transforms.mixup(x, targets, 1.0, generator(), power=BANDS)
    first, second = x.double().numpy(), x[mixed.partner].double().numpy()
    share = mixed.weight.double().numpy()[:, None, None, None]
    post, change = list(BANDS.backscatter), list(BANDS.change)

    def mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(10 * np.log10(share * 10 ** (a / 10) + (1 - share) * 10 ** (b / 10)))

    after = mean(first[:, post], second[:, post])
    before = mean(first[:, post] - first[:, change], second[:, post] - second[:, change])
    got = mixed.pixels.double().numpy()
    np.testing.assert_allclose(got[:, post], after, atol=1e-4)
    np.testing.assert_allclose(got[:, change], after - before, atol=2e-4)
    optical = list(BANDS.optical)
    np.testing.assert_allclose(got[:, optical], share * first[:, optical] + (1 - share) * second[:, optical], rtol=1e-5)
    assert (after >= share * first[:, post] + (1 - share) * second[:, post] - 1e-9).all()
    same = transforms.mixup(x, targets, 1.0, generator())
    assert torch.equal(mixed.targets, same.targets) and torch.equal(mixed.partner, same.partner)


@pytest.mark.parametrize("weight", [0.0, 1e-30, 1.0])
def test_power_of_one_parent_is_that_parent(weight: float) -> None:
    """A share of nothing would become an infinity, and the loss not a number."""
    first, second = bands_in_db(2).split(1)
    second[:, 5] = -200.0  # next to no power
    share = torch.full((1, 1, 1, 1), weight)
    expected = blend(first, second, torch.round(share))
    assert torch.allclose(physics.blend_power(first, second, share, BANDS), expected, atol=1e-3, rtol=1e-5)


def test_colour_without_strength_is_the_identity() -> None:
    """Turning colour off would still change the data."""
    x = batch(channels=20)
    assert torch.allclose(transforms.colour(x, BANDS, 0.0, generator()), x, atol=1e-5, rtol=0)


def test_colour_leaves_derived_channels() -> None:
    """Indices and edges would be changed as if they were bands."""
    x = batch(channels=28)
    changed = transforms.colour(x, BANDS, 1.0, generator())
    assert torch.equal(changed[:, 12:], x[:, 12:])
    assert ((changed[:, :12] - x[:, :12]).abs().mean((0, 2, 3)) > 0.1).all()


def test_each_colour_does_what_its_name_says() -> None:
    """Contrast would shift a patch, or saturation change its brightness."""
    x, one, zero = batch(channels=20), torch.ones(16), torch.zeros(16)
    contrast = transforms.adjust(x, BANDS, 1.5 * one, one, zero)[:, :12]
    assert torch.allclose(contrast.mean((2, 3)), x[:, :12].mean((2, 3)), atol=1e-5, rtol=0)
    assert torch.allclose(contrast.std((2, 3)), 1.5 * x[:, :12].std((2, 3)), atol=1e-5, rtol=0)
    assert torch.allclose(transforms.adjust(x, BANDS, one, one, 0.3 * one)[:, :12], x[:, :12] + 0.3, atol=1e-5, rtol=0)
    grey = transforms.adjust(x, BANDS, one, zero, zero)
    assert torch.allclose(grey[:, :4], x[:, :4].mean(1, keepdim=True).expand(-1, 4, -1, -1), atol=1e-5, rtol=0)
    assert torch.allclose(grey[:, 4:], x[:, 4:], atol=1e-6, rtol=0)


def test_saturation_spares_radar() -> None:
    """Backscatter would be mixed with reflectance as if it were a colour."""
    x = batch(channels=12)
    x[:, 4:] = 0.0  # nothing to contrast: brightness and noise are all that may happen
    changed = transforms.colour(x, BANDS, 1.0, generator())
    steady = changed[:, 4:] - changed[:, 4:].mean((1, 2, 3), keepdim=True)
    assert steady.std() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    "change",
    [
        lambda x, source: transforms.colour(x, BANDS, 0.5, source),
        lambda x, source: transforms.geometry(x, 0.5, source),
        lambda x, source: transforms.cutmix(x, labels(), source).pixels,
        lambda x, source: transforms.mixup(x, labels(), 1.0, source).pixels,
        lambda x, source: transforms.mixup(x, labels(), 1.0, source, power=BANDS).pixels,
        lambda x, source: physics.mirror(x, BANDS, source),
    ],
    ids=["colour", "geometry", "cutmix", "mixup", "mixup in power", "mirror"],
)
def test_the_generator_determines_the_result(change: Callable[[Tensor, Generator], Tensor]) -> None:
    """A run could not be repeated, or every batch would be changed in the same way."""
    x = batch()
    before = x.clone()
    assert torch.equal(change(x, generator(3)), change(x, generator(3)))
    assert not torch.equal(change(x, generator(3)), change(x, generator(4)))
    assert torch.equal(x, before), "the batch itself was changed"


@pytest.mark.parametrize("channels", [12, 20, 28])
def test_modalities_are_dropped_whole_and_never_all(channels: int) -> None:
    """Half a pass would go missing, or a sample would teach that nothing is a landslide."""
    x = batch(4000, channels).abs() + 1
    dropped = transforms.drop_modalities(x, BANDS, 0.4, generator())
    gone = (dropped == 0).flatten(2).all(2)
    assert torch.equal(dropped, torch.where(gone[:, :, None, None], torch.zeros(()), x))
    groups = BANDS.by_modality(channels)
    lost = torch.stack([gone[:, list(chosen)].all(1) for chosen in groups.values()], 1)
    for place, chosen in enumerate(groups.values()):
        assert torch.equal(gone[:, list(chosen)].any(1), lost[:, place])
    assert not lost.all(1).any()
    expected = 0.4 - 0.4**3
    assert torch.allclose(lost.float().mean(0), torch.full((3,), expected), atol=0.03)
    both = [i for i in range(channels) if not any(i in chosen for chosen in groups.values())]
    assert all(torch.equal(gone[:, i], lost[:, 1] | lost[:, 2]) for i in both)


def test_modality_dropout_of_zero_is_the_identity() -> None:
    """The baseline would not be the paper's."""
    x = batch(8)
    assert torch.equal(transforms.drop_modalities(x, BANDS, 0.0, generator()), x)


def test_colours_of_other_bands_are_theirs() -> None:
    """The first four bands would be taken for colours: a slope would be saturated, and a colour that comes fifth would not."""
    x, one, zero = batch(channels=max(OTHER.counts)), torch.ones(16), torch.zeros(16)
    grey = transforms.adjust(x, OTHER, one, zero, zero)
    optical, rest = [1, 3, 4], [0, 2, *range(5, x.shape[1])]
    assert torch.allclose(
        grey[:, optical], x[:, optical].mean(1, keepdim=True).expand(-1, 3, -1, -1), atol=1e-5, rtol=0
    )
    assert torch.allclose(grey[:, rest], x[:, rest], atol=1e-6, rtol=0)
    changed = transforms.colour(x, OTHER, 1.0, generator())
    assert torch.equal(changed[:, 5:], x[:, 5:]), "derived channels were changed"
    assert ((changed[:, :5] - x[:, :5]).abs().mean((0, 2, 3)) > 0.1).all()
    terrain = BandSet(bands=tuple(band for band in OTHER.bands if band.modality == "terrain"))
    y = batch(channels=2)
    assert torch.allclose(transforms.adjust(y, terrain, one, zero, zero), y, atol=1e-6, rtol=0)


@pytest.mark.parametrize("order", [[*range(8, 12), *range(4, 8), *range(4)], [11, 0, 7, 3, 4, 9, 1, 10, 5, 2, 8, 6]])
def test_what_is_physical_does_not_depend_on_the_order_of_the_bands(order: list[int]) -> None:
    """A data set that has its bands in another order would be mirrored into other bands, or blend colours as if in decibels."""
    x, shuffled = bands_in_db(), BandSet(bands=tuple(BANDS.bands[i] for i in order))
    assert torch.equal(physics.mirror_east_west(x[:, order], shuffled), physics.mirror_east_west(x, BANDS)[:, order])
    share = torch.full((16, 1, 1, 1), 0.3)
    theirs = physics.blend_power(x[:, order], x.flip(0)[:, order], share, shuffled)
    assert torch.allclose(theirs, physics.blend_power(x, x.flip(0), share, BANDS)[:, order], atol=1e-4)


def test_a_change_is_mixed_with_its_own_band() -> None:
    """Where a pass has fewer changes than bands, a change would be taken from another polarisation, or no batch be mixed."""
    kept = [0, 4, 5, 7, 9, 10]  # of the ascending pass VH and ΔVV, which is not of VH
    bands = BandSet(bands=tuple(BANDS.bands[i] for i in kept))
    x, share = bands_in_db(), torch.full((16, 1, 1, 1), 0.3)
    mixed = physics.blend_power(x[:, kept], x.flip(0)[:, kept], share, bands)
    whole = physics.blend_power(x, x.flip(0), share, BANDS)[:, kept]
    assert torch.allclose(mixed[:, :5], whole[:, :5], atol=1e-4)
    assert torch.allclose(mixed[:, 5], blend(x[:, 10], x.flip(0)[:, 10], share[:, 0]), atol=1e-4)


@pytest.mark.parametrize("bands", [OTHER, ONE_PASS], ids=["no radar", "one pass"])
def test_passes_that_are_not_there_are_not_exchanged(bands: BandSet) -> None:
    """A descending pass would be mirrored into itself, which no orbit sees, or an index error say nothing."""
    x, said = batch(4, len(bands)), f"`physical` .* the bands {', '.join(bands.names)} are not of both"
    with pytest.raises(StudyError, match=said):
        physics.mirror(x, bands, generator())
    with pytest.raises(StudyError, match=said):
        physics.mirror_east_west(x, bands)


def test_views_keep_the_meaning_of_bands() -> None:
    """Predictions would be averaged over patches that no orbit sees, or fewer views be taken than the bands allow."""
    x = bands_in_db(2)
    seen = physics.views(BANDS)
    assert list(seen) == ["as it is", "north–south", "east–west", "both"]
    assert torch.equal(seen["as it is"](x), x) and torch.equal(seen["north–south"](x), x.flip(2))
    assert torch.equal(seen["east–west"](x), physics.mirror_east_west(x, BANDS))
    assert torch.equal(seen["both"](x), physics.mirror_east_west(x, BANDS).flip(2))
    assert list(physics.views(ONE_PASS)) == ["as it is", "north–south"]
    y = batch(2, 5)
    assert torch.equal(physics.views(OTHER)["east–west"](y), y.flip(3)) and len(physics.views(OTHER)) == 4
    for view, flipped in zip(physics.views(OTHER).values(), physics.flipped(y, OTHER), strict=True):
        assert torch.equal(view(y), flipped)


def test_modalities_of_other_bands_are_dropped_whole() -> None:
    """A terrain would go missing by halves, or an index stay that tells of the colours that are gone."""
    count = max(OTHER.counts)
    x = batch(2000, count).abs() + 1
    gone = (transforms.drop_modalities(x, OTHER, 0.5, generator()) == 0).flatten(2).all(2)
    optical = [i for i in range(count) if i not in (0, 2)]
    assert torch.equal(gone[:, 0], gone[:, 2])
    assert all(torch.equal(gone[:, i], gone[:, 1]) for i in optical)
    assert not gone.all(1).any()
    assert torch.allclose(gone[:, :2].float().mean(0), torch.full((2,), 0.25), atol=0.03)
