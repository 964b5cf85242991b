"""Buttons that open a chapter in Binder or Colab: none without the repository's address, and to the notebook as written.

The executed chapter has the parameters of the published edition, files of its author's among them; `notebooks/` has those of `smoke`.
"""

from typing import Any

from sphinx.application import Sphinx

EXECUTED, WRITTEN = "/book/chapters/", "/notebooks/"


def only_with_an_address(app: Sphinx) -> None:
    """Take the launchers away where the configuration has no `repository: url`; the theme would stop the build."""
    options: dict[str, Any] = app.config.html_theme_options
    if not options.get("repository_url"):
        options.pop("launch_buttons", None)


def to_the_notebook(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Lead the buttons of a page to `notebooks/`; they open files of the repository, in whatever folder it was built."""
    for entry in context.get("header_buttons", []):
        for button in entry.get("buttons", []):
            if entry.get("label") == "launch-buttons":
                button["url"] = button["url"].replace(EXECUTED, WRITTEN)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx, which finds this folder through `local_extensions` in _config.yml."""
    app.connect("builder-inited", only_with_an_address, priority=400)  # before the theme reads its options
    app.connect("html-page-context", to_the_notebook, priority=502)  # the theme adds the buttons at 501
    return {"parallel_read_safe": True, "parallel_write_safe": True}
