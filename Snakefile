# The study's DAG: runs -> chapters -> pages -> book, for one edition.
#
#   snakemake --cores all --config edition=smoke
#
# Runs are kept under a hash of all that determines them, so the rule `runs` trains only what is not there.
import sys
from pathlib import Path

EDITION = config.get("edition", "smoke")
DATA = config.get("data", "simulated")
BUILD = f"build/{EDITION}"
CHAPTERS = sorted(path.stem for path in Path("notebooks").glob("[0-9]*.ipynb"))
BIN = Path(sys.executable).parent  # the same environment as snakemake's, activated or not
COMMAND = BIN / "landslide-nb"

# What a trained network depends on, and what else a chapter does.
TRAINING = sorted(
    str(path)
    for folder in ("data", "augment", "models")
    for path in Path("landslide_nb", folder).glob("*.py")
    if path.stem not in ("heads",)
) + ["landslide_nb/study.py", "landslide_nb/runs.py", f"landslide_nb/editions/{EDITION}.toml", "landslide_nb/paper/table2.csv"]
PACKAGE = sorted(map(str, Path("landslide_nb").rglob("*.py"))) + sorted(map(str, Path("landslide_nb").glob("*/*.csv")))
PAGES = sorted(
    str(path)
    for path in Path("book").rglob("*")
    if path.is_file() and path.parts[1] != "chapters" and not {"_build", "__pycache__"} & set(path.parts)
)


rule all:
    input:
        f"{BUILD}/_build/html/index.html",


rule runs:
    input:
        TRAINING,
    output:
        touch(f"{BUILD}/runs.done"),
    threads: workflow.cores
    shell:
        "{COMMAND} fit -p edition {EDITION} -p data '{DATA}'"


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
        "OMP_NUM_THREADS=1 {COMMAND} chapter {input.notebook} -o {output.notebook} -p edition {EDITION} -p data '{DATA}'"


rule pages:
    input:
        expand(f"{BUILD}/chapters/{{chapter}}.json", chapter=CHAPTERS),
        PACKAGE,
    output:
        f"{BUILD}/chapters/parameters.md",
        f"{BUILD}/chapters/about_this_build.md",
        f"{BUILD}/chapters/cover.png",
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
        "find {BUILD} -maxdepth 1 -mindepth 1 ! -name chapters ! -name runs.done -exec rm -rf {{}} +"
        " && tar -C book --exclude=chapters --exclude=_build -cf - . | tar -C {BUILD} -xf -"
        " && {BIN}/jupyter-book build --all -W -n --keep-going --path-output {BUILD} {BUILD}"
        " && test -s {output}"
