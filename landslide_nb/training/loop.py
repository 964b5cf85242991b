"""The training loop: rows in, weights out.

Read from top to bottom: how a network is trained on batches (`batches`), and how it predicts.
It runs through accelerate: in one process, or in as many as `accelerate launch` starts, which share each batch.
"""

import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.state import AcceleratorState
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import Generator, Tensor
from torch.nn.functional import kl_div, log_softmax
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, StepLR

from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.common.arrays import Features, Indices, Values
from landslide_nb.common.errors import RunError, StudyError
from landslide_nb.common.progress import Report
from landslide_nb.data.scaling import Scaler
from landslide_nb.models.encoders import Backbone
from landslide_nb.training import checkpoints
from landslide_nb.training.batches import batches, prepare
from landslide_nb.training.distributed import processes
from landslide_nb.training.settings import Settings

State = dict[str, Tensor]


@dataclass(eq=False)
class Trained:
    """What training has come to so far; also what a checkpoint holds.

    Attributes:
        last: the weights after the last epoch: nothing was chosen, so they may be scored on the validation fold.
        best: the weights of the best validation F1 (as the paper takes them): scored on the hold-out test only.
        history: a record for each epoch: epoch, loss, learning_rate, validation_f1 (None where not scored), seconds.
    """

    last: State
    best: State
    history: list[dict[str, float | None]] = field(default_factory=list)

    @property
    def best_f1(self) -> float:
        """The best validation F1 so far; -1 before the first."""
        return max((f1 for record in self.history if (f1 := record["validation_f1"]) is not None), default=-1.0)


def build(settings: Settings) -> Backbone:
    """The network of a run, its random weights drawn from the run's seed; other random numbers are left as they are."""
    from landslide_nb.models.backbones import create  # noqa: PLC0415 - with it comes timm, which loads for seconds

    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        return create(settings.backbone, settings.seen, settings.weights, settings.stem, settings.image_size)


def train(
    model: Backbone,
    pixels: Tensor,
    rows: SampleTable,
    validation: tuple[Indices, NDArray[np.int8]],
    settings: Settings,
    scaler: Scaler,
    checkpoint: Path | None = None,
    report: Report = lambda line: None,
) -> Trained:
    """Train a network; go on from `checkpoint` if it exists, and write it after each epoch.

    Processes that train together share each batch and end with the same weights; the main one writes and reports.

    Args:
        model: on the device of `pixels`.
        pixels: all patches, `(P, C, H, W)`, on the device.
        rows: the training table.
        validation: indices of the validation patches and their labels.
        settings: the run's parameters.
        scaler: fitted on the training patches.
        checkpoint: where to go on from; None for nowhere.
        report: is told of each epoch in a line.

    Raises:
        StudyError: if there are too many processes for a batch.
        RunError: in the epoch whose loss, or validation, is not finite; no checkpoint is left of it, which could not go on.
    """
    accelerator = _accelerator(settings, min(settings.batch_size, len(rows)))
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)  # one pass over all numbers
    scheduler = _schedule(optimizer, settings)
    shared, stepper = accelerator.prepare(model, optimizer)
    trained = Trained(_copy(model), _copy(model))
    if saved := checkpoints.load(checkpoint, pixels.device, report):
        model.load_state_dict(saved["last"])
        optimizer.load_state_dict(saved["optimizer"])
        scheduler.load_state_dict(saved["scheduler"])
        trained = Trained(saved["last"], saved["best"], saved["history"])
    for epoch in range(len(trained.history), settings.epochs):
        started, rate = time.perf_counter(), optimizer.param_groups[0]["lr"]
        loss = _epoch(accelerator, shared, stepper, pixels, rows, settings, scaler, epoch)
        check_finite(np.asarray(loss), f"the loss in epoch {epoch + 1} of {settings.epochs}", settings)
        scheduler.step()
        f1 = None
        if (epoch + 1) % settings.score_every == 0 or epoch + 1 == settings.epochs:
            indices, labels = validation
            log_odds, _ = predict(model, pixels[indices], settings, scaler)
            check_finite(
                log_odds, f"a validation patch's log-odds after epoch {epoch + 1} of {settings.epochs}", settings
            )
            f1 = float(f1_score(labels, log_odds >= 0, zero_division=0))
        trained.last = _copy(model)
        if f1 is not None and f1 > trained.best_f1:
            trained.best = trained.last
        seconds = time.perf_counter() - started
        record = {"epoch": epoch + 1, "loss": loss, "learning_rate": rate, "validation_f1": f1, "seconds": seconds}
        trained.history.append(record)
        scored = "" if f1 is None else f", validation F1 {f1:.3f}"
        if accelerator.is_main_process:
            report(f"epoch {epoch + 1}/{settings.epochs}: loss {loss:.4f}{scored}, {seconds:.1f} s")
        if checkpoint is not None and accelerator.is_main_process:
            states = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
            checkpoints.save(checkpoint, vars(trained) | states)
    return trained


def _accelerator(settings: Settings, batch: int) -> Accelerator:
    """Precision and processes of a run; a network stays on the device where it is."""
    world = processes().num_processes
    if world > 1 and batch < 2 * world:  # batch normalisation needs two samples
        raise StudyError(f"{world} processes cannot share a batch of {batch}; launch {max(1, batch // 2)} at most")
    AcceleratorState._reset_state()  # else all runs of a process would have to have the first one's precision
    precision = "bf16" if settings.precision == "bfloat16" else "no"
    return Accelerator(device_placement=False, mixed_precision=precision)


def _epoch(
    accelerator: Accelerator,
    model: torch.nn.Module,
    optimizer: AcceleratedOptimizer,
    pixels: Tensor,
    rows: SampleTable,
    settings: Settings,
    scaler: Scaler,
    epoch: int,
) -> float:
    """One pass over the rows; randomness depends on seed and epoch alone, so that a resumed run goes on as it would have.

    Every process makes the same batches and trains on its share of each: how many there are does not change the step.
    """
    seed = settings.seed * 100_003 + epoch
    rank, world = accelerator.process_index, accelerator.num_processes
    torch.manual_seed(seed + rank * 2**33)  # dropout
    generator = Generator(pixels.device).manual_seed(seed)
    model.train()
    losses, total = [], max(1, len(rows) // settings.batch_size)
    for number, (x, targets) in enumerate(batches(pixels, rows, settings, scaler, generator)):
        place = number % settings.accumulate
        gathered = min(settings.accumulate, total - number + place)  # the last step may have fewer batches
        last = place + 1 == gathered
        share = targets[rank::world]
        with nullcontext() if last else accelerator.no_sync(model):
            loss = kl_div(log_softmax(model(x[rank::world]).float(), 1), share, reduction="batchmean")
            loss = loss * (len(share) * world / len(targets))  # gradients are averaged over processes
            accelerator.backward(loss / gathered)
        if last:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.detach())
    mean: Tensor = accelerator.reduce(torch.stack(losses).mean(), "mean")
    return float(mean)


@torch.no_grad()
def predict(
    model: Backbone, pixels: Tensor, settings: Settings, scaler: Scaler, batch: int = 64
) -> tuple[Values, Features]:
    """Log-odds of a landslide, float32 `(N,)`, and embeddings `(N, D)` of pixels `(N, C, H, W)`.

    Log-odds, not probabilities: these saturate on one side, where float32 has no number between a large one and 1.
    """
    model.eval()
    log_odds, embeddings = [], []
    for part in pixels.split(batch):
        channels = prepare(part, settings, scaler)  # outside autocast, as in training: other digits make other edges
        with _precision(settings, part.device):
            embedding = model.embed(channels)
            logits = model.classify(embedding).float()
        log_odds.append((logits[:, 1] - logits[:, 0]).cpu())
        embeddings.append(embedding.float().cpu())
    return torch.cat(log_odds).numpy(), torch.cat(embeddings).numpy()


def check_finite(values: Values, what: str, settings: Settings) -> None:
    """Raise `RunError` with the first remedy if a number of a training is infinite or none: what follows from it is none either."""
    if not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)].flat[0]
        other = ", or precision 'float32'" if settings.precision != "float32" else ""
        raise RunError(
            f"{settings.backbone} has diverged: {what} is {wrong}; take a learning_rate below {settings.learning_rate:g}{other}"
        )


def _schedule(optimizer: torch.optim.Optimizer, settings: Settings) -> LRScheduler:
    if settings.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=settings.epochs)
    if settings.schedule == "step":  # a tenth after each third of the run
        return StepLR(optimizer, step_size=max(1, settings.epochs // 3), gamma=0.1)
    return ConstantLR(optimizer, factor=1)


def _precision(settings: Settings, device: torch.device) -> torch.autocast | nullcontext[None]:
    return torch.autocast(device.type, torch.bfloat16) if settings.precision == "bfloat16" else nullcontext()


def _copy(model: Backbone) -> State:
    return {
        name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in model.state_dict().items()
    }
