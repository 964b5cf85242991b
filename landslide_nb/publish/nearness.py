"""How near this book came to each part of the paper: a verdict and numbers, read from the tables of executed chapters."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import nan
from typing import Final

from landslide_nb.experiments import verdicts
from landslide_nb.experiments.published import published
from landslide_nb.metrics.bootstrap import Interval
from landslide_nb.publish.executed import Chapter
from landslide_nb.publish.tables_csv import Rows

LACKING: Final = "not trained in this edition"
SILENT: Final = "not shown in this edition"
WITHOUT_SMOTE: Final = "not testable: no synthetic patches in this edition"
AGAINST: Final = "does not replicate"
PAPERS_FAMILY: Final = "efficientnetv2"
PAPERS_NETWORK: Final = "tf_efficientnetv2_l"
NUMBER: Final = re.compile(r"[-+−]?\d+\.\d+")


def layers(chapter: Chapter) -> str:
    """In how many stages timm's EfficientNetV2-L agrees with Table 1, and where it does not."""
    if (table := chapter.table("stage", "agrees")) is None:
        return SILENT
    said = _column(table, "agrees")
    others = [f"stage {row[0]}: {text}" for row, text in zip(table[1:], said, strict=True) if text != "yes"]
    return f"**agrees** in {said.count('yes')} of {len(said)} stages" + "".join(f"; {each}" for each in others)


def ablations(chapter: Chapter) -> str:
    """The verdicts on Table 2, counted."""
    return _counted([row for row in changes(chapter) if row[0] == "2"])


def heads(chapter: Chapter) -> str:
    """The verdicts on Table 3, counted."""
    return _counted([row for row in changes(chapter) if row[0] == "3"])


def changes(chapter: Chapter) -> list[list[str]]:
    """Each change of the paper's Tables 2 and 3: the table, its name, the paper's F1 change, ours, the verdict.

    Args:
        chapter: chapter 10; rows that its edition has not trained say so.
    """
    two, three = published("table2"), published("table3")
    named = [row["head"] if row["C"] != row["C"] else f"SVM, C = {row['C']:g}" for row in three.to_dict("records")]
    papers = [("2", name, f1 - two["test_f1"].iloc[0]) for name, f1 in zip(two["row"], two["test_f1"], strict=True)][1:]
    papers += [("3", name, f1 - three["test_f1"].iloc[0]) for name, f1 in zip(named, three["test_f1"], strict=True)][1:]
    ours, synthetic = _judged(chapter), set() if chapter.study.smote_per_patch else set(two["row"][two["smote"]])
    none = {name: ("–", WITHOUT_SMOTE if name in synthetic else LACKING) for _, name, _ in papers}
    return [[which, name, f"{change:+.3f}", *ours.get(_key(name), none[name])] for which, name, change in papers]


def smote(chapter: Chapter) -> str:
    """What blending does to the variance, beside what it has to do by the equation; what it seems to gain before the split."""
    texts = ["**as printed**"]
    if kept := chapter.table("variance kept, mean", "expected of independent parents"):
        pairs = zip(_column(kept, "variance kept, mean"), _column(kept, "expected of independent parents"), strict=True)
        far = max(abs(float(a) - float(b)) for a, b in pairs)
        texts.append(f"variance kept by the blend within {far:.3f} of the equation's")
    if leak := chapter.table("SMOTE", "out-of-fold F1", "optimism"):
        seeming = _row(leak, "difference", "out-of-fold F1")
        texts.append(f"made before the split instead, the out-of-fold F1 seems higher by {seeming}")
    return "; ".join(texts)


def cutmix(chapter: Chapter) -> str:
    """By how much a label of CutMix may be off."""
    return _errors(chapter, "own share", {"error, millionths": "labels"})


def mixup(chapter: Chapter) -> str:
    """By how much labels and pixels of Mixup may be off."""
    kinds = {"error, millionths": "labels", "pixel error, millionths": "pixels"}
    return _errors(chapter, "pixel error, millionths", kinds)


def margin(chapter: Chapter) -> str:
    """That a library solves it, and the SVM's F1 with the paper's largest C."""
    if (table := chapter.table("head", "test F1")) is None:
        return f"**as printed**, by a library; {LACKING}"
    return f"**as printed**, by a library; F1 with C = 1: {_row(table, 'SVM, C = 1', 'test F1')}"


def framework(chapter: Chapter) -> str:
    """The whole framework's F1 beside the paper's."""
    table = chapter.table("F1 of", "paper", "here")
    rows = [row for row in table[1:] if row[0].startswith("best head")] if table else []
    if not rows:
        return LACKING
    (name, papers, ours, *_), *_ = rows
    return f"**not comparable**: {name}: F1 {ours} here, {papers} in the paper, each on its own test patches"


def neighbours(chapter: Chapter) -> str:
    """How similar neighbours are, by SSIM and by distance."""
    if (table := chapter.table("neighbours by", "SSIM to neighbours")) is None:
        return SILENT
    by = [f"{row[0]} {row[1]}" for row in table[1:]]
    return f"**shown**; mean SSIM to neighbours by {', by '.join(by)}"


def classes(chapter: Chapter) -> str:
    """The classes before and after SMOTE, as the picture's caption counts them."""
    return f"**shown**; {chapter.picture('fig-balance-smote')[1]['caption'].partition('. ')[2].rstrip('.')}"


def backbones(chapter: Chapter) -> str:
    """Where the paper's network stands by test F1, or the one of its family that an edition has."""
    if (table := chapter.table("backbone", "test F1")) is None:
        return LACKING
    ranked = sorted(table[1:], key=lambda row: -_interval(row[table[0].index("test F1")]).value)
    names = [row[0] for row in ranked]
    own = next((name for name in names if name.startswith(PAPERS_NETWORK)), "")
    name = own or next((name for name in names if PAPERS_FAMILY in name), "")
    told = "**ranked**" if own else "**not testable**: EfficientNetV2-L needs a GPU"
    if not name:
        return f"{told}; of {len(names)} small ones `{names[0]}` has the highest F1, {_row(table, names[0], 'test F1')}"
    return f"{told}; `{name}` is number {names.index(name) + 1} of {len(names)}, F1 {_row(table, name, 'test F1')}"


def projections(chapter: Chapter) -> str:
    """By how much more of the best model's patches lie on their side than of the baseline's."""
    if (table := chapter.table("in the embedding", "in the map")) is None:
        return LACKING
    shares = [_row(table, "best model minus baseline", column) for column in ("in the map", "in the embedding")]
    return f"{_kind(chapter)}share on the own side, best minus baseline: in the map {shares[0]}, in the embedding {shares[1]}"


def occlusion(chapter: Chapter) -> str:
    """SAR minus optical: by the paper's measure, and of LightGBM on real statistics where they were given."""
    texts = []
    if table := chapter.table("minus optical", "sum of single bands"):
        texts.append(f"SAR minus optical, zeros, summed: {_row(table, 'set to zero', 'sum of single bands')}")
    if real := chapter.table("LightGBM on", "F1") or chapter.table("trees on", "F1"):
        texts.append(
            f"LightGBM on real statistics, F1 with SAR minus F1 with optical bands: {_row(real, 'SAR minus optical', 'F1')}"
        )
    return _kind(chapter) + "; ".join(texts) if texts else SILENT


def _kind(chapter: Chapter) -> str:
    """Simulated patches test nothing of the paper."""
    return "**not testable** on simulated patches; " if chapter.study.simulated else ""


def _judged(chapter: Chapter) -> dict[str, tuple[str, str]]:
    """Our change and the verdict, by the change's name; nothing where chapter 10 judges none."""
    if (table := chapter.table("change of F1", "ours", "paper", "verdict")) is None:
        return {}
    columns = (_column(table, name) for name in ("change of F1", "ours", "paper", "verdict"))
    return {_key(name): (ours, _verdict(ours, paper, said)) for name, ours, paper, said in zip(*columns, strict=True)}


def _verdict(ours: str, paper: str, said: str) -> str:
    """A verdict as the front page groups it: what our interval, as it is shown, excludes is not called inconclusive."""
    if said == verdicts.INCONCLUSIVE and verdicts.excludes(_interval(ours), float(paper)):
        return f"{AGAINST} (excluded)"
    return f"{AGAINST} ({said})" if said == verdicts.REVERSES else said


def _counted(rows: Sequence[Sequence[str]]) -> str:
    said = Counter(row[-1] for row in rows).most_common()
    words = "; ".join(f"{count} {text.replace('does', 'do') if count > 1 else text}" for text, count in said)
    return f"of {len(rows)} changes: **{words}**; {{numref}}`table-scorecard-changes`"


def _errors(chapter: Chapter, known: str, kinds: Mapping[str, str]) -> str:
    """The largest errors of a table that has the column `known`: its columns of errors, by what they are of."""
    if (table := chapter.table(known, *kinds)) is None:
        return SILENT
    worst = {of: max(map(float, _column(table, name))) for name, of in kinds.items()}
    texts = [f"{of} within {error:.3f} millionths" if error else f"{of} the same" for of, error in worst.items()]
    return f"**as printed**; recomputed for a batch: {', '.join(texts)}"


def _key(name: str) -> str:
    """A change's name whatever number of channels its patches allow."""
    return re.sub(r"^\d+ channels", "channels", name)


def _column(table: Rows, name: str) -> list[str]:
    at = table[0].index(name)
    return [row[at] for row in table[1:]]


def _row(table: Rows, first: str, column: str) -> str:
    """A cell, or that it is not there."""
    at = table[0].index(column)
    return next((row[at] for row in table[1:] if row[0] == first), LACKING)


def _interval(text: str) -> Interval:
    """An interval as `display.table.show` writes it; no numbers where there is a dash."""
    numbers = [float(number.replace("−", "-")) for number in NUMBER.findall(text)]
    return Interval(*numbers) if len(numbers) == 3 else Interval(nan, nan, nan)
