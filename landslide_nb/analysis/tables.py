"""Every table of the book: ours, with intervals, beside the paper's."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from torch import Tensor

from landslide_nb.analysis.scores import (
    Interval,
    auroc_interval,
    f1_difference,
    f1_interval,
    mcnemar,
    out_of_fold,
    reported,
    training_f1,
)
from landslide_nb.augment.online import Mixed
from landslide_nb.data.bands import BACKSCATTER, BANDS, CHANGE, OPTICAL, SAR
from landslide_nb.data.statistics import COLUMNS
from landslide_nb.models import heads, sweep
from landslide_nb.models.backbones import stages
from landslide_nb.runs import Result
from landslide_nb.study import Study, published

Labels = NDArray[np.int8]
LONGER: Final = "ours, longer"
GROUPS: Final = {"optical": OPTICAL, "backscatter": BACKSCATTER, "Δ": CHANGE}


def what_is_rare(table: pd.DataFrame) -> pd.DataFrame:
    """How many patches are bright, wet-looking or partly without data, and how many of them have a landslide."""
    groups = {
        "all patches": table["R_mean"].notna(),
        "bright: cloud or snow (mean RGB at least 4,000 DN)": table["cloud_score_brightness"] >= 4000,
        "mean NDVI below 0: water, cloud or snow": table["NDVI_mean"] < 0,
        "optical nodata (a zero in a band)": (table[["R_min", "G_min", "B_min", "NIR_min"]] == 0).any(axis=1),
    }
    rows = {name: (int(chosen.sum()), chosen.mean(), table["label"][chosen].mean()) for name, chosen in groups.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["patches", "share", "positive"]).rename_axis("group")


def trees_on_statistics(table: pd.DataFrame, resamples: int) -> pd.DataFrame:
    """LightGBM on the 85 statistics, out of fold, at a threshold of 0.5."""
    scores = trees_scores(table, trees_out_of_fold(table), resamples)
    row = {"patches": len(table), "landslides": int(table["label"].sum()), "out-of-fold F1": scores.pop("F1")} | scores
    return pd.DataFrame([row], index=pd.Index(["LightGBM on 85 statistics"], name="model"))


def trees_out_of_fold(
    table: pd.DataFrame, folds: int = 5, seed: int = 42, columns: Sequence[str] = COLUMNS
) -> NDArray[np.float64]:
    """What trees on the statistics say of each row, by the fold that did not train on it (stratified, shuffled)."""
    cutter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    values, labels = table[list(columns)].to_numpy(np.float32), table["label"].to_numpy(np.int8)
    predicted = cross_val_predict(heads.lightgbm(seed), values, labels, cv=cutter, method="predict_proba")
    return np.asarray(predicted)[:, 1]


def trees_scores(table: pd.DataFrame, probabilities: NDArray[np.float64], resamples: int) -> dict[str, object]:
    """F1 at a threshold of 0.5 and AUROC with intervals, and the share that is said to be positive."""
    labels, decided = table["label"].to_numpy(np.int8), probabilities >= 0.5
    auroc = auroc_interval(labels, probabilities, min(resamples, 500))
    return {"F1": f1_interval(labels, decided, resamples), "AUROC": auroc, "said positive": float(decided.mean())}


def architecture() -> pd.DataFrame:
    """The paper's Table 1 beside timm's EfficientNetV2-L; `agrees` names what differs."""
    paper, timm = published("table1").set_index("stage"), stages()
    paper = paper.astype({"expand": "Int64", "stride": "Int64"})
    shown = timm.copy()
    shown["agrees"] = [_disagreement(paper.loc[stage], timm.loc[stage]) or "yes" for stage in timm.index]
    return shown.fillna({"expand": 0, "stride": 0}).astype(str).replace({"0": "–"})


def _disagreement(paper: pd.Series, ours: pd.Series) -> str:
    different = [name for name in paper.index if not _same(paper[name], ours[name])]
    return "; ".join(f"{name}: the paper has {'–' if pd.isna(paper[name]) else paper[name]}" for name in different)


def _same(a: object, b: object) -> bool:
    return (pd.isna(a) and pd.isna(b)) or (not pd.isna(a) and not pd.isna(b) and bool(a == b))  # type: ignore[call-overload]


def ablations(results: Mapping[str, Sequence[Result]], study: Study, labels: Labels) -> pd.DataFrame:
    """Table 2: F1 of each row and its difference to the baseline, ours and the paper's."""
    paper = published("table2").set_index("row")
    first = next(iter(results.values()))
    reference = reported(first)[1] >= 0.5
    rows = {}
    for name, folds in results.items():
        indices, probabilities = reported(folds)
        predicted = probabilities >= 0.5
        rows[name] = {
            "train F1": training_f1(folds, labels, study.resamples),
            "test F1": f1_interval(labels[indices], predicted, study.resamples),
            "ours": f1_difference(labels[indices], predicted, reference, study.resamples),
            "paper": paper.loc[name, "test_f1"] - paper["test_f1"].iloc[0],
            "paper train F1": paper.loc[name, "train_f1"],
            "paper test F1": paper.loc[name, "test_f1"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("row")


def budget(
    results: Mapping[str, Sequence[Result]], longer: Mapping[str, Sequence[Result]], study: Study, labels: Labels
) -> pd.DataFrame:
    """Table 2 at two lengths of training: F1 of each row, what more epochs give it, and its difference to that length's baseline."""
    short, long = ablations(results, study, labels), ablations(longer, study, labels)
    rows = {}
    for name in short.index:
        (indices, before), (_, after) = reported(results[name]), reported(longer[name])
        rows[name] = {
            "test F1": short.loc[name, "test F1"],
            "longer": long.loc[name, "test F1"],
            "gained": f1_difference(labels[indices], after >= 0.5, before >= 0.5, study.resamples),
            "ours": short.loc[name, "ours"],
            LONGER: long.loc[name, "ours"],
            "paper": short.loc[name, "paper"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("row")


def changes(results: Mapping[str, Sequence[Result]], study: Study, labels: Labels) -> pd.DataFrame:
    """F1 of runs that the paper has not, and the difference of test F1 to the first, on the same patches."""
    first = next(iter(results.values()))
    reference = reported(first)[1] >= 0.5
    rows = {}
    for name, folds in results.items():
        indices, probabilities = reported(folds)
        unseen, said = out_of_fold(folds)
        rows[name] = {
            "train F1": training_f1(folds, labels, study.resamples),
            "out-of-fold F1": f1_interval(labels[unseen], said >= 0.5, study.resamples),
            "test F1": f1_interval(labels[indices], probabilities >= 0.5, study.resamples),
            "difference": f1_difference(labels[indices], probabilities >= 0.5, reference, study.resamples),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def compare_heads(results: Sequence[Result], study: Study, labels: Labels) -> pd.DataFrame:
    """Table 3: the network's own layer, LightGBM and SVMs on the same embeddings, fold by fold, beside the paper's.

    The interval of train F1 is the mean over the folds of theirs. `McNemar p` compares with FC (mid-p).
    """
    paper = published("table3")
    theirs = {row["head"] if pd.isna(row["C"]) else f"SVM, C = {row['C']:g}": row for row in paper.to_dict("records")}
    each = [_decisions(result, study, labels) for result in results]
    decisions = {name: [fold[name] for fold in each] for name in each[0]}
    rows = {}
    for name, scores in decisions.items():
        indices, decided = _put_together(scores, results)
        _, reference = _put_together(decisions["FC"], results)
        train = [f1_interval(labels[r.train], s[r.train] >= 0, 200) for r, s in zip(results, scores, strict=True)]
        rows[name] = {
            "train F1": Interval(*map(float, np.mean(train, axis=0))),
            "test F1": f1_interval(labels[indices], decided, study.resamples),
            "ours": f1_difference(labels[indices], decided, reference, study.resamples),
            "McNemar p": mcnemar(labels[indices], decided, reference),
            "paper": theirs[name]["test_f1"] - theirs["FC"]["test_f1"] if name in theirs else np.nan,
            "paper train F1": theirs[name]["train_f1"] if name in theirs else np.nan,
            "paper test F1": theirs[name]["test_f1"] if name in theirs else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("head")


def _decisions(result: Result, study: Study, labels: Labels) -> dict[str, heads.Scores]:
    """Decisions for all patches by heads that are fitted on the fold's training embeddings only."""
    known, embeddings = result.train, result.embeddings
    trees = heads.lightgbm(study.seed).fit(embeddings[known], labels[known])
    found = {"FC": heads.fc_decision(result.probabilities), "LightGBM": heads.decide(trees, embeddings)}
    return found | {f"SVM, C = {c:g}": s for c, s in sweep.svm(embeddings, labels, known, study.svm_c).items()}


def _put_together(
    scores: Sequence[heads.Scores], results: Sequence[Result]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Test patches by the vote of the folds' heads; without a test part, each patch by the fold that validates it."""
    test = results[0].test
    if len(test):
        return test, np.mean([s[test] for s in scores], axis=0) >= 0
    indices = np.concatenate([r.validation for r in results])
    return indices, np.concatenate([s[r.validation] for s, r in zip(scores, results, strict=True)]) >= 0


def show(table: pd.DataFrame, formats: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A table for people: three decimals unless `formats` says else, a dash for nothing, the index named in the corner."""
    specs = {name: (formats or {}).get(name, ".3f") for name in table.columns}
    text = pd.DataFrame({name: table[name].map(lambda value, s=spec: _shown(value, s)) for name, spec in specs.items()})
    text.columns.name, text.index.name = text.index.name, None
    return text


def _shown(value: object, spec: str) -> object:
    if isinstance(value, Interval):
        # A no-break space: in a narrow column a line ends before the bracket, not in it.
        return "–" if np.isnan(value.value) else f"{value:{spec}}".replace(", ", ",\N{NO-BREAK SPACE}")
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:{spec}}"
    return value


def cutmix_labels(before: Tensor, targets: Tensor, mixed: Mixed) -> pd.DataFrame:
    """Labels of a batch after CutMix against the pixels that each sample has kept, counted in the pictures themselves."""
    kept = (mixed.pixels == before).all(1).flatten(1).sum(1)
    share = kept.double() / before[0, 0].numel()
    return _mixed_labels(targets, mixed, share, {"own pixels": kept.tolist(), "own share": share.tolist()})


def mixup_labels(before: Tensor, targets: Tensor, mixed: Mixed) -> pd.DataFrame:
    """Labels of a batch after Mixup against Eq. 1 in double precision, and the largest distance of its pixels from it."""
    share = mixed.weight.double()
    wide, first = share.view(-1, 1, 1, 1), before.double()
    distance = (mixed.pixels - (wide * first + (1 - wide) * first[mixed.partner])).abs().flatten(1).amax(1)
    return _mixed_labels(targets, mixed, share, {}).assign(**{"pixel error, millionths": (1e6 * distance).tolist()})


def _mixed_labels(targets: Tensor, mixed: Mixed, share: Tensor, more: Mapping[str, list[float]]) -> pd.DataFrame:
    own = targets[:, 1].double()
    other, got = own[mixed.partner], mixed.targets[:, 1].double()
    expected = share * own + (1 - share) * other
    columns = {"λ": mixed.weight, "label": own, "mixed with": other, "mixed label": got, "expected": expected}
    table = pd.DataFrame(dict(more) | {name: values.tolist() for name, values in columns.items()})
    return table.assign(**{"error, millionths": (1e6 * (got - expected).abs()).tolist()}).rename_axis("sample")


def transform_statistics(batches: Mapping[str, Tensor]) -> pd.DataFrame:
    """What each transform does to the bands, against the first of `batches`, which are scaled, `(N, C, H, W)`.

    Averages over patches and the bands of a group. The mean's change is in standard deviations of the training patches; a
    patch's standard deviation and lag-1 autocorrelation (with the pixels to the right and below) change relative to before.
    """
    before, *_ = (_moments(batch) for batch in batches.values())
    rows = {}
    for title, batch in batches.items():
        after = _moments(batch)
        change = (after / before - 1).assign(mean=after["mean"] - before["mean"])
        rows[title] = {f"{group} {name}": value for group, row in change.iterrows() for name, value in row.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("transform")
    return table.round(3) + 0.0  # no −0.000


def _moments(batch: Tensor) -> pd.DataFrame:
    bands = batch[:, : len(BANDS)]
    deviations = bands - bands.mean((2, 3), keepdim=True)
    variance = deviations.square().mean((2, 3)).clamp(min=1e-12)
    right = (deviations[..., 1:] * deviations[..., :-1]).mean((2, 3))
    below = (deviations[..., 1:, :] * deviations[..., :-1, :]).mean((2, 3))
    moments = {"mean": bands.mean((2, 3)), "std": variance.sqrt(), "lag-1": (right + below) / 2 / variance}
    rows = {
        group: {name: float(value[:, list(chosen)].mean()) for name, value in moments.items()}
        for group, chosen in GROUPS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def decibels(mixed: Tensor, in_power: Tensor) -> pd.DataFrame:
    """How much higher Mixup in linear power is than Mixup in dB, in dB, for each radar band of `(N, 12, H, W)`."""
    gap = (in_power - mixed)[:, list(SAR)].transpose(0, 1).flatten(1).double().numpy()
    low, high = np.percentile(gap, (5, 95), axis=1)
    index = pd.Index([BANDS[i].title for i in SAR], name="band")
    return pd.DataFrame({"mean": gap.mean(1), "5 %": low, "95 %": high}, index=index)
