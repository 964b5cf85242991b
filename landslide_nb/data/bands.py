"""Bands by role and modality, and band sets: what a data set's patches are made of, and what can be derived from them.

Code asks for a band by its role (`red`, `vv`, `slope`) and for a group by its modality, never by a position or a number of bands.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from landslide_nb.common.errors import DataError
from landslide_nb.data.derived import DERIVED, offered

OPTICAL: Final = "optical"
PASSES: Final = ("descending", "ascending")  # of the radar
LEVELS: Final = ("bands", "indices", "edges")  # the channels that every band set offers, by what each level adds
RGB: Final = ("red", "green", "blue")
Places = tuple[int, ...]
Range = tuple[float, float]
# What a value can be, by unit, and by role where that says more: wide enough for any scaling, sensor and resampling that is met,
# narrow enough that what stands for "no data" (-9999, -32768, float32's minimum) is not taken for a measurement.
PLAUSIBLE: Final[dict[str, Range]] = {
    "DN": (-5_000, 70_000),  # 16 bits, and an offset
    "dB": (-200, 200),
    "8 bit": (-64, 320),  # resampling swings beyond 0 and 255
    "relative": (-5_000, 100_000),  # reflectance in DN, too, where nobody said the unit
    "m": (-1_000, 10_000),
    "°": (-360, 360),
}
SLOPE: Final[Range] = (-10, 100)  # degrees, with what resampling adds at the ends
ANY: Final[Range] = (-1e30, 1e30)  # of a unit that is not known


class Band(BaseModel):
    """One band of a patch.

    Attributes:
        name: the short name, as in the columns of statistics.
        title: the name for people.
        unit: "DN" (reflectance × 10,000), "dB", "8 bit" (0 to 255), "relative" (about 1 on average), "m" or "°".
        role: what it shows: `red`, `nir`, `vv`, `vv_change`, `slope` …
        modality: the sensor and pass that saw it: optical, descending, ascending, terrain …
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    unit: str
    role: str
    modality: str = OPTICAL

    @property
    def plausible(self) -> Range:
        """The lowest and the highest value that can have been measured."""
        return SLOPE if (self.role, self.unit) == ("slope", "°") else PLAUSIBLE.get(self.unit, ANY)

    @property
    def is_change(self) -> bool:
        """Whether it is a difference of two acquisitions."""
        return self.role.endswith("_change")


class Channel(NamedTuple):
    """What a network sees: a band, or a channel that is derived from bands.

    Attributes:
        name: the short name.
        role: of a band; the name of what is derived.
        modalities: of all bands that it comes from.
    """

    name: str
    role: str
    modalities: tuple[str, ...]


class BandSet(BaseModel):
    """The bands of a data set, in order.

    Attributes:
        bands: at least one; no two of the same name, or of the same role and modality.
        derived: the names of the channels that each further level of `LEVELS` adds; by default what the bands allow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bands: tuple[Band, ...]
    derived: tuple[tuple[str, ...], ...] | None = None

    @field_validator("bands")
    @classmethod
    def _distinct(cls, bands: tuple[Band, ...]) -> tuple[Band, ...]:
        names, roles = [band.name for band in bands], [(band.role, band.modality) for band in bands]
        if not bands or len(set(names)) < len(names) or len(set(roles)) < len(roles):
            raise ValueError(
                f"bands must be distinct in name, and in role and modality; they are {', '.join(names) or 'none'}"
            )
        return bands

    @model_validator(mode="before")
    @classmethod
    def _derived(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("derived") is None:
            bands = [band if isinstance(band, Band) else Band.model_validate(band) for band in values.get("bands", ())]
            return values | {"derived": offered([(band.role, band.modality) for band in bands])}
        return values

    def __len__(self) -> int:
        """The number of bands."""
        return len(self.bands)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The short names, in order."""
        return tuple(band.name for band in self.bands)

    @cached_property
    def plausible(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The lowest plausible value of each band, and the highest."""
        each = [band.plausible for band in self.bands]
        return tuple(low for low, _ in each), tuple(high for _, high in each)

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """The modalities, in the order of the bands."""
        return tuple(dict.fromkeys(band.modality for band in self.bands))

    def places(self, chosen: Callable[[Band], bool]) -> Places:
        """The positions of the bands for which something is true."""
        return tuple(place for place, band in enumerate(self.bands) if chosen(band))

    def find(self, role: str, modality: str | None = None) -> int | None:
        """The position of the band of a role (and modality); None if there is none."""
        return next(iter(self.places(lambda b: b.role == role and modality in (None, b.modality))), None)

    def place(self, role: str, modality: str | None = None) -> int:
        """The position of the band of a role.

        Raises:
            DataError: if there is none.
        """
        if (position := self.find(role, modality)) is None:
            roles = ", ".join(dict.fromkeys(band.role for band in self.bands))
            raise DataError(f"there is no band of the role {role!r} here; there are {roles}")
        return position

    def of_modality(self, modality: str) -> Places:
        """The positions of a modality's bands."""
        return self.places(lambda band: band.modality == modality)

    @cached_property
    def optical(self) -> Places:
        """The positions of the optical bands."""
        return self.of_modality(OPTICAL)

    @cached_property
    def radar(self) -> Places:
        """The positions of the bands of either pass."""
        return self.places(lambda band: band.modality in PASSES)

    @cached_property
    def change(self) -> Places:
        """The positions of differences of two radar acquisitions."""
        return self.places(lambda band: band.modality in PASSES and band.is_change)

    def unchanged(self, place: int) -> int | None:
        """The position of the band whose change a band is; None if it is not there."""
        band = self.bands[place]
        return self.find(band.role.removesuffix("_change"), band.modality) if band.is_change else None

    @cached_property
    def backscatter(self) -> Places:
        """The positions of radar bands that are no differences."""
        return self.places(lambda band: band.modality in PASSES and not band.is_change)

    @cached_property
    def rgb(self) -> Places | None:
        """The positions of red, green and blue; None where one is missing."""
        places = [self.find(role) for role in RGB]
        return None if None in places else tuple(place for place in places if place is not None)

    @cached_property
    def groups(self) -> dict[str, Places]:
        """Bands that go together, by name; groups without a band are left out."""
        groups = {OPTICAL: self.optical, "SAR": self.radar} | {of: self.of_modality(of) for of in self.modalities}
        groups |= {"backscatter": self.backscatter, "Δ": self.change}
        return {name: places for name, places in groups.items() if places}

    @cached_property
    def kinds(self) -> dict[str, Places]:
        """The bands by kind of measurement: optical, backscatter, Δ, and other modalities; each band once."""
        others = {of: self.of_modality(of) for of in self.modalities if of not in (OPTICAL, *PASSES)}
        kinds = {OPTICAL: self.optical, "backscatter": self.backscatter, "Δ": self.change} | others
        return {name: places for name, places in kinds.items() if places}

    @cached_property
    def other_pass(self) -> Places | None:
        """For each band its counterpart in the other pass, itself where it is no radar's; None without two equal passes."""
        swapped = dict(zip(PASSES, reversed(PASSES), strict=True))
        places = [self.find(band.role, swapped.get(band.modality, band.modality)) for band in self.bands]
        return None if not self.radar or None in places else tuple(place for place in places if place is not None)

    @cached_property
    def levels(self) -> dict[str, int]:
        """How many channels each of `LEVELS` has; a level that adds nothing is left out."""
        counts = {LEVELS[0]: len(self.bands)}
        for level, names in zip(LEVELS[1:], self.derived or (), strict=False):
            counts |= {level: list(counts.values())[-1] + len(names)} if names else {}
        return counts

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many channels there can be."""
        return tuple(self.levels.values())

    def channels(self, count: int) -> tuple[Channel, ...]:
        """The first `count` channels: bands, then derived ones."""
        bands = [Channel(band.name, band.role, (band.modality,)) for band in self.bands]
        names = (name for level in self.derived or () for name in level)
        return (*bands, *(Channel(name, name, DERIVED[name].modalities) for name in names))[:count]

    def by_modality(self, count: int) -> dict[str, Places]:
        """Which of the first `count` channels come from each modality's bands alone."""
        seen = self.channels(count)
        return {of: tuple(i for i, channel in enumerate(seen) if channel.modalities == (of,)) for of in self.modalities}
