"""Grids: which runs each chapter needs, as studies by name.

An edition may leave out what it has no time for (`Study.left_out`); tables then have no such row. What others are compared with stays.
"""

from typing import Final

from landslide_nb.experiments.published import published
from landslide_nb.experiments.study import Study
from landslide_nb.models.names import PACKAGED, timms_name

BASELINE: Final = "baseline"  # the first row of Table 2
BEST: Final = "+ cosine + SSIM-SMOTE"  # the last


def ablations(study: Study) -> dict[str, Study]:
    """The rows of the paper's Table 2 as studies, but for those left out; each is called by the channels that it has here."""
    return {row_name(row, study): each for row, each in _asked(study, _table2(study)).items()}


def _asked(study: Study, named: dict[str, Study]) -> dict[str, Study]:
    """Those studies that are not left out."""
    return {name: each for name, each in named.items() if name not in study.left_out}


def _table2(study: Study) -> dict[str, Study]:
    """All rows of the paper's Table 2, by its names; image sizes in the table's proportions.

    Where the paper derives channels, so does a row here, with as many as the bands allow; it is left out where they allow none, and
    so is a row with SSIM-SMOTE where `smote_per_patch` is 0.
    """
    table, bands = published("table2"), study.data_set.bands
    base, levels = table["size"].iloc[0], sorted(table["channels"].unique())
    return {
        row["row"]: study.replace(
            image_size=round(study.image_size * row["size"] / base),
            smote=study.smote_per_patch if row["smote"] else 0,
            channels=bands.counts[levels.index(row["channels"])],
            **{name: row[name] for name in ("mixup", "cutmix", "schedule", "scaling")},
        )
        for row in table.to_dict("records")
        if levels.index(row["channels"]) < len(bands.counts) and (study.smote_per_patch or not row["smote"])
    }


def row_name(papers: str, study: Study) -> str:
    """What a row of the paper's Table 2 is called here: it says how many channels there are."""
    counts = study.data_set.bands.counts
    return papers.replace("20 channels", f"{counts[1]} channels") if len(counts) > 1 else papers


def baseline(study: Study) -> Study:
    """The first row of Table 2."""
    return _table2(study)[BASELINE]


def best(study: Study) -> Study:
    """The last row of Table 2: the paper's best network, whose embeddings Table 3 gives to the heads; without SMOTE if no row has it."""
    return _table2(study)[BEST] if study.smote_per_patch else without_smote(study)


def without_smote(study: Study) -> Study:
    """The best network without SSIM-SMOTE."""
    return _table2(study)["+ cosine schedule"]


def before_split(study: Study) -> Study:
    """The best network with SMOTE before the split, which leaks: chapter 02 shows by how much, nothing else may use it."""
    return best(study).replace(smote_scope="before_split")


def by_backbone(study: Study) -> dict[str, Study]:
    """The baseline with each backbone of the edition's list, and with DeCUR's weights where there is a file of them."""
    base = baseline(study)
    rows = {name: base.replace(backbone=name, weights=weights) for name, weights in study.backbones.items()}
    return rows | ({"resnet50, DeCUR": base.replace(backbone="resnet50", weights=study.decur)} if study.decur else {})


def by_pretraining(study: Study) -> dict[str, Study]:
    """The baseline's network from random weights and from pretrained ones: the study's own.

    Where the study has none, it is the network whose ImageNet weights come with a package, so that no hub is needed.
    """
    base = baseline(study)
    if base.weights == "none":
        base = base.replace(backbone=PACKAGED, weights="imagenet")
    return {"none": base.replace(weights="none"), base.weights: base}


def by_modality(study: Study) -> dict[str, Study]:
    """Chapter 09: one stem for all bands and an encoder for each modality, each without and with modality dropout.

    Where all bands are of one modality there is only the stem.

    All stems start at random, so that no encoder of radar starts from filters for colours; nothing else is changed from the
    baseline. Of a study whose own network is a U-Net, or has encoders already, it is the timm network inside that is compared.
    """
    encoder, bands = timms_name(study.backbone), study.data_set.bands
    one = baseline(study).replace(stem="random", backbone=encoder)
    if len(bands.modalities) < 2:  # nothing to encode apart, and nothing to be missing
        return {"one stem": one}
    multi, shared = (one.replace(backbone=f"{kind}:{encoder}") for kind in ("multi", "multi(shared)"))
    dropout = {"modality_dropout": study.missing_rate}
    studies = {
        "one stem": one,
        "one stem, dropout": one.replace(**dropout),
        "encoders": multi,
        "encoders, dropout": multi.replace(**dropout),
    }
    return _asked(study, studies | ({"encoders, passes share": shared} if bands.other_pass else {}))


def contenders(study: Study) -> dict[str, Study]:
    """The networks that chapter 09 puts together: the baseline, those by modality, and every other backbone."""
    others = {name: each for name, each in by_backbone(study).items() if name != study.backbone}
    return {"baseline": baseline(study)} | by_modality(study) | others


def experiments(study: Study) -> dict[str, Study]:
    """Every study that the chapters ask runs of, once, under one of its names."""
    named = ablations(study) | by_backbone(study)
    if study.smote_per_patch:
        named |= {"SSIM-SMOTE before the split": before_split(study)}
    named |= {"+ cosine schedule": without_smote(study)}
    named |= {f"weights {name}": each for name, each in by_pretraining(study).items()}
    named |= by_modality(study)
    distinct = {each.settings.model_dump_json(): (name, each) for name, each in reversed(named.items())}
    return dict(reversed(distinct.values()))
