"""What of the paper holds: a claim is called so only if the interval says it."""

import numpy as np
import pandas as pd
import pytest

from landslide_nb.chapters.c05 import findings as c05_findings
from landslide_nb.chapters.c10 import figures, tables
from landslide_nb.chapters.c10 import findings as c10_findings
from landslide_nb.display import shared
from landslide_nb.experiments import grids
from landslide_nb.experiments.published import published
from landslide_nb.experiments.study import Study
from landslide_nb.metrics.bootstrap import Interval


@pytest.mark.parametrize(
    ("ours", "paper", "said"),
    [
        (Interval(0.1, 0.05, 0.2), 0.02, tables.HOLDS),
        (Interval(-0.1, -0.2, -0.05), -0.02, tables.HOLDS),
        (Interval(0.1, 0.05, 0.2), -0.02, tables.REVERSED),
        (Interval(-0.1, -0.2, -0.05), 0.02, tables.REVERSED),
        (Interval(0.1, -0.01, 0.2), 0.02, tables.OPEN),
        (Interval(0.1, 0.0, 0.2), 0.02, tables.OPEN),
    ],
)
def test_a_claim_holds_only_if_the_interval_lies_on_its_side(ours: Interval, paper: float, said: str) -> None:
    """A change that chance explains would be reported as reproduced, or as refuted."""
    assert tables.verdict(ours, paper) == said


def test_every_number_of_the_papers_tables_is_put_beside_ours() -> None:
    """A change that did not reproduce could be left out."""
    two, three = published("table2"), published("table3")
    same = Interval(0.0, 0.0, 0.0)
    ablated = pd.DataFrame(
        {"ours": [same] * len(two), "paper": (two["test_f1"] - two["test_f1"].iloc[0]).to_numpy()},
        index=pd.Index(two["row"]),
    )
    names = [row["head"] if pd.isna(row["C"]) else f"SVM, C = {row['C']:g}" for row in three.to_dict("records")]
    headed = pd.DataFrame(
        {
            "ours": [same] * (len(three) + 1),
            "paper": [*(three["test_f1"] - three["test_f1"].iloc[0]), np.nan],
        },
        index=pd.Index([*names, "SVM, C = 10"]),
    )
    claims = tables.claims((ablated, headed))
    assert len(claims) == len(two) - 1 + len(three) - 1
    assert not any("SVM, C = 10" in str(name) for name in claims.index)
    text = str(c10_findings.claims(claims, "made-up patches", "A note.").data)
    assert f"{len(claims)} of {len(claims)} cannot be told" in text and "0 of" in text and "A note." in text
    picture = figures.picture(claims, "made-up patches")
    assert all(str(name) in picture.alt for name in claims.index)


def test_a_verdict_is_that_of_the_longest_training() -> None:
    """A change that only a longer training shows would be told by the shorter one."""
    rows = pd.Index(["baseline", "more"])
    heads = pd.DataFrame({"ours": [Interval(0.0, 0.0, 0.0)], "paper": [0.0]}, index=pd.Index(["FC"]))

    def table(low: float, high: float) -> pd.DataFrame:
        ours = [Interval(0.0, 0.0, 0.0), Interval((low + high) / 2, low, high)]
        return pd.DataFrame({"ours": ours, "paper": [0.0, 0.1]}, index=rows)

    claims = tables.claims((table(-0.2, -0.1), heads), (table(0.1, 0.2), heads))
    assert claims.loc["Table 2: more", "here it"] == tables.HOLDS
    text = str(c10_findings.claims(claims, "made-up patches", "A note.").data)
    assert f"1 are others: Table 2: more ({tables.REVERSED})" in text
    assert "here, longer +0.150" in figures.picture(claims, "made-up patches").alt


def test_the_scores_are_the_papers_first_and_best_ones() -> None:
    """A score would stand beside one of another network, or a model of ours beside a number that the paper does not give."""
    two, three = published("table2"), published("table3")
    names = [row["head"] if pd.isna(row["C"]) else f"SVM, C = {row['C']:g}" for row in three.to_dict("records")]

    def table(names: list[str], theirs: list[float]) -> pd.DataFrame:
        ours = [Interval(place / 100, 0.0, 1.0) for place in range(len(names))]
        return pd.DataFrame({"test F1": ours, "paper test F1": theirs}, index=pd.Index(names))

    ablated = table(two["row"].tolist(), two["test_f1"].tolist())
    headed = table([*names, "SVM, C = 10"], [*three["test_f1"], np.nan])
    told = tables.scores(ablated, headed, {"trees": Interval(0.5, 0.4, 0.6)}, "made-up patches")
    assert told["paper"].tolist()[:2] == [two["test_f1"].iloc[0], two["test_f1"].iloc[-1]]
    assert told["paper"].iloc[2] == three["test_f1"].max() and np.isnan(told["paper"].iloc[3])
    assert [value.value for value in told["here"]] == [0.0, (len(two) - 1) / 100, three["test_f1"].argmax() / 100, 0.5]
    assert sum("made-up patches" in name for name in told.index) == 3


def test_a_longer_training_is_told_beside_the_shorter_one() -> None:
    """A reader would take what a short training does for what the change does."""
    nothing, gain, loss = Interval(0.0, 0.0, 0.0), Interval(0.1, 0.05, 0.15), Interval(-0.1, -0.2, -0.05)
    table = pd.DataFrame(
        {
            "gained": [gain] * 3,
            "ours": [nothing, loss, loss],
            shared.LONGER: [nothing, gain, loss],
            "paper": [0.0, 0.2, 0.1],
        },
        index=pd.Index(["baseline", "schedule", "scaling"]),
    )
    seems = pd.DataFrame({"validation: best − last": [gain]})
    text = str(c05_findings.ablations(table, pd.DataFrame({"difference": [nothing]}, index=["repeat"]), seems).data)
    assert "1 lose by more than chance allows: scaling; 1 gain by more than chance allows: schedule" in text
    assert "1 are nearer to the paper's number" in text and "most of all schedule: -0.100 before" in text
    without = c05_findings.ablations(table.drop(columns=shared.LONGER), pd.DataFrame({"difference": [nothing]}), seems)
    assert "budget" not in str(without.data)
    alt = shared.differences(table, "fig-x").alt
    assert "ours, trained for longer +0.10 [+0.05, +0.15], paper +0.20; scaling: ours -0.10" in alt


def test_table_2_is_trained_for_longer_only_where_the_edition_says_so() -> None:
    """The paper's own length of training would be tripled on a GPU, or the longer rows would differ in more than epochs."""
    study = Study.load("lite", longer=2)
    long = grids.longer_ablations(study)
    assert {name: row.replace(epochs=study.epochs) for name, row in long.items()} == grids.ablations(study)
    assert {row.epochs for row in long.values()} == {2 * study.epochs}
    assert grids.longer_ablations(Study.load("paper")) == {}
    assert set(map(str, long.values())) <= set(map(str, grids.experiments(study).values()))
