"""`python -m medabl`."""

from medabl.cli import app

app()
