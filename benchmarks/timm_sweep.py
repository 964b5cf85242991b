"""Which of timm's networks can be a backbone here: the smallest of each family, and those that are known to be hard.

    python benchmarks/timm_sweep.py --output results/timm_sweep.csv

Each is built for patches of 64 pixels with 3, 12 and 14 channels and without weights, trained for one step, and asked for its features,
which have to be those that its logits are made of and must not depend on the patches beside. It is written as ONNX and compared with
torch. A network either does all of it, or is refused in one sentence; anything else is a fault, named in the
column `fault`. Rows are appended: a sweep that was stopped goes on where it was.
"""

import argparse
import csv
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import numpy as np
import timm
import torch
from timm.models import get_arch_name, is_model_in_modules
from torch.nn.functional import kl_div, log_softmax

from landslide_nb.common.errors import LandslideError
from landslide_nb.data.bands import Band, BandSet
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.scaling import Scaler
from landslide_nb.data.sources import landslide4sense
from landslide_nb.inference import onnx as to_onnx
from landslide_nb.inference.ensemble import Network
from landslide_nb.models.backbones import create, parameters
from landslide_nb.models.encoders import Backbone
from landslide_nb.training.settings import Settings

SIZE: Final = 64
PICTURE: Final = BandSet(bands=tuple(Band(name=it, title=it, unit="8 bit", role=it) for it in ("red", "green", "blue")))
BANDS: Final = {12: CHALLENGE.bands, 3: PICTURE, 14: landslide4sense.BANDS}
SECONDS: Final = 60  # of the processor, for each stage of a network: what else a machine does decides nothing
# The smallest network of each module of timm 1.0.31; of deepseek_vit, gemma4_vit and mobilenetv5 it has 169 million parameters or more.
SMALLEST: Final = """
halonet_h1 mobileone_s1 cait_xxs24_224 coat_tiny convit_tiny convmixer_768_32 convnext_atto cpubone_nano crossvit_tiny_240
csatv2 cs3darknet_s cspnext_tiny davit_tiny deit_tiny_patch16_224 densenetblur121d dla46x_c dpn48b edgenext_xx_small
efficientformer_l1 efficientformerv2_s0 mobilenetv2_035 efficientvim_m1 efficientvit_b0 efficientvit_m0
vit_pe_spatial_tiny_patch16_512 fasternet_t0 fastvit_t8 focalnet_tiny_srf gcvit_xxtiny ghostnet_050 hardcorenas_b hgnetv2_b0
hiera_tiny_224 sam2_hiera_tiny hrnet_w18_small iformer_t inception_next_atto inception_v3 lcnetv2_small levit_128s lowformer_b0
mambaout_femto maxvit_pico_rw_256 poolformerv2_s12 gmlp_ti16_224 lcnet_035 mobilevit_xxs mvitv2_tiny nest_tiny nf_regnet_b0
pit_ti_224 pvt_v2_b0 rdnet_tiny regnetx_002 repghostnet_050 repvit_m1 res2next50 resnest14d resnet10t resnetv2_18 rexnet_100
selecsls42 legacy_seresnet18 sequencer2d_s shvit_s1 skresnet18 starnet_s050 swiftformer_xs swin_tiny_patch4_window7_224
swinv2_tiny_window16_256 swinv2_cr_tiny_224 tiny_vit_5m_224 tnt_s_legacy_patch16_224 tresnet_m twins_svt_small visformer_tiny
vit_tiny_patch16_224 vit_tiny_r_s16_p8_224 vit_srelpos_small_patch16_224 vitamin_small_224 volo_d1_224 ese_vovnet19b_slim_dw
legacy_xception xception41p xcit_nano_12_p8_224 nextvit_small inception_v4 inception_resnet_v2 pnasnet5large nasnetalarge
naflexvit_base_patch16_gap samvit_base_patch16_224 qwen3_vit_88m beit_base_patch16_224
"""
# Those that first ended in a traceback, or predicted other than they trained.
HARD: Final = """
deit_tiny_distilled_patch16_224 deit_small_distilled_patch16_224 levit_128s levit_conv_128s levit_256d efficientformer_l1
efficientformerv2_s0 pit_ti_distilled_224 pit_s_distilled_224 dla34 dla60x_c dpn68 dpn68b volo_d1_224 inception_v3 vgg11
vgg11_bn unet:resnet18 unet:tf_efficientnet_lite0 unet:convnext_atto unet:vit_tiny_patch16_224 multi:resnet18
multi(shared):test_vit multi:dla34 multi:levit_128s
"""
COLUMNS: Final = (
    *("model", "family", "parameters_millions", "features", "channels", "built", "trained", "embedded", "onnx"),
    *("refused", "fault"),
)


class TooSlowError(BaseException):
    """A stage took longer than it may; no part of the package may take it for a refusal."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise `TooSlowError` in what takes longer."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlowError(f"more than {seconds} s")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def patches(channels: int, count: int = 4) -> torch.Tensor:
    """Scaled channels `(N, C, 64, 64)`."""
    return torch.randn(count, channels, SIZE, SIZE, generator=torch.Generator().manual_seed(channels))


def trained(model: Backbone, channels: int) -> str:
    """One training step; then a last layer by chance, for one step leaves it too near to zero for comparisons."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    model.train()
    targets = torch.full((4, 2), 0.5)
    targets[:, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    targets[:, 1] = 1 - targets[:, 0]
    loss = kl_div(log_softmax(model(patches(channels)), 1), targets, reduction="batchmean")
    loss.backward()
    optimizer.step()
    moved = model.classifier.weight.detach().abs().max() > 0
    torch.nn.init.normal_(model.classifier.weight)
    if not (moved and loss.isfinite()):
        return "the step changed nothing" if loss.isfinite() else "the loss is not a number"
    return "ok"


@torch.no_grad()
def embedded(model: Backbone, channels: int) -> str:
    """Features in training and prediction: those that the logits are made of, and in prediction of each patch alone."""
    x = patches(channels)
    for training in (True, False):
        model.train(training)
        torch.manual_seed(0)
        logits = model(x)
        torch.manual_seed(0)
        features = model.embed(x)
        if logits.shape != (4, 2) or features.shape != (4, model.classifier.in_features):
            return f"features {tuple(features.shape)} and logits {tuple(logits.shape)}"
        if not logits.isfinite().all():
            return "features that are not numbers"
        if not torch.allclose(logits, model.classify(features), atol=1e-5):
            return f"logits of other features in {'training' if training else 'prediction'}"
    alone = torch.cat([model.embed(one[None]) for one in x])
    off = float((alone - features).abs().max() / features.abs().max().clamp(min=1e-6))
    return "ok" if off < 1e-3 else f"features depend on the patches beside ({off:.0e} of the largest)"


def written(name: str, model: Backbone, channels: int) -> str:
    """As ONNX, with scaling and softmax inside, beside torch's probabilities."""
    data_set = CHALLENGE.model_copy(update={"bands": BANDS[channels], "patch_size": SIZE})
    settings = Settings(backbone=name, weights="none", image_size=SIZE, channels=channels, data_set=data_set)
    scaler = Scaler(np.linspace(-1, 1, channels, dtype=np.float32), np.linspace(0.5, 2, channels, dtype=np.float32))
    with tempfile.TemporaryDirectory() as folder:
        to_onnx.write(Network(settings, scaler, dict(model.state_dict())), Path(folder) / "network.onnx")
    return "ok"


def attempt(name: str, channels: int) -> dict[str, object]:
    """One row."""
    row: dict[str, object] = {"model": name, "family": family(name), "channels": channels}
    try:
        torch.manual_seed(0)
        with limited(SECONDS):
            model = create(name, BANDS[channels].channels(channels), "none", image_size=SIZE)
        row |= {"built": "ok", "parameters_millions": round(parameters(model) / 1e6, 3)}
        row |= {"features": model.classifier.in_features}
        with limited(SECONDS):
            row["trained"] = trained(model, channels)
        with limited(SECONDS):
            row["embedded"] = embedded(model, channels)
        row["onnx"] = onnx(name, model, channels)
    except LandslideError as error:
        row["refused"] = str(error)
    except TooSlowError as error:
        row["fault"] = f"skipped: {error}"
    except Exception as error:
        row["fault"] = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
    return row


def onnx(name: str, model: Backbone, channels: int) -> str:
    """What comes of writing it; a network that cannot be written is a backbone all the same."""
    try:
        with limited(2 * SECONDS):
            return written(name, model, channels)
    except (LandslideError, TooSlowError) as error:
        return str(error)


def family(name: str) -> str:
    """The module of timm that a network is of."""
    bare = get_arch_name(name.rpartition(":")[2])
    return next(str(module) for module in timm.list_modules() if is_model_in_modules(bare, [module]))


def done(path: Path) -> set[tuple[str, int]]:
    """The rows that are there."""
    if not path.is_file():
        return set()
    with path.open(newline="", encoding="utf-8") as file:
        return {(row["model"], int(row["channels"])) for row in csv.DictReader(file)}


def main() -> None:
    """Go over all networks that have no row yet."""
    parser = argparse.ArgumentParser(description="Which of timm's networks can be a backbone here.")
    parser.add_argument("--output", type=Path, default=Path("results/timm_sweep.csv"))
    parser.add_argument("names", nargs="*", help="only these")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = arguments.names or list(dict.fromkeys(f"{HARD} {SMALLEST}".split()))
    before = done(arguments.output)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with arguments.output.open("a", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if not before:
            table.writeheader()
        for name, channels in ((name, channels) for name in names for channels in BANDS):
            if (name, channels) in before:
                continue
            row = attempt(name, channels)
            table.writerow(row)
            file.flush()
            print(*(f"{value}" for value in row.values()), sep="  ", flush=True)


if __name__ == "__main__":
    main()
