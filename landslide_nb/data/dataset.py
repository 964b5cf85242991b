"""DataSet: what is to be known of patches besides their pixels. It travels with them, with runs, and with models."""

import json

from pydantic import BaseModel, ConfigDict, Field

from landslide_nb.data.bands import BandSet


class DataSet(BaseModel):
    """A data set as a value.

    Attributes:
        name: short, for file names and tables.
        title: for people.
        bands: of its patches.
        patch_size: pixels a side.
        pixel_metres: the size of a pixel on the ground; None where nobody knows.
        credit: whom to name.
        licence: of the data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    bands: BandSet
    patch_size: int = Field(ge=8)
    pixel_metres: float | None = None
    credit: str = "not stated"
    licence: str = "not stated"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a patch: `(C, H, W)`."""
        return len(self.bands), self.patch_size, self.patch_size

    @classmethod
    def from_json(cls, text: str) -> "DataSet":
        """What `to_json` wrote; raises `ValueError` if it is anything else."""
        return cls.model_validate_json(text)

    def to_json(self) -> str:
        """As text, with sorted names: the same data set gives the same text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)
