"""A Sphinx extension: the repository's files as pages.

They are written to be read where they stand, so they hold no table of contents, and name each other
as `00_start_here` or `docs/records.md`. Here the one is added and the others become links.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

CONTENTS = """

```{toctree}
:hidden:
:caption: Notebooks
:glob:

notebooks/*
```

```{toctree}
:hidden:
:caption: Results and reference
:glob:

docs/results
docs/methods
data/README
docs/*
*
```
"""


def add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    if name == app.config.root_doc:
        source[0] += CONTENTS


class LinkNames(SphinxTransform):
    """The name of a page, set as code, becomes a link to it."""

    default_priority = 400

    def apply(self) -> None:
        for literal in list(self.document.findall(nodes.literal)):
            text = literal.astext()
            page = text.removesuffix(".ipynb").removesuffix(".md")
            pages = {page, f"notebooks/{page}"} & self.env.found_docs - {self.env.docname}
            if not pages or page == "README" or isinstance(literal.parent, nodes.reference):
                continue
            link = pending_xref(
                refdomain="std", reftype="doc", reftarget=f"/{pages.pop()}", refexplicit=True,
                refdoc=self.env.docname, refwarn=True,
            )  # fmt: skip
            literal.replace_self(link)
            link += literal


class DescribeFigures(SphinxTransform):
    """The sentence that describes a figure, which a notebook keeps beside the figure's bytes."""

    default_priority = 400

    def apply(self) -> None:
        path = Path(self.env.doc2path(self.env.docname))
        if path.suffix != ".ipynb":
            return
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        figures = [output for output in outputs if "image/png" in output.get("data", {})]
        drawn = [image for image in self.document.findall(nodes.image) if "alt" not in image]
        for image, output in zip(drawn, figures, strict=True):
            image["alt"] = output["metadata"]["image/png"]["alt"]


def add_index(app: Sphinx, error: Exception | None) -> None:
    """The first page under the name that a server, and a reader, looks for."""
    if error is None:
        shutil.copyfile(app.outdir / f"{app.config.root_doc}.html", app.outdir / "index.html")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", add_contents)
    app.add_transform(LinkNames)
    app.add_post_transform(DescribeFigures)
    app.connect("build-finished", add_index)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
