"""What of the paper replicates: a change is called so only by the rule."""

import numpy as np
import pandas as pd

from landslide_nb.chapters.c05 import findings as c05_findings
from landslide_nb.chapters.c10 import findings, tables
from landslide_nb.display import shared
from landslide_nb.experiments import verdicts
from landslide_nb.experiments.published import published
from landslide_nb.metrics.bootstrap import Interval

NOTHING, GAIN, LOSS = Interval(0.0, 0.0, 0.0), Interval(0.03, 0.01, 0.05), Interval(-0.03, -0.05, -0.01)
UNSURE = Interval(0.01, -0.01, 0.03)


def table(names: list[str], theirs: list[float], ours: list[Interval], said: list[str]) -> pd.DataFrame:
    """Rows as comparisons make them."""
    columns = {
        "ours": ours,
        "paper": theirs,
        "smallest visible": 0.02,
        "verdict": said,
        "test F1": [GAIN] * len(names),
        "paper test F1": 0.8,
    }
    return pd.DataFrame(columns, index=pd.Index(names))


def both() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables 2 and 3 with every row of the paper's, and a head that it has not."""
    two, three = published("table2"), published("table3")
    names = [row["head"] if pd.isna(row["C"]) else f"SVM, C = {row['C']:g}" for row in three.to_dict("records")]
    changes = (two["test_f1"] - two["test_f1"].iloc[0]).tolist()
    heads = [*(three["test_f1"] - three["test_f1"].iloc[0]), np.nan]
    said = ["–", verdicts.REPLICATES, verdicts.REVERSES, *[verdicts.INCONCLUSIVE] * (len(two) - 3)]
    ablated = table(two["row"].tolist(), changes, [NOTHING, GAIN, LOSS, *[UNSURE] * (len(two) - 3)], said)
    headed = table([*names, "SVM, C = 10"], heads, [NOTHING] * (len(three) + 1), ["–"] * (len(three) + 1))
    return ablated, headed


def test_every_number_of_the_papers_tables_is_put_beside_ours() -> None:
    """A change that did not reproduce could be left out, or one of ours be shown that the paper has not."""
    claims = tables.claims(*both())
    assert len(claims) == 1 + (len(published("table2")) - 1) + (len(published("table3")) - 1)
    assert "SVM, C = 10" not in claims.index
    picture = shared.differences(claims, "fig-x", "made-up patches")
    assert all(str(name) in picture.alt for name in claims.index[1:]) and "made-up patches" in picture.caption


def test_the_answer_names_each_change_under_its_verdict() -> None:
    """The front page would say of a change what the table does not."""
    claims = tables.claims(*both())
    first, second = claims.index[1:3]
    scores = tables.scores(*both(), {"LightGBM, 85 statistics": GAIN}, "made-up patches", "10 steps, 5 networks")
    text = str(findings.answer(claims, scores, "made-up patches", {"one more": None}).data)
    assert f"**Replicates** on made-up patches, 1 of {len(claims) - 1} changes: {first}." in text
    assert f"{second} (reverses)" in text.splitlines()[1] and "**Does not replicate** on made-up patches, " in text
    assert "One of 0.020 in F1 would have been seen" in text and len(text.splitlines()) == 4, (
        "three sentences, and one without pixels"
    )
    assert "**Could not be tested**, not trained yet: one more." in text and "not testable" not in text
    assert "LightGBM, 85 statistics: F1 0.030 [0.010, 0.050]" in text
    assert "None of" not in text and "none of" not in text
    alone = claims.assign(verdict=verdicts.INCONCLUSIVE)
    said = str(findings.answer(alone, scores.iloc[:3], "made-up patches", {}).data)
    assert (
        f"**Replicates** on made-up patches: none of {len(claims) - 1} changes." in said
        and "Without pixels" not in said
    )


def test_what_our_interval_excludes_is_not_called_open() -> None:
    """A change of the paper's that cannot be here would stand with those of which nothing is known."""
    names = ["baseline", "far", "near", "untrained"]
    said = ["–", verdicts.INCONCLUSIVE, verdicts.INCONCLUSIVE, verdicts.NOT_TESTABLE]
    claims = table(names, [0.0, 0.036, 0.02, 0.02], [NOTHING, UNSURE, UNSURE, UNSURE], said)
    lines = str(findings.answer(claims, claims.iloc[:0], "made-up patches", {}).data).splitlines()
    assert lines[0] == "- **Replicates** on made-up patches: none of 3 changes."
    assert lines[1].startswith(
        "- **Does not replicate** on made-up patches, 1 of 3 changes: far. What the paper reports is"
    )
    assert "**Inconclusive**: near; the paper's changes are not excluded." in lines[1]
    assert lines[2] == (
        "- **Could not be tested**, not testable here: untrained. Also for want of a rare class in these patches: + cosine + SSIM-SMOTE."
    )


def test_what_is_excluded_is_what_a_reader_sees_excluded() -> None:
    """A change would be called excluded beside an interval that, as it is printed, holds it."""
    assert not verdicts.excludes(Interval(0.001, -0.0068, 0.008), -0.0073)
    assert verdicts.excludes(Interval(0.001, -0.0064, 0.008), -0.0073)


def test_the_scores_are_the_papers_first_and_best_ones() -> None:
    """A score would stand beside one of another network, or a model of ours beside a number that the paper does not give."""
    ablated, headed = both()
    two, three = published("table2"), published("table3")
    ablated["paper test F1"], headed["paper test F1"] = two["test_f1"].to_numpy(), [*three["test_f1"], np.nan]
    shown = tables.scores(ablated, headed, {"trees": UNSURE}, "made-up patches", "10 steps")
    assert shown["paper"].tolist()[:3] == [two["test_f1"].iloc[0], two["test_f1"].iloc[-1], three["test_f1"].max()]
    assert np.isnan(shown["paper"].iloc[3]) and shown["here"].iloc[3] == UNSURE
    assert sum("made-up patches" in text for text in shown["data, steps, networks"]) == 3


def test_chapter_05_counts_verdicts_and_what_the_paper_says_otherwise() -> None:
    """A reader would take an effect that was too small to be seen for one that is not there."""
    ablated, _ = both()
    score = pd.DataFrame(
        {name: [GAIN] for name in ("AUROC", "test F1", "test F1, threshold chosen")}, index=["baseline"]
    )
    chosen = pd.DataFrame({"validation: best − last": [GAIN]})
    text = str(c05_findings.ablations(ablated, score, chosen, {}).data)
    assert f"Of {len(ablated) - 1} changes of the paper: replicates: 1 ({ablated.index[1]}), reverses: 1" in text
    assert "An effect of 0.020 in F1 would have been seen." in text and "Not trained here" not in text
    outside = [n for n, r in ablated.iloc[1:].iterrows() if not r["ours"].low <= r["paper"] <= r["ours"].high]
    assert f"interval for {len(outside)} of {len(ablated) - 1}" in text


def test_what_lies_outside_of_the_scale_is_an_arrow_with_its_number() -> None:
    """One outlier would squeeze all effects of two hundredths into a line."""
    far = table(
        ["baseline", "small", "huge"],
        [0.0, 0.01, 0.02],
        [NOTHING, UNSURE, Interval(-0.79, -0.82, -0.76)],
        ["–", "a", "b"],
    )
    picture = shared.differences(far, "fig-x", "made-up patches")
    axis = picture.figure.axes[0]
    assert axis.get_xlim()[1] <= 2 * shared.SCALE
    assert "-0.79" in [text.get_text() for text in axis.texts] and "huge: here -0.790" in picture.alt
