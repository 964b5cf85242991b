"""Chapter 11: the scene with its map over it, to move about in; one piece of HTML that asks no host for anything."""

import base64
import io
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any, Final

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from landslide_nb.chapters.c11.scenes import Event, Mapped

QUALITY: Final = 70


@dataclass(frozen=True)
class Pan:
    """What a notebook cell that ends with one shows.

    Attributes:
        html: a `figure` element with its style and script.
        alt: what it shows.
    """

    html: str
    alt: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.alt}


def pan(event: Event) -> Pan:
    """The scene after the event with both maps over it, each as transparent as a slider says."""
    title = escape(event.title)
    page = (files("landslide_nb") / "chapters" / "c11" / "pan.html").read_text("utf-8")
    html = page.format(
        label=f"Map of the {title}; scroll to move",
        title=title,
        width=event.after.image.shape[1],
        scene=_jpeg(event.after.image),
        scene_alt=f"The {title} after the event, in natural colours",
        before=_png(event.before),
        before_alt="Probability of a landslide in each cell before the event",
        after=_png(event.after),
        after_alt="Probability of a landslide in each cell after the event",
    )
    return Pan(html, f"The {title} with its maps over it, and a slider for each.")


def _jpeg(image: NDArray[np.float64]) -> str:
    stream = io.BytesIO()
    Image.fromarray((np.nan_to_num(image, nan=0.9) * 255).astype(np.uint8)).save(stream, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _png(mapped: Mapped) -> str:
    """A cell is a pixel; transparent where there is no data."""
    colours = colormaps["viridis"](np.nan_to_num(mapped.probability))
    colours[..., 3] = np.isfinite(mapped.probability)
    stream = io.BytesIO()
    Image.fromarray((colours * 255).astype(np.uint8)).save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
