"""Chapters run on other bands than the challenge's: fourteen of them here, optical and terrain, in patches of 128 pixels."""

from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from band_sets import LANDSLIDE4SENSE

from landslide_nb.chapters.c03.figures import NO_PASSES, NO_RADAR
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.patches import Patches
from landslide_nb.publish import execute, notebooks

ROOT = Path(__file__).parents[1]
SIZE = 128
PATCHES = 64
# As small as a chapter can be: what is looked at is that it runs, and what it says of bands that are not there.
TINY: dict[str, Any] = {
    **{
        "backbone": "test_resnet",
        "weights": "none",
        "backbones": {"test_resnet": "none"},
        "image_size": 32,
        "epochs": 1,
    },
    **{"folds": 2, "n_test": 16, "batch_size": 8, "smote_per_patch": 1, "resamples": 100, "svm_c": [1.0]},
}
CHAPTERS = ("01", *(pytest.param(number, marks=pytest.mark.slow) for number in ("02", "03", "04", "05")))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patches of noise with a bright square where a landslide is, in blocks of four neighbours."""
    rng = np.random.default_rng(3)
    pixels = rng.normal(1, 0.2, (PATCHES, len(LANDSLIDE4SENSE), SIZE, SIZE)).astype(np.float32).clip(0.01)
    labels = (np.arange(PATCHES) % 3 == 0).astype(np.int8)
    pixels[labels == 1, :, 32:64, 32:64] += 0.8
    data_set = DataSet(name="made", title="Made patches", bands=LANDSLIDE4SENSE, patch_size=SIZE, credit="nobody")
    groups = np.array([f"block {place // 4}" for place in range(PATCHES)])
    ids = tuple(f"patch_{place:03d}" for place in range(PATCHES))
    path = tmp_path_factory.mktemp("other") / "made.h5"
    Patches(ids, pixels, labels, data_set, groups).write(path)
    return path


def said(path: Path) -> str:
    """All that an executed chapter shows as text."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "\n".join(str(output.get("data", {}).get("text/plain", output.get("text", ""))) for output in outputs)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_runs_on_fourteen_bands(chapter: str, file: Path, tmp_path: Path) -> None:
    """Somebody with another data set would see a traceback about a radar that is not there, or twelve bands that are not hers."""
    output = tmp_path / f"{chapter}.ipynb"
    execute.execute(notebooks.find(chapter, ROOT / "notebooks"), output, {"data": str(file)} | TINY)
    text = said(output)
    if chapter == "01":
        assert "14 images of one patch" in text and "Slope" in text
    if chapter == "03":
        assert NO_PASSES in text and NO_RADAR in text
    if chapter == "05":
        assert "21 channels + Mixup + CutMix" in text
