"""What may be said about a folder that is converted, and what a source of patches gives back."""

from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from landslide_nb.common.errors import DataError
from landslide_nb.data.bands import RGB
from landslide_nb.data.hdf5 import Part

UNITS = ("DN", "dB", "8 bit", "relative", "m", "°")


class Options(BaseModel):
    """How images with masks become patches. Which of these apply is each source's `OPTIONS`.

    Attributes:
        patch: pixels a side of the squares that images are cut into.
        positive_share: the share of landslide pixels from which on a patch is positive; it is negative with none, left out between.
        positive_rate: the share of positive patches to which the class that is too frequent is thinned; None thins nothing.
        seed: of the thinning.
        bands: the images' bands by role, in order.
        unit: of all bands, or of each; empty for "8 bit" in PNG and "relative" for floating-point numbers elsewhere.
        keys: the names of image and mask in an HDF5 file; empty where each file holds one array.
        block: how many consecutive image numbers are one group.
        regions: the first image number of each further region, in rising order; empty where regions are not known.
        nodata: the value that stands for no data; patches that have it are left out. None where nobody said one.
        title: of the data set.
        credit: whom to name.
        licence: of the data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patch: int = Field(64, ge=8)
    positive_share: float = Field(0.01, ge=0, le=1)
    positive_rate: float | None = Field(None, gt=0, lt=1)
    seed: int = Field(42, ge=0)
    bands: tuple[str, ...] = Field(RGB, min_length=1)
    unit: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    block: int = Field(40, ge=1)
    regions: tuple[int, ...] = ()
    nodata: float | None = None
    title: str | None = None
    credit: str | None = None
    licence: str | None = None

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Options as they are said; lists may be text with commas, and None leaves one as it is.

        Raises:
            DataError: naming the option, its value and what is expected.
        """
        try:
            return cls(**{name: value for name, value in values.items() if value is not None})
        except ValidationError as error:
            first = error.errors()[0]
            name, expected = (
                str(first["loc"][0]),
                first["msg"].removeprefix("Value error, ").removeprefix("Input should be "),
            )
            raise DataError(f"--{name.replace('_', '-')} is {first['input']!r}; expected {expected}") from None

    @field_validator("bands", "unit", "keys", "regions", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value

    @field_validator("bands")
    @classmethod
    def _distinct(cls, bands: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(bands)) < len(bands):
            raise ValueError("each band once")
        return bands

    @field_validator("unit")
    @classmethod
    def _known(cls, units: tuple[str, ...]) -> tuple[str, ...]:
        if not set(units) <= set(UNITS):
            raise ValueError(f"one, or one for each band, of {', '.join(UNITS)}")
        return units

    @field_validator("keys")
    @classmethod
    def _two(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if len(keys) not in (0, 2):
            raise ValueError("two names, of the image and of the mask")
        return keys

    @field_validator("regions")
    @classmethod
    def _rising(cls, firsts: tuple[int, ...]) -> tuple[int, ...]:
        if list(firsts) != sorted({first for first in firsts if first > 1}):
            raise ValueError("rising numbers above 1")
        return firsts


class Found(NamedTuple):
    """What a source makes of a folder.

    Attributes:
        parts: by name; their pixels are read when they are asked for.
        notes: what a user has to know of it, a sentence each: what was left out, and why.
    """

    parts: dict[str, Part]
    notes: tuple[str, ...] = ()


def without_data(count: int, nodata: float | None) -> str:
    """What a user has to know of patches that were left out since some of their pixels have no data."""
    return f"left out: {count} patches with pixels without data ({nodata:g})"
