"""Markdown tables whose rows are printed as they come, so that a run cut short has shown some."""

from __future__ import annotations


class LiveTable:
    """Prints a heading before its first row, and every row at once."""

    def __init__(self) -> None:
        self.heading: list[str] = []

    def add(self, row: dict[str, str]) -> None:
        """Print a row, given as heading -> cell."""
        if list(row) != self.heading:
            self.heading = list(row)
            print()
            self._print(self.heading)
            self._print(["---"] * len(row))
        self._print(list(row.values()))

    @staticmethod
    def _print(cells: list[str]) -> None:
        print(f"| {' | '.join(cells)} |", flush=True)
