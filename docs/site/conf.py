"""Sphinx: the notebooks as they were executed, the results, and the other pages, as a static site.

Run as `make site`. The sources are the repository's own files, where they stand; nothing is copied
and nothing is executed. What is built needs no network, also not for its mathematics and search.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Learning with noisy labels"
extensions = ["myst_nb", "mathml", "repository"]
root_doc = "README"
include_patterns = ["*.md", "notebooks/*.ipynb", "docs/*.md", "data/README.md"]
exclude_patterns = [".*", "build", "lnl_core", "tests", "tools", "benchmarks", "data/results"]

nb_execution_mode = "off"  # the stored outputs are those that the tests compare
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = project
html_math_renderer = "mathml"
html_show_search_summary = False  # fetched from the pages, which a page on disk may not do
html_copy_source = False
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["site.css"]
