"""How simulated patches look beside real ones: texture of every band, and how far scars stand out in it.

    python benchmarks/simulator.py SHARED_DATA [--before PATCHES.h5]

Texture: the slope of the radial power spectrum and its shares by octave, autocorrelation across and down at lags of 1 to 8
pixels, and anisotropy (coherence of the structure tensor, 1 where all gradients nearby point one way). The contrast of scars is
the mean inside minus the mean outside, in the band's standard deviations: inside the simulated mask, and inside polygons that
were drawn by hand on the real patches. Patches rendered by an earlier simulator are measured where a file of them is given; else
their columns are kept as the table has them, which chapter 01 shows.
"""

import argparse
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.path import Path as Outline
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from landslide_nb.common.files import replacing
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.simulation.draw import simulate

TABLE: Final = Path(str(files("landslide_nb"))) / "chapters" / "c01" / "simulator_texture.csv"
LAGS: Final = 8
OCTAVES: Final = ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32))  # cycles a patch
WINDOW: Final = 3.0  # pixels, of the structure tensor
FEWEST: Final = 12  # pixels of a scar whose contrast is measured
# Drawn by hand on the red, green and blue of the recovered patches, (column, row) of the corners. They are where the eye finds bare
# ground that could be a landslide, not what the challenge's labellers saw; under the clouds of ID_7AVWS4 it finds none.
SCARS: Final[Mapping[str, tuple[tuple[tuple[int, int], ...], ...]]] = {
    "ID_9N549Y": (
        ((56, 27), (62, 27), (63, 40), (60, 39), (57, 34)),
        ((21, 44), (24, 45), (23, 51), (22, 55), (19, 54), (20, 48)),
        ((29, 44), (33, 45), (34, 50), (32, 53), (31, 48)),
        ((43, 43), (48, 44), (51, 50), (46, 50), (42, 47)),
        ((0, 31), (4, 33), (8, 37), (9, 42), (0, 42)),
        ((48, 0), (52, 0), (55, 8), (52, 8)),
    ),
    "ID_HNDA24": (
        ((8, 1), (11, 4), (13, 8), (10, 8)),
        ((15, 2), (20, 3), (20, 5), (16, 6)),
        ((28, 2), (33, 5), (37, 7), (31, 8)),
        ((14, 12), (22, 11), (30, 13), (28, 16), (14, 17)),
        ((37, 11), (45, 11), (51, 15), (46, 17)),
        ((38, 17), (44, 17), (43, 20), (38, 20)),
        ((8, 19), (14, 17), (12, 22), (7, 23)),
        ((0, 23), (4, 27), (5, 34), (0, 34)),
        ((8, 24), (11, 25), (11, 31), (9, 30)),
        ((15, 32), (18, 33), (21, 39), (28, 42), (24, 44), (17, 41)),
        ((43, 44), (50, 45), (56, 52), (57, 61), (46, 62), (43, 52)),
    ),
    "ID_ADVWAA": (
        ((17, 46), (28, 48), (36, 42), (46, 40), (54, 29), (60, 34), (62, 44), (48, 50), (36, 56), (24, 52)),
        ((47, 51), (53, 50), (55, 62), (47, 62)),
    ),
    "ID_15V644": (
        ((47, 38), (55, 38), (58, 46), (55, 54), (56, 62), (54, 62), (52, 54), (48, 50)),
        ((28, 37), (34, 36), (31, 44), (28, 42)),
        ((43, 62), (43, 52), (47, 49), (46, 56)),
    ),
}

Images = NDArray[np.float64]
Measures = dict[str, NDArray[np.float64]]


def spectrum(images: Images) -> Measures:
    """Slope of the radial power spectrum, and the logarithm of each octave's share of it, of images `(N, H, W)`."""
    size = images.shape[-1]
    window = np.hanning(size + 2)[1:-1]
    power = np.abs(np.fft.fft2(images * window[:, None] * window)) ** 2
    cycles = np.fft.fftfreq(size) * size
    radius = np.hypot(cycles[:, None], cycles)
    rings = np.arange(2, size // 2)
    radial = np.stack([power[:, np.rint(radius) == ring].mean(1) for ring in rings], 1)
    slope = np.polyfit(np.log(rings), np.log(radial + 1e-12).T, 1)[0]
    octaves = np.stack([power[:, (radius >= low) & (radius < high)].sum(1) for low, high in OCTAVES], 1)
    shares = np.log10(octaves / octaves.sum(1, keepdims=True))
    named = {f"power at {low} to {high} cycles": shares[:, i] for i, (low, high) in enumerate(OCTAVES)}
    return {"spectral slope": slope} | named


def autocorrelation(images: Images) -> Measures:
    """Correlation with the pixel so many columns, and so many rows, further, of standardised images `(N, H, W)`."""
    across = {f"autocorrelation across {k}": (images[..., k:] * images[..., :-k]).mean((1, 2)) for k in lags()}
    down = {f"autocorrelation down {k}": (images[:, k:] * images[:, :-k]).mean((1, 2)) for k in lags()}
    return across | down


def lags() -> range:
    """The lags in pixels."""
    return range(1, LAGS + 1)


def anisotropy(images: Images) -> Measures:
    """Coherence of the structure tensor of images `(N, H, W)`, mean over the pixels."""
    dy, dx = np.gradient(images, axis=(1, 2))
    xx, yy, xy = (gaussian_filter(product, (0, WINDOW, WINDOW)) for product in (dx * dx, dy * dy, dx * dy))
    coherence = np.hypot(xx - yy, 2 * xy) / np.maximum(xx + yy, 1e-12)
    return {"anisotropy": coherence.mean((1, 2))}


def texture(images: NDArray[np.floating]) -> Measures:
    """Every measure of images `(N, H, W)` of one band."""
    centred = images - images.mean((1, 2), keepdims=True, dtype=np.float64)
    standard = centred / np.maximum(centred.std((1, 2), keepdims=True), 1e-9)
    return spectrum(standard) | autocorrelation(standard) | anisotropy(standard)


def contrast(image: NDArray[np.floating], mask: NDArray[np.bool_]) -> float:
    """Mean inside minus outside, in standard deviations; NaN where too few pixels are inside."""
    if not FEWEST <= mask.sum() < mask.size:
        return float("nan")
    return float((image[mask].mean() - image[~mask].mean()) / max(image.std(), 1e-9))


def measured(patches: Patches) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Each measure of each band, one value for each patch (contrast: NaN without a mask, or an empty one)."""
    values: dict[tuple[str, str], NDArray[np.float64]] = {}
    masks = np.zeros((len(patches), *patches.pixels.shape[2:]), bool) if patches.masks is None else patches.masks > 0
    for place, band in enumerate(CHALLENGE.bands.names):
        images = patches.pixels[:, place].astype(np.float64)
        measures = texture(images)
        if masks.any():
            pairs = zip(images, masks, strict=True)
            measures["contrast of scars"] = np.array([contrast(image, mask) for image, mask in pairs])
        values |= {(band, name): measure for name, measure in measures.items()}
    return values


def real_patches(shared: Path) -> Patches:
    """The twelve real patches, with masks of what `SCARS` outlines."""
    with np.load(shared / "zindi_recovered_patches.npz") as found:
        ids, pixels, labels = (found[name] for name in ("ids", "x", "y"))
    one = np.load(shared / "ID_005GY8.npy").astype(np.float32)[None]
    pixels = np.moveaxis(np.concatenate([pixels, one]), 3, 1)
    names = (*(str(name) for name in ids), "ID_005GY8")
    masks = np.stack([outlined(SCARS.get(name, ())) for name in names])
    return Patches(names, np.ascontiguousarray(pixels), np.append(labels, 0).astype(np.int8), masks=masks)


def outlined(polygons: tuple[tuple[tuple[int, int], ...], ...]) -> NDArray[np.uint8]:
    """The pixels `(H, W)` whose centres lie in one of the polygons, or within half a pixel of it."""
    size = CHALLENGE.patch_size
    rows, columns = np.mgrid[:size, :size]
    centres = np.stack([columns.ravel(), rows.ravel()], 1)
    inside = [Outline(polygon, closed=False).contains_points(centres, radius=0.5) for polygon in polygons]
    inside += [Outline(polygon, closed=False).contains_points(centres, radius=-0.5) for polygon in polygons]
    return np.asarray(np.any([*inside, np.zeros(size**2, bool)], axis=0).reshape(size, size), np.uint8)


def quartiles(patches: Patches, name: str) -> pd.DataFrame:
    """Lower quartile, median and upper quartile of each measure of each band."""
    values = {key: np.nanquantile(measure, (0.25, 0.5, 0.75)) for key, measure in measured(patches).items()}
    index = pd.MultiIndex.from_tuples(values, names=["band", "measure"])
    columns = [f"{name}, {part}" for part in ("lower quartile", "median", "upper quartile")]
    return pd.DataFrame(np.array(list(values.values())), index, columns)


def compared(real: Patches, simulated: Patches, before: pd.DataFrame | None) -> pd.DataFrame:
    """A row for each band and measure: simulated, simulated before where that is known, and real."""
    values = measured(real)
    index = pd.MultiIndex.from_tuples(values, names=["band", "measure"])
    extremes = [(np.nanmin(measure), np.nanmedian(measure), np.nanmax(measure)) for measure in values.values()]
    truth = pd.DataFrame(extremes, index, ["real, lowest", "real, median", "real, highest"])
    table = quartiles(simulated, "simulated").join(truth)
    table["within"] = table["simulated, median"].between(table["real, lowest"], table["real, highest"])
    return table if before is None else table.join(before)


def known_before(output: Path) -> pd.DataFrame | None:
    """The columns of the earlier simulator, as the output file has them."""
    if not output.is_file():
        return None
    table = pd.read_csv(output, index_col=["band", "measure"])
    return table.filter(like="simulated before")


def main() -> None:
    """Measure, write, and print what lies outside the real range."""
    parser = argparse.ArgumentParser(description="Texture of simulated and real patches.")
    parser.add_argument("shared", type=Path, help="folder with zindi_recovered_patches.npz and ID_005GY8.npy")
    parser.add_argument("--before", type=Path, help="HDF5 file of patches that an earlier simulator rendered")
    parser.add_argument("--patches", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=TABLE)
    given = parser.parse_args()
    before = quartiles(Patches.read(given.before), "simulated before") if given.before else known_before(given.output)
    table = compared(real_patches(given.shared), simulate(given.patches, given.seed, masks=True), before)
    with replacing(given.output) as temporary:
        table.round(3).to_csv(temporary)
    print(table[~table["within"]].round(2).to_string())
    print(f"{table['within'].sum()} of {len(table)} medians lie within the real range")


if __name__ == "__main__":
    main()
