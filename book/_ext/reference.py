"""The package's reference, read from its source text: nothing of it is imported, so a build needs neither it nor torch.

In a page, `<!-- reference: data -->` becomes the public names of all modules in that room, `<!-- commands -->`
the command line, and `@root/` the way from the page to the repository's root, for directives that show a file of it.
"""

import ast
import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).parents[2]
PACKAGE = "landslide_nb"
COMMANDS = (
    "data",
    "training",
    "inference",
    "scenes",
    "book",
)  # modules of `cli`, in the order of `landslide-nb --help`
FIELDS = {"Args": "param", "Attributes": "ivar", "Raises": "raises", "Returns": "returns", "Yields": "returns"}
SECTION = re.compile(rf"^({'|'.join(FIELDS)}):\n((?:(?: .*)?\n)+)", re.MULTILINE)
EXAMPLES = re.compile(r"^Examples:\n((?: +.*\n)+)", re.MULTILINE)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def expand(text: str, page: Path) -> str:
    """A page's source with its markers replaced.

    Args:
        text: the source.
        page: the file that it came from.
    """
    text = re.sub(r"<!-- reference: (\w+) -->", lambda found: "\n\n".join(map(module, modules(found[1]))), text)
    text = text.replace("<!-- commands -->", commands())
    return text.replace("@root/", f"{Path(os.path.relpath(ROOT, page.parent)).as_posix()}/")


def modules(room: str) -> list[str]:
    """The modules of a room, by name."""
    paths = sorted((ROOT / PACKAGE / room).rglob("*.py"))
    names = (path.relative_to(ROOT / PACKAGE).with_suffix("").parts for path in paths if path.stem != "__init__")
    return [".".join(parts) for parts in names]


def module(name: str) -> str:
    """A module as MyST: its docstring, its public functions and classes in the order of the source.

    Args:
        name: without the package's, as in `data.patches`.
    """
    tree = _read(name)
    opening = f"```{{py:module}} {PACKAGE}.{name}\n```\n\n{documented(ast.get_docstring(tree) or '')}"
    members = (_class(it) if isinstance(it, ast.ClassDef) else _function(it, "py:function") for it in _public(tree))
    return "\n\n".join([f"## {name}", opening, *members])


def _read(name: str) -> ast.Module:
    return ast.parse((ROOT / PACKAGE / f"{name.replace('.', '/')}.py").read_text("utf-8"))


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[Function | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def _class(node: ast.ClassDef) -> str:
    made = next((it for it in node.body if isinstance(it, Function) and it.name == "__init__"), None)
    signature = _arguments(made, bound=True) if made else _fields(node)
    kind = "py:exception" if node.name.endswith("Error") else "py:class"
    members = [_method(it) for it in _public(node) if isinstance(it, Function)]
    body = "\n\n".join([documented(ast.get_docstring(node) or ""), *members])
    return f"````{{{kind}}} {node.name}{signature}\n\n{body}\n````"


def _fields(node: ast.ClassDef) -> str:
    """The arguments that a dataclass or a named tuple takes."""
    named = {ast.unparse(it).partition("(")[0] for it in (*node.decorator_list, *node.bases)}
    if not named & {"dataclass", "NamedTuple"}:
        return ""
    return f"({', '.join(ast.unparse(_Plain().visit(it)) for it in node.body if isinstance(it, ast.AnnAssign))})"


def _method(node: Function) -> str:
    decorators = {ast.unparse(it) for it in node.decorator_list}
    if decorators & {"property", "cached_property"}:
        returned = f":type: {ast.unparse(node.returns)}\n" if node.returns else ""
        return f"```{{py:property}} {node.name}\n{returned}\n{documented(ast.get_docstring(node) or '')}\n```"
    option = ":classmethod:\n" if "classmethod" in decorators else ""
    return _function(node, "py:method", option)


def _function(node: Function, directive: str, option: str = "") -> str:
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    head = f"{node.name}{_arguments(node, bound=directive == 'py:method')}{returned}"
    return f"```{{{directive}}} {head}\n{option}\n{documented(ast.get_docstring(node) or '')}\n```"


def _arguments(node: Function, bound: bool) -> str:
    """The arguments as written; of a bound function, without the first."""
    text = ast.unparse(_Plain().visit(node.args))
    return f"({text.partition(', ')[2] if bound else text})"


class _Plain(ast.NodeTransformer):
    """Takes what `Annotated` adds away."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if ast.unparse(node.value) == "Annotated" and isinstance(node.slice, ast.Tuple):
            return self.visit(node.slice.elts[0])
        return self.generic_visit(node)


def documented(docstring: str) -> str:
    """A Google docstring as MyST: its sections become field lists, its examples code."""
    docstring = EXAMPLES.sub(lambda found: f"~~~pycon\n{textwrap.dedent(found[1])}~~~\n", docstring + "\n")
    return SECTION.sub(lambda found: f"{_fieldlist(found[1], found[2])}\n\n", _escaped(docstring) + "\n").strip()


def _fieldlist(section: str, body: str) -> str:
    entries = [" ".join(entry.split()) for entry in re.split(r"^ {4}(?! )", body, flags=re.MULTILINE) if entry.strip()]
    if FIELDS[section] == "returns":
        return f":returns: {' '.join(entries)}"
    split = (entry.partition(": ") for entry in entries)
    return "\n".join(f":{FIELDS[section]} {name}: {text}" for names, _, text in split for name in names.split(", "))


def _escaped(text: str) -> str:
    """Text outside of code in which no character is markup by accident."""
    parts = re.split(r"(~~~[^~]+~~~|`+[^`]+`+)", text)
    return "".join(part if number % 2 else re.sub(r"([<$*])", r"\\\1", part) for number, part in enumerate(parts))


def commands() -> str:
    """The command line as MyST: how each command is called, what it does, what its options mean."""
    named = (it for part in COMMANDS for it in _public(_read(f"cli.{part}")))
    return "\n\n".join(_command(node) for node in named if isinstance(node, Function))


def _command(node: Function) -> str:
    title = f"landslide-nb {node.name.replace('_', '-')}"
    extra = ["[-p NAME VALUE ...]"] if "TAKES_PARAMETERS" in ast.unparse(node.decorator_list[0]) else []
    told = [_argument(it, default) for it, default in _with_defaults(node) if it.arg != "context"]
    words = (
        word.replace(" ", "\xa0") for word in (*(shown for shown, _ in told), *extra)
    )  # an option stays on one line
    lines = textwrap.wrap(" ".join([title, *words]), 76, break_on_hyphens=False)
    usage = " \\\n  ".join(lines).replace("\xa0", " ")
    meanings = [f"- `{shown.strip('[]')}`: {meaning}" for shown, meaning in told if meaning]
    text = documented(ast.get_docstring(node) or "")
    return "\n\n".join([f"## {title}", f"```sh\n{usage}\n```", text, "\n".join(meanings)])


def _with_defaults(node: Function) -> list[tuple[ast.arg, ast.expr | None]]:
    arguments = node.args.args
    missing = [None] * (len(arguments) - len(node.args.defaults))
    return list(zip(arguments, [*missing, *node.args.defaults], strict=True))


def _argument(argument: ast.arg, default: ast.expr | None) -> tuple[str, str]:
    """How a command's argument is given, and what its help says."""
    annotation = argument.annotation or ast.Constant("")
    calls = [it for it in ast.walk(annotation) if isinstance(it, ast.Call)]
    helps = [ast.literal_eval(key.value) for call in calls for key in call.keywords if key.arg == "help"]
    flags = [ast.literal_eval(flag) for call in calls for flag in call.args]
    if default is None and not flags:
        return argument.arg.upper(), "".join(helps)
    kind = ast.unparse(_Plain().visit(annotation))
    value = "" if kind == "bool" else f" {argument.arg.upper()}"
    given = f"{flags[0] if flags else '--' + argument.arg.replace('_', '-')}{value}"
    return (given if default is None else f"[{given}]"), "".join(helps)


def linked(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, shown: nodes.Node) -> nodes.Node | None:
    """A type in a signature or a field: a link where its short name is the package's, plain text where it is a library's."""
    if node["refdomain"] != "py" or "py:module" not in node:
        return None  # written by hand: a wrong name stays a warning
    domain: Any = env.get_domain("py")
    found = [name for name in domain.objects if name.rpartition(".")[2] == node["reftarget"]]
    if len(found) != 1:
        return shown
    there = domain.objects[found[0]]
    reference = nodes.reference("", "", shown, internal=True)
    reference["refuri"] = f"{app.builder.get_relative_uri(node['refdoc'], there.docname)}#{there.node_id}"
    return reference


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx, which finds this folder through `local_extensions` in _config.yml."""

    def replace(app: Sphinx, name: str, source: list[str]) -> None:
        path = Path(app.env.doc2path(name))
        source[0] = expand(source[0], path) if path.suffix == ".md" else source[0]

    app.connect("source-read", replace)
    app.connect("missing-reference", linked)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
