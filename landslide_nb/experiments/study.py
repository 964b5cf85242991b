"""Study: the typed parameters of everything, and the editions."""

import csv
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from landslide_nb.common.errors import StudyError
from landslide_nb.common.seeds import LARGEST_SEED
from landslide_nb.experiments import study_texts as texts
from landslide_nb.experiments.study_texts import PUBLISHED, SIMULATED, TWINS
from landslide_nb.models.names import check_name
from landslide_nb.training.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from landslide_nb.data.labelled import Labelled
    from landslide_nb.data.patches import Patches
    from landslide_nb.data.splits import Split

PUBLISHED_EDITION = "real"  # whose runs are published
OF_BANDS = ("bands", "channels")  # kinds of error that depend on what the patches are
RESOURCES = files("landslide_nb") / "experiments"
EDITIONS = tuple(sorted(entry.name.removesuffix(".toml") for entry in (RESOURCES / "editions").iterdir()))


class Study(Settings):
    """All parameters of a study: those of a run (`Settings`), its data, and what the chapters compare."""

    edition: str = Field(description="which file of parameters this started from")
    note: str = Field(description="what a reader has to know of the edition's numbers")
    data: str = Field(
        SIMULATED,
        description="`simulated`, a challenge folder, an HDF5 file made by `landslide-nb convert`, `published`: real landslides, of which"
        " networks' predictions are published and pixels are not, or `statistics:TABLE`: a patch rendered for each row of a table of real"
        " statistics, with its real label",
    )
    simulated_patches: int = Field(ge=8, description="how many patches are simulated, test part included")
    n_test: int = Field(ge=0, description="patches held out for the test; 0: out-of-fold scores only")
    test_region: str | None = Field(
        None, description="hold out all patches of this region for the test, instead of `n_test` patches"
    )
    split: Literal["blocks", "random"] = Field(
        "blocks",
        description="`blocks`: neighbours on the ground stay in one part, where the patches say who is one; `random` cuts them,"
        " only to show what that flatters by",
    )
    folds: int = Field(ge=2, description="folds of cross-validation")
    data_seed: int = Field(42, ge=0, le=LARGEST_SEED, description="of simulation, hold-out split and folds")
    smote_per_patch: int = Field(
        5, ge=0, description="synthetic patches for each landslide patch, in rows with SMOTE; 0: no such rows"
    )
    backbones: dict[str, str] = Field(description="chapter 04: each backbone and its weights")
    decur: str | None = Field(
        None, description="chapter 04: a file of DeCUR's ResNet-50 weights; without one its row is left out"
    )
    left_out: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        (),
        description="experiments that are not trained, for want of time; the tables do without them. Any row of Table 2 but the first"
        " and the last, and any network by modality but `one stem`",
    )
    missing_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.25, description="chapter 09: the modality dropout of those networks that have it"
    )
    svm_c: Annotated[tuple[float, ...], Field(strict=False)] = Field(
        (10.0, 1.0, 0.75, 0.5, 0.1, 0.01), description="chapter 06: the SVM's C; the paper has 1, 0.75, 0.5 and 0.1"
    )
    resamples: int = Field(ge=100, description="bootstrap resamples of an interval")
    statistics: str | None = Field(None, description="chapters 01, 06 and 08: a table of real statistics, shown beside")
    patch: str | None = Field(
        None, description="chapter 01: a real patch (.npy), or an HDF5 file of several, shown beside"
    )

    scene: str | None = Field(
        None,
        description="chapter 11: a scene after an event, a GeoTIFF or a folder with B2.tif, B3.tif and B4.tif; a made one if none",
    )
    scene_before: str | None = Field(None, description="chapter 11: the same place before the event")
    places: str | None = Field(None, description="chapter 11: a table of places with lon, lat and annotated_pixels")
    model: str | None = Field(
        None, description="chapter 11: a folder of `landslide-nb export`; the published model if none"
    )

    @classmethod
    def load(cls, edition: str = "smoke", data: str | None = None, **overrides: Any) -> Self:
        """An edition's parameters with some changed; None leaves one as it is.

        Args:
            edition: "smoke", "lite", "real" or "paper"; of published data it is that which is published.
            data: where the patches come from; None: as the edition has it, simulated in most.
            overrides: parameters by name.

        Raises:
            StudyError: naming the unknown edition or parameter, or the value of the wrong type or range; for the scope of
                SMOTE that leaks; for what the data's bands do not allow.
            DataError: if `data` is there and cannot be read.
        """
        for name, value in {"data": data, **overrides}.items():
            if isinstance(value, str) and not value.strip():
                raise StudyError(f"parameter {name!r} is empty; give a value, or leave it out")
        if data == PUBLISHED and edition in EDITIONS:
            edition = PUBLISHED_EDITION
        if edition not in EDITIONS:
            raise StudyError(f"edition is {edition!r}; expected one of {', '.join(EDITIONS)}")
        for name, value in {"data": data, **overrides}.items():
            if isinstance(value, str) and not value.removeprefix(TWINS).strip():  # the folder that one is in, as a path
                raise StudyError(f"parameter {name!r} is empty; give it a value, or leave it out")
        if overrides.get("smote_scope") == "before_split":
            raise StudyError(
                "smote_scope 'before_split' would leak in every chapter; only `grids.before_split(study)` has it, which chapter 02 shows"
            )
        if "data_set" in overrides:
            raise StudyError("unknown parameter 'data_set'; what the patches are is known from `data`")
        base = tomllib.loads((RESOURCES / "editions" / f"{edition}.toml").read_text("utf-8"))
        known = cls.model_fields
        changed = {name: value for name, value in overrides.items() if value is not None or name not in known}
        values = {"data": SIMULATED} | base | {"edition": edition} | ({} if data is None else {"data": data}) | changed
        cls._check_early(values)
        return cls._checked(values | {"data_set": texts.data_set_of(values["data"])})

    @classmethod
    def _check_early(cls, values: Mapping[str, Any]) -> None:
        """Refuse what is wrong whatever the bands are, before data are looked at, which takes seconds to import."""
        try:
            cls.model_validate(dict(values))
        except ValidationError as error:
            if wrong := [it for it in error.errors() if it["type"] not in OF_BANDS]:
                raise StudyError(texts.sentence(wrong[0], tuple(cls.model_fields))) from None
        except StudyError:  # of a backbone, which the bands may decide: it is said when they are known
            return

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> Self:
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise StudyError(texts.sentence(error.errors()[0], tuple(cls.model_fields))) from None

    def replace(self, **changes: Any) -> Self:
        """The same study with some parameters changed, checked again."""
        return self._checked(self.model_dump() | changes)

    @field_validator("backbones")
    @classmethod
    def _known_backbones(cls, names: dict[str, str]) -> dict[str, str]:
        for name in names:
            check_name(name)
        return names

    @field_validator("left_out")
    @classmethod
    def _known_experiments(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := sorted(set(names) - set(optional())):
            raise PydanticCustomError(
                "left_out",
                "no experiment that can be left out is called {name}; such are {known}",
                {"name": repr(wrong[0]), "known": "; ".join(optional())},
            )
        return names

    @property
    def settings(self) -> Settings:
        """The parameters that determine a training run, without the rest."""
        return Settings(**{name: getattr(self, name) for name in Settings.model_fields})

    @property
    def simulated(self) -> bool:
        """Whether the patches are simulated, statistics and all."""
        return self.data == SIMULATED

    @property
    def published(self) -> bool:
        """Whether only predictions are there, and no pixels."""
        return self.data == PUBLISHED

    @property
    def twins(self) -> bool:
        """Whether the patches are statistical twins: real statistics and labels, simulated pixels."""
        return self.data.startswith(TWINS)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files and folders that a study reads."""
        named = (
            None if self.simulated or self.published else self.data.removeprefix(TWINS),
            self.statistics,
            self.patch,
        )
        return tuple(Path(name) for name in named if name)

    @property
    def source(self) -> str:
        """What the patches are, for titles and tables."""
        kinds = {SIMULATED: "simulated patches", PUBLISHED: "real landslides"}
        return kinds.get(self.data, "statistical twins" if self.twins else "the given patches")

    def patches(self) -> "Patches":
        """The labelled patches; simulated ones and twins are made once and kept (`experiments.data`).

        Raises:
            DataError: if `data` names no folder, file or table.
        """
        from landslide_nb.experiments import data  # noqa: PLC0415 - parameters are checked without what patches need

        return data.patches(self)

    def labelled(self) -> "Labelled":
        """What is known of the patches besides their pixels: all that scores need.

        Raises:
            DataError: as `patches` does.
        """
        from landslide_nb.experiments import data  # noqa: PLC0415

        return data.labelled(self)

    def splits(self, patches: "Patches | Labelled") -> "Split":
        """Who trains, who validates, who is held out."""
        from landslide_nb.experiments import data  # noqa: PLC0415

        return data.split(self, patches)

    def real_statistics(self) -> "pd.DataFrame | None":
        """The table of real statistics, if one was given and these patches have the same bands."""
        from landslide_nb.experiments import data  # noqa: PLC0415

        return data.real_statistics(self)

    def real_patches(self) -> "Patches | None":
        """The real patches to show beside, if any were given and these patches have the same bands."""
        from landslide_nb.experiments import data  # noqa: PLC0415

        return data.real_patches(self)

    def _repr_markdown_(self) -> str:
        return f"> {texts.described(self)} {self.note}"


def optional() -> tuple[str, ...]:
    """The experiments that an edition may leave out: nothing else is compared with them."""
    with (RESOURCES / "paper" / "table2.csv").open(encoding="utf-8") as stream:
        rows = [row["row"] for row in csv.DictReader(stream)]
    return (*rows[1:-1], "one stem, dropout", "encoders", "encoders, dropout", "encoders, passes share")
