"""Sphinx builds this site: `bash scripts/docs.sh`. Nothing is fetched while it is built or read."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

from medabl import __version__

project = "medabl"
author = "the medabl authors"
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "medabl"
html_static_path = ["_static"]
html_css_files = ["medabl.css"]
html_copy_source = False
html_show_copyright = False

myst_heading_anchors = 4

# Single backticks in docstrings link where they name something, and are code where they do not.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# Browsers draw MathML themselves; MathJax would be fetched from elsewhere.
html_math_renderer = "mathml"


def setup(app: Sphinx) -> None:
    """Register the renderer of formulas."""
    app.add_html_math_renderer(
        "mathml", (_formula(inline=True), None), (_formula(inline=False), None)
    )


def _formula(inline: bool):
    def visit(translator, node):
        translator.body.append(tex2mathml(node.astext(), as_block=not inline))
        raise nodes.SkipNode

    return visit
