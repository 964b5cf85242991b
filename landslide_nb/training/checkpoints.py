"""What a training goes on from: written after each epoch, on the disk before it has its name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from landslide_nb.common.errors import reason
from landslide_nb.common.files import PatientFile, replacing, set_aside
from landslide_nb.common.progress import Report
from landslide_nb.training.distributed import from_main, processes


def save(path: Path, states: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        DataError: if the disk is full, of which torch itself says only that a position is not the expected one.
    """
    with replacing(path) as temporary, PatientFile(temporary, "w") as file:
        torch.save(dict(states), file)


def load(path: Path | None, device: torch.device, report: Report = lambda line: None) -> dict[str, Any] | None:
    """What an interrupted training has left; None if there is nothing, or it is damaged: then it is set aside.

    Args:
        path: of the checkpoint, if one is kept.
        device: where its tensors go.
        report: is told of a damaged one.
    """
    if path is None:
        return None
    saved: dict[str, Any] | None = None
    if processes().is_main_process and path.is_file():
        try:
            saved = torch.load(path, weights_only=True, map_location=device)
        except (MemoryError, torch.OutOfMemoryError, PermissionError):  # which are no fault of the file
            raise
        except Exception as error:  # torch, pickle and zip each raise their own
            report(f"{path} is damaged ({reason(error)}); set aside as {set_aside(path).name}, training starts anew")
    if from_main(lambda: saved is not None) and saved is None:  # the others follow
        saved = torch.load(path, weights_only=True, map_location=device)
    return saved
