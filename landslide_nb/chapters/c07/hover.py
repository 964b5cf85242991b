"""A map of embeddings that shows the patch under the pointer: one piece of HTML that asks no host for anything.

The points are an SVG, the patches one mosaic picture, and a few lines of script (hover.js) choose its part: some hundred
kilobytes, where a plotting library for the browser takes megabytes. Without scripts a map with tooltips is left.
"""

import base64
import io
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landslide_nb.chapters.c07.figures import lines
from landslide_nb.chapters.c07.tables import balanced, on_own_side
from landslide_nb.common.arrays import Indices, Pixels
from landslide_nb.data.bands import BandSet
from landslide_nb.data.patches import Patches
from landslide_nb.display.picture import CLASS_NAMES, composite, others, stretched
from landslide_nb.explain.embedding_map import Projection

MOST: Final = 200  # patches; their mosaic is most of the bytes
WIDTH, HEIGHT, MARGIN = 620, 420, 14  # of the SVG, in its own units
THUMBNAIL: Final = 32  # pixels a side
COLUMNS: Final = 10  # of patches in the mosaic
BESIDE: Final = 2  # bands shown beside red, green and blue
MARKS: Final = ('<circle r="5"/>', '<path d="M0-6 6 5H-6Z"/>')  # as in the other pictures: a landslide is a triangle


@dataclass(frozen=True)
class Hover:
    """HTML with a description for where it cannot be shown; a notebook cell that ends with one shows it.

    Attributes:
        html: a `figure` element with its style and script.
        alt: what it shows, with its numbers.
    """

    html: str
    alt: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """HTML, and text for readers that show none."""
        return {"text/html": self.html, "text/plain": self.alt}


def hover(
    projection: Projection,
    patches: Patches,
    probabilities: NDArray[np.floating],
    shown: Indices,
    title: str,
    seed: int = 0,
) -> Hover:
    """The map, with red, green and blue, two more bands, ID, label and probability of the patch that is pointed at or has the focus.

    Args:
        projection: the map.
        patches: all patches, labelled.
        probabilities: of a landslide, for all patches, `(N,)`.
        shown: the patches to show; of more than `MOST`, so many are drawn at random.
        title: what is mapped, for the caption.
        seed: of the draw.
    """
    labels = patches.known_labels
    side = balanced(on_own_side(projection, labels, shown), labels[shown]).value
    some = np.random.default_rng(seed).permutation(shown)[:MOST]
    some = some[np.argsort(projection.points[some, 0], kind="stable")]  # arrow keys go from left to right
    alt = (
        f"Projection of {len(some)} of {len(shown)} unseen patches, {title}: {int(labels[some].sum())} with a landslide (triangles);"
        f" the network calls {int((probabilities[some] >= 0.5).sum())} a landslide (filled). Averaged over the classes,"
        f" {side:.0%} of all {len(shown)} lie on their class's side of the line."
    )
    descriptions = [
        f"{patches.ids[i]}: {CLASS_NAMES[labels[i]]}; probability of a landslide {probabilities[i]:.2f}" for i in some
    ]
    low, high = projection.points[some].min(0), projection.points[some].max(0)
    scale = (np.array([WIDTH, HEIGHT]) - 2 * MARGIN) / np.maximum(high - low, 1e-6)
    points = [
        f'<g class="{"yes" if labels[i] else "no"}{" called" if probabilities[i] >= 0.5 else ""}" tabindex="-1" role="img"'
        f' transform="translate({_at(projection.points[i], low, scale)})"><title>{escape(text)}</title>'
        f"{MARKS[labels[i]]}</g>"
        for i, text in zip(some, descriptions, strict=True)
    ]
    boundary = "".join(
        "M" + "L".join(_at(at, low, scale) for at in line) for line in lines(projection, projection.points[some])
    )
    html = (files("landslide_nb") / "chapters" / "c07" / "hover.html").read_text("utf-8")
    fields = {
        "ALT": escape(alt),
        "BOX": f"0 0 {WIDTH} {HEIGHT}",
        "BOUNDARY": boundary,
        "POINTS": "\n".join(points),
        "MOSAIC": base64.b64encode(_mosaic(patches.pixels[some], patches.data_set.bands)).decode(),
        "FIRST": escape(patches.data_set.bands.bands[others(patches.data_set.bands, BESIDE)[0]].title),
        "SECOND": escape(patches.data_set.bands.bands[others(patches.data_set.bands, BESIDE)[1]].title),
        "COLUMNS": str(COLUMNS),
        "ROWS": str(-(-len(some) // COLUMNS)),
    }
    for name, value in fields.items():
        html = html.replace(f"{{{{{name}}}}}", value)
    return Hover(html, alt)


def _at(point: NDArray[np.floating], low: NDArray[np.floating], scale: NDArray[np.floating]) -> str:
    """A place of the map in the SVG, whose y points down."""
    x, y = (point - low) * scale + MARGIN
    return f"{x:.1f} {HEIGHT - y:.1f}"


def _mosaic(pixels: Pixels, bands: BandSet) -> bytes:
    """Red, green and blue, and two more bands of patches `(N, C, H, W)` side by side, `COLUMNS` patches a row, as a WebP picture."""
    tiles = [
        np.concatenate(
            [_small(composite(patch, bands)), *(_small(stretched(patch[[b] * 3])) for b in others(bands, BESIDE))], 1
        )
        for patch in pixels
    ]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[i : i + COLUMNS], 1) for i in range(0, len(tiles), COLUMNS)]
    stream = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(stream, format="webp", quality=45, method=6)
    return stream.getvalue()


def _small(image: NDArray[np.float64]) -> NDArray[np.uint8]:
    whole = Image.fromarray((255 * image).astype(np.uint8))
    return np.asarray(whole.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))
