# The study's DAG: runs -> chapters -> pages -> book, for one edition.
#
#   snakemake --cores all --config edition=smoke
#
# Runs are kept under a hash of all that determines them, so the rule `runs` trains only what is not there: side by side in
# one job. With `--config jobs=runs` each run is a job of its own, with its own resources, on local cores or through any of
# Snakemake's executor plugins; a profile's `set-resources` and `set-threads` say more than the defaults here.
import sys
from pathlib import Path

EDITION = config.get("edition", "smoke")
DATA = config.get("data", "simulated")
# Real things to show beside, where somebody has them: a table of statistics, a patch.
BESIDE = "".join(f" -p {name} '{config[name]}'" for name in ("statistics", "patch") if config.get(name))
# A file of DeCUR's weights, for one more row of chapter 04.
DECUR = f" -p decur '{config['decur']}'" if config.get("decur") else ""
BUILD = f"build/{EDITION}"
CHAPTERS = sorted(path.stem for path in Path("notebooks").glob("[0-9]*.ipynb"))
BIN = Path(sys.executable).parent  # the same environment as snakemake's, activated or not
COMMAND = BIN / "landslide-nb"

MODEL = "landslide_nb/simulation/simulator.npz"
# What a trained network depends on, and what else a chapter does.
TRAINING = sorted(
    str(path)
    for folder in ("data", "similarity", "augment", "models", "training")
    for path in Path("landslide_nb", folder).glob("*.py")
    if path.stem != "heads"
) + [
    MODEL,
    *("landslide_nb/experiments/study.py", "landslide_nb/experiments/grids.py", "landslide_nb/experiments/run.py"),
    *(f"landslide_nb/experiments/editions/{EDITION}.toml", "landslide_nb/experiments/paper/table2.csv"),
]
PACKAGE = [MODEL, *(str(path) for name in ("*.py", "*.csv", "*.html") for path in sorted(Path("landslide_nb").rglob(name)))]
PAGES = sorted(
    str(path)
    for path in Path("book").rglob("*")
    if path.is_file() and path.parts[1] != "chapters" and not {"_build", "__pycache__"} & set(path.parts)
)


RUNS = []
if config.get("jobs") == "runs":
    from landslide_nb.experiments.plan import jobs
    from landslide_nb.experiments.study import Study

    RUNS = [f"{BUILD}/runs/{name}.done" for name in jobs(Study.load(EDITION, DATA, decur=config.get("decur")))]

    localrules:
        runs,


rule all:
    input:
        f"{BUILD}/_build/html/index.html",
        # `make reference` copies these: one that is missing is made again.
        expand(f"{BUILD}/chapters/{{chapter}}.ipynb", chapter=CHAPTERS),


rule run:
    input:
        TRAINING,
    output:
        touch(f"{BUILD}/runs/{{run}}.done"),
    threads: 1
    resources:
        gpu=0,
        mem_mb=8000,
        runtime=240,  # minutes
    shell:
        "{COMMAND} fit --only {wildcards.run} -p edition {EDITION} -p data '{DATA}'{DECUR}"


rule runs:
    input:
        RUNS or TRAINING,
    output:
        touch(f"{BUILD}/runs.done"),
    threads: 1 if RUNS else workflow.cores
    shell:
        "true" if RUNS else "{COMMAND} fit -p edition {EDITION} -p data '{DATA}'{DECUR}"


rule chapter:
    input:
        notebook="notebooks/{chapter}.ipynb",
        runs=f"{BUILD}/runs.done",
        package=PACKAGE,
    output:
        notebook=f"{BUILD}/chapters/{{chapter}}.ipynb",
        facts=f"{BUILD}/chapters/{{chapter}}.json",
    shell:
        # One thread each: chapters only read runs and draw, and two of them at once use two cores best.
        "OMP_NUM_THREADS=1 {COMMAND} chapter {input.notebook} -o {output.notebook} -p edition {EDITION} -p data '{DATA}'{DECUR}{BESIDE}"


rule pages:
    input:
        expand(f"{BUILD}/chapters/{{chapter}}.json", chapter=CHAPTERS),
        PACKAGE,
    output:
        f"{BUILD}/chapters/parameters.md",
        f"{BUILD}/chapters/about_this_build.md",
        f"{BUILD}/chapters/cover.png",
        f"{BUILD}/chapters/answer.png",
        f"{BUILD}/chapters/answer.txt",
    shell:
        "{COMMAND} pages {BUILD}/chapters --edition {EDITION}"
        ' --commit "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"'


rule book:
    input:
        expand(f"{BUILD}/chapters/{{chapter}}.ipynb", chapter=CHAPTERS),
        rules.pages.output,
        PAGES,
        config="_config.yml",
    output:
        f"{BUILD}/_build/html/index.html",
    shell:
        "find {BUILD} -maxdepth 1 -mindepth 1 ! -name chapters ! -name runs ! -name runs.done -exec rm -rf {{}} +"
        " && tar -C book --exclude=chapters --exclude=_build -cf - . | tar -C {BUILD} -xf -"
        " && {BIN}/jupyter-book build --all -W -n --keep-going --path-output {BUILD} {BUILD}"
        " && test -s {output}"
