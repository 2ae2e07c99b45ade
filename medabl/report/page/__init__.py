"""``report.html``: one file that answers first and proves below, without scripts or fetches."""

from medabl.report.page.render import page_environment, render_page

__all__ = ["page_environment", "render_page"]
