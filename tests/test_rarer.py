"""Networks where landslides are rarer: thinned block by block, the rate found without labels."""

import numpy as np
import pytest
from test_alarms import TEST, networks

from landslide_nb.chapters.c06 import findings, rarer


def test_each_block_keeps_its_share_of_landslides() -> None:
    """A draw could leave all landslides in a few blocks of ground, which are alike."""
    rng = np.random.default_rng(1)
    groups = np.repeat(["a", "b", "c"], (1000, 600, 400))
    labels = (rng.random(2000) < np.repeat([0.8, 0.5, 0.3], (1000, 600, 400))).astype(np.int8)
    chosen = rarer.thinned(labels, groups, 0.176, 3)
    assert labels[chosen].mean() == pytest.approx(0.176, abs=1e-3) and len(set(chosen)) == len(chosen)
    assert (labels[chosen] == 0).sum() == (labels == 0).sum()
    kept = [labels[chosen][groups[chosen] == name].sum() / labels[groups == name].sum() for name in "abc"]
    assert np.ptp(kept) < 0.01
    np.testing.assert_array_equal(chosen, rarer.thinned(labels, groups, 0.176, 3))
    assert set(chosen) != set(rarer.thinned(labels, groups, 0.176, 4))
    alone = rarer.thinned(labels, None, 0.05, 0)
    assert labels[alone].mean() == pytest.approx(0.05, abs=1e-3)


def test_the_rate_is_found_and_probabilities_follow() -> None:
    """The estimate would stay at the training rate, or calibration get worse by the correction."""
    made, labels = networks()
    table = rarer.compare(made, labels, (0.176, 0.05, 0.9), draws=5)
    assert list(table.index) == [f"{labels[:TEST].mean():.1%} (all test patches)", "17.6%", "5.0%"]
    for rate, row in zip((labels[:TEST].mean(), 0.176, 0.05), table.to_dict("records"), strict=True):
        assert row["estimated rate"].value == pytest.approx(rate, abs=0.04)
        gain = row["F1, prior corrected"].value - row["F1, threshold chosen"].value
        assert row["gain over the chosen threshold"].value == pytest.approx(gain)
    for row in table.iloc[1:].to_dict("records"):
        assert row["ECE, prior corrected"].value < row["ECE, calibrated"].value
        assert row["F1, prior corrected"].value > row["F1 at 0.5"].value
    text = findings.where_rarer(table)
    assert "thinned to 5.0% with a landslide" in text and f"{table['F1 at 0.5'].iloc[-1].value:.3f} at 0.5" in text
    assert findings.where_rarer(table.iloc[:1]) == ""
