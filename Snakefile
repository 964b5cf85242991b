# The study's DAG: runs -> chapters -> pages -> book, for one edition.
#
#   snakemake --cores all --config edition=smoke epochs=3
#
# Runs are kept under a hash of all that determines them, so the rule `runs` trains only what is not there: side by side in
# one job. With `--config jobs=runs` each run is a job of its own, with its own resources, on local cores or through any of
# Snakemake's executor plugins; a profile's `set-resources` and `set-threads` say more than the defaults here.
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

import landslide_nb
from landslide_nb.cli.parameters import parameters
from landslide_nb.common.errors import LandslideError
from landslide_nb.experiments.code import training_files
from landslide_nb.experiments.study import Study
from landslide_nb.publish import hurry

# Every key but `jobs` is a parameter of the study, by default left as the edition has it: an unknown one, or a wrong value, ends
# here and not after an hour. What was typed counts as it was typed; Snakemake reads 2023_07 and 0123 as numbers.
TYPED = dict(entry.partition("=")[::2] for entry in workflow.config_settings.config_args or ())
GIVEN = {name: TYPED.get(name, value) for name, value in config.items() if name != "jobs"}
GIVEN = {"edition": GIVEN.pop("edition", None) or "smoke"} | GIVEN
WORDS = [word for name, text in GIVEN.items() if text not in ("", None) for word in ("-p", name, str(text))]
try:
    STUDY = Study.load(**dict.fromkeys(GIVEN) | parameters(WORDS))
except LandslideError as error:
    raise WorkflowError(str(error))
if sum(word in ("--config", "-C") for word in sys.argv) > 1:
    raise WorkflowError("--config is given more than once, and only the last one would count; name all after one --config")
if config.get("jobs") not in (None, "", "runs"):
    raise WorkflowError(f"jobs is {config['jobs']!r}; expected jobs=runs, a job for each run, or nothing")
if STUDY.published:
    raise WorkflowError("published predictions are read by the chapters that need them, in every edition; ask for edition=lite, say")
EDITION = STUDY.edition
BUILD = f"build/{EDITION}"
TIMES = f"{BUILD}/times"
CHAPTERS = sorted(path.stem for path in Path("notebooks").glob("[0-9]*.ipynb"))
BIN = Path(sys.executable).parent  # the same environment as snakemake's, activated or not
COMMAND, BOOK = (shlex.quote(str(BIN / name)) for name in ("landslide-nb", "jupyter-book"))


def given(wildcards):
    """The parameters for a shell; a function's text is taken as it is, braces and all."""
    return shlex.join(WORDS)


# What a trained network depends on, and what else a chapter does.
STUDIES = Path("landslide_nb/experiments")
SOURCES = Path(landslide_nb.__file__).parents[1]
TRAINING = [
    *(str(path.relative_to(SOURCES)) for path in training_files()),
    "landslide_nb/simulation/simulator.npz",
    *(str(STUDIES / name) for name in ("study.py", "grids.py", "run.py", f"editions/{EDITION}.toml", "paper/table2.csv")),
]
PACKAGE = [str(path) for name in ("*.py", "*.csv", "*.html", "*.npz", "publish/*.toml") for path in sorted(Path("landslide_nb").rglob(name))]
PAGES = sorted(
    str(path)
    for path in Path("book").rglob("*")
    if path.is_file() and path.parts[1] != "chapters" and not {"_build", "__pycache__"} & set(path.parts)
)


RUNS = []
if config.get("jobs") == "runs":
    from landslide_nb.experiments.plan import jobs

    RUNS = [f"{BUILD}/runs/{name}.done" for name in jobs(STUDY)]

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
    params:
        given=given,
    threads: 1
    resources:
        gpu=0,
        mem_mb=8000,
        runtime=240,  # minutes
    shell:
        "{COMMAND} fit --only {wildcards.run} {params.given}"


rule runs:
    input:
        RUNS or TRAINING,
    output:
        touch(f"{BUILD}/runs.done"),
    params:
        given=given,
    benchmark:
        f"{TIMES}/runs.tsv"
    threads: 1 if RUNS else workflow.cores
    shell:
        "true" if RUNS else "{COMMAND} fit {params.given}"


rule chapter:
    input:
        notebook="notebooks/{chapter}.ipynb",
        runs=f"{BUILD}/runs.done",
        package=PACKAGE,
    output:
        notebook=f"{BUILD}/chapters/{{chapter}}.ipynb",
        facts=f"{BUILD}/chapters/{{chapter}}.json",
    params:
        given=given,
    benchmark:
        f"{TIMES}/{{chapter}}.tsv"
    shell:
        # One thread each: chapters only read runs and draw, and two of them at once use two cores best.
        "OMP_NUM_THREADS=1 {COMMAND} chapter {input.notebook} -o {output.notebook} {params.given}"


rule pages:
    input:
        expand(f"{BUILD}/chapters/{{chapter}}.json", chapter=CHAPTERS),
        PACKAGE,
    output:
        f"{BUILD}/chapters/parameters.md",
        f"{BUILD}/chapters/about_this_build.md",
        f"{BUILD}/chapters/scorecard.md",
        f"{BUILD}/chapters/cover.png",
        f"{BUILD}/chapters/answer.png",
        f"{BUILD}/chapters/answer.txt",
        f"{BUILD}/chapters/hurry.txt",
        f"{BUILD}/chapters/table2.txt",
        [f"{BUILD}/chapters/{hurry.file(name)}" for name in hurry.PICTURES if name not in hurry.KNOWN],
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
    benchmark:
        f"{TIMES}/book.tsv"
    shell:
        "find {BUILD} -maxdepth 1 -mindepth 1 ! -name chapters ! -name times ! -name 'runs*' -exec rm -rf {{}} +"
        " && tar -C book --exclude=chapters --exclude=_build -cf - . | tar -C {BUILD} -xf -"
        " && {BOOK} build --all -W -n --keep-going --path-output {BUILD} {BUILD}"
        " && test -s {output}"


def seconds():
    """What each part took when it was last made, in one line."""
    took = {path.stem: float(path.read_text("utf-8").splitlines()[1].split()[0]) for path in sorted(Path(TIMES).glob("*.tsv"))}
    parts = [name for name in ("runs", *CHAPTERS, "book") if name in took]
    return "seconds: " + ", ".join(f"{name} {took[name]:.0f}" for name in parts)


onsuccess:
    print(seconds())
