"""What determines a training run, but for its data and fold."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from landslide_nb.common.seeds import LARGEST_SEED
from landslide_nb.data.bands import Channel
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.dataset import DataSet
from landslide_nb.models.names import Stem, check_bands, check_name

Unit = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """All parameters that determine a training run, but the data and the fold. Defaults are the paper's baseline."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    data_set: Annotated[DataSet, Field(strict=False)] = Field(
        CHALLENGE, description="what the patches are: bands, size, credit; known from the data"
    )
    backbone: str = Field(
        "tf_efficientnetv2_l.in21k_ft_in1k",
        description="a timm model, `unet:` and a timm encoder, or `multi:` and a timm model: one for each modality",
    )
    weights: str = Field("imagenet", description="`imagenet`, `none`, or a weights file")
    stem: Stem = Field("repeat", description="what the first convolution starts from: `repeat`, `aware`, `random`")
    image_size: int = Field(256, ge=16, le=1024, description="pixels a side after resizing")
    channels: int = Field(
        "bands",
        description="how many: `bands`, or with derived channels `indices` or `edges`; of the challenge 12, 20 or 28",
        validate_default=True,
    )
    scaling: Literal["standard", "robust"] = Field("standard", description="scaling, fitted on training patches")
    smote: int = Field(0, ge=0, description="synthetic patches for each landslide patch of the training fold")
    smote_ratio: float | None = Field(
        None, gt=0, description="landslide patches over others after SMOTE, instead of a number for each; 1.0: balanced"
    )
    smote_scope: Literal["inside_fold", "before_split"] = Field(
        "inside_fold",
        description="`before_split` is wrong: it leaks validation patches into training, which chapter 02 shows",
    )
    smote_neighbours: int = Field(5, ge=1, description="k of SSIM-SMOTE")
    smote_method: Literal["exact", "approximate"] = Field(
        "exact", description="how SSIM-SMOTE looks for neighbours; `approximate` is for large sets"
    )
    smote_alpha: float = Field(1.0, gt=0, description="α of the Beta distribution of SMOTE's weights")
    smote_beta: float = Field(1.0, gt=0, description="β of the Beta distribution of SMOTE's weights")
    colour: Unit = Field(0.2, description="strength of noise, brightness, contrast, saturation")
    geometry: Unit = Field(0.2, description="strength of shift, shear and rotation")
    cutmix: bool = Field(False, description="CutMix; with Mixup too, each batch takes one of them")
    mixup: bool = Field(False, description="Mixup")
    mixup_alpha: float = Field(1.0, gt=0, description="α of Mixup's Beta(α, α)")
    physical: bool = Field(
        False,
        description="augment as the radar's two passes allow: flips exchange them, no turns, Mixup in linear power",
    )
    modality_dropout: Unit = Field(
        0.0, description="the chance that a sample trains without its optical bands, likewise without each radar pass"
    )
    epochs: int = Field(50, ge=1, description="passes over the training rows")
    batch_size: int = Field(36, ge=2, description="samples of a batch, which the processes of a run share")
    accumulate: int = Field(1, ge=1, description="batches whose gradients are gathered for one step of the optimizer")
    learning_rate: float = Field(3e-4, gt=0, description="initial learning rate of Adam")
    schedule: Literal["none", "step", "cosine"] = Field("none", description="learning-rate schedule")
    score_every: int = Field(3, ge=1, description="epochs between validation scores; the last epoch is always scored")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="arithmetic of the network")
    threads: int = Field(1, ge=1, description="CPU threads of a run; another number gives other last digits")
    seed: int = Field(42, ge=0, le=LARGEST_SEED, description="of weights, batches and augmentation")

    @property
    def seen(self) -> tuple[Channel, ...]:
        """The channels that the network sees."""
        return self.data_set.bands.channels(self.channels)

    @field_validator("channels", mode="before")
    @classmethod
    def _counted(cls, channels: object, known: ValidationInfo) -> object:
        """A level by its name becomes the number of its channels, which has to be one that the bands offer."""
        if "data_set" not in known.data:  # which is wrong, and said to be
            return channels
        levels = known.data["data_set"].bands.levels
        if isinstance(channels, str) and channels in levels:
            return levels[channels]
        if isinstance(channels, int) and channels in levels.values():
            return channels
        names = ", ".join(f"{level!r} ({count})" for level, count in levels.items())
        raise PydanticCustomError("channels", "{names}", {"names": names})

    @model_validator(mode="after")
    def _offered(self) -> Self:
        """What needs bands is refused where they are not there."""
        bands = self.data_set.bands
        check_bands(self.backbone, bands)
        if self.physical and bands.other_pass is None:
            names = ", ".join(bands.names)
            raise PydanticCustomError(
                "bands", "`physical` needs both radar passes; the bands are {names}", {"names": names}
            )
        if self.modality_dropout and len(bands.modalities) < 2:
            only = bands.modalities[0]
            raise PydanticCustomError(
                "bands", "`modality_dropout` needs two modalities; all bands are {only}", {"only": only}
            )
        return self

    @field_validator("backbone")
    @classmethod
    def _known(cls, name: str) -> str:
        check_name(name)
        return name
