"""One subject to be evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """A prediction and the reference it is compared with.

    Attributes:
        subject: identifier, the folders above it included (``Amsterdam/GE3T/100``).
        site: the folders above the identifier (``Amsterdam/GE3T``), "" if there are none.
        prediction: NIfTI file of labels or probabilities.
        reference: NIfTI file of labels 0, 1, 2.
        image: NIfTI file to show them on, if any.
    """

    subject: str
    site: str
    prediction: Path
    reference: Path
    image: Path | None = None
