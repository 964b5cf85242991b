"""The training loop learns, repeats itself exactly, and goes on after an interruption as if there had been none."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn.functional import interpolate

from landslide_nb.augment import physics, transforms
from landslide_nb.augment.sample_table import SampleTable
from landslide_nb.common.errors import RunError
from landslide_nb.data.challenge import CHALLENGE
from landslide_nb.data.patches import Patches
from landslide_nb.data.scaling import Scaler
from landslide_nb.models.encoders import Backbone
from landslide_nb.training import batches as batches_module
from landslide_nb.training import loop
from landslide_nb.training.batches import batches
from landslide_nb.training.loop import Trained, build, predict, train
from landslide_nb.training.settings import Settings

QUIET = {"colour": 0.0, "geometry": 0.0}
EVERYTHING = {"mixup": True, "cutmix": True, "schedule": "cosine", "colour": 0.2, "geometry": 0.2}
TRAIN, VALIDATION = np.arange(12), np.arange(12, 24)
BANDS = CHALLENGE.bands


def settings(**changes: Any) -> Settings:
    """A very small network, on small pictures."""
    base: dict[str, Any] = {
        "backbone": "test_resnet",
        "weights": "none",
        "image_size": 32,
        "batch_size": 6,
        "learning_rate": 1e-3,
    }
    return Settings(**(base | {"epochs": 3, "score_every": 1} | changes))


def rows(patches: Patches) -> SampleTable:
    """The training patches, and one synthetic patch."""
    real = SampleTable.real(TRAIN, patches.known_labels, VALIDATION)
    half, one = np.array([0.5], np.float32), np.ones(1, np.int8)
    return real.plus(SampleTable(np.array([1]), np.array([3]), half, one, VALIDATION))


def trained(
    patches: Patches,
    chosen: Settings,
    report: Callable[[str], None] = lambda line: None,
    path: Path | None = None,
    model: Backbone | None = None,
) -> Trained:
    """A network trained on the first half of the patches and scored on the second."""
    scaler = Scaler.fit(patches.pixels[TRAIN], BANDS, chosen.channels, chosen.scaling)
    labels = patches.known_labels[VALIDATION]
    pixels = torch.from_numpy(patches.pixels)
    return train(model or build(chosen), pixels, rows(patches), (VALIDATION, labels), chosen, scaler, path, report)


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Whether two sets of weights are the same bytes."""
    return a.keys() == b.keys() and all(a[name].numpy().tobytes() == b[name].numpy().tobytes() for name in a)


def kept(history: list[dict[str, float | None]]) -> list[dict[str, float | None]]:
    """A history without what no two runs share."""
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


def column(result: Trained, name: str) -> list[float | None]:
    """One value for each epoch."""
    return [record[name] for record in result.history]


@pytest.fixture(autouse=True)
def _as_in_a_run() -> Iterator[None]:
    """Deterministic algorithms and one thread: two that wait for each other on busy cores take ten times as long."""
    threads = torch.get_num_threads()
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def test_a_network_can_learn_a_handful_of_patches_by_heart(tiny: Patches) -> None:
    """Labels and pixels would not belong together, or the optimizer would not move."""
    loss = column(trained(tiny, settings(epochs=25, score_every=25, learning_rate=3e-3, **QUIET)), "loss")
    assert loss[0] is not None and loss[-1] is not None
    assert 0.3 < loss[0] < 1.5, "training does not begin near even odds, ln 2"
    assert loss[-1] < 0.1


@pytest.mark.parametrize(
    "more",
    [{}, EVERYTHING | {"channels": 28, "scaling": "robust"}, EVERYTHING | {"physical": True}],
    ids=["baseline", "all", "physical"],
)
def test_the_same_settings_give_the_same_bytes(tiny: Patches, more: dict[str, Any]) -> None:
    """The book's numbers could not be reproduced, not even on one machine."""
    torch.manual_seed(1)
    first = trained(tiny, settings(epochs=2, **more))
    torch.manual_seed(2)
    second = trained(tiny, settings(epochs=2, **more))
    assert equal(first.last, second.last) and equal(first.best, second.best)
    assert kept(first.history) == kept(second.history)


def test_another_seed_gives_other_weights(tiny: Patches) -> None:
    """Repetitions with other seeds would be one run, counted often."""
    assert not equal(trained(tiny, settings(epochs=1)).last, trained(tiny, settings(epochs=1, seed=7)).last)


def test_every_epoch_and_every_seed_has_its_own_randomness(tiny: Patches, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network would see the same batches, turned and mixed in the same way, in every epoch."""
    seeds: list[int] = []

    def note(*given: Any) -> Iterator[tuple[Tensor, Tensor]]:
        seeds.append(given[-1].initial_seed())
        return batches(*given)

    monkeypatch.setattr(loop, "batches", note)
    for seed in (0, 1):
        trained(tiny, settings(epochs=3, seed=seed, image_size=16))
    assert len(set(seeds)) == len(seeds) == 6


class InterruptionError(Exception):
    """What a power cut is in these tests."""


def test_an_interrupted_run_goes_on_as_it_would_have(tiny: Patches, tmp_path: Path) -> None:
    """After an interruption the numbers would be others: those of no run that anybody can repeat."""
    chosen, path, lines = settings(epochs=4, **EVERYTHING), tmp_path / "checkpoint", list[str]()

    def interrupt(line: str) -> None:
        if line.startswith("epoch 3/4"):
            raise InterruptionError

    whole = trained(tiny, chosen)
    with pytest.raises(InterruptionError):
        trained(tiny, chosen, interrupt, path)
    resumed = trained(tiny, chosen, lines.append, path)
    assert [line.partition(":")[0] for line in lines] == ["epoch 3/4", "epoch 4/4"]
    assert equal(resumed.last, whole.last) and equal(resumed.best, whole.best)
    assert kept(resumed.history) == kept(whole.history)


@pytest.mark.parametrize("more", [{}, {"precision": "bfloat16"}], ids=str)
def test_a_training_that_diverges_stops_in_its_epoch(tiny: Patches, tmp_path: Path, more: dict[str, Any]) -> None:
    """A network of NaNs would be trained for a night, kept as a result, and call no patch a landslide."""
    lines: list[str] = []
    remedy = "take a learning_rate below 1e\\+30" + (", or precision 'float32'" if more else "")
    with pytest.raises(RunError, match=rf"test_resnet has diverged: .* epoch [12] of 99 is (nan|inf|-inf); {remedy}$"):
        trained(tiny, settings(learning_rate=1e30, epochs=99, **more), lines.append, tmp_path / "checkpoint")
    assert len(lines) <= 1


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_weights_that_are_no_numbers_are_seen_though_the_loss_is_one(tiny: Patches) -> None:
    """The last step of a training can spoil it after its last loss."""
    model = build(settings())
    with torch.no_grad():
        model.classifier.bias[:] = torch.nan  # as after a step that came too late for the loss

    def spoilt(*args: Any, **options: Any) -> float:
        return 0.1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_epoch", spoilt)
        with pytest.raises(RunError, match=r"a validation patch's log-odds after epoch 1 of 3 is nan"):
            trained(tiny, settings(), model=model)


def test_a_finished_checkpoint_is_not_trained_again(tiny: Patches, tmp_path: Path) -> None:
    """A run that was interrupted while it predicted would be trained beyond its epochs."""
    path, lines = tmp_path / "checkpoint", list[str]()
    first = trained(tiny, settings(epochs=1), path=path)
    second = trained(tiny, settings(epochs=1), lines.append, path)
    assert lines == [] and equal(first.last, second.last) and kept(first.history) == kept(second.history)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("none", [1, 1, 1, 1, 1, 1]),
        ("step", [1, 1, 0.1, 0.1, 0.01, 0.01]),
        ("cosine", [(1 + math.cos(math.pi * epoch / 6)) / 2 for epoch in range(6)]),
    ],
)
def test_schedules(tiny: Patches, schedule: str, expected: list[float]) -> None:
    """A row of the ablations would compare another schedule than it says."""
    result = trained(tiny, settings(epochs=6, schedule=schedule, learning_rate=2e-3, score_every=6, image_size=16))
    assert column(result, "learning_rate") == pytest.approx([2e-3 * factor for factor in expected])


@pytest.mark.parametrize(("every", "scored"), [(1, [1, 2, 3]), (2, [2, 3]), (5, [3])])
def test_epochs_are_scored_as_asked_and_the_last_always(tiny: Patches, every: int, scored: list[int]) -> None:
    """A short run would end without a score, or each epoch would cost a look at the validation fold."""
    result = trained(tiny, settings(score_every=every, image_size=16))
    assert [record["epoch"] for record in result.history if record["validation_f1"] is not None] == scored


def test_best_weights_are_those_of_the_best_score(tiny: Patches, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test part would be predicted by other weights than the ones that were chosen."""
    scores, states = iter([0.2, 0.8, 0.8, 0.5]), list[dict[str, Tensor]]()
    monkeypatch.setattr(loop, "f1_score", lambda *args, **options: next(scores))
    chosen = settings(epochs=4, image_size=16)
    model = build(chosen)

    def note(line: str) -> None:
        states.append({name: value.clone() for name, value in model.state_dict().items()})

    result = trained(tiny, chosen, note, model=model)
    assert result.best_f1 == 0.8
    assert equal(result.best, states[1]) and equal(result.last, states[3])
    assert not equal(states[1], states[2])


def test_the_score_is_the_f1_of_the_validation_fold(tiny: Patches) -> None:
    """The weights would be chosen by another number than the one that is shown."""
    chosen, pixels = settings(epochs=1), torch.from_numpy(tiny.pixels)
    scaler = Scaler.fit(tiny.pixels[TRAIN], BANDS, 12, "standard")
    model = build(chosen)
    always = np.ones(12, np.int8)
    result = train(model, pixels, rows(tiny), (VALIDATION, always), chosen, scaler)
    predicted = predict(model, pixels[VALIDATION], chosen, scaler)[0] >= 0
    assert column(result, "validation_f1") == [pytest.approx(2 * predicted.sum() / (12 + predicted.sum()))]


def test_predictions_do_not_depend_on_the_batch(tiny: Patches) -> None:
    """A patch's probability would depend on which others were asked for with it."""
    chosen, bands = settings(image_size=64), torch.from_numpy(tiny.pixels)
    scaler = Scaler.fit(tiny.pixels[TRAIN], BANDS, 12, "standard")
    model = build(chosen)
    model.load_state_dict(trained(tiny, settings(epochs=1)).last)
    whole, embeddings = predict(model, bands, chosen, scaler)
    parts, others = predict(model, bands, chosen, scaler, batch=5)
    assert whole.shape == (24,) and len(embeddings) == 24 and whole.dtype == embeddings.dtype == np.float32
    np.testing.assert_allclose(whole, parts, atol=1e-5)
    np.testing.assert_allclose(embeddings, others, atol=1e-4)
    assert np.ptp(whole) > 1e-4


def test_bfloat16_trains(tiny: Patches) -> None:
    """The paper's edition would fail, or silently run in float32."""
    half, full = (trained(tiny, settings(epochs=2, precision=name, **QUIET)) for name in ("bfloat16", "float32"))
    assert np.isfinite(np.array(column(half, "loss"), float)).all()
    assert column(half, "loss") != column(full, "loss")
    assert all(value.dtype != torch.bfloat16 for value in half.last.values())
    scaler = Scaler.fit(tiny.pixels[TRAIN], BANDS, 12, "standard")
    log_odds, embeddings = predict(
        build(settings()), torch.from_numpy(tiny.pixels), settings(precision="bfloat16"), scaler
    )
    assert log_odds.dtype == embeddings.dtype == np.float32


@pytest.mark.parametrize("sure", [40.0, -40.0])
def test_log_odds_do_not_saturate(tiny: Patches, sure: float) -> None:
    """Probabilities of float32 end at 1 − 6e-8: two patches that a network is sure of would be told apart on one side only."""
    chosen = settings()
    model = build(chosen)
    with torch.no_grad():
        model.classifier.bias[1] = sure
    scaler = Scaler.fit(tiny.pixels[TRAIN], BANDS, 12, "standard")
    assert set(predict(model, torch.from_numpy(tiny.pixels), chosen, scaler)[0].tolist()) == {sure}


def test_channels_are_derived_in_full_precision(tiny: Patches) -> None:
    """With bfloat16 a network would be trained on other edges than it predicts with: Canny's thresholds see the last digits."""
    seen: dict[str, list[Tensor]] = {}
    pixels, scaler = torch.from_numpy(tiny.pixels), Scaler.fit(tiny.pixels[TRAIN], BANDS, 28, "standard")
    for precision in ("float32", "bfloat16"):
        chosen = settings(epochs=1, channels=28, image_size=64, precision=precision, **QUIET)
        model, inputs = build(chosen), seen.setdefault(precision, [])
        model.encoder.register_forward_pre_hook(lambda _, given, inputs=inputs: inputs.append(given[0].detach()))
        nothing: tuple[NDArray[np.int64], NDArray[np.int8]] = (VALIDATION[:1], tiny.known_labels[VALIDATION[:1]])
        train(model, pixels, rows(tiny), nothing, chosen, scaler)
        predict(model, pixels, chosen, scaler)
    assert len(seen["float32"]) == len(seen["bfloat16"]) == 4  # two batches, the validation patch, all patches
    for full, half in zip(seen["float32"], seen["bfloat16"], strict=True):
        assert half.dtype == torch.float32 and torch.equal(full, half)
    edges = [channel.name for channel in BANDS.channels(28)].index("CannyNIR")
    assert len(seen["bfloat16"][-1][:, edges].unique()) == 2
    assert torch.equal(
        seen["bfloat16"][-1], batches_module.prepare(pixels, settings(channels=28, image_size=64), scaler)
    )


@pytest.mark.parametrize(("samples", "sizes"), [(10, [4, 4]), (8, [4, 4]), (3, [3])])
def test_a_last_incomplete_batch_is_dropped_unless_alone(samples: int, sizes: list[int]) -> None:
    """Batch normalisation would see a batch of one; or a small fold would be trained on nothing."""
    seen = _numbers(samples, epoch=0)
    assert [len(batch) for batch in seen] == sizes
    assert len({number for batch in seen for number in batch}) == sum(sizes)
    assert _numbers(samples, epoch=0) == seen
    assert _numbers(samples, epoch=1) != seen, "every epoch has the same order"


def test_labels_go_with_their_rows() -> None:
    """A batch would be labelled by the patches of another."""
    for numbers, targets in _epoch(10, epoch=0):
        assert targets.argmax(1).tolist() == [number % 2 for number in numbers]


def test_images_are_resized_after_derivation(tiny: Patches) -> None:
    """Edges and indices would be computed on blurred bands, and sizes other than 64 fail."""
    chosen, bands = settings(channels=20, image_size=48), torch.from_numpy(tiny.pixels[:2])
    scaler = Scaler.fit(tiny.pixels, BANDS, 20, "standard")
    x = batches_module.prepare(bands, chosen, scaler)
    whole = batches_module.prepare(bands, settings(channels=20, image_size=64), scaler)
    assert whole.shape == (2, 20, 64, 64)
    assert torch.allclose(x, interpolate(whole, size=(48, 48), mode="bilinear"), atol=1e-5)


def _epoch(samples: int, epoch: int) -> Iterator[tuple[list[int], Tensor]]:
    """The batches of an epoch over patches that show their own number, with no augmentation."""
    pixels = torch.arange(samples).float().view(-1, 1, 1, 1).expand(-1, 12, 16, 16)
    every = np.arange(samples)
    table = SampleTable.real(every, (every % 2).astype(np.int8), np.array([], np.int64))
    scaler = Scaler(np.zeros(12, np.float32), np.ones(12, np.float32))
    source = Generator().manual_seed(epoch)
    for x, targets in batches(pixels, table, settings(batch_size=4, image_size=16, **QUIET), scaler, source):
        yield x[:, 0, 0, 0].int().tolist(), targets


def _numbers(samples: int, epoch: int) -> list[list[int]]:
    return [numbers for numbers, _ in _epoch(samples, epoch)]


def test_physical_augmentation_derives_channels_from_what_was_mirrored(tiny: Patches) -> None:
    """The descending pass's index would stay where the descending bands have gone, or be mirrored on another scale."""
    chosen = settings(image_size=64, channels=28, geometry=1e-9, colour=0.0, physical=True)
    scaler = Scaler.fit(tiny.pixels[TRAIN], BANDS, 28, "robust")
    bands, targets = torch.tensor(tiny.pixels[:6]), torch.eye(2)[[0, 1] * 3]
    x, same = batches_module.augment(bands, targets, chosen, scaler, Generator().manual_seed(1))
    flipped = physics.mirror_east_west(bands, BANDS)
    allowed = torch.stack([b for a in (bands, flipped) for b in (a, a.flip(2))])
    expected = torch.stack([batches_module.prepare(one, chosen, scaler) for one in allowed])  # (4, N, 28, H, W)
    far = (expected - x).abs().flatten(2).quantile(0.999, 2)  # canny may see another edge in a mirror
    assert torch.equal(same, targets)
    assert far.amin(0).max() < 1e-2 and len(far.argmin(0).unique()) > 1


@pytest.mark.parametrize("physical", [False, True])
def test_mixup_of_radar_is_in_power_where_asked(tiny: Patches, physical: bool) -> None:
    """The paper's Mixup would be changed without a word, or the physical one not be."""
    chosen = settings(image_size=64, mixup=True, physical=physical, **QUIET)
    scaler = Scaler.fit(tiny.pixels[TRAIN], BANDS, 12, "standard")
    bands, targets = torch.tensor(tiny.pixels[:6]), torch.eye(2)[[0, 1] * 3]
    x, mixed_targets = batches_module.augment(bands, targets, chosen, scaler, Generator().manual_seed(1))
    mixed = transforms.mixup(bands, targets, 1.0, Generator().manual_seed(1), power=BANDS if physical else None)
    other = transforms.mixup(bands, targets, 1.0, Generator().manual_seed(1), power=None if physical else BANDS)
    assert torch.allclose(x, scaler.apply(mixed.pixels), atol=1e-3, rtol=1e-4)
    assert not torch.allclose(x, scaler.apply(other.pixels), atol=1e-2, rtol=1e-3)
    assert torch.equal(mixed_targets, mixed.targets)


@pytest.mark.parametrize("gathered", [2, 3, 5])
def test_gathered_batches_are_one_larger_batch(tiny: Patches, gathered: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accumulation would train with other gradients than the batch that it stands for, or lose the last batches."""
    scaler, pixels = Scaler.fit(tiny.pixels[TRAIN], BANDS, 12, "standard"), torch.from_numpy(tiny.pixels)
    table, none = SampleTable.real(TRAIN, tiny.known_labels, VALIDATION), (VALIDATION, tiny.known_labels[VALIDATION])
    once = {"backbone": "test_convnext", "epochs": 2, "score_every": 2, **QUIET}  # without batch normalisation
    parts = settings(batch_size=2, accumulate=gathered, **once)
    whole = settings(batch_size=12 // math.ceil(6 / gathered), **once)  # of six batches: so many steps an epoch

    def all_rows(*given: Any) -> Iterator[tuple[Tensor, Tensor]]:  # as whole batches: the last one may be smaller
        pairs = list(batches(given[0], given[1], parts, given[3], given[4]))
        for start in range(0, len(pairs), gathered):
            x, targets = zip(*pairs[start : start + gathered], strict=True)
            yield torch.cat(x), torch.cat(targets)

    ours = train(build(parts), pixels, table, none, parts, scaler)
    monkeypatch.setattr(loop, "batches", all_rows)
    theirs = train(build(whole), pixels, table, none, whole, scaler)
    for name, value in ours.last.items():
        torch.testing.assert_close(value, theirs.last[name], atol=2e-4, rtol=1e-3)
    if gathered != 5:  # there the last, smaller group weighs as much as a whole one, in the mean of losses too
        assert column(ours, "loss") == pytest.approx(column(theirs, "loss"), rel=1e-4)


def test_runs_of_either_precision_follow_each_other(tiny: Patches) -> None:
    """For accelerate a process has one precision: the second run of a book would have the first one's."""
    first = trained(tiny, settings(epochs=1))
    trained(tiny, settings(epochs=1, precision="bfloat16"))
    assert equal(first.last, trained(tiny, settings(epochs=1)).last)
