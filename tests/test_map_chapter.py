"""Chapter 11: a made scene is mapped, places are ranked, alarms are counted as the rate says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch
from conftest import Command
from test_scores import synthetic

from landslide_nb.chapters.c11 import figures, findings, made, pan, scenes, tables
from landslide_nb.chapters.c11.scenes import Event, Mapped
from landslide_nb.common.errors import DataError
from landslide_nb.experiments.study import Study
from landslide_nb.inference import bundle
from landslide_nb.inference.grid import Grid
from landslide_nb.inference.stretched import Stretched


@pytest.fixture(scope="module")
def model() -> Stretched:
    """The published model, of which the book's map is made."""
    return Stretched(bundle.read(scenes.PUBLISHED))


@pytest.fixture(scope="module")
def event(store: Path) -> Event:
    """The made scene, mapped."""
    return scenes.event(Study.load("smoke", data="published"), lambda line: None)


def test_a_made_scene_is_whole(tmp_path: Path) -> None:
    """Who has no scene would see an empty chapter; another machine, another scene."""
    before, after, places = made.write(tmp_path, 42)
    with rasterio.open(before) as was, rasterio.open(after) as now:
        assert was.crs == now.crs and was.transform == now.transform and was.count == now.count == 3
        changed = (np.abs(now.read().astype(float) - was.read()).max(0) > 300).sum()
    assert 0.5 * places["annotated_pixels"].sum() < changed < 2 * places["annotated_pixels"].sum()
    other = tmp_path / "again"
    other.mkdir()
    assert made.write(other, 42)[1].read_bytes() == after.read_bytes()
    assert made.write(other, 43)[1].read_bytes() != after.read_bytes()


def test_the_event_has_two_maps_and_ranks_its_places(event: Event) -> None:
    """The chapter would show the scene after where the one before belongs, or places where they are not."""
    assert event.before.probability.shape == event.after.probability.shape == (40, 40)
    assert np.isfinite(event.after.probability).all() and event.title == "made scene"
    assert event.after.area.sum() == pytest.approx(6.4**2, rel=0.01)
    area = tables.areas(event)
    assert area["share"].iloc[0] == 1 and area["km²"].iloc[3] <= area["km²"].iloc[2]
    ranking = tables.ranking(event)
    assert ranking is not None and len(ranking.looked) == 25
    assert ranking.looked[-1] == pytest.approx(6.4**2, rel=0.02) and ranking.found[-1] == pytest.approx(1)
    assert ranking.half[1] <= ranking.half[0] and ranking.half[1] < ranking.half[2].value
    assert (ranking.best + 1e-9 >= ranking.found).all()
    results, labels = synthetic()
    text = str(findings.maps(event, area, ranking, tables.alarms(results, labels)).data)
    assert "made scene" in text and f"{ranking.half[0]:.1f} km²" in text
    for picture in (figures.maps(event), figures.found(ranking), figures.highest_before(event)):
        assert len(picture.alt.split()) > 5
    shown = pan.pan(event)._repr_mimebundle_()
    assert (
        shown["text/html"].count("<img") == 3 == shown["text/html"].count(' alt="') and "http" not in shown["text/html"]
    )


def _mapped(values: np.ndarray, grid: Grid) -> Mapped:
    area = grid.areas(*np.indices(values.shape).reshape(2, -1)).reshape(values.shape) / 1e6
    return Mapped(values.astype(np.float32), grid, area, np.zeros((*values.shape, 3)))


def test_places_are_found_where_they_lie_and_ranked_by_their_cells() -> None:
    """A place half a kilometre off would have its neighbour's probability."""
    grid = Grid(24, 24, rasterio.Affine(160, 0, 560_000, 0, -160, 4_740_000), rasterio.crs.CRS.from_epsg(32654))
    values = np.zeros((24, 24))
    values[8:16, 0:8], values[0:8, 16:24] = 0.9, 0.5  # places in the second row and the first
    x, y = 560_000 + (np.arange(3) + 0.5) * 1280, 4_740_000 - (np.arange(3) + 0.5) * 1280
    columns, rows = np.meshgrid(x, y)
    lon, lat = rasterio.warp.transform("EPSG:32654", "EPSG:4326", columns.ravel(), rows.ravel())
    pixels = np.array([0, 0, 40, 100, 0, 0, 0, 0, 0])
    places = pd.DataFrame({"lon": lon, "lat": lat, "annotated_pixels": pixels})
    after = _mapped(values, grid)
    ranking = tables.ranking(Event(after, after, 0.5, places, "made up"))
    assert ranking is not None
    np.testing.assert_allclose(ranking.found[:3], [100 / 140, 1, 1])
    np.testing.assert_allclose(ranking.looked, np.arange(1, 10) * 1.28**2, rtol=2e-3)
    assert ranking.half[0] == ranking.half[1] == pytest.approx(0.7 * 1.28**2, rel=1e-2)
    values[:] = np.nan
    assert tables.ranking(Event(after, _mapped(values, grid), 0.5, places, "empty")) is None
    assert tables.ranking(Event(after, after, 0.5, None, "no places")) is None


def test_alarms_follow_the_rate() -> None:
    """A reader would think that a map of rare landslides is as good as the scores of frequent ones."""
    results, labels = synthetic()
    said = np.where(labels == 1, 1.0, -1.0).astype(np.float32)
    said[results[0].test[labels[results[0].test] == 0][0]] = 1.0  # one false alarm
    network = [type(r)(**(vars(r) | {"best_log_odds": said})) for r in results]
    table = tables.alarms(network, labels)
    false = 1 / (labels[results[0].test] == 0).sum()
    right = 0.001 / (0.001 + 0.999 * false)
    assert table["alarms that are one"].iloc[-1] == pytest.approx(right) and (table["found"] == 1).all()
    assert table["false alarms on 1,000 km²"].iloc[-1] == pytest.approx(0.999 * false * 1000 / 0.64**2)


def test_a_stretched_model_sees_what_it_was_trained_on(model: Stretched) -> None:
    """A scene in digital numbers would be refused, or be white everywhere to the network."""
    assert {band.unit for band in model.data_set.bands.bands} == {"DN"}
    patch = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 3000
    picture = torch.floor(patch / patch.amax((1, 2, 3), keepdim=True) * 255)
    np.testing.assert_allclose(model.probabilities(patch), model.ensemble.probabilities(picture))
    np.testing.assert_allclose(model.probabilities(patch), model.probabilities(patch * 2), atol=1e-5)
    assert np.isfinite(model.probabilities(torch.zeros(1, 3, 64, 64))).all()


def test_wrong_scenes_are_named(tmp_path: Path) -> None:
    """A chapter that runs for minutes would end in a traceback."""
    study = Study.load("smoke", data="published")
    with pytest.raises(DataError, match="scene and scene_before belong together"):
        scenes.event(study.replace(scene=str(tmp_path)))
    with pytest.raises(DataError, match=r"B4\.tif does not exist"):
        scenes.event(study.replace(scene=str(tmp_path), scene_before=str(tmp_path)))
    for content, said in (
        ("lon,lat\n1,2\n", "no column annotated_pixels"),
        ("lon,lat,annotated_pixels\n1,,3\n", "without a number"),
    ):
        (tmp_path / "places.csv").write_text(content, "utf-8")
        with pytest.raises(DataError, match=said):
            scenes._read_places(tmp_path / "places.csv")
    with pytest.raises(DataError, match="does not exist"):
        scenes._read_places(tmp_path / "none.csv")


def test_the_published_model_maps_a_scene(tmp_path: Path, here: Command) -> None:
    """The first command of the page on one's own patches would fail."""
    _, after, _ = made.write(tmp_path, 1)
    done = here("map", scenes.PUBLISHED, after, "-o", tmp_path / "map.tif", "--stretch", "--stride", "64")
    assert done.returncode == 0, done.stderr
    with rasterio.open(tmp_path / "map.tif") as file:
        assert file.shape == (10, 10) and np.isfinite(file.read(1)).all()
    refused = here("map", scenes.PUBLISHED, after, "-o", tmp_path / "no.tif")
    assert refused.returncode == 1 and "expected 8 bit from" in refused.stderr


def test_the_published_model_is_a_network_of_the_published_runs(model: Stretched) -> None:
    """The model beside the book would be another one than the book is about."""
    (fold,) = model.ensemble.folds
    (network,) = fold.members.values()
    study = Study.load("smoke", data="published")
    assert network.settings.data_set.title == study.data_set.title  # type: ignore[union-attr]
    assert network.settings.backbone == study.backbone  # type: ignore[union-attr]
