"""How a batch is made: gathered from the sample table, augmented, scaled, resized."""

from collections.abc import Iterator

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate, one_hot

from landslide_nb.augment import chance, physics, transforms
from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.data.channels import derive
from landslide_nb.data.scaling import Scaler
from landslide_nb.training.settings import Settings


def prepare(pixels: Tensor, settings: Settings, scaler: Scaler) -> Tensor:
    """From pixels `(N, C, H, W)` to what the network sees: channels derived, scaled, resized."""
    channels = scaler.apply(derive(pixels, settings.data_set.bands, settings.channels))
    if channels.shape[-1] == settings.image_size:
        return channels
    return interpolate(channels, size=(settings.image_size,) * 2, mode="bilinear", align_corners=False)


def augment(
    pixels: Tensor, targets: Tensor, settings: Settings, scaler: Scaler, generator: Generator
) -> tuple[Tensor, Tensor]:
    """From pixels `(N, C, H, W)` and soft labels `(N, 2)` to an augmented batch as the network sees it, and its labels.

    What is physical of radar comes first, on bands in dB: so derived channels are those of the flipped or mixed bands.
    """
    cutmix, mixup, bands = *_mixers(settings, generator), settings.data_set.bands
    if settings.physical and settings.geometry:
        pixels = physics.mirror(pixels, bands, generator)
    if settings.physical and mixup:
        pixels, targets, *_ = transforms.mixup(pixels, targets, settings.mixup_alpha, generator, power=bands)
    x = prepare(pixels, settings, scaler)
    if settings.geometry:
        x = transforms.geometry(x, settings.geometry, generator, settings.physical)
    if settings.colour:
        x = transforms.colour(x, bands, settings.colour, generator)
    if cutmix:
        x, targets, *_ = transforms.cutmix(x, targets, generator)
    elif mixup and not settings.physical:
        x, targets, *_ = transforms.mixup(x, targets, settings.mixup_alpha, generator)
    if settings.modality_dropout:  # last: what is mixed into a sample would bring a modality back
        x = transforms.drop_modalities(x, bands, settings.modality_dropout, generator)
    return x, targets


def _mixers(settings: Settings, generator: Generator) -> tuple[bool, bool]:
    """Whether this batch takes CutMix, and whether it takes Mixup: one of them by chance if both are on."""
    if not (settings.cutmix and settings.mixup):
        return settings.cutmix, settings.mixup
    cutmix = chance.uniform(1, 0, 1, generator).item() < 0.5
    return cutmix, not cutmix


def batches(
    pixels: Tensor, rows: SampleTable, settings: Settings, scaler: Scaler, generator: Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of augmented batches in random order; a last incomplete one is dropped unless it is the only one."""
    of_order = Generator().manual_seed(generator.initial_seed() + 2**32)  # another stream than the augmentation's
    order = torch.randperm(len(rows), generator=of_order)
    whole = len(order) - len(order) % settings.batch_size or len(order)
    labels = torch.from_numpy(rows.labels).long()
    for chosen in order[:whole].split(settings.batch_size):
        bands = rows.gather(pixels, chosen)
        yield augment(bands, one_hot(labels[chosen], 2).to(bands), settings, scaler, generator)
