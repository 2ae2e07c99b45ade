"""Small helpers for sentences."""

from __future__ import annotations

from collections.abc import Sequence

CHECKPOINT_NAMES = {
    "best": "best epoch",
    "last": "last epoch",
    "file": "as evaluated",
    "start": "before training",
}


def count(number: int, noun: str) -> str:
    """Write a number with its noun in the right form: ``1 seed``, ``3 seeds``."""
    plural = "losses" if noun == "loss" else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def listed(names: Sequence[str], conjunction: str = "and") -> str:
    """Join names as a sentence does: ``A, B and C``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"


def shortened(names: Sequence[str], limit: int = 8) -> str:
    """Join the first names and count the others: ``A, B and 3 more``."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def capitalised(text: str) -> str:
    """Begin a sentence with `text`, the rest as it is."""
    return text[:1].upper() + text[1:]


def format_p(p: float) -> str:
    """Write a p-value as ``p = 0.23`` or ``p < 0.001``."""
    if p != p:
        return "not testable"
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.2f}" if p >= 0.095 else f"p = {p:.3f}"
