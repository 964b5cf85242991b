"""Chapter 04: the paper's Table 1 beside timm's network."""

import pandas as pd

from landslide_nb.experiments.published import published
from landslide_nb.models.backbones import stages


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
