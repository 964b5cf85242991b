"""Names of backbones are known without the libraries that build them: timm's own lists, and in a moment."""

import subprocess
import sys

import pytest
import timm
from band_sets import LANDSLIDE4SENSE, PICTURE

from landslide_nb.common.errors import StudyError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.models.names import check_bands, check_name, known_models, timms_name

CHECKS = """
import sys
from landslide_nb.training.settings import Settings
from landslide_nb.models import names
names.check_name("multi(shared):tf_efficientnet_lite0")
Settings(backbone="unet:resnet18")
try:
    names.check_name("resnet81")
except Exception as error:
    print(type(error).__name__)
print([name for name in ("torch", "timm", "torchvision", "segmentation_models_pytorch") if name in sys.modules])
"""


def test_known_models_are_those_of_timm() -> None:
    """A network that timm has would be refused, or a night in a queue end at one that it has not."""
    models, tagged = known_models()
    assert models == set(timm.list_models())
    assert tagged >= set(timm.list_pretrained())


def test_checking_a_name_loads_no_library() -> None:
    """A typing error in a parameter would be told after the seconds that torch and timm take to load."""
    done = subprocess.run([sys.executable, "-c", CHECKS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["StudyError", "[]"]


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("resnet18", "resnet18"),
        ("unet:resnet18", "resnet18"),
        ("multi:resnet18", "resnet18"),
        ("multi(shared, optical):resnet18.a1_in1k", "resnet18.a1_in1k"),
        ("vit_base_patch32_clip_quickgelu_224.openai", "vit_base_patch32_clip_quickgelu_224.openai"),
    ],
)
def test_every_kind_of_name_is_known(name: str, bare: str) -> None:
    """A U-Net, encoders by modality, or a certain training of a network could not be asked for."""
    assert timms_name(name) == bare
    check_name(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet81", "backbone 'resnet81' is not known to timm; near it: resnet"),
        ("unet:resnet81", "'unet:resnet81' is not known to timm; near it: resnet"),
        ("resnet18.nonsense", "'resnet18.nonsense' is not known to timm"),
        ("unet:multi:resnet18", "has a prefix too many; unet: takes a timm model, such as resnet18"),
        (
            "multi(optical):unet:resnet18",
            r"has a prefix too many; multi\(optical\): takes a timm model, such as resnet18",
        ),
        ("multi(optical:resnet18", "not known to timm"),
        ("", "'' is not known to timm"),
        ("zzzzzz", r"not known to timm \(timm.list_models"),
    ],
)
def test_an_unknown_name_is_refused_with_near_ones(name: str, said: str) -> None:
    """A typing error would end in a traceback of timm's, or train another network."""
    with pytest.raises(StudyError, match=said) as caught:
        check_name(name)
    assert "\n" not in str(caught.value)


def test_what_the_bands_cannot_feed_is_refused_before_anything_is_built() -> None:
    """A study would stop at its first run, hours later, because its data has no radar."""
    for name in ("resnet18", "unet:resnet18"):
        check_bands(name, PICTURE)
    check_bands("multi(shared):resnet18", CHALLENGE.bands)
    check_bands("multi:resnet18", LANDSLIDE4SENSE)
    for name, bands in (("multi:resnet18", PICTURE), ("multi(shared):resnet18", LANDSLIDE4SENSE)):
        with pytest.raises(StudyError, match="multi"):
            check_bands(name, bands)
