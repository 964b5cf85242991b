"""An ensemble as a folder that can be handed on: weights, how they are put together, a model card; nothing in it can run code.

`ensemble.json` leads: it names every file with its hash, and carries a hash of itself.
"""

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from landslide_nb.common.errors import ModelError, reason
from landslide_nb.common.files import flush, new_folder
from landslide_nb.data.dataset import DataSet
from landslide_nb.data.scaling import Scaler
from landslide_nb.experiments.code import LIBRARIES
from landslide_nb.experiments.damage import DAMAGE
from landslide_nb.inference.card import Card
from landslide_nb.inference.ensemble import HALF, Ensemble, Fold, Network, Trees
from landslide_nb.training.settings import Settings

FORMAT: Final = "landslide-nb ensemble 2"
MAIN: Final = "ensemble.json"
CARD: Final = "MODEL_CARD.md"
SCALER: Final = ("scaler.centre", "scaler.scale")
Json = dict[str, Any]


def write(ensemble: Ensemble, folder: str | Path, card: Card, onnx: bool = False, half: bool = False) -> None:
    """Write an ensemble into a new folder, whole or not at all.

    Args:
        ensemble: to be written.
        folder: must not exist, or be empty.
        card: what a reader must know of it.
        onnx: whether to write each network as ONNX too, which is checked against torch.
        half: whether weights are rounded to half precision, which halves the files.

    Raises:
        DataError: if there is something in the folder, or the disk is full.
        ModelError: if a network cannot be had as ONNX, or says something else there.
    """
    with new_folder(Path(folder)) as temporary:
        folds = [_write_fold(temporary, number, fold, onnx, half) for number, fold in enumerate(ensemble.folds, 1)]
        (temporary / CARD).write_text(card.text(ensemble), "utf-8")
        content = {
            "format": FORMAT,
            "data_set": ensemble.data_set.model_dump(mode="json"),
            "threshold": ensemble.threshold,
            "flips": ensemble.flips,
            "folds": folds,
            "files": {path.name: _hash(path) for path in sorted(temporary.iterdir())},
            "libraries": {name: version(name) for name in (*LIBRARIES, "lightgbm")},
        }
        (temporary / MAIN).write_text(json.dumps(content | {"sha256": _hash_of(content)}, indent=1), "utf-8")
        for path in temporary.iterdir():  # a power cut must not leave a whole folder of empty files
            flush(path)


def read(folder: str | Path) -> Ensemble:
    """Read an exported ensemble, after checking every file of it.

    Raises:
        ModelError: if something is missing, altered, cut off, of another format, or for other bands.
    """
    folder = Path(folder)
    content = _content(folder / MAIN)
    for name, expected in content["files"].items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise ModelError(f"{path} does not exist, but {MAIN} names it; copy the whole folder again")
        if _hash(path) != expected:
            raise ModelError(f"{path} is not as it was exported: cut off or altered; copy the whole folder again")
    try:
        data_set = DataSet.model_validate(content["data_set"])
        folds = tuple(_read_fold(folder, fold, data_set) for fold in content["folds"])
        return Ensemble(folds, data_set, content["threshold"], content["flips"])
    except (KeyError, TypeError, ValidationError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{folder / MAIN} cannot be understood ({type(error).__name__}: {reason}); it is of another version, export again"
        ) from error


def read_run(folder: str | Path) -> Network:
    """The network of a run (its last weights) from its folder in the store, without the data that it was trained on.

    Raises:
        ModelError: if the folder holds no whole run.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / "run.json").read_text("utf-8"))
        settings = Settings(**{name: record[name] for name in Settings.model_fields if name in record})
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            scaler = Scaler(arrays["centre"], arrays["scale"])
        return Network(settings, scaler, load_file(folder / "last.safetensors"))
    except DAMAGE as error:
        raise ModelError(
            f"{folder} holds no whole run ({type(error).__name__}: {reason(error)}); train it again"
        ) from error


def of_runs(folders: list[Path]) -> Ensemble:
    """Runs as the folds of an ensemble; nobody has chosen its threshold, which is 0.5.

    Raises:
        ModelError: if they are for patches of different kinds.
    """
    networks = [read_run(folder) for folder in folders]
    data_set = networks[0].settings.data_set
    for folder, network in zip(folders, networks, strict=True):
        if network.settings.data_set != data_set:
            raise ModelError(
                f"{folder} is for patches of {network.settings.data_set.title}, {folders[0]} for {data_set.title}"
            )
    return Ensemble(tuple(map(Fold.single, networks)), data_set, HALF)


def _write_fold(folder: Path, number: int, fold: Fold, onnx: bool, half: bool) -> Json:
    members = []
    for place, (name, member) in enumerate(fold.members.items(), 1):
        stem = f"fold-{number}-{place}-{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')}"
        entry: Json = {"name": name, "weight": fold.weights[name]}
        entry |= (
            _write_trees(folder, stem, member)
            if isinstance(member, Trees)
            else _write_network(folder, stem, member, half)
        )
        if onnx and isinstance(member, Network):
            from landslide_nb.inference.onnx import write as write_onnx  # noqa: PLC0415 - comes with the book, and `predict` does without

            entry["onnx"] = f"{stem}.onnx"
            write_onnx(member, folder / entry["onnx"])
        members.append(entry)
    return {"intercept": fold.intercept, "members": members}


def _write_trees(folder: Path, stem: str, trees: Trees) -> Json:
    file = f"{stem}.txt"
    (folder / file).write_bytes(trees.text.encode())
    return {"kind": "trees", "file": file}


def _write_network(folder: Path, stem: str, network: Network, half: bool) -> Json:
    file = f"{stem}.safetensors"
    scaler = dict(zip(SCALER, map(torch.from_numpy, (network.scaler.centre, network.scaler.scale)), strict=True))
    state = {
        name: value.half() if half and value.is_floating_point() else value for name, value in network.state.items()
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in (state | scaler).items()}
    (folder / file).write_bytes(save(tensors))  # safetensors' own error does not say that a disk is full
    # Where the first weights came from may be a path of somebody's machine; the file's name says enough.
    settings = network.settings.model_dump(exclude={"data_set"}) | {"weights": Path(network.settings.weights).name}
    return {"kind": "network", "file": file, "flips": network.flips, "settings": settings}


def _read_fold(folder: Path, fold: Json, data_set: DataSet) -> Fold:
    readers = {"trees": _read_trees, "network": _read_network}
    members = {entry["name"]: readers[entry["kind"]](folder, entry, data_set) for entry in fold["members"]}
    return Fold(members, {entry["name"]: entry["weight"] for entry in fold["members"]}, fold["intercept"])


def _read_trees(folder: Path, entry: Json, data_set: DataSet) -> Trees | Network:
    return Trees((folder / entry["file"]).read_bytes().decode(), data_set.bands)


def _read_network(folder: Path, entry: Json, data_set: DataSet) -> Trees | Network:
    stored = load_file(folder / entry["file"])
    state = {name: value.float() if value.is_floating_point() else value for name, value in stored.items()}
    centre, scale = (state.pop(name).numpy() for name in SCALER)
    return Network(Settings(data_set=data_set, **entry["settings"]), Scaler(centre, scale), state, entry["flips"])


def _content(path: Path) -> Json:
    """What `ensemble.json` says, if it is whole and of this format."""
    if not path.is_file():
        raise ModelError(f"{path} does not exist; expected a folder written by `landslide-nb export`")
    try:
        content: Json = dict(json.loads(path.read_bytes()))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{path} is cut off or altered ({error}); copy the whole folder again") from error
    if content.get("format") != FORMAT:
        raise ModelError(f"{path} has the format {content.get('format')!r}; expected {FORMAT!r}: export it again")
    if content.pop("sha256", None) != _hash_of(content):
        raise ModelError(f"{path} is not as it was exported: cut off or altered; copy the whole folder again")
    return content


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_of(content: Json) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
