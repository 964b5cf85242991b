"""The pictures of the page for those in a hurry: taken from the executed chapters, so that none is there twice by hand."""

from collections.abc import Mapping
from typing import Final

from landslide_nb.display.wording import what_of
from landslide_nb.publish.executed import Chapter

PICTURES: Final = {  # by name, the chapter that shows each
    "fig-bands-positive": "01",
    "fig-family": "02",
    "fig-ablations": "05",
    "fig-heads": "06",
    "fig-umap": "07",
    "fig-occlusion": "08",
    "fig-holds": "10",
    "fig-maps": "11",
}
INCLUDE: Final = "hurry.txt"
KNOWN: Final = {"fig-bands-positive": "cover.png", "fig-holds": "answer.png"}  # the front page shows these too


def file(name: str) -> str:
    """The file of a picture, beside the chapters."""
    return KNOWN.get(name, f"{name}.png")


def pictures(of: Mapping[str, Chapter]) -> dict[str, bytes]:
    """Each picture as PNG, by its file.

    Raises:
        ChapterError: if a chapter lacks one.
    """
    return {file(name): of[number].picture(name)[0] for name, number in PICTURES.items()}


def include(of: Mapping[str, Chapter]) -> str:
    """All pictures as MyST, each between its own marks, to be included one by one from a page above the chapters."""
    return "\n".join(_marked(name, of[number]) for name, number in PICTURES.items())


def _marked(name: str, chapter: Chapter) -> str:
    """A figure that leads to its place in the chapter; its label is its own, since the chapter has the picture's."""
    about = chapter.picture(name)[1]
    stem, caption = chapter.path.stem, about["caption"]
    # A picture may be drawn finer than it is shown.
    width = f":width: {about['width']}\n" if "width" in about else ""
    caption += what_of(caption, chapter.study.source)
    return f"""<!-- {name} -->

```{{figure}} chapters/{file(name)}
:name: hurry-{name.removeprefix("fig-")}
:alt: {about["alt"]}
:target: chapters/{stem}.html#{name}
{width}
{caption} From {{doc}}`chapters/{stem}`.
```

<!-- end -->
"""
