"""``report.html``: one file that answers first and proves below, without scripts or fetches."""

from medabl.report.page.render import render_page

__all__ = ["render_page"]
