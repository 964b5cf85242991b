"""Study: the typed parameters of everything, the editions, and the paper's published numbers."""

import difflib
import hashlib
import inspect
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import pandas as pd
from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from landslide_nb.data import marginals, render, simulate, statistics, zindi
from landslide_nb.data.folds import Split, split
from landslide_nb.data.patches import Patches
from landslide_nb.errors import StudyError
from landslide_nb.models.backbones import Stem, check_name
from landslide_nb.models.settings import Settings
from landslide_nb.store import store

SIMULATED = "simulated"
TWINS = "statistics:"
RESOURCES = files("landslide_nb")
EDITIONS = tuple(sorted(entry.name.removesuffix(".toml") for entry in (RESOURCES / "editions").iterdir()))


class Study(Settings):
    """All parameters of a study: those of a run (`Settings`), its data, and what the chapters compare."""

    edition: str = Field(description="which file of parameters this started from")
    note: str = Field(description="what a reader has to know of the edition's numbers")
    data: str = Field(
        SIMULATED,
        description="`simulated`, a challenge folder, an HDF5 file made by `landslide-nb convert`, or"
        " `statistics:TABLE`: a patch rendered for each row of a table of real statistics, with its real label",
    )
    simulated_patches: int = Field(ge=8, description="how many patches are simulated, test part included")
    n_test: int = Field(ge=0, description="patches held out for the test; 0: out-of-fold scores only")
    folds: int = Field(ge=2, description="folds of cross-validation")
    data_seed: int = Field(42, ge=0, description="of simulation, hold-out split and folds")
    smote_per_patch: int = Field(5, ge=1, description="synthetic patches for each landslide patch, in rows with SMOTE")
    backbones: dict[str, str] = Field(description="chapter 04: each backbone and its weights")
    decur: str | None = Field(
        None, description="chapter 04: a file of DeCUR's ResNet-50 weights; without one its row is left out"
    )
    longer: int = Field(
        1, ge=1, description="chapters 05 and 10: how many times as long Table 2 is trained once more; 1: not at all"
    )
    missing_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.25, description="chapter 09: the modality dropout of those networks that have it"
    )
    svm_c: Annotated[tuple[float, ...], Field(strict=False)] = Field(
        (10.0, 1.0, 0.75, 0.5, 0.1, 0.01), description="chapter 06: the SVM's C; the paper has 1, 0.75, 0.5 and 0.1"
    )
    resamples: int = Field(ge=100, description="bootstrap resamples of an interval")
    statistics: str | None = Field(
        None, description="chapters 01, 06 and 08: a table of real statistics, to show beside"
    )
    patch: str | None = Field(None, description="chapter 01: a real patch (.npy), to show beside")

    @classmethod
    def load(cls, edition: str = "smoke", data: str = SIMULATED, **overrides: Any) -> Self:
        """An edition's parameters with some changed; None leaves one as it is.

        Args:
            edition: "smoke", "lite" or "paper".
            data: where the patches come from.
            overrides: parameters by name.

        Raises:
            StudyError: naming the unknown edition or parameter, or the value of the wrong type or range; for the scope of
                SMOTE that leaks.
        """
        if edition not in EDITIONS:
            raise StudyError(f"edition is {edition!r}; expected one of {', '.join(EDITIONS)}")
        if overrides.get("smote_scope") == "before_split":
            raise StudyError(
                "smote_scope 'before_split' would leak in every chapter; only `study.before_split()` has it, which chapter 02 shows"
            )
        base = tomllib.loads((RESOURCES / "editions" / f"{edition}.toml").read_text())
        changed = {name: value for name, value in overrides.items() if value is not None}
        return cls._checked(base | {"edition": edition, "data": data} | changed)

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> Self:
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise StudyError(_sentence(error.errors()[0])) from None

    def but(self, **changes: Any) -> Self:
        """The same study with some parameters changed, checked again."""
        return self._checked(self.model_dump() | changes)

    @field_validator("backbones")
    @classmethod
    def _known_backbones(cls, names: dict[str, str]) -> dict[str, str]:
        for name in names:
            check_name(name)
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
    def twins(self) -> bool:
        """Whether the patches are statistical twins: real statistics and labels, simulated pixels."""
        return self.data.startswith(TWINS)

    @property
    def source(self) -> str:
        """What the patches are, for titles and tables."""
        return "simulated patches" if self.simulated else "statistical twins" if self.twins else "the given patches"

    def patches(self) -> Patches:
        """The labelled patches; simulated ones and twins are made once and kept.

        Raises:
            DataError: if `data` names no folder, file or table.
        """
        if self.simulated:
            return self._kept(simulate.draw(self.simulated_patches, self.data_seed))
        if self.twins:
            return self._kept(statistics.read(self.data.removeprefix(TWINS)))
        return zindi.read(self.data)[0] if Path(self.data).is_dir() else Patches.read(self.data)

    def _kept(self, rows: pd.DataFrame) -> Patches:
        """The patches of these rows, from the store where they are there."""
        sources = "".join(map(inspect.getsource, (render, marginals))).encode()
        key = hashlib.sha256(sources + rows.to_csv().encode() + str(self.data_seed).encode()).hexdigest()[:16]
        kept = store() / "data" / f"rendered-{key}.h5"
        if not kept.is_file():
            render.render(rows, self.data_seed).write(kept)
        return Patches.read(kept)

    def split(self, patches: Patches) -> Split:
        """Who trains, who validates, who is held out."""
        return split(patches.known_labels, self.n_test, self.folds, self.data_seed)

    def ablations(self) -> dict[str, Self]:
        """The rows of the paper's Table 2 as studies; image sizes in the table's proportions."""
        table = published("table2")
        base = table["size"].iloc[0]
        return {
            row["row"]: self.but(
                image_size=round(self.image_size * row["size"] / base),
                smote=self.smote_per_patch if row["smote"] else 0,
                **{name: row[name] for name in ("channels", "mixup", "cutmix", "schedule", "scaling")},
            )
            for row in table.to_dict("records")
        }

    def longer_ablations(self) -> dict[str, Self]:
        """The same rows with `longer` times the epochs, to see what the budget decides; none where `longer` is 1."""
        if self.longer == 1:
            return {}
        return {row: study.but(epochs=self.longer * self.epochs) for row, study in self.ablations().items()}

    def baseline(self) -> Self:
        """The first row of Table 2."""
        return next(iter(self.ablations().values()))

    def best(self) -> Self:
        """The last row of Table 2: the paper's best network, whose embeddings Table 3 gives to the heads."""
        return list(self.ablations().values())[-1]

    def before_split(self) -> Self:
        """The best network with SMOTE before the split, which leaks: chapter 02 shows by how much, nothing else may use it."""
        return self.best().but(smote_scope="before_split")

    def by_backbone(self) -> dict[str, Self]:
        """The baseline with each backbone of the edition's list, and with DeCUR's weights where there is a file of them."""
        base = self.baseline()
        rows = {name: base.but(backbone=name, weights=weights) for name, weights in self.backbones.items()}
        return rows | ({"resnet50, DeCUR": base.but(backbone="resnet50", weights=self.decur)} if self.decur else {})

    def by_pretraining(self) -> dict[str, Self]:
        """The baseline's network from random weights, and the baseline."""
        base = self.baseline()
        return {"none": base.but(weights="none"), base.weights: base}

    def by_stem(self) -> dict[str, Self]:
        """The baseline, whose first filters are timm's repeated ones, and with the other stems."""
        base = self.baseline()
        return {stem: base.but(stem=stem) for stem in get_args(Stem)}

    def by_modality(self) -> dict[str, Self]:
        """Chapter 09: one stem for all bands and an encoder for each modality, each without and with modality dropout.

        All stems start at random, so that no encoder of radar starts from filters for colours; nothing else is changed from the
        baseline.
        """
        one = self.baseline().but(stem="random")
        multi, shared = (one.but(backbone=f"{kind}:{self.backbone}") for kind in ("multi", "multi(shared)"))
        dropout = {"modality_dropout": self.missing_rate}
        return {
            "one stem": one,
            "one stem, dropout": one.but(**dropout),
            "encoders": multi,
            "encoders, dropout": multi.but(**dropout),
            "encoders, passes share": shared,
        }

    def contenders(self) -> dict[str, Self]:
        """The networks that chapter 09 puts together: the baseline, those by modality, and every other backbone."""
        others = {name: study for name, study in self.by_backbone().items() if name != self.backbone}
        return {"baseline": self.baseline()} | self.by_modality() | others

    def experiments(self) -> dict[str, Self]:
        """Every study that the chapters ask runs of, once, under one of its names."""
        named = self.ablations() | self.by_backbone() | {"SSIM-SMOTE before the split": self.before_split()}
        named |= {f"weights {name}": study for name, study in self.by_pretraining().items()}
        named |= {f"stem {name}": study for name, study in self.by_stem().items()}
        named |= self.by_modality()
        named |= {f"{name}, {study.epochs} epochs": study for name, study in self.longer_ablations().items()}
        distinct = {study.settings.model_dump_json(): (name, study) for name, study in reversed(named.items())}
        return dict(reversed(distinct.values()))

    def _repr_markdown_(self) -> str:
        kind = f"Patches from `{Path(self.data).name}`."
        if self.twins:
            kind = (
                f"**Statistical twins.** Each patch has the statistics and the label of a real one in"
                f" `{Path(self.data).name}`; where things lie in it is simulated."
            )
        if self.simulated:
            kind = "**Simulated patches.**"
        return f"> {kind} {self.note}"


def published(table: Literal["table1", "table2", "table3"]) -> pd.DataFrame:
    """A table of the paper, as printed there."""
    with (RESOURCES / "paper" / f"{table}.csv").open() as stream:
        return pd.read_csv(stream)


def _sentence(error: ErrorDetails) -> str:
    """One sentence for the first of pydantic's complaints."""
    name, value = ".".join(map(str, error["loc"])), error["input"]
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Study.model_fields, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(Study.model_fields)}"
        return f"unknown parameter {name!r}; {hint}"
    if error["type"] == "missing":
        return f"parameter {name!r} is missing"
    expected = error["msg"].removeprefix("Input should be ")
    return f"parameter {name!r} is {value!r} ({type(value).__name__}); expected {expected}"
