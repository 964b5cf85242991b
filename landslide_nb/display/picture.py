"""How the book's pictures look, and what they carry: a description for those who cannot see them."""

import base64
import io
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from landslide_nb.common.arrays import Pixels
from landslide_nb.data.bands import BandSet
from landslide_nb.display.wording import spaced

# Okabe and Ito's colours: distinguishable without colour vision. Classes also differ by marker and hatch.
BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
GREEN: Final = "#009E73"
GREY: Final = "#6E6E6E"
CLASS_COLOURS: Final = (BLUE, ORANGE)
CLASS_HATCHES: Final = ("", "///")
CLASS_MARKERS: Final = ("o", "^")
MARKERS: Final = "o^sDvPX*<>hpd8"  # for things that there are more of than colours that everyone can tell apart
CLASS_NAMES: Final = ("no landslide", "landslide")
DPI: Final = 90  # pixels of a page to the inch
SMALLEST: Final = (
    7.2  # points, so that letters are 9 pixels high where a picture has its own size, as on a narrow screen
)
COLOURS: Final = 64  # how many a picture has in the book, and how many of them are greys where images are shown
GREYS: Final = 16
GREYISH: Final = 12  # red, green and blue that differ by no more than this are a grey
STYLE: Final[dict[str, Any]] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
}


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its name, alternative text and caption; a notebook cell that ends with one shows it.

    Attributes:
        figure: the figure.
        name: what cross-references call it, unique in the book.
        alt: what it shows, with its numbers.
        caption: what to look at.
    """

    figure: Figure
    name: str
    alt: str
    caption: str

    def __post_init__(self) -> None:
        """Put a space before each percent sign, and refuse letters that nobody can read.

        Raises:
            ValueError: saying which.
        """
        for name in ("alt", "caption"):
            object.__setattr__(self, name, spaced(getattr(self, name)))
        letters = [text for text in self.figure.findobj(Text) if isinstance(text, Text) and text.get_text()]
        small = [text.get_text() for text in letters if float(text.get_fontsize()) < SMALLEST]
        if small:
            raise ValueError(f"{self.name} has letters smaller than {SMALLEST} points: {small[0]!r}")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        """PNG with its description in the output's metadata, from where `publish.execute.tidy` hands it to the book.

        Lines and letters are drawn at twice the size at which they are shown, so that they are sharp on fine screens; images have pixels
        of their own.
        """
        pixels = any(axis.images for axis in self.figure.axes)
        drawn, stream = io.BytesIO(), io.BytesIO()
        self.figure.savefig(drawn, format="png", dpi=DPI if pixels else 2 * DPI)
        _few_colours(Image.open(drawn).convert("RGB"), pixels).save(stream, format="png", optimize=True)
        described = {"alt": self.alt, "name": self.name, "caption": self.caption}
        described["width"] = f"{round(self.figure.get_figwidth() * DPI)}px"
        return {"image/png": base64.b64encode(stream.getvalue()).decode(), "text/plain": self.alt}, {
            "image/png": described
        }


def _few_colours(image: Image.Image, pixels: bool) -> Image.Image:
    """A picture in colours of its own, so few that it takes a third of the bytes.

    Where images are shown, greys and colours are chosen apart: bands in grey would leave no place for what is coloured.
    """
    if not pixels:
        return image.quantize(COLOURS)
    rgb = np.asarray(image)
    coloured = rgb[np.ptp(rgb, axis=2) > GREYISH]
    palette = [level for grey in np.linspace(0, 255, GREYS).round().astype(int) for level in (int(grey),) * 3]
    if len(coloured):
        palette += Image.fromarray(coloured[None]).quantize(COLOURS - GREYS).getpalette() or []
    known = Image.new("P", (1, 1))
    known.putpalette(palette)
    return image.quantize(palette=known, dither=Image.Dither.NONE)


def panels(
    rows: int, columns: int, width: float = 1.9, height: float = 1.9, **options: Any
) -> tuple[Figure, NDArray[Any]]:
    """A figure and its axes `(rows, columns)`, each panel `width` × `height` inches, in the book's style."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width * columns, height * rows))
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def show_image(axis: Axes, image: NDArray[np.floating], title: str = "", **options: Any) -> None:
    """Draw an image without ticks."""
    axis.imshow(image, interpolation="nearest", **options)
    axis.set(xticks=[], yticks=[])
    axis.set_title(title)


def composite(pixels: Pixels, bands: BandSet) -> NDArray[np.float64]:
    """Red, green and blue of a patch `(C, H, W)` as `(H, W, 3)`, each stretched to its 2nd to 98th percentile.

    A set of bands without these shows its first one in grey.
    """
    return stretched(pixels[list(bands.rgb or (0, 0, 0))])


def stretched(image: Pixels) -> NDArray[np.float64]:
    """Three bands `(3, H, W)` as `(H, W, 3)`, each stretched to its 2nd to 98th percentile: together, haze would tint them blue."""
    pixels = image.transpose(1, 2, 0).astype(np.float64)
    low, high = np.percentile(pixels, (2, 98), axis=(0, 1))
    return np.asarray(np.clip((pixels - low) / np.maximum(high - low, 1e-6), 0, 1))


def others(bands: BandSet, count: int = 1) -> list[int]:
    """The bands that are shown beside a composite: radar where there is some, else near infrared, terrain, or red."""
    places = [bands.find(role) for role in ("vv", "vv_change", "nir", "slope", "red", "green")]
    known = [place for place in places if place is not None]
    return (known + list(range(len(bands))) * count)[:count]
